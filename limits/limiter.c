/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limiter.c - what counts as one source, and how many slots it holds.
 *
 * All that is kept of an endpoint id is a keyed hash: ids have no bound of their own, entries have.
 */
#include "limits/limiter.h"

#include "limits/siphash.h"
#include "limits/source_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert((int)LIMIT_CAPACITY_MAX == (int)ENTRY_POOL_MAX, "one bound under two names");

struct limiter {
	struct source_table table;
	unsigned ipv4_prefix;
	unsigned ipv6_prefix;
	uint8_t hash_key[16];
};

struct limiter *limiter_new(const struct limit_setup *setup)
{
	if (setup->ipv4_prefix < 1 || setup->ipv4_prefix > 32 || setup->ipv6_prefix < 1 ||
		setup->ipv6_prefix > 128)
		return NULL;
	struct limiter *l = aligned_alloc(alignof(struct limiter), sizeof(*l));
	if (l == NULL)
		return NULL;
	if (!source_table_init(&l->table, setup->capacity)) {
		free(l);
		return NULL;
	}
	l->ipv4_prefix = setup->ipv4_prefix;
	l->ipv6_prefix = setup->ipv6_prefix;
	memcpy(l->hash_key, setup->hash_key, sizeof(l->hash_key));
	return l;
}

void limiter_free(struct limiter *l)
{
	if (l == NULL)
		return;
	source_table_fini(&l->table);
	free(l);
}

static struct source_key source_key_of(const struct limiter *l, const struct limit_source *source)
{
	struct source_key key = {.addr = source->addr};
	addr_cut(&key.addr, l->ipv4_prefix, l->ipv6_prefix);
	if (source->endpoint_length != 0)
		key.endpoint = siphash13(l->hash_key, source->endpoint, source->endpoint_length);
	key.hash = siphash13(l->hash_key, &key, offsetof(struct source_key, hash));
	return key;
}

enum limit_verdict limiter_admit(struct limiter *l, const struct limit_rules *rules,
	const struct limit_source *source, struct limit_token *token, uint32_t *current)
{
	assert(token->entry == NULL);
	struct source_key key = source_key_of(l, source);
	enum limit_verdict verdict = LIMIT_OK;
	*current = 0;

	struct source_line *line = source_table_lock(&l->table, key.hash);
	struct limit_entry *entry = source_table_find(&l->table, line, &key);
	if (entry != NULL) {
		*current = atomic_load_explicit(&entry->slots, memory_order_relaxed);
		if (rules->connections != 0 && *current >= rules->connections)
			verdict = LIMIT_CONNECTIONS;
	} else {
		entry = source_table_add(&l->table, line, &key);
		if (entry == NULL && !rules->admit_when_full)
			verdict = LIMIT_TRACKED_SOURCES;
	}
	if (verdict == LIMIT_OK && entry != NULL) {
		assert(*current < UINT32_MAX);
		atomic_store_explicit(&entry->slots, *current + 1, memory_order_relaxed);
		token->entry = entry;
	}
	source_table_unlock(line);
	return verdict;
}

void limiter_release(struct limiter *l, struct limit_token *token)
{
	struct limit_entry *entry = token->entry;
	if (entry == NULL)
		return;
	token->entry = NULL;

	struct source_line *line = source_table_lock(&l->table, entry->key.hash);
	uint32_t slots = atomic_load_explicit(&entry->slots, memory_order_relaxed);
	assert(slots > 0); /* else the slot was given back before */
	atomic_store_explicit(&entry->slots, slots - 1, memory_order_relaxed);
	if (slots == 1)
		source_table_remove(&l->table, line, entry);
	source_table_unlock(line);
}

bool limiter_mark(
	struct limiter *l, const struct limit_source *source, uint32_t now_s, uint32_t interval_s)
{
	struct source_key key = source_key_of(l, source);
	struct source_line *line = source_table_lock(&l->table, key.hash);
	struct limit_entry *entry = source_table_find(&l->table, line, &key);
	uint32_t marked_s =
		entry ? atomic_load_explicit(&entry->marked_s, memory_order_relaxed) : now_s;
	bool is_due = marked_s == 0 || now_s - marked_s >= interval_s;
	if (entry != NULL && is_due)
		atomic_store_explicit(&entry->marked_s, now_s, memory_order_relaxed);
	source_table_unlock(line);
	return entry != NULL && is_due;
}

uint32_t limiter_marked_s(const struct limit_token *token)
{
	return token->entry ? atomic_load_explicit(&token->entry->marked_s, memory_order_relaxed)
			    : 0;
}

uint32_t limiter_held(const struct limit_token *token)
{
	return token->entry ? atomic_load_explicit(&token->entry->slots, memory_order_relaxed) : 0;
}

uint32_t limiter_sources(const struct limiter *l)
{
	return entry_pool_used(&l->table.pool);
}

uint64_t limiter_slots(const struct limiter *l)
{
	const struct entry_pool *pool = &l->table.pool;
	uint32_t touched = entry_pool_touched(pool);
	uint64_t slots = 0;
	for (uint32_t i = 1; i <= touched; i++)
		slots += atomic_load_explicit(&entry_pool_at(pool, i)->slots, memory_order_relaxed);
	return slots;
}
