/* SPDX-License-Identifier: BSD-2-Clause */
/* test_limits_addr.c - addresses, ports and networks as text, as keys and as socket addresses. */
#include "limits/addr.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct addr addr_of(const char *text)
{
	struct addr a;
	if (!addr_parse(&a, text))
		fail_msg("%s is no address", text);
	return a;
}

static void assert_addr_text(const struct addr *a, const char *expected)
{
	char text[ADDR_TEXT_MAX];
	size_t length = addr_format(a, text);
	assert_string_equal(text, expected);
	assert_int_equal(length, strlen(expected));
}

static void reads_addresses_and_writes_their_canonical_text(void **state)
{
	static const char *const cases[][2] = {
		{"192.0.2.1", "192.0.2.1"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"::FFFF:C000:201", "192.0.2.1"},
		{"::", "::"},
		{"::1", "::1"},
		{"1::", "1::"},
		{"2001:DB8::A", "2001:db8::a"},
		{"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* one zero group stays */
		{"2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},       /* the longer run */
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"}, /* of equal runs the first */
		{"0:0:1:2:3:4:5:6", "::1:2:3:4:5:6"},
		{"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
		{"::1:2", "::1:2"}, /* not ::0.1.0.2 */
		{"::192.0.2.1", "::c000:201"},
		{"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr a = addr_of(cases[i][0]);
		assert_addr_text(&a, cases[i][1]);
		struct addr again = addr_of(cases[i][1]);
		assert_true(addr_equal(&a, &again));
	}
}

static void refuses_what_is_not_exactly_one_address(void **state)
{
	static const char *const cases[] = {"", " ", "192.0.2", "192.0.2.", "192.0.2.1.1",
		"192.0.2.256", "192.0.2.01", "192.0.2.00", "0300.0.2.1", "0xc0.0.2.1", "3221225985",
		"192.0.2.1 ", " 192.0.2.1", "192.0.2.-1", "192.0.2.+1", "192.0.2.1/32",
		"192.0.2.1:5060", "[192.0.2.1]", "[::1]", "::1%lo", "fe80::1%eth0", ":::", ":", "1",
		"1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "::g",
		"1:2:3:4:5:6:7:", ":1:2:3:4:5:6:7:8", "::1 ", "::192.0.2", "::192.0.2.256",
		"::192.0.2.01", "1:2:3:4:5:6:7:192.0.2.1", "localhost",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr untouched, a;
		memset(&untouched, 0x5a, sizeof(untouched));
		a = untouched;
		if (addr_parse(&a, cases[i]))
			fail_msg("took \"%s\"", cases[i]);
		assert_true(addr_equal(&a, &untouched));
	}
}

static void folds_mapped_addresses_into_ipv4(void **state)
{
	static const uint8_t bytes[4] = {192, 0, 2, 1};
	struct addr plain = addr_of("192.0.2.1"), mapped = addr_of("::ffff:192.0.2.1"), set;
	struct addr compatible = addr_of("::192.0.2.1");
	(void)state;
	addr_set_ipv4(&set, bytes);
	assert_true(addr_equal(&plain, &mapped));
	assert_true(addr_equal(&plain, &set));
	assert_true(addr_is_ipv4(&mapped));
	assert_false(addr_is_ipv4(&compatible));
	assert_false(addr_equal(&plain, &compatible));
}

static void knows_the_address_that_names_nobody(void **state)
{
	static const char *const unusable[] = {"0.0.0.0", "::", "::ffff:0.0.0.0"};
	static const char *const usable[] = {"0.0.0.1", "1.0.0.0", "::1", "1::", "127.0.0.1",
		"255.255.255.255", "224.0.0.1", "ff02::1",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};
	(void)state;
	for (size_t i = 0; i < COUNT(unusable); i++) {
		struct addr a = addr_of(unusable[i]);
		assert_true(addr_is_unusable(&a));
	}
	for (size_t i = 0; i < COUNT(usable); i++) {
		struct addr a = addr_of(usable[i]);
		assert_false(addr_is_unusable(&a));
	}
}

static void cuts_each_family_to_its_own_prefix(void **state)
{
	static const struct {
		const char *whole;
		unsigned ipv4_prefix, ipv6_prefix;
		const char *cut;
	} cases[] = {
		{"203.0.113.255", 32, 64, "203.0.113.255"},
		{"203.0.113.255", 31, 64, "203.0.113.254"},
		{"203.0.113.255", 24, 64, "203.0.113.0"},
		{"203.0.113.255", 20, 64, "203.0.112.0"},
		{"203.0.113.255", 1, 64, "128.0.0.0"},
		{"203.0.113.255", 0, 64, "0.0.0.0"},
		{"203.0.113.255", 33, 0, "203.0.113.255"},
		{"203.0.113.255", 4000000000u, 0, "203.0.113.255"},
		{"2001:db8:1:2:3:4:5:6", 0, 64, "2001:db8:1:2::"},
		{"2001:db8:1:2:3:4:5:6", 0, 48, "2001:db8:1::"},
		{"2001:db8:1:ffff:3:4:5:6", 0, 57, "2001:db8:1:ff80::"},
		{"2001:db8:1:2:3:4:5:7", 0, 127, "2001:db8:1:2:3:4:5:6"},
		{"2001:db8:1:2:3:4:5:7", 0, 128, "2001:db8:1:2:3:4:5:7"},
		{"2001:db8:1:2:3:4:5:7", 0, 129, "2001:db8:1:2:3:4:5:7"},
		{"2001:db8:1:2:3:4:5:7", 0, 0, "::"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr a = addr_of(cases[i].whole);
		addr_cut(&a, cases[i].ipv4_prefix, cases[i].ipv6_prefix);
		assert_addr_text(&a, cases[i].cut);
	}
}

static void reads_and_writes_an_address_with_its_port(void **state)
{
	static const struct {
		const char *text;
		const char *addr;
		uint16_t port;
	} cases[] = {
		{"192.0.2.1:5060", "192.0.2.1", 5060},
		{"192.0.2.1:0", "192.0.2.1", 0},
		{"255.255.255.255:65535", "255.255.255.255", 65535},
		{"[2001:db8::1]:5060", "2001:db8::1", 5060},
		{"[::]:1", "::", 1},
		{"[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr_port ap;
		char text[ADDR_PORT_TEXT_MAX];
		assert_true(addr_port_parse(&ap, cases[i].text));
		assert_addr_text(&ap.addr, cases[i].addr);
		assert_int_equal(ap.port, cases[i].port);
		assert_int_equal(addr_port_format(&ap, text), strlen(cases[i].text));
		assert_string_equal(text, cases[i].text);
	}
}

static void refuses_a_doubtful_address_with_port(void **state)
{
	static const char *const cases[] = {"", ":", ":5060", "192.0.2.1",
		"192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:05060", "192.0.2.1:00", "192.0.2.1:+1",
		"192.0.2.1:-1", "192.0.2.1: 1", "192.0.2.1:1 ", "192.0.2.1:4294967297",
		"[192.0.2.1]:5060", "2001:db8::1:5060", "::1", "[::1]", "[::1]5060",
		"[::1]:", "[::1:5060", "::1]:5060", "[]:5060", "[:5060", "]:5060", "[[::1]]:5060",
		"[::1%lo]:5060", "*:5060", "host:5060"};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr_port ap = {.port = 4711};
		if (addr_port_parse(&ap, cases[i]))
			fail_msg("took \"%s\"", cases[i]);
		assert_int_equal(ap.port, 4711);
	}
}

static void reads_a_port_as_plain_digits(void **state)
{
	static const char *const bad[] = {
		"", " ", "00", "01", "65536", "99999999999999999999", "1x", "0x1", "-0"};
	uint16_t port = 1;
	(void)state;
	assert_true(port_parse(&port, "0"));
	assert_int_equal(port, 0);
	assert_true(port_parse(&port, "65535"));
	assert_int_equal(port, 65535);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(port_parse(&port, bad[i]));
	assert_int_equal(port, 65535);
}

static void goes_through_socket_addresses_and_back(void **state)
{
	static const struct {
		const char *text;
		int family;
		socklen_t length;
	} cases[] = {
		{"192.0.2.1:5060", AF_INET, sizeof(struct sockaddr_in)},
		{"[2001:db8::1]:5061", AF_INET6, sizeof(struct sockaddr_in6)},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr_port ap, back;
		struct sockaddr_storage storage;
		assert_true(addr_port_parse(&ap, cases[i].text));
		assert_int_equal(addr_to_sockaddr(&ap, &storage), cases[i].length);
		assert_int_equal(storage.ss_family, cases[i].family);
		assert_true(addr_from_sockaddr(&back, (const struct sockaddr *)&storage));
		assert_true(addr_equal(&ap.addr, &back.addr));
		assert_int_equal(ap.port, back.port);
	}
}

static void folds_a_mapped_socket_address(void **state)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(5060)};
	struct addr_port ap;
	(void)state;
	assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.1", &in6.sin6_addr), 1);
	assert_true(addr_from_sockaddr(&ap, (const struct sockaddr *)&in6));
	assert_addr_text(&ap.addr, "192.0.2.1");
}

static void refuses_other_socket_families(void **state)
{
	struct sockaddr sa = {.sa_family = AF_UNIX};
	struct addr_port ap = {.port = 4711};
	(void)state;
	assert_false(addr_from_sockaddr(&ap, &sa));
	assert_int_equal(ap.port, 4711);
}

static void reads_networks(void **state)
{
	static const struct {
		const char *text;
		const char *addr;
		unsigned prefix;
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.0", 120},
		{"192.0.2.1", "192.0.2.1", 128},
		{"192.0.2.1/32", "192.0.2.1", 128},
		{"0.0.0.0/0", "0.0.0.0", 96},
		{"128.0.0.0/1", "128.0.0.0", 97},
		{"2001:db8::/32", "2001:db8::", 32},
		{"2001:db8::1", "2001:db8::1", 128},
		{"::/0", "::", 0},
		{"::ffff:192.0.2.0/120", "192.0.2.0", 120},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct network n;
		assert_true(network_parse(&n, cases[i].text));
		assert_addr_text(&n.addr, cases[i].addr);
		assert_int_equal(n.prefix, cases[i].prefix);
	}
}

static void refuses_what_is_not_a_network(void **state)
{
	static const char *const cases[] = {"", "/", "/24", "192.0.2.0/", "192.0.2.0/33",
		"192.0.2.0/024", "192.0.2.0/-1", "192.0.2.0/24 ", "192.0.2.0/24/24",
		"192.0.2.0/255.255.255.0", "192.0.2.1/24", "192.0.2.0/22", "10.1.0.0/8",
		"0.0.0.1/0", "2001:db8::/129", "2001:db8::1/32", "2001:db8:8000::/32", "::1/0",
		"::ffff:0.0.0.0/95", "[2001:db8::]/32", "192.0.2/24", "all",
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct network n = {.prefix = 42};
		if (network_parse(&n, cases[i]))
			fail_msg("took \"%s\"", cases[i]);
		assert_int_equal(n.prefix, 42);
	}
}

static void finds_an_address_in_its_network_alone(void **state)
{
	static const struct {
		const char *network, *addr;
		bool inside;
	} cases[] = {
		{"192.0.2.0/24", "192.0.2.0", true},
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.0/24", "192.0.1.255", false},
		{"192.0.2.0/24", "::ffff:192.0.2.9", true},
		{"192.0.2.0/24", "::192.0.2.9", false},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"192.0.2.128/25", "192.0.2.128", true},
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.0", false},
		{"0.0.0.0/0", "203.0.113.1", true},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"2001:db8::/33", "2001:db8:7fff:ffff::1", true},
		{"2001:db8::/33", "2001:db8:8000::", false},
		{"::/0", "2001:db8::1", true},
		{"::/0", "192.0.2.1", false}, /* or an IPv6 catch-all would deny IPv4 */
		{"::/64", "192.0.2.1", false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct network n;
		struct addr a = addr_of(cases[i].addr);
		assert_true(network_parse(&n, cases[i].network));
		if (network_contains(&n, &a) != cases[i].inside)
			fail_msg("%s in %s", cases[i].addr, cases[i].network);
	}
}

static void knows_a_network_that_is_everybody(void **state)
{
	static const char *const everything[] = {"0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"};
	static const char *const less[] = {
		"0.0.0.0/1", "::/1", "::/96", "10.0.0.0/8", "::", "0.0.0.0"};
	struct network n;
	(void)state;
	for (size_t i = 0; i < COUNT(everything); i++) {
		assert_true(network_parse(&n, everything[i]));
		assert_true(network_is_everything(&n));
	}
	for (size_t i = 0; i < COUNT(less); i++) {
		assert_true(network_parse(&n, less[i]));
		assert_false(network_is_everything(&n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_addresses_and_writes_their_canonical_text),
		cmocka_unit_test(refuses_what_is_not_exactly_one_address),
		cmocka_unit_test(folds_mapped_addresses_into_ipv4),
		cmocka_unit_test(knows_the_address_that_names_nobody),
		cmocka_unit_test(cuts_each_family_to_its_own_prefix),
		cmocka_unit_test(reads_and_writes_an_address_with_its_port),
		cmocka_unit_test(refuses_a_doubtful_address_with_port),
		cmocka_unit_test(reads_a_port_as_plain_digits),
		cmocka_unit_test(goes_through_socket_addresses_and_back),
		cmocka_unit_test(folds_a_mapped_socket_address),
		cmocka_unit_test(refuses_other_socket_families),
		cmocka_unit_test(reads_networks),
		cmocka_unit_test(refuses_what_is_not_a_network),
		cmocka_unit_test(finds_an_address_in_its_network_alone),
		cmocka_unit_test(knows_a_network_that_is_everybody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
