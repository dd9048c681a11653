/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/balance.h"
#include "limits/siphash.h"

#include <math.h>
#include <string.h>

enum {
	BOUND_MIN =
		32, /* connections: below, no server of source-hash is too full for its own sources */
	CREDIT = 1024, /* the turns of round robin that a weight of 1 is worth */
};

static const double bound_factor =
	1.25; /* a server of source-hash takes so much of the mean at most */
static const double slow_start_least = 0.02;

/* The same everywhere, so that a client finds its server by whichever instance it comes. */
static const uint8_t source_key[16] = "sipweir sources";

uint64_t balance_source(
	const struct conf_limits *limits, const struct addr *address, const char *endpoint)
{
	struct addr source = *address;
	addr_cut(&source, limits->ipv4_prefix, limits->ipv6_prefix);
	uint64_t hash = siphash13(source_key, &source, sizeof(source));
	return *endpoint ? hash ^ siphash13(source_key, endpoint, strlen(endpoint)) : hash;
}

/* --- who may be chosen --- */

static bool is_wanted(const struct server_settings *s)
{
	return backend_state(s->backend, s->conf) == CONF_SERVER_UP;
}

static bool is_up(const struct server_settings *s)
{
	return is_wanted(s) && backend_is_up(s->backend);
}

static bool has_room(const struct server_settings *s)
{
	unsigned max = s->conf->max_connections;
	return !max || atomic_load_explicit(&s->backend->open, memory_order_relaxed) < max;
}

static bool was_tried(const struct choice *c, const struct server_settings *s)
{
	for (unsigned i = 0; i < c->tried_count; i++)
		if (c->tried[i] == s->backend->slot)
			return true;
	return false;
}

/* Who is in question: everybody that is up in the first tier that has such a server. */
struct field {
	const struct choice *choice;
	bool takes_down; /* all are down: as if all were up */
	uint32_t tier;
};

static bool is_in_question(const struct field *f, const struct server_settings *s)
{
	return (f->takes_down ? is_wanted(s) : is_up(s)) && has_room(s) && !was_tried(f->choice, s);
}

static bool is_candidate(const struct field *f, const struct server_settings *s)
{
	return s->tier == f->tier && is_in_question(f, s);
}

/* False: nobody is. */
static bool open_field(struct field *f, const struct choice *c)
{
	const struct pool_settings *p = c->pool;
	bool is_anybody = false;
	*f = (struct field){.choice = c, .tier = UINT32_MAX};
	f->takes_down = !balance_count_up(p) && p->conf->all_down == CONF_ALL_DOWN_TRY;
	for (size_t i = 0; i < p->server_count; i++) {
		if (!is_in_question(f, &p->servers[i]))
			continue;
		is_anybody = true;
		if (p->servers[i].tier < f->tier)
			f->tier = p->servers[i].tier;
	}
	return is_anybody;
}

unsigned balance_count_up(const struct pool_settings *p)
{
	unsigned count = 0;
	for (size_t i = 0; i < p->server_count; i++)
		count += is_up(&p->servers[i]);
	return count;
}

bool balance_has_other(const struct pool_settings *p, const struct backend *except)
{
	for (size_t i = 0; i < p->server_count; i++)
		if (p->servers[i].backend != except && is_up(&p->servers[i]))
			return true;
	return false;
}

/* --- shares --- */

/* A server that has come back gets its share little by little: its caches are cold, and its clients all new. */
static double weight_of(const struct choice *c, const struct server_settings *s)
{
	uint64_t recovered_ms =
		atomic_load_explicit(&s->backend->recovered_ms, memory_order_relaxed);
	uint32_t over_ms = c->pool->conf->slow_start_ms;
	if (!recovered_ms || c->now_ms - recovered_ms >= over_ms)
		return s->weight;
	double part = (double)(c->now_ms - recovered_ms) / over_ms;
	return s->weight * (part > slow_start_least ? part : slow_start_least);
}

static double open_of(const struct server_settings *s)
{
	return atomic_load_explicit(&s->backend->open, memory_order_relaxed);
}

/* --- source-hash --- */

/*
 * Weighted rendezvous: each server draws a lot for this source, the best one wins. Without one server its sources alone draw
 * anew; with another weight as many move as have to. Lots are in [0, 1) and never 0.
 */
static double lot_of(uint64_t source, const struct server_settings *s)
{
	uint64_t x = source ^ s->hash;
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9); /* splitmix64 */
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	x ^= x >> 31;
	return ((double)(x >> 11) + 0.5) * 0x1p-53;
}

/* How many connections a server of weight 1 may have before its next source goes to its second choice. */
static double bound_of(const struct field *f)
{
	const struct pool_settings *p = f->choice->pool;
	double open = 1, weights = 0;
	for (size_t i = 0; i < p->server_count; i++) {
		if (!is_candidate(f, &p->servers[i]))
			continue;
		open += open_of(&p->servers[i]);
		weights += weight_of(f->choice, &p->servers[i]);
	}
	return bound_factor * open / weights;
}

static bool is_below(const struct server_settings *s, double bound)
{
	return open_of(s) + 1 <= (bound > BOUND_MIN ? ceil(bound) : BOUND_MIN);
}

static const struct server_settings *choose_by_source(const struct field *f)
{
	const struct pool_settings *p = f->choice->pool;
	const struct server_settings *best = NULL, *bounded = NULL;
	double best_score = INFINITY, bounded_score = INFINITY, bound = bound_of(f);
	for (size_t i = 0; i < p->server_count; i++) {
		const struct server_settings *s = &p->servers[i];
		if (!is_candidate(f, s))
			continue;
		double weight = weight_of(f->choice, s);
		double score = -log(lot_of(f->choice->source, s)) / weight;
		if (score < best_score) {
			best_score = score;
			best = s;
		}
		if (score < bounded_score && is_below(s, bound * weight)) {
			bounded_score = score;
			bounded = s;
		}
	}
	return bounded ? bounded : best;
}

/* --- round-robin --- */

/* Each gets credit by its weight, the richest is served and pays for all: a, b, a, c, a for 3:1:1, and never a, a, a. */
static const struct server_settings *choose_in_turn(const struct field *f)
{
	const struct pool_settings *p = f->choice->pool;
	const struct server_settings *richest = NULL;
	int64_t sum = 0;
	pthread_mutex_lock(&p->pool->lock);
	for (size_t i = 0; i < p->server_count; i++) {
		const struct server_settings *s = &p->servers[i];
		if (!is_candidate(f, s))
			continue;
		int64_t credit = (int64_t)(weight_of(f->choice, s) * CREDIT);
		s->backend->credit += credit;
		sum += credit;
		if (!richest || s->backend->credit > richest->backend->credit)
			richest = s;
	}
	if (richest)
		richest->backend->credit -= sum;
	pthread_mutex_unlock(&p->pool->lock);
	return richest;
}

/* --- least-connections --- */

/* Equals in turn, else a pool that is nearly empty would use its first server alone. */
static const struct server_settings *choose_least_connected(const struct field *f)
{
	const struct pool_settings *p = f->choice->pool;
	const struct server_settings *least = NULL;
	double lowest = INFINITY;
	unsigned turn = atomic_fetch_add_explicit(&p->pool->turn, 1, memory_order_relaxed);
	for (size_t i = 0; i < p->server_count; i++) {
		const struct server_settings *s = &p->servers[(i + turn) % p->server_count];
		if (!is_candidate(f, s))
			continue;
		double load = (open_of(s) + 1) / weight_of(f->choice, s);
		if (load < lowest) {
			lowest = load;
			least = s;
		}
	}
	return least;
}

const struct server_settings *balance_choose(const struct choice *c)
{
	struct field f;
	if (!open_field(&f, c))
		return NULL;
	switch (c->pool->conf->policy) {
	case CONF_SOURCE_HASH:
		return choose_by_source(&f);
	case CONF_ROUND_ROBIN:
		return choose_in_turn(&f);
	case CONF_LEAST_CONNECTIONS:
		return choose_least_connected(&f);
	}
	return NULL;
}
