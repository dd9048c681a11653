/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limiter_reclaim.c - entries that nobody needs any more: a clock for each table, whose hand goes round. It takes locks only
 * where it need not wait, so that it may be called with other lines locked, and stalls nobody.
 */
#include "limits/limiter_state.h"

#include "limits/gcra.h"
#include "limits/points.h"

static const float FADED = 0.5F; /* points that are worth nothing */

enum { EVICT_LOOKS = 32 }; /* of an admission that finds its table full */

bool limiter_is_idle_subnet(const struct limit_entry *subnet, uint64_t now_us)
{
	return limiter_count(&subnet->slots) == 0 && limiter_count(&subnet->sources) == 0 &&
	       gcra_is_idle(&subnet->connection_rate, now_us);
}

void limiter_remove_source(struct limiter *l, struct source_line *line, struct limit_entry *entry)
{
	struct limit_entry *subnet = limiter_subnet(l, entry);
	source_table_remove(&l->sources, line, entry);
	atomic_fetch_sub_explicit(&subnet->sources, 1, memory_order_relaxed);
}

/* --- one step of a hand --- */

static struct limit_entry *next_of(struct source_table *table, _Atomic uint32_t *hand)
{
	uint32_t touched = entry_pool_touched(&table->pool);
	uint32_t at = atomic_fetch_add_explicit(hand, 1, memory_order_relaxed);
	return touched != 0 ? entry_pool_at(&table->pool, at % touched + 1) : NULL;
}

static bool is_idle(const struct limit_memory *m, const struct limit_entry *e,
	uint32_t half_life_ms, uint64_t now_us)
{
	return gcra_is_idle(&e->connection_rate, now_us) &&
	       gcra_is_idle(&m->message_rate, now_us) &&
	       points_left(&m->points, half_life_ms, now_us) < FADED;
}

/* The line of an entry, locked; `held` is locked already. NULL: it is in none, or somebody else has it. */
static struct source_line *line_of(
	struct source_table *table, const struct limit_entry *entry, const struct source_line *held)
{
	if (held != NULL && source_table_is_in(table, entry, held))
		return source_table_line_of(table, entry);
	return source_table_try_lock(table, entry);
}

static void let_go(struct source_line *line, const struct source_line *held)
{
	if (line != held)
		source_table_unlock(line);
}

/* With a held line, whatever it remembers. */
static bool visit_source(
	struct limiter *l, uint32_t half_life_ms, uint64_t now_us, const struct source_line *held)
{
	struct limit_entry *entry = next_of(&l->sources, &l->source_hand);
	struct source_line *line = entry ? line_of(&l->sources, entry, held) : NULL;
	if (line == NULL)
		return false;
	bool goes =
		limiter_count(&entry->slots) == 0 &&
		(held != NULL || is_idle(limiter_memory(l, entry), entry, half_life_ms, now_us));
	if (goes)
		limiter_remove_source(l, line, entry);
	let_go(line, held);
	return goes;
}

static bool visit_subnet(struct limiter *l, uint64_t now_us, const struct source_line *held)
{
	struct limit_entry *subnet = next_of(&l->subnets, &l->subnet_hand);
	struct source_line *line = subnet ? line_of(&l->subnets, subnet, held) : NULL;
	if (line == NULL)
		return false;
	bool goes = limiter_is_idle_subnet(subnet, held != NULL ? UINT64_MAX : now_us);
	if (goes)
		source_table_remove(&l->subnets, line, subnet);
	let_go(line, held);
	return goes;
}

/* --- */

void limiter_reclaim(struct limiter *l, uint32_t half_life_ms, uint64_t now_us, unsigned most)
{
	for (unsigned i = 0; i < most; i++) {
		visit_source(l, half_life_ms, now_us, NULL);
		visit_subnet(l, now_us, NULL);
	}
}

bool limiter_evict_source(struct limiter *l, struct source_line *held, uint64_t now_us)
{
	for (unsigned i = 0; i < EVICT_LOOKS; i++)
		if (visit_source(l, 0, now_us, held))
			return true;
	return false;
}

bool limiter_evict_subnet(struct limiter *l, struct source_line *held, uint64_t now_us)
{
	for (unsigned i = 0; i < EVICT_LOOKS; i++)
		if (visit_subnet(l, now_us, held))
			return true;
	return false;
}
