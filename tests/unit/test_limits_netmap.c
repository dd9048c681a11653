/* SPDX-License-Identifier: BSD-2-Clause */
/* test_limits_netmap.c - the longest network, against a linear scan. */
#include "limits/netmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 300, LOOKS = 20000, ROUNDS = 60, MANY = 100000 };

static uint64_t state_of_random = 0x9e3779b97f4a7c15;

static uint32_t draw(uint32_t below)
{
	state_of_random ^= state_of_random << 13;
	state_of_random ^= state_of_random >> 7;
	state_of_random ^= state_of_random << 17;
	return (uint32_t)(state_of_random >> 32) % below;
}

static struct netmap_row row_of(const char *text, uint32_t value)
{
	struct netmap_row row = {.value = value};
	assert_true(network_parse(&row.network, text));
	return row;
}

static uint32_t find(const struct netmap *m, const char *text)
{
	struct addr a;
	assert_true(addr_parse(&a, text));
	return netmap_find(m, &a);
}

static void the_longest_network_wins_and_of_equals_the_first(void **state)
{
	const struct netmap_row rows[] = {
		row_of("10.0.0.0/8", 1),
		row_of("10.1.0.0/16", 2),
		row_of("10.1.2.0/24", 3),
		row_of("10.1.2.3", 4),
		row_of("10.1.2.3", 5),
		row_of("2001:db8::/32", 6),
		row_of("2001:db8:1::/48", 7),
		row_of("2001:db8:1::1", 8),
	};
	struct netmap *m = netmap_new(rows, sizeof(rows) / sizeof(rows[0]));
	(void)state;
	assert_non_null(m);
	assert_int_equal(find(m, "10.9.9.9"), 1);
	assert_int_equal(find(m, "10.1.9.9"), 2);
	assert_int_equal(find(m, "10.1.2.9"), 3);
	assert_int_equal(find(m, "10.1.2.3"), 4);
	assert_int_equal(find(m, "::ffff:10.1.2.3"), 4);
	assert_int_equal(find(m, "11.0.0.0"), NETMAP_NONE);
	assert_int_equal(find(m, "2001:db8:2::1"), 6);
	assert_int_equal(find(m, "2001:db8:1::2"), 7);
	assert_int_equal(find(m, "2001:db8:1::1"), 8);
	assert_int_equal(find(m, "2001:db9::"), NETMAP_NONE);
	netmap_free(m);
}

static void everything_of_one_family_is_nothing_of_the_other(void **state)
{
	const struct netmap_row ipv4[] = {row_of("0.0.0.0/0", 1)}, ipv6[] = {row_of("::/0", 2)};
	struct netmap *a = netmap_new(ipv4, 1), *b = netmap_new(ipv6, 1);
	(void)state;
	assert_int_equal(find(a, "203.0.113.9"), 1);
	assert_int_equal(find(a, "2001:db8::1"), NETMAP_NONE);
	assert_int_equal(find(b, "203.0.113.9"), NETMAP_NONE);
	assert_int_equal(find(b, "2001:db8::1"), 2);
	netmap_free(a);
	netmap_free(b);
}

static void an_empty_map_and_none_hold_nobody(void **state)
{
	struct netmap *m = netmap_new(NULL, 0);
	(void)state;
	assert_int_equal(find(m, "192.0.2.1"), NETMAP_NONE);
	assert_int_equal(find(NULL, "2001:db8::1"), NETMAP_NONE);
	netmap_free(m);
	netmap_free(NULL);
}

/* Few different bits, so that networks nest and addresses hit. */
static void draw_addr(struct addr *a, bool is_ipv4)
{
	uint8_t ipv4[4];
	memset(a, 0, sizeof(*a));
	for (int i = 0; i < 4; i++)
		ipv4[i] = (uint8_t)(draw(2) ? draw(4) << 6 | draw(4) : draw(256));
	if (is_ipv4) {
		addr_set_ipv4(a, ipv4);
		return;
	}
	for (int i = 0; i < 16; i++)
		a->bytes[i] = (uint8_t)(draw(3) ? draw(3) : draw(256));
	a->bytes[0] |= 0x20;
}

static struct network draw_network(void)
{
	struct network n;
	bool is_ipv4 = draw(2);
	unsigned bits = is_ipv4 ? draw(33) : draw(129);
	draw_addr(&n.addr, is_ipv4);
	addr_cut(&n.addr, bits, bits);
	n.prefix = (uint8_t)(is_ipv4 ? 96 + bits : bits);
	return n;
}

static uint32_t scan(const struct netmap_row *rows, size_t count, const struct addr *a)
{
	const struct netmap_row *best = NULL;
	for (size_t i = 0; i < count; i++)
		if (network_contains(&rows[i].network, a) &&
			(!best || rows[i].network.prefix > best->network.prefix))
			best = &rows[i];
	return best ? best->value : NETMAP_NONE;
}

static void agrees_with_a_linear_scan_over_a_million_look_ups(void **state)
{
	static struct netmap_row rows[ROWS];
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		size_t count = draw(ROWS) + 1;
		for (size_t i = 0; i < count; i++)
			rows[i] = (struct netmap_row){draw_network(), (uint32_t)i + 1};
		struct netmap *m = netmap_new(rows, count);
		assert_non_null(m);
		for (int i = 0; i < LOOKS; i++) {
			struct addr a;
			draw_addr(&a, draw(2));
			if (draw(4) == 0)
				a = rows[draw((uint32_t)count)].network.addr;
			assert_int_equal(netmap_find(m, &a), scan(rows, count, &a));
		}
		netmap_free(m);
	}
}

static void a_hundred_thousand_networks_take_less_than_128_bytes_each(void **state)
{
	struct netmap_row *rows = calloc(MANY, sizeof(*rows));
	(void)state;
	assert_non_null(rows);
	for (uint32_t i = 0; i < MANY; i++) {
		uint8_t ipv4[4] = {(uint8_t)draw(256), (uint8_t)draw(256), (uint8_t)draw(256),
			(uint8_t)draw(256)};
		addr_set_ipv4(&rows[i].network.addr, ipv4);
		rows[i].network.prefix = 128;
		rows[i].value = 1;
	}
	struct netmap *m = netmap_new(rows, MANY);
	assert_non_null(m);
	print_message("%zu bytes each\n", netmap_bytes(m) / MANY);
	assert_true(netmap_bytes(m) < (size_t)MANY * 128);
	for (uint32_t i = 0; i < MANY; i++)
		assert_int_equal(netmap_find(m, &rows[i].network.addr), 1);
	netmap_free(m);
	free(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_network_wins_and_of_equals_the_first),
		cmocka_unit_test(everything_of_one_family_is_nothing_of_the_other),
		cmocka_unit_test(an_empty_map_and_none_hold_nobody),
		cmocka_unit_test(agrees_with_a_linear_scan_over_a_million_look_ups),
		cmocka_unit_test(a_hundred_thousand_networks_take_less_than_128_bytes_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
