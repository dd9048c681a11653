/* SPDX-License-Identifier: BSD-2-Clause */
/* limiter_place.c - the entries of a source and of its subnet: found, made when they are missing, and taken back. */
#include "limits/limiter_state.h"

/* The entries are asked for as soon as their lines are there: what is waited for comes all at once. */
void limiter_lock_place(struct limiter *l, const struct limit_aim *aim, struct limit_place *p)
{
	p->aim = aim;
	p->source_key = &aim->source;
	p->is_new_source = p->is_new_subnet = false;
	p->subnet_line = source_table_lock(&l->subnets, aim->subnet.hash);
	if (!aim->is_ahead)
		__builtin_prefetch(source_table_likely(&l->subnets, aim->subnet.hash), 1);
	p->source_line = source_table_lock(&l->sources, aim->source.hash);
	if (!aim->is_ahead)
		__builtin_prefetch(source_table_likely(&l->sources, aim->source.hash), 1);
	p->subnet = source_table_find(&l->subnets, p->subnet_line, &aim->subnet);
	p->source = source_table_find(&l->sources, p->source_line, &aim->source);
	if (p->source != NULL || p->subnet == NULL || limiter_count(&p->subnet->sources) < l->share)
		return;
	/* It has its share: this newcomer is one with all others that come from now on. */
	source_table_unlock(p->source_line);
	p->shared = limiter_shared_key(l, &aim->subnet);
	p->source_key = &p->shared;
	p->source_line = source_table_lock(&l->sources, p->shared.hash);
	p->source = source_table_find(&l->sources, p->source_line, &p->shared);
}

void limiter_unlock_place(const struct limit_place *p)
{
	source_table_unlock(p->source_line);
	source_table_unlock(p->subnet_line);
}

static struct limit_entry *add(struct limiter *l, struct source_table *table,
	struct source_line *line, const struct source_key *key,
	bool (*evict)(struct limiter *l, struct source_line *held, uint64_t now_us),
	uint64_t now_us)
{
	struct limit_entry *entry = source_table_add(table, line, key);
	if (entry == NULL && evict(l, line, now_us))
		entry = source_table_add(table, line, key);
	return entry;
}

static void clear_memory(struct limit_memory *m)
{
	atomic_store_explicit(&m->message_rate, 0, memory_order_relaxed);
	atomic_store_explicit(&m->points, 0, memory_order_relaxed);
	atomic_store_explicit(&m->refused, 0, memory_order_relaxed);
	atomic_store_explicit(&m->marked_s, 0, memory_order_relaxed);
}

bool limiter_fill_place(struct limiter *l, struct limit_place *p, uint64_t now_us)
{
	if (p->subnet == NULL) {
		p->subnet = add(l, &l->subnets, p->subnet_line, &p->aim->subnet,
			limiter_evict_subnet, now_us);
		p->is_new_subnet = p->subnet != NULL;
	}
	if (p->source == NULL && p->subnet != NULL) {
		p->source = add(l, &l->sources, p->source_line, p->source_key, limiter_evict_source,
			now_us);
		p->is_new_source = p->source != NULL;
	}
	if (p->source == NULL) {
		if (p->is_new_subnet)
			source_table_remove(&l->subnets, p->subnet_line, p->subnet);
		return false;
	}
	if (p->is_new_source) {
		atomic_store_explicit(&p->source->parent,
			entry_pool_index(&l->subnets.pool, p->subnet), memory_order_relaxed);
		atomic_fetch_add_explicit(&p->subnet->sources, 1, memory_order_relaxed);
		clear_memory(limiter_memory(l, p->source));
		if (p->aim->of.endpoint_length != 0)
			limiter_remember_endpoint(l, p->source_key->endpoint, &p->aim->of);
	}
	return true;
}

void limiter_empty_place(struct limiter *l, struct limit_place *p)
{
	if (p->is_new_source) {
		atomic_fetch_sub_explicit(&p->subnet->sources, 1, memory_order_relaxed);
		source_table_remove(&l->sources, p->source_line, p->source);
	}
	if (p->is_new_subnet)
		source_table_remove(&l->subnets, p->subnet_line, p->subnet);
}
