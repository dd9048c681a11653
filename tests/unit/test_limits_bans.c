/* SPDX-License-Identifier: BSD-2-Clause */
/* test_limits_bans.c - who is kept out, for how long, and what a full table does. */
#include "limits/bans.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct ban_rules rules = {.ban_for_s = 10, .ban_max_s = 60, .widen_count = 16};
static const uint8_t key[16] = "a key of tests";

static struct network network_of(const char *text)
{
	struct network n;
	assert_true(network_parse(&n, text));
	return n;
}

static bool add(struct bans *b, const char *network, int64_t now_s, struct ban *out)
{
	struct network n = network_of(network);
	return bans_add(b, &n, "", 0, "auth_failed", &rules, now_s, out);
}

static bool put(struct bans *b, const char *network, int64_t until_s, int64_t now_s)
{
	struct ban ban = {.network = network_of(network), .until_s = until_s, .is_by_hand = true};
	return bans_put(b, &ban, now_s);
}

static bool is_out(struct bans *b, const char *address, const char *endpoint, int64_t now_s)
{
	struct addr a;
	struct ban ban;
	assert_true(addr_parse(&a, address));
	return bans_match(b, &a, endpoint, strlen(endpoint), now_s, &ban);
}

static void keeps_out_its_network_until_its_end(void **state)
{
	struct bans *b = bans_new(100, key);
	struct ban ban;
	(void)state;
	assert_false(is_out(b, "192.0.2.1", "", 100));
	assert_true(add(b, "192.0.2.1", 100, &ban));
	assert_int_equal(ban.until_s, 110);
	assert_true(is_out(b, "192.0.2.1", "", 109));
	assert_false(is_out(b, "192.0.2.2", "", 109));
	assert_false(is_out(b, "192.0.2.1", "vpce-1", 109));
	assert_false(is_out(b, "192.0.2.1", "", 110));
	assert_true(put(b, "198.51.100.0/24", BAN_FOREVER, 100));
	assert_true(is_out(b, "198.51.100.200", "", INT64_MAX - 1));
	assert_true(put(b, "2001:db8::/32", 200, 100));
	assert_true(is_out(b, "2001:db8:5::1", "", 150));
	assert_false(is_out(b, "2001:db9::1", "", 150));
	bans_free(b);
}

static void each_further_time_is_twice_as_long_up_to_the_most(void **state)
{
	static const int64_t seconds[] = {10, 20, 40, 60, 60};
	struct bans *b = bans_new(100, key);
	struct ban ban;
	int64_t now_s = 1000;
	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		assert_true(add(b, "192.0.2.1", now_s, &ban));
		assert_int_equal(ban.until_s - now_s, seconds[i]);
		assert_int_equal(ban.times, i + 1);
		now_s = ban.until_s + 30;
	}
	now_s = ban.until_s + 61; /* forgotten */
	assert_true(add(b, "192.0.2.1", now_s, &ban));
	assert_int_equal(ban.times, 1);
	bans_free(b);
}

static void sixteen_of_one_site_become_one_ban_of_it(void **state)
{
	struct bans *b = bans_new(100, key);
	struct ban ban;
	char text[64];
	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(bans_count(b, 100), i);
		snprintf(text, sizeof(text), "2001:db8:7:%x::/64", i);
		assert_true(add(b, text, 100, &ban));
	}
	assert_int_equal(ban.network.prefix, 48);
	assert_int_equal(bans_count(b, 100), 1);
	assert_true(is_out(b, "2001:db8:7:ffff::9", "", 105));
	assert_false(is_out(b, "2001:db8:8::9", "", 105));
	bans_free(b);
}

static void a_full_table_loses_what_ends_soonest_and_never_what_is_by_hand(void **state)
{
	struct bans *b = bans_new(3, key);
	struct ban ban;
	(void)state;
	assert_true(put(b, "192.0.2.0/24", BAN_FOREVER, 100));
	assert_true(add(b, "198.51.100.1", 100, &ban));
	assert_true(add(b, "198.51.100.2", 105, &ban));
	assert_true(add(b, "198.51.100.3", 106, &ban));
	assert_false(is_out(b, "198.51.100.1", "", 107));
	assert_true(is_out(b, "198.51.100.2", "", 107));
	assert_true(is_out(b, "198.51.100.3", "", 107));
	assert_true(is_out(b, "192.0.2.9", "", 107));
	/* what would end first finds nobody who ends before */
	struct ban shorter = {.network = network_of("198.51.100.4"), .until_s = 110};
	assert_false(bans_put(b, &shorter, 106));
	bans_free(b);
	b = bans_new(1, key);
	assert_true(put(b, "192.0.2.0/24", BAN_FOREVER, 100));
	assert_false(add(b, "198.51.100.1", 100, &ban));
	bans_free(b);
}

static void what_is_lifted_is_gone_with_all_that_is_inside(void **state)
{
	struct bans *b = bans_new(100, key);
	struct ban ban;
	struct network n = network_of("192.0.2.0/24"), other = network_of("10.0.0.0/8");
	(void)state;
	add(b, "192.0.2.1", 100, &ban);
	add(b, "192.0.2.2", 100, &ban);
	add(b, "198.51.100.2", 100, &ban);
	assert_int_equal(bans_lift(b, &other, "", 0, 100), 0);
	assert_int_equal(bans_lift(b, &n, "", 0, 100), 2);
	assert_false(is_out(b, "192.0.2.1", "", 101));
	assert_true(is_out(b, "198.51.100.2", "", 101));
	add(b, "192.0.2.1", 102, &ban);
	assert_int_equal(ban.times, 1);
	bans_free(b);
}

static void the_end_is_told_once(void **state)
{
	struct bans *b = bans_new(100, key);
	struct ban ban, ended[4];
	(void)state;
	add(b, "192.0.2.1", 100, &ban);
	add(b, "192.0.2.2", 105, &ban);
	assert_int_equal(bans_expire(b, 109, ended, 4), 0);
	assert_int_equal(bans_expire(b, 110, ended, 4), 1);
	assert_string_equal(ended[0].reason, "auth_failed");
	assert_int_equal(bans_expire(b, 111, ended, 4), 0);
	assert_int_equal(bans_expire(b, 500, ended, 4), 1);
	assert_int_equal(bans_expire(b, 501, ended, 4), 0);
	bans_free(b);
}

static void lines_read_back_as_they_were_written(void **state)
{
	static const char *const lines[] = {
		"192.0.2.1 - 1234567 3 auto auth_failed",
		"2001:db8::/32 vpce-0a1b forever 0 hand no reason at all",
		"10.0.0.0/8 - 9 1 auto ",
	};
	static const char *const wrong[] = {"", "192.0.2.1", "192.0.2.1/24 - 1 1 auto x",
		"192.0.2.1 - x 1 auto x", "192.0.2.1 - 1 -1 auto x", "192.0.2.1 - 1 1 robot x",
		"192.0.2.1 - 1 1 auto \t", "192.0.2.1 - 99999999999999999999 1 auto x",
		"192.0.2.1 - 1 4294967296 auto x"};
	char out[BAN_LINE_MAX];
	struct ban ban;
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_true(bans_read_line(&ban, lines[i], strlen(lines[i])));
		size_t length = bans_write_line(&ban, out);
		assert_int_equal(length, strlen(lines[i]) + 1);
		assert_memory_equal(out, lines[i], length - 1);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(bans_read_line(&ban, wrong[i], strlen(wrong[i])));
}

/* --- many threads --- */

enum { THREADS = 4, STEPS = 20000 };

static void *hammer(void *argument)
{
	struct bans *b = argument;
	static _Atomic unsigned number;
	unsigned seed = atomic_fetch_add(&number, 1) * 7919 + 1;
	struct ban ban, ended[4];
	for (int i = 0; i < STEPS; i++) {
		uint8_t ipv4[4] = {
			10, 0, (uint8_t)((unsigned)rand_r(&seed) % 4), (uint8_t)rand_r(&seed)};
		struct network n = {.prefix = 128};
		addr_set_ipv4(&n.addr, ipv4);
		if (i % 4 == 0)
			bans_add(b, &n, "", 0, "x", &rules, i / 100, &ban);
		else if (i % 97 == 1)
			bans_lift(b, &n, "", 0, i / 100);
		else if (i % 31 == 1)
			bans_expire(b, i / 100, ended, 4);
		else
			bans_match(b, &n.addr, "", 0, i / 100, &ban);
	}
	return NULL;
}

static void threads_leave_a_table_that_can_be_emptied(void **state)
{
	struct bans *b = bans_new(200, key);
	struct network all = network_of("0.0.0.0/0");
	pthread_t threads[THREADS];
	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hammer, b), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_true(bans_count(b, 0) <= 200);
	bans_lift(b, &all, "", 0, 0);
	assert_int_equal(bans_count(b, 0), 0);
	bans_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_out_its_network_until_its_end),
		cmocka_unit_test(each_further_time_is_twice_as_long_up_to_the_most),
		cmocka_unit_test(sixteen_of_one_site_become_one_ban_of_it),
		cmocka_unit_test(a_full_table_loses_what_ends_soonest_and_never_what_is_by_hand),
		cmocka_unit_test(what_is_lifted_is_gone_with_all_that_is_inside),
		cmocka_unit_test(the_end_is_told_once),
		cmocka_unit_test(lines_read_back_as_they_were_written),
		cmocka_unit_test(threads_leave_a_table_that_can_be_emptied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
