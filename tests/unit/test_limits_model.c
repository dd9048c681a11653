/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_limits_model.c - all limits at once, against a plain model over millions of random operations, and what an attacker may
 * try with the table.
 */
#include "limits/limiter.h"
#include "tests/unit/limits_admit.h"
#include "limits/limiter_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SOURCES = 200, SUBNETS = 20, TOKENS = 1200, STEPS = 700000, ROUNDS = 3, SECOND = 1000000 };

static struct limiter *limiter_of(uint32_t capacity)
{
	const struct limit_setup setup = {.capacity = capacity,
		.ipv4_prefix = 32,
		.ipv6_prefix = 64,
		.subnet_ipv4_prefix = 24,
		.subnet_ipv6_prefix = 48,
		.hash_key = "a key of tests"};
	struct limiter *l = limiter_new(&setup);
	assert_non_null(l);
	return l;
}

static uint64_t state_of_random;

static uint32_t draw(uint32_t below)
{
	state_of_random ^= state_of_random << 13;
	state_of_random ^= state_of_random >> 7;
	state_of_random ^= state_of_random << 17;
	return (uint32_t)(state_of_random >> 32) % below;
}

static struct limit_source source_of(uint32_t number)
{
	struct limit_source s = {.endpoint = ""};
	uint8_t ipv4[4] = {10, 0, (uint8_t)(number % SUBNETS), (uint8_t)(number / SUBNETS)};
	addr_set_ipv4(&s.addr, ipv4);
	return s;
}

/* --- the model --- */

struct held {
	struct limit_token token;
	uint32_t source;
	bool has_total, is_unproven, is_unregistered;
};

struct model {
	struct limiter *l;
	uint64_t now_us;
	uint32_t connections[SOURCES], unproven[SOURCES], unregistered[SOURCES];
	uint32_t subnets[SUBNETS];
	uint64_t next_us[SOURCES], subnet_next_us[SUBNETS]; /* of the rates, as GCRA defines them */
	struct limit_total total;
	uint32_t in_total, count;
	struct held held[TOKENS];
};

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static bool is_early(const struct model *m, uint64_t next_us, const struct gcra_rate *r)
{
	return r->interval_us && later(next_us, m->now_us) - m->now_us > r->tolerance_us;
}

static void take(const struct model *m, uint64_t *next_us, const struct gcra_rate *r)
{
	if (r->interval_us && !is_early(m, *next_us, r))
		*next_us = later(*next_us, m->now_us) + r->interval_us;
}

static bool is_full(uint32_t current, uint32_t max)
{
	return max && current >= max;
}

static enum limit_verdict expected(
	const struct model *m, const struct limit_rules *r, uint32_t source)
{
	uint32_t subnet = source % SUBNETS;
	if (is_full(m->connections[source], r->connections))
		return LIMIT_CONNECTIONS;
	if (is_early(m, m->next_us[source], &r->connection_rate))
		return LIMIT_CONNECTION_RATE;
	if (is_full(m->unproven[source], r->unproven))
		return LIMIT_UNPROVEN;
	if (is_full(m->subnets[subnet], r->subnet_connections))
		return LIMIT_SUBNET_CONNECTIONS;
	if (is_early(m, m->subnet_next_us[subnet], &r->subnet_connection_rate))
		return LIMIT_SUBNET_CONNECTION_RATE;
	return r->total && is_full(m->in_total, r->total_connections) ? LIMIT_TOTAL_CONNECTIONS
								      : LIMIT_OK;
}

static void admit(struct model *m)
{
	uint32_t source = draw(SOURCES), subnet = source % SUBNETS;
	const struct limit_source s = source_of(source);
	struct limit_rules r = {
		.connections = draw(3) ? draw(12) : 0,
		.unproven = draw(3) ? draw(8) : 0,
		.connection_rate = draw(3) ? gcra_rate_of(1 + draw(5), 1000, 1 + draw(4))
					   : (struct gcra_rate){0},
		.subnet_connections = draw(3) ? draw(90) : 0,
		.subnet_connection_rate = draw(3) ? gcra_rate_of(1 + draw(30), 1000, 1 + draw(20))
						  : (struct gcra_rate){0},
		.total = draw(2) ? &m->total : NULL,
		.total_connections = draw(400),
		.is_observing = draw(5) == 0,
	};
	struct limit_result result;
	struct held *h = &m->held[m->count];
	enum limit_verdict verdict = expected(m, &r, source);
	*h = (struct held){.source = source};
	admit_source(m->l, &r, &s, m->now_us, &h->token, &result);
	assert_int_equal(result.verdict, verdict);
	assert_int_equal(h->token.entry != NULL, verdict == LIMIT_OK || r.is_observing);
	if (!h->token.entry)
		return;
	h->has_total = r.total;
	h->is_unproven = true;
	m->connections[source]++;
	m->unproven[source]++;
	m->subnets[subnet]++;
	m->in_total += h->has_total;
	take(m, &m->next_us[source], &r.connection_rate);
	take(m, &m->subnet_next_us[subnet], &r.subnet_connection_rate);
	m->count++;
}

static void prove(struct model *m, struct held *h)
{
	uint32_t max = draw(2) ? draw(6) : 0;
	bool is_observing = draw(4) == 0;
	struct limit_result result;
	bool is_refused = h->is_unproven && is_full(m->unregistered[h->source], max);
	limiter_prove(&h->token, max, is_observing, &result);
	assert_int_equal(result.verdict, is_refused ? LIMIT_UNREGISTERED : LIMIT_OK);
	if (!h->is_unproven || (is_refused && !is_observing))
		return;
	h->is_unproven = false;
	h->is_unregistered = true;
	m->unproven[h->source]--;
	m->unregistered[h->source]++;
}

static void join(struct model *m, struct held *h)
{
	struct limit_total *total = draw(2) ? &m->total : NULL;
	uint32_t max = draw(400);
	struct limit_result result;
	bool is_refused = total && !h->has_total && is_full(m->in_total, max);
	limiter_join(&h->token, total, max, false, &result);
	assert_int_equal(result.verdict, is_refused ? LIMIT_TOTAL_CONNECTIONS : LIMIT_OK);
	if (is_refused)
		return;
	m->in_total = m->in_total - h->has_total + (total != NULL);
	h->has_total = total != NULL;
}

static void register_one(struct model *m, struct held *h)
{
	limiter_register(&h->token);
	m->unregistered[h->source] -= h->is_unregistered;
	h->is_unregistered = false;
}

static void release(struct model *m, struct held *h)
{
	limiter_release(m->l, &h->token, m->now_us);
	m->connections[h->source]--;
	m->subnets[h->source % SUBNETS]--;
	m->unproven[h->source] -= h->is_unproven;
	m->unregistered[h->source] -= h->is_unregistered;
	m->in_total -= h->has_total;
	*h = m->held[--m->count];
}

static void check_source(const struct model *m, uint32_t source)
{
	const struct limit_source s = source_of(source);
	struct limit_view of_source, of_subnet;
	limiter_look(m->l, &s, 1000, m->now_us, &of_source, &of_subnet);
	assert_int_equal(of_source.connections, m->connections[source]);
	assert_int_equal(of_source.unproven, m->unproven[source]);
	assert_int_equal(of_source.unregistered, m->unregistered[source]);
	assert_int_equal(of_subnet.connections, m->subnets[source % SUBNETS]);
}

static void step(struct model *m, bool is_filling)
{
	uint32_t what = draw(100);
	m->now_us += draw(3) ? draw(20000) : 0;
	if (m->count < TOKENS && (m->count == 0 || what < (is_filling ? 60u : 25u)))
		admit(m);
	else if (what < 70)
		release(m, &m->held[draw(m->count)]);
	else if (what < 85)
		prove(m, &m->held[draw(m->count)]);
	else if (what < 92)
		register_one(m, &m->held[draw(m->count)]);
	else if (what < 96)
		join(m, &m->held[draw(m->count)]);
	else
		limiter_reclaim(m->l, 1000, m->now_us, 4);
	assert_int_equal(m->total.open, m->in_total);
	check_source(m, draw(SOURCES));
}

static void all_limits_agree_with_a_plain_model_over_two_million_steps(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	(void)state;
	assert_non_null(m);
	for (unsigned round = 0; round < ROUNDS; round++) {
		state_of_random = 0x9e3779b97f4a7c15 + round;
		memset(m, 0, sizeof(*m));
		m->l = limiter_of(4000);
		m->now_us = SECOND;
		for (uint32_t i = 0; i < STEPS; i++)
			step(m, i / 5000 % 2 == 0);
		assert_int_equal(limiter_slots(m->l), m->count);
		while (m->count)
			release(m, &m->held[0]);
		limiter_reclaim(m->l, 1000, m->now_us + 3600u * (uint64_t)SECOND, 8000);
		assert_int_equal(limiter_sources(m->l), 0);
		assert_int_equal(limiter_subnets(m->l), 0);
		assert_int_equal(m->total.open, 0);
		limiter_free(m->l);
	}
	free(m);
}

/* --- the table --- */

static struct limit_source address(const char *text)
{
	struct limit_source s = {.endpoint = ""};
	assert_true(addr_parse(&s.addr, text));
	return s;
}

static enum limit_verdict open_one(
	struct limiter *l, const struct limit_source *s, uint64_t now_us, struct limit_token *token)
{
	const struct limit_rules rules = {
		.connections = 10, .connection_rate = gcra_rate_of(1, 60000, 5)};
	struct limit_result result;
	*token = (struct limit_token){0};
	admit_source(l, &rules, s, now_us, token, &result);
	return result.verdict;
}

/* A million addresses of a /46, each for a moment: their rates are remembered, and fill the table. */
static void who_rotates_through_a_site_pushes_nobody_out_who_holds_a_connection(void **state)
{
	enum { CAPACITY = 2000, HOLDERS = 1000, TRIES = 200000 };
	struct limiter *l = limiter_of(CAPACITY);
	static struct limit_token held[HOLDERS];
	struct limit_token token;
	(void)state;
	for (uint32_t i = 0; i < HOLDERS; i++) {
		struct limit_source s = {.endpoint = ""};
		uint8_t ipv4[4] = {11, (uint8_t)(i >> 8), (uint8_t)i, 1};
		addr_set_ipv4(&s.addr, ipv4);
		assert_int_equal(open_one(l, &s, SECOND, &held[i]), LIMIT_OK);
	}
	for (uint32_t i = 0; i < TRIES; i++) {
		struct limit_source s = address("2001:db8::1");
		s.addr.bytes[5] = (uint8_t)(i >> 16 & 3);
		s.addr.bytes[6] = (uint8_t)(i >> 8);
		s.addr.bytes[7] = (uint8_t)i;
		if (open_one(l, &s, SECOND + i, &token) == LIMIT_OK)
			limiter_release(l, &token, SECOND + i);
	}
	assert_true(limiter_sources(l) <= CAPACITY);
	assert_int_equal(limiter_slots(l), HOLDERS);
	/* somebody new still comes in, and everybody who was there is still counted */
	struct limit_source fresh = address("203.0.113.9");
	assert_int_equal(open_one(l, &fresh, 2 * SECOND, &token), LIMIT_OK);
	limiter_release(l, &token, 2 * SECOND);
	for (uint32_t i = 0; i < HOLDERS; i++) {
		assert_int_equal(limiter_held(&held[i]), 1);
		limiter_release(l, &held[i], 2 * SECOND);
	}
	limiter_free(l);
}

static void a_subnet_that_has_its_share_is_counted_as_one_from_then_on(void **state)
{
	enum { CAPACITY = 1600, SHARE = CAPACITY / LIMIT_SUBNET_SHARE };
	struct limiter *l = limiter_of(CAPACITY);
	static struct limit_token held[256];
	struct limit_view source, subnet;
	(void)state;
	for (uint32_t i = 0; i < 256; i++) {
		struct limit_source s = {.endpoint = ""};
		uint8_t ipv4[4] = {192, 0, 2, (uint8_t)i};
		const struct limit_rules rules = {0};
		struct limit_result result;
		addr_set_ipv4(&s.addr, ipv4);
		admit_source(l, &rules, &s, SECOND, &held[i], &result);
		assert_int_equal(result.verdict, LIMIT_OK);
		assert_int_equal(result.current, i < SHARE ? 0 : i - SHARE);
	}
	assert_int_equal(limiter_sources(l), SHARE + 1);
	struct limit_source first = address("192.0.2.0"), late = address("192.0.2.255");
	assert_true(limiter_look(l, &first, 1000, SECOND, &source, &subnet));
	assert_int_equal(source.connections, 1);
	assert_false(source.is_shared);
	assert_int_equal(subnet.connections, 256);
	assert_int_equal(subnet.sources, SHARE + 1);
	assert_true(limiter_look(l, &late, 1000, SECOND, &source, &subnet));
	assert_true(source.is_shared);
	assert_int_equal(source.connections, 256 - SHARE);
	for (uint32_t i = 0; i < 256; i++)
		limiter_release(l, &held[i], SECOND);
	assert_int_equal(limiter_sources(l) + limiter_subnets(l), 0);
	limiter_free(l);
}

static void near_is_told_once_until_it_has_fallen_below_60_percent(void **state)
{
	struct limiter *l = limiter_of(10);
	struct limit_source s = address("192.0.2.1");
	const struct limit_rules rules = {.connections = 10};
	struct limit_token held[10] = {{0}};
	struct limit_result result;
	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		admit_source(l, &rules, &s, 0, &held[i], &result);
		assert_int_equal(result.is_near, i == 7);
	}
	for (uint32_t i = 6; i < 10; i++)
		limiter_release(l, &held[i], 0);
	for (uint32_t i = 6; i < 10; i++) { /* from 6 on: it was never below */
		admit_source(l, &rules, &s, 0, &held[i], &result);
		assert_false(result.is_near);
	}
	for (uint32_t i = 5; i < 10; i++)
		limiter_release(l, &held[i], 0);
	for (uint32_t i = 5; i < 10; i++) {
		admit_source(l, &rules, &s, 0, &held[i], &result);
		assert_int_equal(result.is_near, i == 7);
	}
	for (uint32_t i = 0; i < 10; i++)
		limiter_release(l, &held[i], 0);
	limiter_free(l);
}

static void points_stay_without_a_connection_and_fade(void **state)
{
	struct limiter *l = limiter_of(10);
	struct limit_source s = address("192.0.2.1");
	struct limit_token token;
	(void)state;
	assert_int_equal(open_one(l, &s, SECOND, &token), LIMIT_OK);
	assert_true(limiter_punish(&token, 40, 1000, SECOND) == 40);
	limiter_release(l, &token, SECOND);
	assert_int_equal(limiter_sources(l), 1);
	assert_true(limiter_punish_source(l, &s, 40, 1000, SECOND) == 80);
	limiter_absolve(l, &s, 30, 1000, SECOND);
	assert_true(limiter_punish_source(l, &s, 0, 1000, SECOND) == 50);
	limiter_reclaim(l, 1000, 2 * SECOND, 20);
	assert_int_equal(limiter_sources(l), 1);
	limiter_reclaim(l, 1000, 400u * (uint64_t)SECOND, 20);
	assert_int_equal(limiter_sources(l), 0);
	assert_true(limiter_punish_source(l, &s, 7, 1000, SECOND) == 7);
	assert_true(limiter_forget(l, &s));
	limiter_reclaim(l, 1000, 2 * SECOND, 20);
	assert_int_equal(limiter_sources(l), 0);
	assert_false(limiter_forget(l, &s));
	limiter_free(l);
}

static bool count_views(void *context, const struct limit_view *v)
{
	uint32_t *count = context;
	*count += v->connections;
	assert_int_equal(v->network.prefix, 128);
	return true;
}

static void the_walk_meets_each_source_and_knows_its_endpoint(void **state)
{
	struct limiter *l = limiter_of(100);
	struct limit_source s = address("192.0.2.1");
	struct limit_token tokens[3];
	struct limit_view source, subnet;
	uint32_t count = 0, spread[3];
	static const uint32_t bounds[] = {1, 2, 3};
	(void)state;
	open_one(l, &s, SECOND, &tokens[0]);
	open_one(l, &s, SECOND, &tokens[1]);
	s.endpoint = "vpce-0a1b";
	s.endpoint_length = 9;
	open_one(l, &s, SECOND, &tokens[2]);
	limiter_walk(l, 1000, SECOND, count_views, &count);
	assert_int_equal(count, 3);
	limiter_spread(l, bounds, spread, 3);
	assert_int_equal(spread[0], 1);
	assert_int_equal(spread[1], 2);
	assert_int_equal(spread[2], 2);
	assert_true(limiter_look(l, &s, 1000, SECOND, &source, &subnet));
	assert_string_equal(source.endpoint, "vpce-0a1b");
	assert_int_equal(source.connections, 1);
	for (unsigned i = 0; i < 3; i++)
		limiter_release(l, &tokens[i], 1000u * (uint64_t)SECOND);
	limiter_free(l);
}

static void a_source_costs_at_most_128_bytes(void **state)
{
	/* a line of 64 bytes for seven sources */
	(void)state;
	assert_true(sizeof(struct limit_entry) + sizeof(struct limit_memory) + 64 / 7 + 1 <= 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_limits_agree_with_a_plain_model_over_two_million_steps),
		cmocka_unit_test(
			who_rotates_through_a_site_pushes_nobody_out_who_holds_a_connection),
		cmocka_unit_test(a_subnet_that_has_its_share_is_counted_as_one_from_then_on),
		cmocka_unit_test(near_is_told_once_until_it_has_fallen_below_60_percent),
		cmocka_unit_test(points_stay_without_a_connection_and_fade),
		cmocka_unit_test(the_walk_meets_each_source_and_knows_its_endpoint),
		cmocka_unit_test(a_source_costs_at_most_128_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
