/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limiter.c - admissions and what is counted because of them.
 *
 * Locks are taken in one order: a line of the subnets, then one of the sources. What goes down does so without locks where
 * nobody decides by it alone; entries come and go under the lock of their line.
 */
#include "limits/limiter.h"

#include "limits/huge_pages.h"
#include "limits/limiter_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static_assert((int)LIMIT_CAPACITY_MAX == (int)ENTRY_POOL_MAX, "one bound under two names");
static_assert(sizeof(struct limit_memory) == 32, "two of them share a cache line");

enum {
	SHARE_MIN = 8, /* of a very small table */
	NEAR_MIN = 5,  /* of fewer connections the first are near already */
};

/* --- beginning and end --- */

static bool is_in_range(const struct limit_setup *s)
{
	return s->ipv4_prefix >= 1 && s->ipv4_prefix <= 32 && s->ipv6_prefix >= 1 &&
	       s->ipv6_prefix <= 128 && s->subnet_ipv4_prefix >= 1 &&
	       s->subnet_ipv4_prefix <= s->ipv4_prefix && s->subnet_ipv6_prefix >= 1 &&
	       s->subnet_ipv6_prefix <= s->ipv6_prefix;
}

static size_t memory_bytes(uint32_t capacity)
{
	return ((size_t)capacity + 1) * sizeof(struct limit_memory);
}

static bool init_tables(struct limiter *l, uint32_t capacity)
{
	if (!source_table_init(&l->sources, capacity))
		return false;
	if (!source_table_init(&l->subnets, capacity)) {
		source_table_fini(&l->sources);
		return false;
	}
	void *memory = huge_pages_map(memory_bytes(capacity));
	if (memory == NULL) {
		source_table_fini(&l->sources);
		source_table_fini(&l->subnets);
		return false;
	}
	l->memories = memory;
	return true;
}

struct limiter *limiter_new(const struct limit_setup *setup)
{
	if (!is_in_range(setup))
		return NULL;
	struct limiter *l = aligned_alloc(alignof(struct limiter), sizeof(*l));
	if (l == NULL)
		return NULL;
	memset(l, 0, sizeof(*l));
	if (!init_tables(l, setup->capacity)) {
		free(l);
		return NULL;
	}
	l->capacity = setup->capacity;
	l->share = setup->capacity / LIMIT_SUBNET_SHARE;
	if (l->share < SHARE_MIN)
		l->share = SHARE_MIN;
	l->ipv4_prefix = setup->ipv4_prefix;
	l->ipv6_prefix = setup->ipv6_prefix;
	l->subnet_ipv4_prefix = setup->subnet_ipv4_prefix;
	l->subnet_ipv6_prefix = setup->subnet_ipv6_prefix;
	memcpy(l->hash_key, setup->hash_key, sizeof(l->hash_key));
	return l;
}

void limiter_free(struct limiter *l)
{
	if (l == NULL)
		return;
	huge_pages_unmap(l->memories, memory_bytes(l->capacity));
	source_table_fini(&l->sources);
	source_table_fini(&l->subnets);
	free(l);
}

/* --- deciding --- */

static bool is_reached(uint32_t current, uint32_t max, struct limit_result *result)
{
	if (max == 0 || current < max)
		return false;
	result->current = current;
	result->max = max;
	return true;
}

static enum limit_verdict check_source(const struct limit_entry *e, const struct limit_rules *r,
	uint64_t now_us, struct limit_result *result)
{
	result->current = limiter_count(&e->slots);
	if (is_reached(result->current, r->connections, result))
		return LIMIT_CONNECTIONS;
	if (!gcra_conforms(&e->connection_rate, &r->connection_rate, now_us))
		return LIMIT_CONNECTION_RATE;
	if (is_reached(limiter_count(&e->unproven), r->unproven, result))
		return LIMIT_UNPROVEN;
	return LIMIT_OK;
}

static enum limit_verdict check_subnet(const struct limit_entry *e, const struct limit_rules *r,
	uint64_t now_us, struct limit_result *result)
{
	if (is_reached(limiter_count(&e->slots), r->subnet_connections, result))
		return LIMIT_SUBNET_CONNECTIONS;
	if (!gcra_conforms(&e->connection_rate, &r->subnet_connection_rate, now_us))
		return LIMIT_SUBNET_CONNECTION_RATE;
	return LIMIT_OK;
}

static enum limit_verdict check(const struct limit_place *p, const struct limit_rules *r,
	uint64_t now_us, struct limit_result *result)
{
	enum limit_verdict verdict = LIMIT_OK;
	*result = (struct limit_result){.max = r->connections};
	if (p->source != NULL)
		verdict = check_source(p->source, r, now_us, result);
	if (verdict == LIMIT_OK && p->subnet != NULL)
		verdict = check_subnet(p->subnet, r, now_us, result);
	if (verdict == LIMIT_CONNECTION_RATE || verdict == LIMIT_SUBNET_CONNECTION_RATE)
		result->current = result->max = 0;
	return verdict;
}

/* One more, if there may be one more. Of all limits it is asked last: what others share cannot be locked. */
static bool take_total(struct limit_total *total, uint32_t max, struct limit_result *result)
{
	uint32_t open = limiter_count(&total->open);
	do {
		if (is_reached(open, max, result))
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&total->open, &open, open + 1, memory_order_relaxed, memory_order_relaxed));
	return true;
}

static bool is_over(uint32_t count, uint32_t max, uint32_t percent)
{
	return (uint64_t)count * 100 >= (uint64_t)max * percent;
}

/* Told once at 80 %, and again only after it was below 60 %. */
static bool note_near(struct limit_entry *e, uint32_t before, uint32_t max)
{
	uint32_t parent = limiter_count(&e->parent);
	bool was_near = parent & ENTRY_IS_NEAR;
	bool is_near = max >= NEAR_MIN && is_over(before + 1, max, 80);
	bool stays_near = was_near && is_over(before, max, 60);
	if (was_near != (is_near || stays_near))
		atomic_store_explicit(&e->parent, parent ^ ENTRY_IS_NEAR, memory_order_relaxed);
	return is_near && !stays_near;
}

/* A rate that says no to one that is admitted all the same has nothing taken of it. */
static void count(struct limiter *l, const struct limit_place *p, const struct limit_rules *r,
	uint64_t now_us, struct limit_token *token, struct limit_result *result)
{
	uint32_t before = atomic_fetch_add_explicit(&p->source->slots, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&p->source->unproven, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&p->subnet->slots, 1, memory_order_relaxed);
	gcra_take_locked(&p->source->connection_rate, &r->connection_rate, now_us);
	gcra_take_locked(&p->subnet->connection_rate, &r->subnet_connection_rate, now_us);
	token->entry = p->source;
	token->memory = limiter_memory(l, p->source);
	token->is_unproven = true;
	result->is_near = note_near(p->source, before, r->connections);
}

static void count_refusal(const struct limiter *l, const struct limit_place *p)
{
	if (p->source == NULL || p->is_new_source)
		return;
	_Atomic uint32_t *refused = &limiter_memory(l, p->source)->refused;
	if (limiter_count(refused) != UINT32_MAX)
		atomic_fetch_add_explicit(refused, 1, memory_order_relaxed);
}

/* The total alone: whoever is in no entry is still one of its class. */
static enum limit_verdict admit_uncounted(
	const struct limit_rules *r, struct limit_token *token, struct limit_result *result)
{
	bool is_taken = r->total == NULL || take_total(r->total, r->total_connections, result);
	if (!is_taken && !r->is_observing)
		return LIMIT_TOTAL_CONNECTIONS;
	if (!is_taken)
		atomic_fetch_add_explicit(&r->total->open, 1, memory_order_relaxed);
	token->total = r->total;
	return is_taken ? LIMIT_OK : LIMIT_TOTAL_CONNECTIONS;
}

static enum limit_verdict admit_new(struct limiter *l, const struct limit_rules *r, uint64_t now_us,
	struct limit_place *p, struct limit_token *token, struct limit_result *result)
{
	if (!limiter_fill_place(l, p, now_us)) {
		result->current = result->max = 0;
		if (!r->admit_when_full && !r->is_observing)
			return LIMIT_TRACKED_SOURCES;
		enum limit_verdict verdict = admit_uncounted(r, token, result);
		return verdict == LIMIT_OK && !r->admit_when_full ? LIMIT_TRACKED_SOURCES : verdict;
	}
	enum limit_verdict verdict = admit_uncounted(r, token, result);
	if (verdict != LIMIT_OK && !r->is_observing)
		limiter_empty_place(l, p);
	else
		count(l, p, r, now_us, token, result);
	return verdict;
}

void limiter_admit(struct limiter *l, const struct limit_rules *rules, const struct limit_aim *aim,
	uint64_t now_us, struct limit_token *token, struct limit_result *result)
{
	struct limit_place p;
	assert(token->entry == NULL && token->total == NULL);
	limiter_lock_place(l, aim, &p);
	enum limit_verdict verdict = check(&p, rules, now_us, result);
	if (verdict == LIMIT_OK || rules->is_observing) {
		enum limit_verdict more = admit_new(l, rules, now_us, &p, token, result);
		if (verdict == LIMIT_OK)
			verdict = more;
	}
	if (verdict != LIMIT_OK)
		count_refusal(l, &p);
	limiter_unlock_place(&p);
	result->verdict = verdict;
}

/* --- what an admitted connection does --- */

void limiter_prove(struct limit_token *token, uint32_t unregistered, bool is_observing,
	struct limit_result *result)
{
	*result = (struct limit_result){0};
	if (token->entry == NULL || !token->is_unproven)
		return;
	_Atomic uint32_t *counted = &token->entry->unregistered;
	uint32_t current = limiter_count(counted);
	do {
		if (is_reached(current, unregistered, result)) {
			result->verdict = LIMIT_UNREGISTERED;
			if (!is_observing)
				return;
		}
	} while (!atomic_compare_exchange_weak_explicit(
		counted, &current, current + 1, memory_order_relaxed, memory_order_relaxed));
	atomic_fetch_sub_explicit(&token->entry->unproven, 1, memory_order_relaxed);
	token->is_unproven = false;
	token->is_unregistered = true;
}

void limiter_register(struct limit_token *token)
{
	if (!token->is_unregistered)
		return;
	atomic_fetch_sub_explicit(&token->entry->unregistered, 1, memory_order_relaxed);
	token->is_unregistered = false;
}

static void leave_total(struct limit_token *token)
{
	if (token->total != NULL)
		atomic_fetch_sub_explicit(&token->total->open, 1, memory_order_relaxed);
	token->total = NULL;
}

void limiter_join(struct limit_token *token, struct limit_total *total, uint32_t max,
	bool is_observing, struct limit_result *result)
{
	*result = (struct limit_result){0};
	if (total == token->total)
		return;
	if (total != NULL && !take_total(total, max, result)) {
		result->verdict = LIMIT_TOTAL_CONNECTIONS;
		if (!is_observing)
			return;
		atomic_fetch_add_explicit(&total->open, 1, memory_order_relaxed);
	}
	leave_total(token);
	token->total = total;
}

bool limiter_take_message(
	struct limit_token *token, const struct gcra_rate *rate, uint64_t now_us, uint64_t *at_us)
{
	*at_us = now_us;
	return token->memory == NULL ||
	       gcra_take(&token->memory->message_rate, rate, now_us, at_us);
}

uint64_t limiter_reserve_message(
	struct limit_token *token, const struct gcra_rate *rate, uint64_t now_us)
{
	return token->memory == NULL ? now_us
				     : gcra_reserve(&token->memory->message_rate, rate, now_us);
}

/* --- giving back --- */

static bool is_remembered(
	const struct limit_memory *m, const struct limit_entry *e, uint64_t now_us)
{
	return !gcra_is_idle(&e->connection_rate, now_us) ||
	       !gcra_is_idle(&m->message_rate, now_us) ||
	       atomic_load_explicit(&m->points, memory_order_relaxed) != 0;
}

/* One of several: nothing but the count changes. False: it is the last one. */
static bool release_one(struct limiter *l, struct limit_entry *entry)
{
	bool is_last = true;
	if (limiter_count(&entry->slots) <= 1)
		return false;
	struct source_line *line = source_table_lock(&l->sources, entry->key.hash);
	if (limiter_count(&entry->slots) > 1) {
		atomic_fetch_sub_explicit(&entry->slots, 1, memory_order_relaxed);
		is_last = false;
	}
	source_table_unlock(line);
	return !is_last;
}

/* With it goes the entry, and that of its subnet if it was the last one there, unless something is to be remembered. */
static void release_last(struct limiter *l, struct limit_entry *entry, uint64_t now_us)
{
	struct limit_entry *subnet = limiter_subnet(l, entry);
	struct source_line *subnet_line = source_table_lock(&l->subnets, subnet->key.hash);
	struct source_line *line = source_table_lock(&l->sources, entry->key.hash);
	uint32_t slots = atomic_fetch_sub_explicit(&entry->slots, 1, memory_order_relaxed);
	assert(slots > 0); /* else the slot was given back before */
	if (slots == 1 && !is_remembered(limiter_memory(l, entry), entry, now_us)) {
		limiter_remove_source(l, line, entry);
		if (limiter_is_idle_subnet(subnet, now_us))
			source_table_remove(&l->subnets, subnet_line, subnet);
	}
	source_table_unlock(line);
	source_table_unlock(subnet_line);
}

void limiter_release(struct limiter *l, struct limit_token *token, uint64_t now_us)
{
	struct limit_entry *entry = token->entry;
	leave_total(token);
	if (entry == NULL)
		return;
	if (token->is_unproven)
		atomic_fetch_sub_explicit(&entry->unproven, 1, memory_order_relaxed);
	limiter_register(token);
	struct limit_entry *subnet = limiter_subnet(l, entry);
	/* Before the source goes, because the subnet stays only as long as it. */
	atomic_fetch_sub_explicit(&subnet->slots, 1, memory_order_relaxed);
	if (!release_one(l, entry))
		release_last(l, entry, now_us);
	*token = (struct limit_token){0};
}
