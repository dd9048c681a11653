/* SPDX-License-Identifier: BSD-2-Clause */
/* Which server of a pool a connection goes to, by each policy. */
#include "proxy/core/balance.h"
#include "proxy/core/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SERVERS = 8, SOURCES = 100000, CONNECTIONS = 100000 };

struct world {
	struct conf *conf;
	struct shared shared;
	struct settings *settings;
};

/* `pool`: the rest of it; servers are s0, s1, ... with `extra` (an array, or NULL) in each. */
static void begin(struct world *w, unsigned servers, const char *pool, const char *const *extra)
{
	char text[4096];
	struct conf_errors errors = {0};
	int length = snprintf(text, sizeof(text),
		"listeners = ( { name = \"l\"; address = \"127.0.0.1:0\"; pool = \"p\"; } );"
		"pools = ( { name = \"p\"; %s servers = ( ",
		pool);
	for (unsigned i = 0; i < servers; i++)
		length += snprintf(text + length, sizeof(text) - (size_t)length,
			"%s{ name = \"s%u\"; address = \"10.0.0.%u:5060\"; %s }", i ? ", " : "", i,
			i + 1, extra ? extra[i] : "");
	snprintf(text + length, sizeof(text) - (size_t)length, " ); } );");
	memset(w, 0, sizeof(*w));
	w->conf = conf_load_text(text, "f", &errors);
	if (!w->conf)
		conf_errors_print(&errors.errors, "", stderr);
	assert_non_null(w->conf);
	conf_errors_fini(&errors);
	const struct shared_setup setup = {&w->conf->limits, 1000, 2};
	assert_true(shared_init(&w->shared, &setup));
	w->settings = settings_new(&w->shared, w->conf, NULL);
	assert_non_null(w->settings);
}

static void end(struct world *w)
{
	settings_free(w->settings);
	shared_fini(&w->shared);
}

static struct backend *server(const struct world *w, unsigned i)
{
	return settings_pool(w->settings, 0)->servers[i].backend;
}

static uint64_t source(unsigned i)
{
	char text[ADDR_PORT_TEXT_MAX];
	struct addr a;
	snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
	assert_true(addr_parse(&a, text));
	return balance_source(&(struct conf_limits){.ipv4_prefix = 32, .ipv6_prefix = 64}, &a, "");
}

/* The number of the server; -1: none. */
static int choose_at(const struct world *w, uint64_t who, uint64_t now_ms)
{
	const struct choice c = {
		.pool = settings_pool(w->settings, 0), .source = who, .now_ms = now_ms};
	const struct server_settings *s = balance_choose(&c);
	return s ? (int)(s - c.pool->servers) : -1;
}

static int choose(const struct world *w, uint64_t who)
{
	return choose_at(w, who, 0);
}

static void order(const struct world *w, unsigned i, enum conf_server_state state)
{
	atomic_store(&server(w, i)->order, (unsigned)state + 1);
}

/* --- source-hash --- */

static void count_choices(const struct world *w, int *choices)
{
	for (unsigned i = 0; i < SOURCES; i++)
		choices[i] = choose(w, source(i));
}

static void without_a_server_its_sources_move_and_nobody_else(void **state)
{
	static int before[SOURCES], after[SOURCES];
	(void)state;
	struct world w;
	begin(&w, SERVERS, "", NULL);
	count_choices(&w, before);
	for (unsigned way = 0; way < 3; way++) {
		if (way == 0)
			backend_tell(server(&w, 3), BACKEND_DOWN, 1);
		else
			order(&w, 3, way == 1 ? CONF_SERVER_DRAIN : CONF_SERVER_DOWN);
		count_choices(&w, after);
		unsigned moved = 0;
		for (unsigned i = 0; i < SOURCES; i++) {
			assert_true(before[i] == 3 || after[i] == before[i]);
			assert_int_not_equal(after[i], 3);
			moved += after[i] != before[i];
		}
		assert_in_range(
			moved, SOURCES / 1000 * 105, SOURCES / 1000 * 145); /* 12.5 % +- 2 */
		print_message("moved: %u of %u\n", moved, SOURCES);
		backend_tell(server(&w, 3), BACKEND_UNKNOWN, 1);
		atomic_store(&server(&w, 3)->recovered_ms, 0);
		atomic_store(&server(&w, 3)->order, 0);
		count_choices(&w, after);
		assert_memory_equal(before, after, sizeof(before));
	}
	end(&w);
}

static void every_process_and_every_order_of_servers_agrees(void **state)
{
	(void)state;
	struct world one, other;
	begin(&one, SERVERS, "", NULL);
	begin(&other, SERVERS + 1, "", NULL);
	unsigned moved = 0;
	for (unsigned i = 0; i < SOURCES; i++) {
		int was = choose(&one, source(i)), is = choose(&other, source(i));
		assert_true(is == was || is == SERVERS); /* the new one alone wins something */
		moved += is != was;
	}
	assert_in_range(moved, SOURCES / 9 * 9 / 10, SOURCES / 9 * 11 / 10);
	end(&one);
	end(&other);
}

static void shares_follow_weights(void **state)
{
	static const char *const weights[] = {"weight = 1;", "weight = 3;"};
	(void)state;
	struct world w;
	begin(&w, 2, "", weights);
	unsigned first = 0;
	for (unsigned i = 0; i < SOURCES; i++)
		first += choose(&w, source(i)) == 0;
	assert_in_range(first, SOURCES / 100 * 24, SOURCES / 100 * 26);
	end(&w);
}

/* Half of all connections come from one source: it must not take one server down with it. */
static void no_server_gets_more_than_a_quarter_above_the_mean(void **state)
{
	(void)state;
	struct world w;
	begin(&w, SERVERS, "", NULL);
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		int chosen = choose(&w, source(i % 2 ? i : 7));
		assert_true(chosen >= 0);
		assert_true(backend_take(server(&w, (unsigned)chosen), 0));
	}
	for (unsigned i = 0; i < SERVERS; i++) {
		print_message("s%u: %u\n", i, server(&w, i)->open);
		assert_true(server(&w, i)->open <= CONNECTIONS / SERVERS * 5 / 4 + 1);
	}
	end(&w);
}

static void a_small_farm_has_no_bound_that_would_part_an_office(void **state)
{
	(void)state;
	struct world w;
	begin(&w, SERVERS, "", NULL);
	int first = choose(&w, source(1));
	for (unsigned i = 0; i < 31; i++) {
		assert_int_equal(choose(&w, source(1)), first);
		backend_take(server(&w, (unsigned)first), 0);
	}
	end(&w);
}

static void a_source_is_a_prefix_and_its_endpoint(void **state)
{
	static const struct conf_limits limits = {.ipv4_prefix = 32, .ipv6_prefix = 64};
	struct addr a, b, c;
	(void)state;
	assert_true(addr_parse(&a, "2001:db8::1") && addr_parse(&b, "2001:db8::2:3:4:5"));
	assert_true(addr_parse(&c, "2001:db8:0:1::1"));
	assert_true(balance_source(&limits, &a, "") == balance_source(&limits, &b, ""));
	assert_true(balance_source(&limits, &a, "") != balance_source(&limits, &c, ""));
	assert_true(balance_source(&limits, &a, "vpce-1") != balance_source(&limits, &a, "vpce-2"));
}

/* --- the other policies --- */

static void assert_turns(const struct world *w, const char *expected)
{
	for (; *expected; expected++) {
		char name[2] = {(char)('a' + choose(w, 0)), '\0'};
		assert_string_equal(name, ((char[2]){*expected, '\0'}));
	}
}

static void turns_are_smooth(void **state)
{
	static const char *const weights[] = {"weight = 5;", "", ""};
	(void)state;
	struct world w;
	begin(&w, 3, "policy = \"round-robin\";", weights);
	assert_turns(&w, "aabacaaaabacaa");
	backend_tell(server(&w, 0), BACKEND_DOWN, 1);
	unsigned counts[3] = {0};
	for (unsigned i = 0; i < 100; i++)
		counts[choose(&w, 0)]++;
	assert_int_equal(counts[0], 0);
	assert_in_range(counts[1], 48, 52);
	end(&w);
}

static void the_least_connected_by_its_weight_is_next(void **state)
{
	static const char *const weights[] = {"weight = 2;", "weight = 1;", "weight = 1;"};
	(void)state;
	struct world w;
	begin(&w, 3, "policy = \"least-connections\";", weights);
	for (unsigned i = 0; i < 400; i++)
		backend_take(server(&w, (unsigned)choose(&w, 0)), 0);
	assert_in_range(server(&w, 0)->open, 199, 201);
	assert_in_range(server(&w, 1)->open, 99, 101);
	for (unsigned i = 0; i < 50; i++)
		backend_give(server(&w, 2));
	for (unsigned i = 0; i < 40; i++) {
		int chosen = choose(&w, 0);
		assert_int_equal(chosen, 2);
		backend_take(server(&w, (unsigned)chosen), 0);
	}
	end(&w);
}

/* --- who is in question --- */

static void backups_are_used_while_nobody_else_is_up(void **state)
{
	static const char *const extra[] = {"", "backup = true;", "backup = true;"};
	static const char *const policies[] = {"source-hash", "round-robin", "least-connections"};
	(void)state;
	for (unsigned p = 0; p < 3; p++) {
		char pool[64];
		struct world w;
		bool is_used[3] = {false};
		snprintf(pool, sizeof(pool), "policy = \"%s\";", policies[p]);
		begin(&w, 3, pool, extra);
		for (unsigned i = 0; i < 100; i++)
			assert_int_equal(choose(&w, source(i)), 0);
		backend_tell(server(&w, 0), BACKEND_DOWN, 1);
		for (unsigned i = 0; i < 100; i++)
			is_used[choose(&w, source(i))] = true;
		assert_true(!is_used[0] && is_used[1] && is_used[2]);
		end(&w);
	}
}

static void a_full_server_is_passed_over_until_it_has_room(void **state)
{
	static const char *const extra[] = {"max_connections = 2;", "max_connections = 1;"};
	(void)state;
	struct world w;
	begin(&w, 2, "policy = \"least-connections\";", extra);
	for (unsigned i = 0; i < 3; i++) {
		int chosen = choose(&w, 0);
		assert_true(chosen >= 0);
		assert_true(backend_take(server(&w, (unsigned)chosen),
			settings_pool(w.settings, 0)->servers[chosen].conf->max_connections));
	}
	assert_int_equal(choose(&w, 0), -1);
	assert_false(backend_take(server(&w, 0), 2));
	backend_give(server(&w, 0));
	assert_int_equal(choose(&w, 0), 0);
	end(&w);
}

static void with_all_down_all_are_tried_or_none(void **state)
{
	static const char *const ways[] = {"all_down = \"try\";", "all_down = \"refuse\";"};
	(void)state;
	for (unsigned way = 0; way < 2; way++) {
		struct world w;
		begin(&w, 2, ways[way], NULL);
		backend_tell(server(&w, 0), BACKEND_DOWN, 1);
		backend_tell(server(&w, 1), BACKEND_DOWN, 1);
		assert_true((choose(&w, 1) >= 0) == (way == 0));
		order(&w, 0, CONF_SERVER_DRAIN);
		assert_int_equal(choose(&w, 1), way == 0 ? 1 : -1);
		order(&w, 1, CONF_SERVER_DOWN);
		assert_int_equal(choose(&w, 1), -1);
		end(&w);
	}
}

static void a_server_that_has_come_back_gets_its_share_little_by_little(void **state)
{
	(void)state;
	struct world w;
	begin(&w, 2, "slow_start = \"10s\";", NULL);
	backend_tell(server(&w, 0), BACKEND_DOWN, 1000);
	backend_tell(server(&w, 0), BACKEND_UP, 2000);
	unsigned before = 0;
	for (unsigned s = 0; s <= 10; s++) {
		unsigned share = 0;
		for (unsigned i = 0; i < 10000; i++)
			share += choose_at(&w, source(i), 2000 + s * 1000) == 0;
		assert_true(share >= before);
		before = share;
		if (s == 0)
			assert_true(share < 500);
		if (s == 5)
			assert_in_range(share, 3000, 3700); /* half a weight beside a whole one */
	}
	assert_in_range(before, 4800, 5200);
	end(&w);
}

static void others_are_counted_that_take_clients(void **state)
{
	(void)state;
	struct world w;
	begin(&w, 2, "", NULL);
	const struct pool_settings *p = settings_pool(w.settings, 0);
	assert_int_equal(balance_count_up(p), 2);
	assert_true(balance_has_other(p, server(&w, 0)));
	order(&w, 1, CONF_SERVER_DRAIN);
	assert_int_equal(balance_count_up(p), 1);
	assert_false(balance_has_other(p, server(&w, 0)));
	assert_true(balance_has_other(p, server(&w, 1)));
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_server_its_sources_move_and_nobody_else),
		cmocka_unit_test(every_process_and_every_order_of_servers_agrees),
		cmocka_unit_test(shares_follow_weights),
		cmocka_unit_test(no_server_gets_more_than_a_quarter_above_the_mean),
		cmocka_unit_test(a_small_farm_has_no_bound_that_would_part_an_office),
		cmocka_unit_test(a_source_is_a_prefix_and_its_endpoint),
		cmocka_unit_test(turns_are_smooth),
		cmocka_unit_test(the_least_connected_by_its_weight_is_next),
		cmocka_unit_test(backups_are_used_while_nobody_else_is_up),
		cmocka_unit_test(a_full_server_is_passed_over_until_it_has_room),
		cmocka_unit_test(with_all_down_all_are_tried_or_none),
		cmocka_unit_test(a_server_that_has_come_back_gets_its_share_little_by_little),
		cmocka_unit_test(others_are_counted_that_take_clients),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
