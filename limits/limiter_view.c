/* SPDX-License-Identifier: BSD-2-Clause */
/* limiter_view.c - what is in the tables, for those who look. */
#include "limits/limiter_state.h"

#include "limits/points.h"

#include <string.h>

static bool is_shared(const struct source_key *key)
{
	return key->endpoint != 0 && (key->endpoint & 1) == 0;
}

static void set_network(
	struct network *n, const struct addr *addr, unsigned ipv4_prefix, unsigned ipv6_prefix)
{
	n->addr = *addr;
	n->prefix = (uint8_t)(addr_is_ipv4(addr) ? 96 + ipv4_prefix : ipv6_prefix);
}

/* Its line is locked. */
static void view_source(const struct limiter *l, const struct limit_entry *e, uint32_t half_life_ms,
	uint64_t now_us, struct limit_view *v)
{
	const struct limit_memory *m = limiter_memory(l, e);
	*v = (struct limit_view){
		.is_shared = is_shared(&e->key),
		.connections = limiter_count(&e->slots),
		.unproven = limiter_count(&e->unproven),
		.unregistered = limiter_count(&e->unregistered),
		.refused = limiter_count(&m->refused),
		.points = points_left(&m->points, half_life_ms, now_us),
	};
	if (v->is_shared)
		set_network(
			&v->network, &e->key.addr, l->subnet_ipv4_prefix, l->subnet_ipv6_prefix);
	else
		set_network(&v->network, &e->key.addr, l->ipv4_prefix, l->ipv6_prefix);
	limiter_endpoint_text(l, e->key.endpoint, v->endpoint);
}

static bool look_subnet(struct limiter *l, const struct limit_aim *keys, struct limit_view *v)
{
	struct source_line *line = source_table_lock(&l->subnets, keys->subnet.hash);
	const struct limit_entry *e = source_table_find(&l->subnets, line, &keys->subnet);
	if (e != NULL) {
		v->connections = limiter_count(&e->slots);
		v->sources = limiter_count(&e->sources);
	}
	source_table_unlock(line);
	set_network(&v->network, &keys->subnet.addr, l->subnet_ipv4_prefix, l->subnet_ipv6_prefix);
	limiter_endpoint_text(l, keys->subnet.endpoint, v->endpoint);
	return e != NULL;
}

static bool look_source(struct limiter *l, const struct source_key *key, uint32_t half_life_ms,
	uint64_t now_us, struct limit_view *v)
{
	struct source_line *line = source_table_lock(&l->sources, key->hash);
	const struct limit_entry *e = source_table_find(&l->sources, line, key);
	if (e != NULL)
		view_source(l, e, half_life_ms, now_us, v);
	source_table_unlock(line);
	return e != NULL;
}

bool limiter_look(struct limiter *l, const struct limit_source *source, uint32_t half_life_ms,
	uint64_t now_us, struct limit_view *of_source, struct limit_view *of_subnet)
{
	struct limit_aim keys;
	limiter_keys(l, source, &keys);
	memset(of_source, 0, sizeof(*of_source));
	memset(of_subnet, 0, sizeof(*of_subnet));
	bool has_subnet = look_subnet(l, &keys, of_subnet);
	if (look_source(l, &keys.source, half_life_ms, now_us, of_source))
		return true;
	set_network(&of_source->network, &keys.source.addr, l->ipv4_prefix, l->ipv6_prefix);
	const struct source_key shared = limiter_shared_key(l, &keys.subnet);
	return (has_subnet && look_source(l, &shared, half_life_ms, now_us, of_source)) ||
	       has_subnet;
}

void limiter_walk(struct limiter *l, uint32_t half_life_ms, uint64_t now_us,
	bool (*visit)(void *context, const struct limit_view *v), void *context)
{
	uint32_t touched = entry_pool_touched(&l->sources.pool);
	for (uint32_t i = 1; i <= touched; i++) {
		struct limit_view v;
		const struct limit_entry *e = entry_pool_at(&l->sources.pool, i);
		struct source_line *line = source_table_try_lock(&l->sources, e);
		if (line == NULL)
			continue;
		view_source(l, e, half_life_ms, now_us, &v);
		source_table_unlock(line);
		if (!visit(context, &v))
			return;
	}
}

uint32_t limiter_sources(const struct limiter *l)
{
	return entry_pool_used(&l->sources.pool);
}

uint32_t limiter_subnets(const struct limiter *l)
{
	return entry_pool_used(&l->subnets.pool);
}

uint32_t limiter_capacity(const struct limiter *l)
{
	return l->capacity;
}

uint64_t limiter_slots(const struct limiter *l)
{
	const struct entry_pool *pool = &l->sources.pool;
	uint32_t touched = entry_pool_touched(pool);
	uint64_t slots = 0;
	for (uint32_t i = 1; i <= touched; i++)
		slots += limiter_count(&entry_pool_at(pool, i)->slots);
	return slots;
}

void limiter_spread(
	const struct limiter *l, const uint32_t *bounds, uint32_t *sources, size_t count)
{
	const struct entry_pool *pool = &l->sources.pool;
	uint32_t touched = entry_pool_touched(pool);
	memset(sources, 0, count * sizeof(*sources));
	for (uint32_t i = 1; i <= touched; i++) {
		uint32_t held = limiter_count(&entry_pool_at(pool, i)->slots);
		for (size_t b = 0; held != 0 && b < count; b++)
			sources[b] += held <= bounds[b];
	}
}
