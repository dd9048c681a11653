/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_limits_limiter.c - who is admitted, what is counted, and that both agree with a plain model.
 */
#include "limits/limiter.h"
#include "tests/unit/limits_admit.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct limiter *limiter_of(uint32_t capacity)
{
	struct limit_setup setup = {.capacity = capacity,
		.ipv4_prefix = 32,
		.ipv6_prefix = 64,
		.subnet_ipv4_prefix = 24,
		.subnet_ipv6_prefix = 48,
		.hash_key = "a key of tests"};
	struct limiter *l = limiter_new(&setup);
	assert_non_null(l);
	return l;
}

static struct limit_source source_of(const char *addr, const char *endpoint)
{
	struct limit_source source = {.endpoint = endpoint, .endpoint_length = strlen(endpoint)};
	assert_true(addr_parse(&source.addr, addr));
	return source;
}

/* Admit under `connections`, check what it was told, and return the token. */
static struct limit_token admit(struct limiter *l, uint32_t connections,
	const struct limit_source *source, enum limit_verdict verdict, uint32_t held)
{
	struct limit_rules rules = {.connections = connections};
	struct limit_token token = {0};
	struct limit_result result;
	admit_source(l, &rules, source, 0, &token, &result);
	assert_int_equal(result.verdict, verdict);
	assert_int_equal(result.current, held);
	assert_int_equal(token.entry != NULL, verdict == LIMIT_OK);
	return token;
}

static void assert_counts(const struct limiter *l, uint32_t sources, uint64_t slots)
{
	assert_int_equal(limiter_sources(l), sources);
	assert_int_equal(limiter_slots(l), slots);
}

static void refuses_one_more_than_the_limit(void **state)
{
	struct limiter *l = limiter_of(10);
	struct limit_source a = source_of("192.0.2.1", ""), b = source_of("192.0.2.2", "");
	struct limit_token tokens[3];
	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		tokens[i] = admit(l, 3, &a, LIMIT_OK, i);
	admit(l, 3, &a, LIMIT_CONNECTIONS, 3);
	struct limit_token other = admit(l, 3, &b, LIMIT_OK, 0);
	assert_counts(l, 2, 4);

	limiter_release(l, &tokens[1], 0);
	tokens[1] = admit(l, 3, &a, LIMIT_OK, 2);
	admit(l, 3, &a, LIMIT_CONNECTIONS, 3);
	for (uint32_t i = 0; i < 3; i++)
		limiter_release(l, &tokens[i], 0);
	limiter_release(l, &other, 0);
	assert_counts(l, 0, 0);
	limiter_free(l);
}

static void counts_without_a_limit_too(void **state)
{
	struct limiter *l = limiter_of(1);
	struct limit_source a = source_of("192.0.2.1", "");
	struct limit_token tokens[2000];
	(void)state;
	for (uint32_t i = 0; i < 2000; i++)
		tokens[i] = admit(l, 0, &a, LIMIT_OK, i);
	assert_counts(l, 1, 2000);
	for (uint32_t i = 0; i < 2000; i++)
		limiter_release(l, &tokens[i], 0);
	assert_counts(l, 0, 0);
	limiter_free(l);
}

static void a_lowered_limit_closes_nobody_and_admits_nobody(void **state)
{
	struct limiter *l = limiter_of(10);
	struct limit_source a = source_of("192.0.2.1", "");
	struct limit_token tokens[5];
	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		tokens[i] = admit(l, 5, &a, LIMIT_OK, i);
	admit(l, 2, &a, LIMIT_CONNECTIONS, 5);
	assert_counts(l, 1, 5);
	for (uint32_t i = 0; i < 4; i++)
		limiter_release(l, &tokens[i], 0);
	tokens[0] = admit(l, 2, &a, LIMIT_OK, 1);
	limiter_release(l, &tokens[0], 0);
	limiter_release(l, &tokens[4], 0);
	limiter_free(l);
}

static void a_full_table_refuses_only_new_sources(void **state)
{
	struct limiter *l = limiter_of(2);
	struct limit_source a = source_of("192.0.2.1", ""), b = source_of("192.0.2.2", "");
	struct limit_source c = source_of("192.0.2.3", "");
	(void)state;
	struct limit_token first = admit(l, 9, &a, LIMIT_OK, 0),
			   second = admit(l, 9, &b, LIMIT_OK, 0);
	admit(l, 9, &c, LIMIT_TRACKED_SOURCES, 0);
	struct limit_token third = admit(l, 9, &a, LIMIT_OK, 1);
	assert_counts(l, 2, 3);

	limiter_release(l, &second, 0); /* its last slot: the entry is free for another */
	second = admit(l, 9, &c, LIMIT_OK, 0);
	admit(l, 9, &b, LIMIT_TRACKED_SOURCES, 0);
	limiter_release(l, &first, 0);
	admit(l, 9, &b, LIMIT_TRACKED_SOURCES, 0); /* a still holds one */
	limiter_release(l, &second, 0);
	limiter_release(l, &third, 0);
	assert_counts(l, 0, 0);
	limiter_free(l);
}

static void a_full_table_admits_uncounted_where_so_configured(void **state)
{
	struct limiter *l = limiter_of(1);
	struct limit_rules rules = {.connections = 1, .admit_when_full = true};
	struct limit_source a = source_of("192.0.2.1", ""), b = source_of("192.0.2.2", "");
	struct limit_result result;
	(void)state;
	struct limit_token held = admit(l, 1, &a, LIMIT_OK, 0), none = {0};
	for (int i = 0; i < 3; i++) {
		admit_source(l, &rules, &b, 0, &none, &result);
		assert_int_equal(result.verdict, LIMIT_OK);
		assert_int_equal(result.current, 0);
		assert_null(none.entry);
		limiter_release(l, &none, 0);
	}
	admit_source(l, &rules, &a, 0, &none, &result);
	assert_int_equal(result.verdict, LIMIT_CONNECTIONS);
	assert_counts(l, 1, 1);
	limiter_release(l, &held, 0);
	assert_counts(l, 0, 0);
	limiter_free(l);
}

static void an_address_counts_with_its_whole_prefix(void **state)
{
	struct limit_setup setup = {.capacity = 10,
		.ipv4_prefix = 24,
		.ipv6_prefix = 56,
		.subnet_ipv4_prefix = 16,
		.subnet_ipv6_prefix = 48};
	struct limiter *l = limiter_new(&setup);
	struct limit_source near4 = source_of("192.0.2.1", ""),
			    same4 = source_of("192.0.2.254", "");
	struct limit_source far4 = source_of("192.0.3.1", "");
	struct limit_source near6 = source_of("2001:db8::1", ""),
			    same6 = source_of("2001:db8:0:ff::2", "");
	struct limit_source far6 = source_of("2001:db8:0:100::1", "");
	struct limit_token tokens[4];
	(void)state;
	assert_non_null(l);
	tokens[0] = admit(l, 1, &near4, LIMIT_OK, 0);
	admit(l, 1, &same4, LIMIT_CONNECTIONS, 1);
	tokens[1] = admit(l, 1, &far4, LIMIT_OK, 0);
	tokens[2] = admit(l, 1, &near6, LIMIT_OK, 0);
	admit(l, 1, &same6, LIMIT_CONNECTIONS, 1);
	tokens[3] = admit(l, 1, &far6, LIMIT_OK, 0);
	assert_counts(l, 4, 4);
	for (int i = 0; i < 4; i++)
		limiter_release(l, &tokens[i], 0);
	limiter_free(l);
}

static void a_mapped_address_is_its_ipv4_source(void **state)
{
	struct limiter *l = limiter_of(10);
	struct limit_source plain = source_of("192.0.2.1", ""),
			    mapped = source_of("::ffff:192.0.2.1", "");
	(void)state;
	struct limit_token token = admit(l, 1, &plain, LIMIT_OK, 0);
	admit(l, 1, &mapped, LIMIT_CONNECTIONS, 1);
	limiter_release(l, &token, 0);
	limiter_free(l);
}

static void one_address_behind_each_endpoint_is_another_source(void **state)
{
	static const char *const endpoints[] = {"", "vpce-1", "vpce-12", "vpce-2", "v"};
	struct limiter *l = limiter_of(10);
	struct limit_token tokens[5];
	(void)state;
	for (int i = 0; i < 5; i++) {
		struct limit_source source = source_of("10.0.0.1", endpoints[i]);
		tokens[i] = admit(l, 1, &source, LIMIT_OK, 0);
		admit(l, 1, &source, LIMIT_CONNECTIONS, 1);
	}
	/* Only so many bytes of the id count, whatever lies behind them. */
	struct limit_source cut = source_of("10.0.0.1", "vpce-1 and more");
	cut.endpoint_length = 6;
	admit(l, 1, &cut, LIMIT_CONNECTIONS, 1);
	assert_counts(l, 5, 5);
	for (int i = 0; i < 5; i++)
		limiter_release(l, &tokens[i], 0);
	limiter_free(l);
}

static void takes_back_nothing_for_an_empty_token(void **state)
{
	struct limiter *l = limiter_of(1);
	struct limit_source a = source_of("192.0.2.1", "");
	struct limit_token empty = {0};
	(void)state;
	struct limit_token token = admit(l, 0, &a, LIMIT_OK, 0);
	limiter_release(l, &empty, 0);
	limiter_release(l, &token, 0);
	limiter_release(l, &token, 0); /* emptied by the call before */
	assert_counts(l, 0, 0);
	limiter_free(l);
}

static void stops_at_a_slot_that_is_given_back_twice(void **state)
{
	(void)state;
#ifdef NDEBUG
	skip();
#else
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct rlimit no_core = {0, 0};
		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGABRT, SIG_DFL);
		if (!freopen("/dev/null", "w", stderr))
			_exit(2);
		struct limiter *l = limiter_of(1);
		struct limit_source a = source_of("192.0.2.1", "");
		struct limit_token token = admit(l, 0, &a, LIMIT_OK, 0), copy = token;
		limiter_release(l, &token, 0);
		limiter_release(l, &copy, 0);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
#endif
}

static void refuses_a_setup_out_of_range(void **state)
{
	static const struct limit_setup setups[] = {
		{.capacity = 0,
			.ipv4_prefix = 32,
			.ipv6_prefix = 64,
			.subnet_ipv4_prefix = 1,
			.subnet_ipv6_prefix = 1},
		{.capacity = LIMIT_CAPACITY_MAX + 1u,
			.ipv4_prefix = 32,
			.ipv6_prefix = 64,
			.subnet_ipv4_prefix = 1,
			.subnet_ipv6_prefix = 1},
		{.capacity = 1,
			.ipv4_prefix = 0,
			.ipv6_prefix = 64,
			.subnet_ipv4_prefix = 1,
			.subnet_ipv6_prefix = 1},
		{.capacity = 1,
			.ipv4_prefix = 33,
			.ipv6_prefix = 64,
			.subnet_ipv4_prefix = 1,
			.subnet_ipv6_prefix = 1},
		{.capacity = 1,
			.ipv4_prefix = 32,
			.ipv6_prefix = 0,
			.subnet_ipv4_prefix = 1,
			.subnet_ipv6_prefix = 1},
		{.capacity = 1,
			.ipv4_prefix = 32,
			.ipv6_prefix = 129,
			.subnet_ipv4_prefix = 1,
			.subnet_ipv6_prefix = 1},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(setups) / sizeof(setups[0]); i++)
		assert_null(limiter_new(&setups[i]));
	limiter_free(NULL);
}

/* ---- against a plain model ---- */

enum {
	MODEL_SOURCES = 600,
	MODEL_CAPACITY = 400, /* so that the table is full for a good part of the time */
	MODEL_TOKENS = 1500,
	MODEL_ROUNDS = 4,
	MODEL_STEPS = 250000,
};

struct model {
	struct limiter *l;
	uint64_t random;
	uint32_t held[MODEL_SOURCES];
	uint32_t sources;
	uint32_t count; /* of tokens */
	struct limit_token tokens[MODEL_TOKENS];
	uint32_t owner[MODEL_TOKENS];
};

static uint32_t draw(struct model *m, uint32_t below)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (uint32_t)(m->random >> 32) % below;
}

/*
 * A third each: IPv4; one of the addresses of an IPv6 /64; IPv4 addresses that overlap behind ten
 * endpoints.
 */
static struct limit_source model_source(struct model *m, uint32_t number)
{
	static const char *const ids[] = {"vpce-0", "vpce-1", "vpce-2", "vpce-3", "vpce-4",
		"vpce-5", "vpce-6", "vpce-7", "vpce-8", "v"};
	struct limit_source source = {.endpoint = ""};
	uint32_t n = number / 3;
	uint8_t ipv4[4] = {10, 0, (uint8_t)(n >> 8), (uint8_t)n};
	addr_set_ipv4(&source.addr, ipv4);
	if (number % 3 == 1) {
		source.addr = (struct addr){
			{0x20, 0x01, 0x0d, 0xb8, 0, 0, (uint8_t)(n >> 8), (uint8_t)n}};
		source.addr.bytes[15] = (uint8_t)draw(m, 256);
	} else if (number % 3 == 2) {
		ipv4[2] = 0;
		ipv4[3] = (uint8_t)(n / 10);
		addr_set_ipv4(&source.addr, ipv4);
		source.endpoint = ids[n % 10];
		source.endpoint_length = strlen(source.endpoint);
	}
	return source;
}

static enum limit_verdict model_verdict(
	const struct model *m, const struct limit_rules *rules, uint32_t number)
{
	if (m->held[number] == 0)
		return m->sources < MODEL_CAPACITY || rules->admit_when_full
			       ? LIMIT_OK
			       : LIMIT_TRACKED_SOURCES;
	bool full = rules->connections != 0 && m->held[number] >= rules->connections;
	return full ? LIMIT_CONNECTIONS : LIMIT_OK;
}

static void model_admit(struct model *m)
{
	static const uint32_t limits[] = {0, 1, 2, 5};
	struct limit_rules rules = {
		.connections = limits[draw(m, 4)], .admit_when_full = draw(m, 2)};
	uint32_t number = draw(m, MODEL_SOURCES);
	struct limit_source source = model_source(m, number);
	struct limit_token token = {0};
	struct limit_result result;
	bool counted = m->held[number] > 0 || m->sources < MODEL_CAPACITY;
	enum limit_verdict expected = model_verdict(m, &rules, number);

	admit_source(m->l, &rules, &source, 0, &token, &result);
	assert_int_equal(result.verdict, expected);
	assert_int_equal(result.current, m->held[number]);
	assert_int_equal(token.entry != NULL, expected == LIMIT_OK && counted);
	if (token.entry == NULL)
		return;
	m->sources += m->held[number] == 0;
	m->held[number]++;
	m->tokens[m->count] = token;
	m->owner[m->count++] = number;
}

static void model_release(struct model *m)
{
	uint32_t i = draw(m, m->count);
	uint32_t number = m->owner[i];
	limiter_release(m->l, &m->tokens[i], 0);
	m->held[number]--;
	m->sources -= m->held[number] == 0;
	m->count--;
	m->tokens[i] = m->tokens[m->count];
	m->owner[i] = m->owner[m->count];
}

/*
 * In turns of a few thousand steps more come than go, or more go than come: from empty to full and
 * back.
 */
static void model_step(struct model *m, uint32_t step)
{
	uint32_t tide = step / 4096 % 2 == 0 ? 70 : 30;
	bool comes = draw(m, 100) < tide;
	if (m->count == 0 || (comes && m->count < MODEL_TOKENS))
		model_admit(m);
	else
		model_release(m);
	assert_int_equal(limiter_sources(m->l), m->sources);
	if (step % 1000 == 0)
		assert_int_equal(limiter_slots(m->l), m->count);
}

static void agrees_with_a_plain_model_over_a_million_steps(void **state)
{
	struct model *m = calloc(1, sizeof(*m));
	(void)state;
	assert_non_null(m);
	m->random = UINT64_C(0x9e3779b97f4a7c15);
	for (int round = 0; round < MODEL_ROUNDS; round++) {
		struct limit_setup setup = {.capacity = MODEL_CAPACITY,
			.ipv4_prefix = 32,
			.ipv6_prefix = 64,
			.subnet_ipv4_prefix = 32,
			.subnet_ipv6_prefix = 64};
		for (int i = 0; i < 16; i++)
			setup.hash_key[i] = (uint8_t)draw(m, 256);
		m->l = limiter_new(&setup);
		assert_non_null(m->l);
		for (uint32_t step = 0; step < MODEL_STEPS; step++)
			model_step(m, step);
		while (m->count > 0)
			model_release(m);
		assert_counts(m->l, 0, 0);
		limiter_free(m->l);
	}
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_one_more_than_the_limit),
		cmocka_unit_test(counts_without_a_limit_too),
		cmocka_unit_test(a_lowered_limit_closes_nobody_and_admits_nobody),
		cmocka_unit_test(a_full_table_refuses_only_new_sources),
		cmocka_unit_test(a_full_table_admits_uncounted_where_so_configured),
		cmocka_unit_test(an_address_counts_with_its_whole_prefix),
		cmocka_unit_test(a_mapped_address_is_its_ipv4_source),
		cmocka_unit_test(one_address_behind_each_endpoint_is_another_source),
		cmocka_unit_test(takes_back_nothing_for_an_empty_token),
		cmocka_unit_test(stops_at_a_slot_that_is_given_back_twice),
		cmocka_unit_test(refuses_a_setup_out_of_range),
		cmocka_unit_test(agrees_with_a_plain_model_over_a_million_steps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
