/* SPDX-License-Identifier: BSD-2-Clause */
/* test_limits_netlist.c - lists as people write them, and what is wrong with them, line by line. */
#include "limits/netlist.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void reads_networks_comments_and_blanks_and_drops_repetitions(void **state)
{
	static const char text[] =
		"# a list\n\n192.0.2.0/24\r\n  198.51.100.7   # one\n"
		"2001:db8::/32\n192.0.2.0/24\n198.51.100.7/32\n\t\n203.0.113.0/24";
	struct netlist list;
	struct netlist_fault fault;
	(void)state;
	assert_true(netlist_read(&list, text, sizeof(text) - 1, &fault));
	assert_int_equal(list.count, 4);
	netlist_free(&list);
	assert_true(netlist_read(&list, "", 0, &fault));
	assert_int_equal(list.count, 0);
	netlist_free(&list);
}

static void a_mistake_is_told_with_its_line_and_a_cure(void **state)
{
	static const struct {
		const char *text;
		size_t line;
		const char *part;
	} cases[] = {
		{"192.0.2.0/24\n192.0.2.1/24\n", 2, "bits set behind its prefix"},
		{"# x\n\nexample.com\n", 3, "is no network; expected one a line"},
		{"192.0.2.1 198.51.100.1\n", 1, "is no network"},
		{"192.0.2.0/33", 1, "too long a prefix"},
		{"192.0.2.01\n", 1, "is no network"},
		{"a\"b\001\n", 1, "\"a?b?\""},
		{"192.0.2.0/24,\n", 1, "no network"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct netlist list;
		struct netlist_fault fault;
		assert_false(netlist_read(&list, cases[i].text, strlen(cases[i].text), &fault));
		assert_int_equal(fault.line, cases[i].line);
		if (!strstr(fault.text, cases[i].part))
			fail_msg("%s", fault.text);
		assert_null(list.networks);
	}
}

static void a_nul_and_a_line_without_end_are_no_networks(void **state)
{
	static char lots[5000];
	struct netlist list;
	struct netlist_fault fault;
	(void)state;
	assert_false(netlist_read(&list, "10.0.0.1\0\n", 10, &fault));
	memset(lots, '1', sizeof(lots));
	assert_false(netlist_read(&list, lots, sizeof(lots), &fault));
	assert_int_equal(fault.line, 1);
}

static bool is_vast(const char *text)
{
	struct netlist list;
	struct netlist_fault fault;
	assert_true(netlist_read(&list, text, strlen(text), &fault));
	bool vast = netlist_is_vast(list.networks, list.count);
	netlist_free(&list);
	return vast;
}

static void more_than_a_slash_8_or_16_in_all_is_vast(void **state)
{
	(void)state;
	assert_false(is_vast("10.0.0.0/8"));
	assert_true(is_vast("10.0.0.0/7"));
	assert_true(is_vast("10.0.0.0/8\n192.0.2.1"));
	assert_false(is_vast("10.0.0.0/8\n10.1.0.0/16\n10.2.3.4"));
	assert_true(is_vast("0.0.0.0/0"));
	assert_false(is_vast("2001::/16"));
	assert_true(is_vast("2000::/15"));
	assert_false(is_vast("10.0.0.0/8\n2001::/16"));
	assert_true(is_vast("::/0"));
	assert_false(is_vast(""));
}

static void finds_what_overlaps_whichever_is_the_larger(void **state)
{
	struct netlist list;
	struct netlist_fault fault;
	struct network n;
	static const char text[] = "10.1.0.0/16\n192.0.2.7\n";
	(void)state;
	assert_true(netlist_read(&list, text, sizeof(text) - 1, &fault));
	assert_true(network_parse(&n, "10.0.0.0/8"));
	assert_ptr_equal(netlist_overlap(list.networks, list.count, &n), &list.networks[0]);
	assert_true(network_parse(&n, "192.0.2.0/24"));
	assert_ptr_equal(netlist_overlap(list.networks, list.count, &n), &list.networks[1]);
	assert_true(network_parse(&n, "10.1.2.3"));
	assert_non_null(netlist_overlap(list.networks, list.count, &n));
	assert_true(network_parse(&n, "10.2.0.0/16"));
	assert_null(netlist_overlap(list.networks, list.count, &n));
	netlist_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_networks_comments_and_blanks_and_drops_repetitions),
		cmocka_unit_test(a_mistake_is_told_with_its_line_and_a_cure),
		cmocka_unit_test(a_nul_and_a_line_without_end_are_no_networks),
		cmocka_unit_test(more_than_a_slash_8_or_16_in_all_is_vast),
		cmocka_unit_test(finds_what_overlaps_whichever_is_the_larger),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
