/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_host.c - what is a name of a host or of a service, and what a slip. */
#include "conf/host.h"
#include "tests/unit/conf_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LABEL_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define POOL(address, more)                                                          \
	CASE_LISTENER                                                                \
	"pools = ( { name = \"p\"; servers = ( { name = \"s\"; address = \"" address \
	"\"; } ); " more " } );"
#define AT "f:2: pools.p.servers.s.address: "

static void names_are_told_from_slips(void **state)
{
	static const char *const good[] = {"sip.example.com:5060", "localhost:1", "k1:65535",
		"xn--bcher-kva.example:5060", "10.0.0.1.example:5060", LABEL_63 ".x:5060",
		"a_b.c:1", "_sip._tcp.example.com", "_sips._tcp.x"};
	static const char *const bad[] = {"", ":", "a", "a:", ":5060", "a:65536", "a:05060",
		"a.:5060", ".a:5060", "a..b:5060", "-a:5060", "a-:5060", "a b:5060",
		"10.0.0.300:5060", "1:5060", "a" LABEL_63 ".x:5060", "[::1]:5060", "a:b:5060",
		"_sip._tcp.example.com:5060", "_sip._tcp.", "_sip._tcp", "sip._tcp.example.com"};
	struct conf_host h;
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!conf_host_parse(&h, good[i]))
			fail_msg("\"%s\" is refused", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (conf_host_parse(&h, bad[i]))
			fail_msg("\"%s\" is taken", bad[i]);
}

static void a_name_is_as_long_as_the_protocol_allows(void **state)
{
	char text[300] = "";
	struct conf_host h;
	(void)state;
	for (unsigned i = 0; i < 126; i++)
		strcat(text, "a.");
	strcat(text, "b:1"); /* 253 bytes of name */
	assert_true(conf_host_parse(&h, text));
	assert_int_equal(strlen(h.name), 253);
	memmove(text + 1, text, strlen(text) + 1);
	assert_false(conf_host_parse(&h, text));
}

static void the_domain_is_whose_service_it_is(void **state)
{
	(void)state;
	assert_string_equal(conf_host_domain("_sip._tcp.example.com"), "example.com");
	assert_string_equal(conf_host_domain("sip.example.com"), "sip.example.com");
	assert_string_equal(conf_host_domain("_dmarc.example.com"), "_dmarc.example.com");
}

static void names_fit_what_the_pool_says_of_them(void **state)
{
	static const struct conf_case cases[] = {
		{POOL("sip.test:5060", ""), "", ""},
		{POOL("sip.test:5060", "resolve = \"address\";"), "", ""},
		{POOL("_sip._tcp.sip.test", "resolve = \"srv\";"), "", ""},
		{POOL("_sip._tcp.sip.test", ""),
			AT "\"_sip._tcp.sip.test\" is the name of a service, expected resolve = "
			   "\"srv\" in its pool, or the name of a host with a port\n",
			""},
		{POOL("sip.test:5060", "resolve = \"srv\";"),
			AT "\"sip.test\" is the name of a host, expected that of a service such as "
			   "\"_sip._tcp.example.com\", or another resolve in its pool\n",
			""},
		{POOL("10.0.0.1:5060", "resolve = \"address\";"), "",
			"f:2: pools.p.resolve: it means nothing without a server whose address is "
			"a name, expected one\n"},
		{POOL("sip.test:0", ""),
			AT "\"sip.test:0\" is out of range, expected \"ADDRESS:PORT\", an IPv6 "
			   "address in [ ], or \"NAME:PORT\", PORT 1..65535\n",
			""},
	};
	(void)state;
	conf_case_check(cases, sizeof(cases) / sizeof(cases[0]));
}

static void resolvers_are_addresses(void **state)
{
	static const char error[] = "f:3: resolvers: \"ns.test\" is nobody who could be asked for "
				    "names, expected an address such as \"10.0.0.2\" or "
				    "\"10.0.0.2:53\"\n";
	static const struct conf_case cases[] = {
		{CASE_GOOD "resolvers = [ \"10.0.0.2\", \"10.0.0.3:5353\", \"2001:db8::1\", "
			   "\"[::1]:53\" ];",
			"", ""},
		{CASE_GOOD "resolvers = [ \"ns.test\" ];", error, ""},
	};
	(void)state;
	conf_case_check(cases, sizeof(cases) / sizeof(cases[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_told_from_slips),
		cmocka_unit_test(a_name_is_as_long_as_the_protocol_allows),
		cmocka_unit_test(the_domain_is_whose_service_it_is),
		cmocka_unit_test(names_fit_what_the_pool_says_of_them),
		cmocka_unit_test(resolvers_are_addresses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
