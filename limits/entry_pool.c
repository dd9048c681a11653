/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * entry_pool.c - stacks of free entries linked by index, and behind them the entries that nobody
 * has used yet.
 *
 * A thread that takes reads `next` of an entry that another one may have taken meanwhile. That read
 * is harmless (the memory stays mapped) and without consequence (the count of changes has moved, so
 * the exchange fails).
 */
#include "limits/entry_pool.h"

#include "limits/huge_pages.h"

#include <assert.h>
#include <stddef.h>

static_assert(sizeof(struct source_key) == 32, "a source's key is compared as bytes");
static_assert(sizeof(struct limit_entry) == 64, "an entry is one cache line");
static_assert((int)ENTRY_POOL_MAX < (int)ENTRY_IS_NEAR, "an index leaves that bit alone");

static size_t pool_bytes(uint32_t capacity)
{
	return ((size_t)capacity + 1) * sizeof(struct limit_entry);
}

bool entry_pool_init(struct entry_pool *pool, uint32_t capacity)
{
	if (capacity == 0 || capacity > ENTRY_POOL_MAX)
		return false;
	/* Not calloc(): it promises neither the alignment nor that unused pages stay untouched. */
	void *memory = huge_pages_map(pool_bytes(capacity));
	if (memory == NULL)
		return false;
	pool->entries = memory;
	pool->capacity = capacity;
	atomic_init(&pool->fresh, 0);
	for (int i = 0; i < ENTRY_POOL_STRIPES; i++) {
		atomic_init(&pool->stripes[i].list, 0);
		atomic_init(&pool->stripes[i].used, 0);
	}
	return true;
}

void entry_pool_fini(struct entry_pool *pool)
{
	huge_pages_unmap(pool->entries, pool_bytes(pool->capacity));
	pool->entries = NULL;
}

static unsigned own_stripe(void)
{
	static _Atomic unsigned threads;
	static _Thread_local unsigned number; /* counted from 1; 0 while this thread has none */
	if (number == 0)
		number = atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) + 1;
	return (number - 1) % ENTRY_POOL_STRIPES;
}

/* A free list with another first entry, and one more change. */
static uint64_t changed(uint64_t list, uint32_t first)
{
	return ((list >> 32) + 1) << 32 | first;
}

/* The first of a free list, or 0. *changes: how often the list had changed when that was seen. */
static uint32_t take_returned(struct entry_pool *pool, unsigned stripe, uint32_t *changes)
{
	_Atomic uint64_t *shared = &pool->stripes[stripe].list;
	uint64_t list = atomic_load_explicit(shared, memory_order_acquire);
	uint32_t first;
	while ((first = (uint32_t)list) != 0) {
		uint32_t rest = atomic_load_explicit(
			&entry_pool_at(pool, first)->next, memory_order_relaxed);
		if (atomic_compare_exchange_weak_explicit(shared, &list, changed(list, rest),
			    memory_order_acquire, memory_order_acquire))
			break;
	}
	*changes = (uint32_t)(list >> 32);
	return first;
}

static uint32_t take_fresh(struct entry_pool *pool)
{
	uint32_t fresh = atomic_load_explicit(&pool->fresh, memory_order_relaxed);
	while (fresh < pool->capacity) {
		if (atomic_compare_exchange_weak_explicit(&pool->fresh, &fresh, fresh + 1,
			    memory_order_relaxed, memory_order_relaxed))
			return fresh + 1;
	}
	return 0;
}

/*
 * From whichever list has one. Seen empty one after the other says little: entries may have moved
 * from those ahead to those behind. Seen empty twice with no change in between, they were all empty
 * at once; and fresh entries, which nobody can give back, were gone before.
 */
static uint32_t take_anywhere(struct entry_pool *pool, unsigned own)
{
	uint64_t before, sum = UINT64_MAX;
	do {
		before = sum;
		sum = 0;
		for (unsigned i = 0; i < ENTRY_POOL_STRIPES; i++) {
			uint32_t changes;
			uint32_t index =
				take_returned(pool, (own + i) % ENTRY_POOL_STRIPES, &changes);
			if (index != 0)
				return index;
			sum += changes;
		}
	} while (sum != before);
	return 0;
}

struct limit_entry *entry_pool_take(struct entry_pool *pool)
{
	unsigned own = own_stripe();
	uint32_t changes;
	uint32_t index = take_returned(pool, own, &changes);
	if (index == 0)
		index = take_fresh(pool);
	if (index == 0)
		index = take_anywhere(pool, own);
	if (index == 0)
		return NULL;
	atomic_fetch_add_explicit(&pool->stripes[own].used, 1, memory_order_relaxed);
	return entry_pool_at(pool, index);
}

void entry_pool_give(struct entry_pool *pool, struct limit_entry *entry)
{
	struct entry_stripe *stripe = &pool->stripes[own_stripe()];
	uint32_t index = entry_pool_index(pool, entry);
	assert(index >= 1 && index <= pool->capacity);
	atomic_fetch_sub_explicit(&stripe->used, 1, memory_order_relaxed);

	uint64_t list = atomic_load_explicit(&stripe->list, memory_order_relaxed);
	do {
		atomic_store_explicit(&entry->next, (uint32_t)list, memory_order_relaxed);
	} while (!atomic_compare_exchange_weak_explicit(&stripe->list, &list, changed(list, index),
		memory_order_release, memory_order_relaxed));
}

uint32_t entry_pool_used(const struct entry_pool *pool)
{
	uint32_t sum = 0;
	for (int i = 0; i < ENTRY_POOL_STRIPES; i++)
		sum += atomic_load_explicit(&pool->stripes[i].used, memory_order_relaxed);
	/* One that was given while we looked may have been subtracted alone. */
	return sum <= pool->capacity ? sum : 0;
}

uint32_t entry_pool_touched(const struct entry_pool *pool)
{
	return atomic_load_explicit(&pool->fresh, memory_order_relaxed);
}
