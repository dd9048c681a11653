/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_trust.c - when a list of networks leaves nobody out. */
#include "conf/trust.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { LIST_MAX = 40 };

static bool is_everything(const char *const *texts)
{
	struct network list[LIST_MAX];
	size_t count = 0;

	for (; texts[count]; count++) {
		if (!network_parse(&list[count], texts[count]))
			fail_msg("%s is no network", texts[count]);
	}
	return conf_trust_is_everything(list, count);
}

static void sees_a_whole_family_in_one_or_more_pieces(void **state)
{
	static const char *const lists[][8] = {
		{"0.0.0.0/0"},
		{"::/0"},
		{"10.0.0.0/8", "::/0"},
		{"0.0.0.0/1", "128.0.0.0/1"},
		{"128.0.0.0/1", "192.0.2.0/24", "0.0.0.0/1"},
		{"0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/2", "192.0.0.0/2"},
		{"0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3", "224.0.0.0/3"},
		{"::/1", "8000::/1"},
		{"8000::/2", "c000::/2", "::/1", "10.0.0.0/8"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		if (!is_everything(lists[i]))
			fail_msg("list %zu is said to leave somebody out", i);
	}
}

static void sees_who_is_left_out(void **state)
{
	static const char *const lists[][8] = {
		{NULL},
		{"0.0.0.0/1"},
		{"128.0.0.0/1", "128.0.0.0/1"},
		{"0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3"},
		{"0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3", "224.0.0.0/4"},
		{"0.0.0.0/1", "8000::/1"},
		{"::/1", "8000::/2"},
		{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"},
		{"0.0.0.0", "255.255.255.255"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lists); i++) {
		if (is_everything(lists[i]))
			fail_msg("list %zu is said to leave nobody out", i);
	}
}

/* All of IPv4 but one address: 0.0.0.0/1, 128.0.0.0/2, ... and the last but one address. */
static void one_address_left_out_is_not_everything(void **state)
{
	struct network list[33];

	(void)state;
	for (unsigned i = 0; i < 32; i++) {
		struct network *n = &list[i];

		assert_true(network_parse(n, "255.255.255.255"));
		n->prefix = (uint8_t)(96 + i + 1);
		n->addr.bytes[12 + i / 8] ^= (uint8_t)(0x80u >> (i % 8));
		for (unsigned bit = i + 1; bit < 32; bit++)
			n->addr.bytes[12 + bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
	}
	assert_false(conf_trust_is_everything(list, 32));
	assert_true(network_parse(&list[32], "255.255.255.255"));
	assert_true(conf_trust_is_everything(list, 33));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sees_a_whole_family_in_one_or_more_pieces),
		cmocka_unit_test(sees_who_is_left_out),
		cmocka_unit_test(one_address_left_out_is_not_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
