/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * entry_pool.h - the sources that can be told apart: so many entries, taken and given back.
 *
 * Private to limits/. The memory is reserved once, and an entry that was never taken costs none.
 * Taking and giving are lock-free and exact: "none left" is said only when at one moment all
 * entries were out.
 */
#ifndef SIPWEIR_LIMITS_ENTRY_POOL_H
#define SIPWEIR_LIMITS_ENTRY_POOL_H

#include "limits/source_key.h"

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * One cache line each: an admission that finds its source touches one line of the table and one
 * entry. A subnet is held in the same way, in a table of its own.
 */
struct limit_entry {
	alignas(64) struct source_key key; /* constant while the entry is out */
	_Atomic uint32_t slots; /* goes up under the lock of the entry's line; read by anybody */
	union {
		_Atomic uint32_t unproven; /* of a source */
		_Atomic uint32_t sources;  /* of a subnet: entries in it; goes up under its lock */
	};
	_Atomic uint32_t unregistered;
	_Atomic uint32_t next; /* index of the next in the free list or in the line's chain */
	_Atomic uint32_t line; /* number of the line it is in, from 1; 0: it is in none */
	/* Index of a source's subnet, whose entry stays while this one does; above it ENTRY_IS_NEAR, under the line's lock. */
	_Atomic uint32_t parent;
	_Atomic uint64_t connection_rate; /* changed under that lock */
};

enum { ENTRY_IS_NEAR = 1 << 30 }; /* limit.near was told of this source */

enum {
	ENTRY_POOL_MAX = 1 << 25, /* entries; keeps the sizes within 32 bits */
	ENTRY_POOL_STRIPES = 16,
};

/*
 * A free list that a few threads prefer, on a cache line of its own: with one list for all, two
 * threads that take and give do so no faster than one.
 */
struct entry_stripe {
	alignas(64) _Atomic uint64_t list; /* index of the first; above it a count of changes */
	_Atomic uint32_t used; /* taken less given by its threads; the sum over all counts */
};

struct entry_pool {
	struct limit_entry *entries; /* capacity + 1: index 0 means "none" */
	uint32_t capacity;
	_Atomic uint32_t fresh; /* entries 1..fresh have been out at least once */
	struct entry_stripe stripes[ENTRY_POOL_STRIPES];
};

/* False, with nothing held, when memory is short or capacity is not within 1..ENTRY_POOL_MAX. */
bool entry_pool_init(struct entry_pool *pool, uint32_t capacity);
void entry_pool_fini(struct entry_pool *pool);

/* An entry of the caller's own, its content undefined; NULL when none is left. Any thread. */
struct limit_entry *entry_pool_take(struct entry_pool *pool);

/*
 * Give back an entry that was taken. Nothing but `next` of it is written until it is taken again.
 * Any thread.
 */
void entry_pool_give(struct entry_pool *pool, struct limit_entry *entry);

/* How many are out now; exact while nobody takes or gives. */
uint32_t entry_pool_used(const struct entry_pool *pool);

/* The highest index that was ever out: what a walk over all entries has to look at. */
uint32_t entry_pool_touched(const struct entry_pool *pool);

/* An entry by its index, 1..capacity, and back. */
static inline struct limit_entry *entry_pool_at(const struct entry_pool *pool, uint32_t index)
{
	assert(index >= 1 && index <= pool->capacity);
	return &pool->entries[index];
}

static inline uint32_t entry_pool_index(
	const struct entry_pool *pool, const struct limit_entry *entry)
{
	return (uint32_t)(entry - pool->entries);
}

#endif
