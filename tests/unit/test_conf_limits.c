/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_limits.c - classes and what they inherit, and the exact text about what does not fit. */
#include "tests/unit/conf_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LIMITS(text) CASE_GOOD "limits: { " text " };"
#define CLASS(text) \
	LIMITS("classes = ( { name = \"c\"; networks = [ \"192.0.2.0/24\" ]; " text " } );")

static void a_class_has_from_limits_and_timeouts_whatever_it_does_not_name(void **state)
{
	static const char text[] = CASE_GOOD
		"timeouts: { first_message = \"7s\"; idle = \"1h\"; };\n"
		"limits: { connections = 50; connection_rate = \"9/s burst 30\"; unproven = 7;\n"
		"message_rate = \"5/s\"; over_message_rate = \"close\"; action = \"tarpit\"; mode "
		"= "
		"\"observe\"; refuse_status = 480; subnet: { connections = 99; };\n"
		"classes = ( { name = \"a\"; networks = [ \"192.0.2.0/24\" ]; },\n"
		"{ name = \"b\"; files = ( { path = \"/l\"; on_error = \"fail\"; }, { path = "
		"\"/m\"; } ); connections = 5; message_rate = \"off\"; mode = \"enforce\"; subnet: "
		"{ "
		"connections = 3; }; timeouts: { idle = \"off\"; }; } ); };";
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text(text, "f", &errors);
	(void)state;
	assert_non_null(c);
	assert_int_equal(c->limits.class_count, 2);
	const struct conf_class *a = &c->limits.classes[0], *b = &c->limits.classes[1];
	assert_int_equal(a->connections, 50);
	assert_int_equal(a->connection_rate.count, 9);
	assert_int_equal(a->connection_rate.burst, 30);
	assert_int_equal(a->unproven, 7);
	assert_int_equal(a->message_rate.count, 5);
	assert_int_equal(a->over_message_rate, CONF_OVER_CLOSE);
	assert_int_equal(a->action, CONF_ACTION_TARPIT);
	assert_int_equal(a->mode, CONF_MODE_OBSERVE);
	assert_int_equal(a->refuse_status, 480);
	assert_int_equal(a->subnet.connections, 99);
	assert_int_equal(a->timeouts.first_message_ms, 7000);
	assert_int_equal(a->timeouts.idle_ms, 3600000);
	assert_int_equal(a->total_connections, 0);
	assert_int_equal(b->connections, 5);
	assert_int_equal(b->message_rate.count, 0);
	assert_int_equal(b->unproven, 7);
	assert_int_equal(b->mode, CONF_MODE_ENFORCE);
	assert_int_equal(b->subnet.connections, 3);
	assert_int_equal(b->timeouts.idle_ms, 0);
	assert_int_equal(b->timeouts.first_message_ms, 7000);
	assert_int_equal(b->file_count, 2);
	assert_int_equal(b->files[0].on_error, CONF_ON_ERROR_FAIL);
	assert_int_equal(b->files[1].on_error, CONF_ON_ERROR_KEEP);
	conf_free(c);
	conf_errors_fini(&errors);
}

static void the_defaults_are_those_of_the_contract(void **state)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text(CASE_GOOD, "f", &errors);
	(void)state;
	assert_non_null(c);
	const struct conf_limits *l = &c->limits;
	assert_int_equal(l->connections, 1024);
	assert_int_equal(l->unproven, 64);
	assert_int_equal(l->unregistered, 0);
	assert_int_equal(l->connection_rate.count, 0);
	assert_int_equal(l->over_message_rate, CONF_OVER_DELAY);
	assert_int_equal(l->refuse_status, 503);
	assert_int_equal(l->max_refusing, 256);
	assert_int_equal(l->tarpit_ms, 10000);
	assert_int_equal(l->max_tarpit, 1024);
	assert_int_equal(l->subnet.ipv4_prefix, 24);
	assert_int_equal(l->subnet.ipv6_prefix, 48);
	assert_int_equal(l->penalty.mode, CONF_MODE_OBSERVE);
	assert_int_equal(l->penalty.auth_failed, 5);
	assert_int_equal(l->penalty.scanner, 20);
	assert_int_equal(l->penalty.half_life_ms, 60000);
	assert_int_equal(l->penalty.ban_at, 100);
	assert_int_equal(l->penalty.ban_for_ms, 600000);
	assert_int_equal(l->penalty.ban_max_ms, 86400000);
	assert_int_equal(l->penalty.ban_closes, CONF_BAN_CLOSES_UNREGISTERED);
	assert_int_equal(l->penalty.max_bans, 65536);
	assert_int_equal(c->sip.max_pending, 32);
	assert_int_equal(c->sip.scanner_agents_count, 7);
	assert_string_equal(c->sip.scanner_agents[0], "friendly-scanner");
	assert_string_equal(c->sip.scanner_agents[6], "pplsip");
	assert_null(c->sip.scanner_agents[7]);
	conf_free(c);
	conf_errors_fini(&errors);
}

static void what_does_not_fit_is_refused_with_a_cure(void **state)
{
	static const struct conf_case cases[] = {
		{LIMITS("classes = ( { name = \"c\"; } );"),
			"f:3: limits.classes.c: nobody is in it, expected networks, files, "
			"endpoints, "
			"certificate_names or listeners\n",
			""},
		{CLASS("listeners = [ \"x\" ];"),
			"f:3: limits.classes.c.listeners: there is no listener \"x\", expected the "
			"name of "
			"one\n",
			""},
		{CLASS("total_connections = 5; reserved = 6;"),
			"f:3: limits.classes.c.reserved: 6 places are more than total_connections, "
			"5, "
			"expected at most that\n",
			""},
		{"max_connections = 5;\n" CLASS("reserved = 5;"),
			"f:4: limits.classes.c.reserved: with the classes before it 5 places are "
			"reserved, expected fewer than max_connections, 5, so that some are left "
			"for others\n",
			""},
		{LIMITS("classes = ( { name = \"default\"; endpoints = [ \"v\" ]; } );"),
			"f:3: limits.classes.default.name: \"default\" is what metrics call those "
			"who are in "
			"no class, expected another name\n",
			""},
		{LIMITS("classes = ( { name = \"c\"; endpoints = [ \"v\" ]; },\n{ name = \"c\"; "
			"endpoints = [ \"w\" ]; } );"),
			"f:4: limits.classes.c.name: the name \"c\" is taken, expected another; "
			"first at "
			"f:3\n",
			""},
		{LIMITS("subnet: { ipv4_prefix = 30; }; ipv4_prefix = 28;"),
			"f:3: limits.subnet.ipv4_prefix: 30 bits are less than one source, "
			"expected up to "
			"limits.ipv4_prefix, 28\n",
			""},
		{LIMITS("penalty: { ban_for = \"2d\"; };"),
			"f:3: limits.penalty.ban_for: \"2d\" is more than limits.penalty.ban_max, "
			"\"1d\", "
			"expected at most that\n",
			""},
		{LIMITS("classes = ( { name = \"c\"; deny = true; networks = [ \"10.0.0.0/8\", "
			"\"192.0.2.1\" ]; } );"),
			"f:3: limits.classes.c.networks: more is denied than anybody means, "
			"expected at most "
			"a /8 of IPv4 and a /16 of IPv6 in all\n",
			""},
		{LIMITS("connection_rate = \"0/s\";"), NULL, NULL},
		{LIMITS("connection_rate = \"5/s burst 0\";"), NULL, NULL},
		{LIMITS("refuse_status = 200;"), NULL, NULL},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conf_errors errors = {0};
		if (cases[i].errors) {
			conf_case_check(&cases[i], 1);
			continue;
		}
		assert_null(conf_load_text(cases[i].text, "f", &errors));
		assert_non_null(strstr(errors.errors.kept[0].text, ", expected "));
		conf_errors_fini(&errors);
	}
}

static void a_denied_load_balancer_is_refused(void **state)
{
	static const struct conf_case cases[] = {
		{CASE_POOL
			"listeners = ( { name = \"l\"; address = \"127.0.0.1:5060\"; pool = \"p\"; "
			"proxy_protocol = \"require\"; trusted = [ \"10.0.0.0/16\" ]; } );\n"
			"limits: { classes = ( { name = \"c\"; deny = true; networks = [ "
			"\"192.0.2.0/24\", \"10.0.3.0/24\" ]; } ); };",
			"f:3: limits.classes.c.networks: 10.0.3.0/24 is denied and in "
			"trusted of "
			"listener \"l\", expected no load balancer in it\n",
			""},
	};
	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void what_hardly_anybody_means_is_a_warning(void **state)
{
	static const struct conf_case cases[] = {
		{LIMITS("connections = 100; subnet: { connections = 50; };"), "",
			"f:3: limits.subnet.connections: 50 are fewer than limits.connections "
			"allows to one "
			"source of the subnet, 100\n"},
		{CLASS("connections = 9; total_connections = 5;"), "",
			"f:3: limits.classes.c.connections: 9 of one source are more than "
			"total_connections "
			"of all, 5\n"},
		/* The networks are another way into the class. */
		{CLASS("certificate_names = [ \"a\" ];"), "",
			"f:3: limits.classes.c.certificate_names: no listener asks for the "
			"certificates of "
			"clients, expected verify_client = \"optional\" or \"require\" in the tls "
			"of one\n"},
		{LIMITS("classes = ( { name = \"a\"; networks = [ \"192.0.2.0/24\" ]; },\n{ name = "
			"\"b\"; networks = [ \"192.0.2.0/24\" ]; } );"),
			"",
			"f:4: limits.classes.b.networks: 192.0.2.0/24 is in class \"a\" already, "
			"which comes first and wins, expected it in one of them\n"},
	};
	(void)state;
	conf_case_check(cases, COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_class_has_from_limits_and_timeouts_whatever_it_does_not_name),
		cmocka_unit_test(the_defaults_are_those_of_the_contract),
		cmocka_unit_test(what_does_not_fit_is_refused_with_a_cure),
		cmocka_unit_test(a_denied_load_balancer_is_refused),
		cmocka_unit_test(what_hardly_anybody_means_is_a_warning),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
