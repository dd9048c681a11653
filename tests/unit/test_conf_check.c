/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_check.c - the rules between options; the exact text of every error. */
#include "tests/unit/conf_case.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define LOOP(listener, server)                                                           \
	"listeners = ( { name = \"l\"; address = \"" listener "\"; pool = \"p\"; } );\n" \
	"pools = ( { name = \"p\"; servers = ( { name = \"s\"; address = \"" server      \
	"\"; } ); } );"
#define LOOP_ERROR                                                                                 \
	"f:2: pools.p.servers.s.address: that is the listener \"l\" at f:1, expected the address " \
	"of "                                                                                      \
	"a server behind it\n"

static void a_server_is_none_of_our_own_listeners(void **state)
{
	static const struct conf_case cases[] = {
		{LOOP("10.0.0.1:5060", "10.0.0.1:5060"), LOOP_ERROR, ""},
		{LOOP("0.0.0.0:5060", "127.0.0.1:5060"), LOOP_ERROR, ""},
		{LOOP("[::]:5060", "[::1]:5060"), LOOP_ERROR, ""},
		{LOOP("0.0.0.0:5060", "10.0.0.1:5060"), "", ""},
		{LOOP("10.0.0.1:5060", "10.0.0.1:5061"), "", ""},
		{LOOP("[::]:5060", "127.0.0.1:5060"), "", ""},
	};
	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void names_and_addresses_are_taken_once(void **state)
{
	static const struct conf_case cases[] = {
		{CASE_POOL "listeners = (\n"
			   "{ name = \"l\"; address = \"127.0.0.1:5060\"; pool = \"p\"; },\n"
			   "{ name = \"l\"; address = \"127.0.0.1:5061\"; pool = \"p\"; },\n"
			   "{ name = \"m\"; address = \"127.0.0.1:5060\"; pool = \"p\"; } );",
			"f:4: listeners.l.name: the name \"l\" is taken, expected another; first "
			"at f:3\n"
			"f:5: listeners.m.address: \"127.0.0.1:5060\" is taken, expected another; "
			"first "
			"at f:3\n",
			""},
		{CASE_POOL "listeners = (\n"
			   "{ name = \"a\"; address = \"[::]:5060\"; pool = \"p\"; dual_stack = "
			   "true; },\n"
			   "{ name = \"b\"; address = \"0.0.0.0:5060\"; pool = \"p\"; } );",
			"f:4: listeners.b.address: \"0.0.0.0:5060\" is taken, expected another; "
			"first at "
			"f:3\n",
			""},
		{CASE_POOL "listeners = (\n"
			   "{ name = \"a\"; address = \"0.0.0.0:5060\"; pool = \"p\"; },\n"
			   "{ name = \"b\"; address = \"[::]:5060\"; pool = \"p\"; dual_stack = "
			   "true; } );",
			"f:4: listeners.b.address: \"[::]:5060\" is taken, expected another; first "
			"at "
			"f:3\n",
			""},
		{CASE_POOL "listeners = (\n"
			   "{ name = \"a\"; address = \"0.0.0.0:5060\"; pool = \"p\"; },\n"
			   "{ name = \"b\"; address = \"[::]:5060\"; pool = \"p\"; },\n"
			   "{ name = \"c\"; address = \"[::]:5061\"; pool = \"p\"; dual_stack = "
			   "true; },\n"
			   "{ name = \"d\"; address = \"127.0.0.1:0\"; pool = \"p\"; },\n"
			   "{ name = \"e\"; address = \"127.0.0.1:0\"; pool = \"p\"; } );",
			"", ""},
		{CASE_POOL "listeners = (\n"
			   "{ name = \"a\"; address = \"0.0.0.0:5060\"; pool = \"p\"; },\n"
			   "{ name = \"b\"; address = \"127.0.0.1:5060\"; pool = \"p\"; } );",
			"f:4: listeners.b.address: \"127.0.0.1:5060\" is taken, expected another; "
			"first at f:3\n",
			""},
		{CASE_LISTENER "pools = (\n"
			       "{ name = \"p\"; respond: { }; },\n"
			       "{ name = \"p\"; respond: { }; } );",
			"f:4: pools.p.name: the name \"p\" is taken, expected another; first at "
			"f:3\n",
			""},
		{CASE_LISTENER "pools = ( { name = \"p\"; servers = (\n"
			       "{ name = \"s\"; address = \"10.0.0.1:5060\"; },\n"
			       "{ name = \"s\"; address = \"10.0.0.2:5060\"; } ); },\n"
			       "{ name = \"q\"; servers = ( { name = \"s\"; address = "
			       "\"10.0.0.1:5060\"; } ); } );",
			"f:4: pools.p.servers.s.name: the name \"s\" is taken, expected another; "
			"first "
			"at f:3\n",
			""},
		{CASE_GOOD
			"workers = 1;\nworkers = 2;\nlog: { level = \"info\"; level = \"info\"; };",
			"f:4: workers: given twice, expected once; first at f:3\n"
			"f:5: log.level: given twice, expected once; first at f:5\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void addresses_that_make_no_sense_are_refused(void **state)
{
	static const struct conf_case cases[] = {
		{CASE_LISTENER "pools = ( { name = \"p\"; servers = ( { name = \"s\"; address = "
			       "\"0.0.0.0:5060\"; } ); } );",
			"f:2: pools.p.servers.s.address: nobody can be reached at this address, "
			"expected "
			"that of one server\n",
			""},
		{CASE_LISTENER "pools = ( { name = \"p\"; servers = ( { name = \"s\"; address = "
			       "\"10.0.0.1:0\"; } ); } );",
			"f:2: pools.p.servers.s.address: \"10.0.0.1:0\" is out of range, expected "
			"\"ADDRESS:PORT\", an IPv6 address in [ ], or \"NAME:PORT\", PORT "
			"1..65535\n",
			""},
		{CASE_POOL "listeners = ( { name = \"l\"; address = \"127.0.0.1:5060\"; pool = "
			   "\"p\"; dual_stack = true; } );",
			"",
			"f:2: listeners.l.dual_stack: it means nothing for this address, expected "
			"it "
			"with \"[::]\" alone\n"},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void a_pool_has_either_servers_or_a_responder(void **state)
{
	static const struct conf_case cases[] = {
		{CASE_LISTENER "pools = ( { name = \"p\"; } );",
			"f:2: pools.p: it has no servers, expected servers = ( { name = \"k1\"; "
			"address "
			"= \"10.0.1.10:5060\"; } ) or a respond group\n",
			""},
		{CASE_LISTENER "pools = ( { name = \"p\"; servers = ( ); } );",
			"f:2: pools.p: it has no servers, expected servers = ( { name = \"k1\"; "
			"address "
			"= \"10.0.1.10:5060\"; } ) or a respond group\n",
			""},
		{CASE_LISTENER "pools = ( { name = \"p\"; respond: { };\n"
			       "servers = ( { name = \"s\"; address = \"10.0.0.1:5060\"; } ); } );",
			"f:2: pools.p: it has servers and a respond group, expected one of them\n",
			""},
		{CASE_LISTENER "pools = ( { name = \"p\"; servers = ( ); respond: { }; } );", "",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void a_listener_names_a_pool_that_exists(void **state)
{
	static const struct conf_case cases[] = {
		{CASE_LISTENER "pools = ( { name = \"q\"; respond: { }; }, { name = \"r\"; "
			       "respond: { }; } );",
			"f:1: listeners.l.pool: there is no pool \"p\", expected one of \"q\", "
			"\"r\"\n",
			""},
		/* The pool without a name may be the one that is meant. */
		{CASE_LISTENER "pools = ( { name = \"q\"; respond: { }; }, { respond: { }; } );",
			"f:2: pools[1].name: missing, expected a name of 1..63 letters, digits, "
			"\".\", "
			"\"_\" and \"-\"\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

#define TRUSTING(mode, list)                                                                    \
	CASE_POOL "listeners = ( { name = \"l\"; address = \"127.0.0.1:5060\"; pool = \"p\";\n" \
		  "proxy_protocol = \"" mode "\"; trusted = " list "; } );"
#define EVERYTHING                                                                               \
	"f:3: listeners.l.trusted: a trust list of everything lets every caller choose its own " \
	"address, expected the networks of the load balancer, as in [ \"10.0.0.0/16\" ]\n"
#define NOBODY                                                                                     \
	"listeners.l.trusted: nobody is trusted to send a PROXY header, expected the networks of " \
	"the load balancer, as in [ \"10.0.0.0/16\" ]\n"
#define NO_NETWORK                                                                                \
	"is no network, expected an address, or a network such as \"192.0.2.0/24\" without bits " \
	"behind its prefix\n"

static void who_may_name_callers_is_said_and_is_not_everybody(void **state)
{
	static const struct conf_case cases[] = {
		{TRUSTING("require", "[ \"10.0.0.0/16\", \"2001:db8::/32\", \"192.0.2.1\" ]"), "",
			""},
		{TRUSTING("optional", "[ \"10.0.0.0/16\" ]"), "", ""},
		{CASE_POOL "listeners = ( { name = \"l\"; address = \"127.0.0.1:5060\"; pool = "
			   "\"p\";\n"
			   "proxy_protocol = \"require\"; } );",
			"f:2: " NOBODY, ""},
		{TRUSTING("optional", "[ ]"), "f:3: " NOBODY, ""},
		{TRUSTING("require", "[ \"0.0.0.0/0\" ]"), EVERYTHING, ""},
		{TRUSTING("require", "[ \"10.0.0.0/8\", \"::/0\" ]"), EVERYTHING, ""},
		{TRUSTING("optional", "[ \"0.0.0.0/1\", \"128.0.0.0/1\" ]"), EVERYTHING, ""},
		{TRUSTING("require", "[ \"8000::/1\", \"::/1\" ]"), EVERYTHING, ""},
		{TRUSTING("require", "[ \"10.0.0.1/16\" ]"),
			"f:3: listeners.l.trusted[0]: \"10.0.0.1/16\" " NO_NETWORK, ""},
		{TRUSTING("require", "[ \"10.0.0.0/16\", \"lb.example\" ]"),
			"f:3: listeners.l.trusted[1]: \"lb.example\" " NO_NETWORK, ""},
		{TRUSTING("require", "\"10.0.0.0/16\""),
			"f:3: listeners.l.trusted: \"10.0.0.0/16\" is a string in quotes, expected "
			"a list "
			"of 0..256 networks, as in [ \"192.0.2.0/24\", \"2001:db8::/32\" ]\n",
			""},
		{TRUSTING("off", "[ \"10.0.0.0/16\" ]"), "",
			"f:3: listeners.l.trusted: it means nothing while proxy_protocol is "
			"\"off\", "
			"expected none\n"},
		{TRUSTING("off", "[ ]"), "", ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void sizes_fit_into_each_other(void **state)
{
	static const struct conf_case cases[] = {
		{CASE_GOOD "sip: { max_message = \"8K\"; };",
			"f:3: sip.max_header_bytes: \"16K\" is more than a whole message, expected "
			"up to "
			"sip.max_message, \"8K\"\n",
			""},
		{CASE_GOOD "sip: { max_message = \"16K\"; };", "", ""},
		{CASE_GOOD "sip: { max_message = \"65537\"; };",
			"f:1: memory.per_connection: \"256K\" does not hold two messages in each "
			"direction, expected at least four times sip.max_message, \"262148\"\n",
			""},
		{CASE_GOOD "sip: { max_message = \"128K\"; };\nmemory: { per_connection = "
			   "\"512K\"; };",
			"", ""},
		{CASE_GOOD "memory: { per_connection = \"2M\";\ntotal = \"1M\"; };",
			"f:4: memory.total: \"1M\" is less than one connection may hold, expected "
			"at "
			"least memory.per_connection, \"2M\"\n",
			""},
		{CASE_LISTENER
			"pools = ( { name = \"p\"; max_message = \"65537\"; respond: { }; } );",
			"f:2: pools.p.max_message: \"65537\" is more than ever comes, expected up "
			"to "
			"sip.max_message, \"64K\"\n",
			""},
		{CASE_LISTENER
			"pools = ( { name = \"p\"; max_message = \"64K\"; respond: { }; } );",
			"", ""},
		/* What was refused itself is not held against others. */
		{CASE_GOOD "sip: { max_message = \"2M\"; };",
			"f:3: sip.max_message: \"2M\" is out of range, expected a size "
			"\"1K\"..\"1M\"\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void keepalive_that_cannot_do_its_work_is_warned_of(void **state)
{
	static const struct conf_case cases[] = {
		{CASE_GOOD "timeouts: { unacked = \"59999ms\"; };", "",
			"f:3: timeouts.unacked: \"59999ms\" ends connections before keepalive "
			"does, "
			"expected at least keepalive_idle + keepalive_interval * keepalive_count, "
			"\"1m\"\n"},
		{CASE_GOOD "timeouts: { unacked = \"2h\"; keepalive_idle = \"320s\"; };", "",
			"f:3: timeouts.keepalive_idle: a dead peer is noticed after \"350s\" "
			"(keepalive_idle + keepalive_interval * keepalive_count), expected less "
			"than the "
			"\"350s\" after which a network load balancer forgets a silent connection "
			"and "
			"tells nobody\n"},
		{CASE_GOOD "timeouts: { unacked = \"2h\"; keepalive_idle = \"319s\"; };", "", ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_none_of_our_own_listeners),
		cmocka_unit_test(names_and_addresses_are_taken_once),
		cmocka_unit_test(addresses_that_make_no_sense_are_refused),
		cmocka_unit_test(a_pool_has_either_servers_or_a_responder),
		cmocka_unit_test(a_listener_names_a_pool_that_exists),
		cmocka_unit_test(who_may_name_callers_is_said_and_is_not_everybody),
		cmocka_unit_test(sizes_fit_into_each_other),
		cmocka_unit_test(keepalive_that_cannot_do_its_work_is_warned_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
