/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_load.c - defaults, groups, names and values; the exact text of every error. */
#include "tests/unit/conf_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct conf *load_good(const char *text)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text(text, "f", &errors);

	if (!c)
		fail_msg("%s", errors.errors.kept[0].text);
	assert_int_equal(errors.errors.count, 0);
	assert_int_equal(errors.warnings.count, 0);
	conf_errors_fini(&errors);
	return c;
}

static void a_listener_and_a_pool_are_enough_and_the_rest_is_default(void **state)
{
	struct conf *c = load_good(CASE_GOOD);

	(void)state;
	assert_int_equal(c->workers, 0);
	assert_int_equal(c->max_connections, 0);
	assert_int_equal(c->log.level, CONF_LOG_INFO);
	assert_int_equal(c->log.format, CONF_FORMAT_JSON);
	assert_string_equal(c->user, "");
	assert_string_equal(c->group, "");
	assert_string_equal(c->log.target, "stderr");
	assert_true(c->log.connections);
	assert_int_equal(c->log.repeat_ms, 10000);
	assert_int_equal(c->log.budget.count, 100);
	assert_int_equal(c->log.budget.period_ms, 1000);
	assert_int_equal(c->log.budget.burst, 100);
	assert_int_equal(c->limits.ipv4_prefix, 32);
	assert_int_equal(c->limits.ipv6_prefix, 64);
	assert_int_equal(c->limits.connections, 1024);
	assert_int_equal(c->limits.max_handshakes, 0);
	assert_int_equal(c->limits.action, CONF_ACTION_RESET);
	assert_int_equal(c->limits.tracked_sources, 262144);
	assert_int_equal(c->limits.when_full, CONF_WHEN_FULL_REFUSE);
	assert_int_equal(c->sip.max_message, 65536);
	assert_int_equal(c->sip.max_header_bytes, 16384);
	assert_int_equal(c->sip.max_headers, 128);
	assert_int_equal(c->sip.max_parameters, 64);
	assert_int_equal(c->sip.schemes_count, 0);
	assert_null(c->sip.schemes[0]);
	assert_int_equal(c->memory.per_connection, 262144);
	assert_int_equal(c->memory.total, 536870912);
	conf_free(c);
}

static void timeouts_have_their_defaults(void **state)
{
	struct conf *c = load_good(CASE_GOOD);
	const struct conf_timeouts *t = &c->timeouts;

	(void)state;
	assert_int_equal(t->proxy_header_ms, 10000);
	assert_int_equal(t->handshake_ms, 10000);
	assert_int_equal(t->first_message_ms, 32000);
	assert_int_equal(t->message_ms, 10000);
	assert_int_equal(t->idle_ms, 0);
	assert_int_equal(t->ping_timeout, 0);
	assert_int_equal(t->half_closed_ms, 10000);
	assert_int_equal(t->connect_ms, 3000);
	assert_int_equal(t->drain_delay_ms, 30000);
	assert_int_equal(t->drain_ms, 300000);
	assert_int_equal(t->keepalive_idle_ms, 30000);
	assert_int_equal(t->keepalive_interval_ms, 10000);
	assert_int_equal(t->keepalive_count, 3);
	assert_int_equal(t->unacked_ms, 60000);
	conf_free(c);
}

static void listeners_and_pools_have_their_defaults(void **state)
{
	struct conf *c = load_good(CASE_GOOD "limits: { };");
	const struct conf_listener *l = &c->listeners[0];
	const struct conf_pool *p = &c->pools[0];

	(void)state;
	assert_int_equal(c->listener_count, 1);
	assert_string_equal(l->name, "l");
	assert_int_equal(l->address.port, 5060);
	assert_false(l->dual_stack);
	assert_int_equal(l->transport, CONF_TCP);
	assert_null(l->tls);
	assert_int_equal(l->backlog, 4096);
	assert_int_equal(l->defer_accept_ms, 0);
	assert_int_equal(l->max_connections, 0);
	assert_int_equal(l->proxy_protocol, CONF_PROXY_OFF);
	assert_null(l->trusted);
	assert_int_equal(l->trusted_count, 0);
	assert_int_equal(l->max_unnamed, 4096);
	assert_string_equal(l->pool, "p");
	assert_int_equal(l->pool_index, 0);
	assert_int_equal(c->pool_count, 1);
	assert_int_equal(p->policy, CONF_SOURCE_HASH);
	assert_int_equal(p->health.method, CONF_HEALTH_OPTIONS);
	assert_true(conf_health_is_alive(&p->health, 404));
	assert_false(conf_health_is_alive(&p->health, 503));
	assert_int_equal(p->proxy_protocol, CONF_SEND_PROXY_OFF);
	assert_int_equal(p->max_message, 65536);
	assert_int_equal(p->keepalive_interval_ms, 60000);
	assert_int_equal(p->retries, 2);
	assert_int_equal(p->server_count, 1);
	assert_null(p->respond);
	assert_null(p->tls);
	assert_string_equal(p->servers[0].name, "s");
	assert_int_equal(p->servers[0].transport, CONF_TCP);
	conf_free(c);
}

static const char elaborate[] =
	"workers = 3;\n"
	"sip: { max_message = \"32K\"; schemes = [ \"sip\", \"tel\" ]; };\n"
	"log: { budget = \"20/10s burst 60\"; level = \"debug\"; };\n"
	"timeouts: { ping_timeout = \"3x\"; idle = \"2h\"; };\n"
	"listeners = (\n"
	"  { name = \"a\"; address = \"[::]:5060\"; dual_stack = true; pool = \"q\";\n"
	"    proxy_protocol = \"require\";\n"
	"    trusted = ( \"10.0.0.0/16\", \"2001:db8::1\" ); },\n"
	"  { name = \"b\"; address = \"127.0.0.1:0\"; pool = \"p\"; },\n"
	"  { name = \"c\"; address = \"127.0.0.1:0\"; pool = \"p\"; }\n"
	");\n"
	"pools = (\n"
	"  { name = \"p\"; respond: { }; },\n"
	"  { name = \"q\"; max_message = \"16000\"; proxy_protocol = \"v2\"; servers = (\n"
	"      { name = \"k1\"; address = \"[2001:db8::5]:5062\"; },\n"
	"      { name = \"k2\"; address = \"10.0.0.2:5060\"; } ); }\n"
	");\n";

static void everything_given_is_in_the_structure_with_its_place(void **state)
{
	struct conf *c = load_good(elaborate);
	const struct conf_listener *a = &c->listeners[0];
	const struct conf_pool *q = &c->pools[1];

	(void)state;
	assert_int_equal(c->workers, 3);
	assert_string_equal(c->sip.schemes[0], "sip");
	assert_string_equal(c->sip.schemes[1], "tel");
	assert_null(c->sip.schemes[2]);
	assert_int_equal(c->log.budget.count, 20);
	assert_int_equal(c->log.budget.period_ms, 10000);
	assert_int_equal(c->log.budget.burst, 60);
	assert_int_equal(c->timeouts.ping_timeout, 3);
	assert_int_equal(c->timeouts.idle_ms, 7200000);
	assert_int_equal(a->pool_index, 1);
	assert_int_equal(a->trusted_count, 2);
	assert_int_equal(a->trusted[0].prefix, 112);
	assert_int_equal(a->trusted[1].prefix, 128);
	assert_int_equal(c->listeners[2].pool_index, 0);
	assert_int_equal(c->pools[0].respond->status, 503);
	assert_string_equal(c->pools[0].respond->reason, "");
	assert_int_equal(c->pools[0].respond->retry_after_ms, 0);
	assert_int_equal(c->pools[0].server_count, 0);
	assert_int_equal(c->pools[0].max_message, 32768);
	assert_int_equal(q->max_message, 16000);
	assert_int_equal(q->server_count, 2);
	assert_int_equal(q->servers[0].address.port, 5062);
	assert_string_equal(a->place.file, "f");
	assert_int_equal(a->place.line, 6);
	assert_int_equal(a->at.trusted.line, 8);
	assert_int_equal(a->at.backlog.line, 6);
	assert_int_equal(c->pools[0].respond->place.line, 13);
	assert_int_equal(q->servers[1].place.line, 16);
	conf_free(c);
}

static void all_errors_are_told_at_once_in_the_order_of_the_file(void **state)
{
	static const struct conf_case cases[] = {
		{"pools = ( { name = \"p\"; retries = 11; servers = ( { name = \"s\"; } ); } );\n"
		 "listeners = (\n"
		 "  { name = \"l\"; address = \"127.0.0.1\"; pool = \"q\"; } );\n"
		 "workers = \"4\";\n"
		 "timeouts: { idle = 30; idel = \"1s\";\n"
		 "  unacked = \"1s\"; };\n",
			"f:1: pools.p.retries: 11 is out of range, expected a whole number 0..10\n"
			"f:1: pools.p.servers.s.address: missing, expected \"ADDRESS:PORT\", an "
			"IPv6 "
			"address in [ ], or \"NAME:PORT\", PORT 1..65535\n"
			"f:3: listeners.l.address: \"127.0.0.1\" cannot be read, expected "
			"\"ADDRESS:PORT\", an IPv6 address in [ ], PORT 0..65535\n"
			"f:3: listeners.l.pool: there is no pool \"q\", expected one of \"p\"\n"
			"f:4: workers: \"4\" is a string in quotes, expected a whole number "
			"0..256\n"
			"f:5: timeouts.idle: 30 is a bare number, expected a duration "
			"\"50ms\"..\"7d\" "
			"or \"off\"\n"
			"f:5: timeouts.idel: unknown name, expected perhaps idle\n",
			"f:6: timeouts.unacked: \"1s\" ends connections before keepalive does, "
			"expected "
			"at least keepalive_idle + keepalive_interval * keepalive_count, \"1m\"\n"},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void groups_that_are_absent_empty_or_of_another_kind_are_refused(void **state)
{
	static const struct conf_case cases[] = {
		{"",
			"f:1: listeners: missing, expected at least one listener: ( { } )\n"
			"f:1: pools: missing, expected at least one pool: ( { } )\n",
			""},
		{CASE_POOL "listeners = ( );",
			"f:2: listeners: empty, expected at least one listener: ( { } )\n", ""},
		{CASE_POOL "listeners = [ ];",
			"f:2: listeners: empty, expected at least one listener: ( { } )\n", ""},
		{CASE_LISTENER "pools = ( );",
			"f:2: pools: empty, expected at least one pool: ( { } )\n", ""},
		{CASE_POOL "listeners: { name = \"l\"; };",
			"f:2: listeners: it is a group { }, expected a list of groups: ( { }, { } "
			")\n",
			""},
		{CASE_POOL "listeners = [ \"l\" ];",
			"f:2: listeners: it is an array [ ], expected a list of groups: ( { }, { } "
			")\n",
			""},
		{CASE_POOL "listeners = \"l\";",
			"f:2: listeners: it is a string, expected a list of groups: ( { }, { } )\n",
			""},
		{CASE_POOL "listeners = ( 5,\n \"l\", ( ) );",
			"f:2: listeners[0]: it is a bare number, expected a group { }\n"
			"f:3: listeners[1]: it is a string, expected a group { }\n"
			"f:3: listeners[2]: it is a list ( ), expected a group { }\n",
			""},
		{CASE_GOOD "limits = ( );", "f:3: limits: it is a list ( ), expected a group { }\n",
			""},
		{CASE_GOOD "timeouts = \"30s\";",
			"f:3: timeouts: it is a string, expected a group { }\n", ""},
		{CASE_LISTENER "pools = ( { name = \"p\"; respond = 503; } );",
			"f:2: pools.p.respond: it is a bare number, expected a group { }\n", ""},
		{CASE_LISTENER "pools = ( { name = \"p\"; servers = \"10.0.0.1:5060\"; } );",
			"f:2: pools.p.servers: it is a string, expected a list of groups: ( { }, { "
			"} )\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void more_groups_than_the_table_allows_are_refused(void **state)
{
	struct conf_errors errors = {0};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	fputs(CASE_POOL "listeners = (\n", out);
	for (unsigned i = 0; i < 257; i++)
		fprintf(out, "%s{ name = \"l%u\"; address = \"127.0.0.1:0\"; pool = \"p\"; }",
			i ? "," : "", i);
	fputs(");\n", out);
	assert_int_equal(fclose(out), 0);
	assert_null(conf_load_text(text, "f", &errors));
	assert_int_equal(errors.errors.count, 1);
	assert_string_equal(errors.errors.kept[0].text,
		"f:2: listeners: it has 257 elements, expected up to 256");
	conf_errors_fini(&errors);
	free(text);
}

static void unknown_names_are_refused_with_the_nearest_known_one(void **state)
{
	static const struct conf_case cases[] = {
		{CASE_GOOD "max_conections = 5;",
			"f:3: max_conections: unknown name, expected perhaps max_connections\n",
			""},
		{CASE_GOOD "limits: { conenctions = 5; };",
			"f:3: limits.conenctions: unknown name, expected perhaps connections\n",
			""},
		{CASE_GOOD "pool = ( );", "f:3: pool: unknown name, expected perhaps pools\n", ""},
		{CASE_LISTENER "pools = ( { name = \"p\"; server = ( ); respond: { }; } );",
			"f:2: pools.p.server: unknown name, expected perhaps servers\n", ""},
		{CASE_GOOD "dns_dir = \"/var/lib/sipweir\";",
			"f:3: dns_dir: unknown name, expected one of sipweir --print-config\n", ""},
		{CASE_GOOD "limits: { nonsense: { connections = 5; }; };",
			"f:3: limits.nonsense: unknown name, expected one of sipweir "
			"--print-config\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void names_in_the_wrong_group_are_refused_with_the_right_one(void **state)
{
	static const struct conf_case cases[] = {
		{CASE_GOOD "idle = \"5m\";",
			"f:3: idle: unknown name here, expected perhaps idle in \"timeouts of a "
			"class\", "
			"\"timeouts\"\n",
			""},
		{CASE_GOOD "conections = 5;",
			"f:3: conections: unknown name here, expected perhaps connections in "
			"\"log\", \"limits\", \"subnet of limits\", \"class\", \"subnet of a "
			"class\"\n",
			""},
		{CASE_GOOD "log: { backlog = 5; };",
			"f:3: log.backlog: unknown name here, expected perhaps backlog in "
			"\"listener\"\n",
			""},
		{CASE_GOOD "sip: { max_connections = 5; };",
			"f:3: sip.max_connections: unknown name here, expected perhaps "
			"max_connections "
			"in \"file\", \"listener\", \"server\"\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void words_that_are_not_built_yet_are_refused_with_those_that_are(void **state)
{
	static const struct conf_case cases[] = {
		{CASE_GOOD "limits: { action = \"drop\"; };",
			"f:3: limits.action: \"drop\" is not known, expected \"reset\", "
			"\"close\", \"refuse\" or \"tarpit\"\n",
			""},
		{CASE_LISTENER "pools = ( { name = \"p\"; policy = \"random\"; respond: { }; } );",
			"f:2: pools.p.policy: \"random\" is not known, expected \"source-hash\", "
			"\"round-robin\" or \"least-connections\"\n",
			""},
		{CASE_GOOD "log: { level = \"Info\"; };",
			"f:3: log.level: \"Info\" is not known, expected \"error\", \"warning\", "
			"\"notice\", \"info\" or \"debug\"\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void values_out_of_shape_are_refused(void **state)
{
	static const struct conf_case cases[] = {
		{CASE_GOOD "log: { budget = \"5/0s\"; };",
			"f:3: log.budget: \"5/0s\" is out of range, expected a rate such as "
			"\"20/s\" or "
			"\"600/10m burst 60\", of 1..1000000 in up to a day, or \"off\"\n",
			""},
		{CASE_GOOD "log: { budget = \"5/25h\"; };",
			"f:3: log.budget: \"5/25h\" is out of range, expected a rate such as "
			"\"20/s\" or "
			"\"600/10m burst 60\", of 1..1000000 in up to a day, or \"off\"\n",
			""},
		{CASE_GOOD "log: { budget = \"5/d burst 0\"; };",
			"f:3: log.budget: \"5/d burst 0\" is out of range, expected a rate such as "
			"\"20/s\" or \"600/10m burst 60\", of 1..1000000 in up to a day, or "
			"\"off\"\n",
			""},
		{CASE_GOOD "log: { budget = \"5/1d burst 1000000\"; };", "", ""},
		{CASE_GOOD "timeouts: { drain_delay = \"0s\"; drain = \"off\"; };",
			"f:3: timeouts.drain_delay: \"0s\" is out of range, expected a duration "
			"\"50ms\"..\"1h\" or \"off\"\n",
			""},
		{CASE_GOOD "timeouts: { drain_delay = \"off\"; drain = \"off\"; };", "", ""},
		{CASE_GOOD "admin: { control = \"control.sock\"; };",
			"f:3: admin.control: \"control.sock\" is no absolute path, expected an "
			"absolute path of up to 107 bytes, or \"\"\n",
			""},
		{CASE_GOOD "admin: { control = \"\"; };", "", ""},
		{CASE_GOOD "group = \"sipweir\";",
			"f:3: group: a group is taken only when root is given up, expected user as "
			"well\n",
			""},
		{CASE_GOOD "user = \"sipweir\"; group = \"sipweir\";", "", ""},
		{CASE_GOOD "log: { target = \"stdout\"; };",
			"f:3: log.target: \"stdout\" is none of them, expected \"stderr\", "
			"\"syslog\" or "
			"the absolute path of a file\n",
			""},
		{CASE_GOOD "log: { target = \"/nonexistent/file\"; };", "", ""},
		{CASE_GOOD "log: { target = \"\"; };",
			"f:3: log.target: it is 0 bytes long, expected \"stderr\", \"syslog\" or "
			"the "
			"absolute path of a file\n",
			""},
		{CASE_GOOD "timeouts: { keepalive_idle = \"1500ms\"; };",
			"f:3: timeouts.keepalive_idle: \"1500ms\" has a fraction of a second, "
			"expected a "
			"duration \"1s\"..\"2h\" in whole seconds\n",
			""},
		{CASE_GOOD "sip: { schemes = [ \"sip:\" ]; };",
			"f:3: sip.schemes[0]: \"sip:\" is no scheme, expected one such as \"sip\", "
			"without a colon\n",
			""},
		{CASE_GOOD "sip: { schemes = [ \"h323\", \"a+b-c.d\", \"\", \"9a\", \"+a\" ]; };",
			"f:3: sip.schemes[2]: \"\" is no scheme, expected one such as \"sip\", "
			"without a "
			"colon\n"
			"f:3: sip.schemes[3]: \"9a\" is no scheme, expected one such as \"sip\", "
			"without "
			"a colon\n"
			"f:3: sip.schemes[4]: \"+a\" is no scheme, expected one such as \"sip\", "
			"without "
			"a colon\n",
			""},
		{CASE_GOOD "sip: { schemes = \"sip\"; };",
			"f:3: sip.schemes: \"sip\" is a string in quotes, expected a list of 0..32 "
			"strings, as in [ \"a\", \"b\" ]\n",
			""},
		{CASE_GOOD "sip: { schemes = ( \"sip\", 5, \"a\\x01\" ); };",
			"f:3: sip.schemes[1]: 5 is a bare number, expected a string in quotes\n"
			"f:3: sip.schemes[2]: it holds a control character, expected a string in "
			"quotes\n",
			""},
		{CASE_LISTENER "pools = ( { name = \"a b\"; respond: { }; } );",
			"f:2: pools[0].name: \"a b\" is no name, expected a name of 1..63 letters, "
			"digits, \".\", \"_\" and \"-\"\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void a_second_list_of_errors_begins_where_the_first_one_ended(void **state)
{
	struct conf_errors errors = {0};

	(void)state;
	assert_null(conf_load_text("workers = 257;" CASE_GOOD, "f", &errors));
	assert_null(conf_load_text("workers = 258;" CASE_GOOD, "f", &errors));
	assert_int_equal(errors.errors.count, 2);
	conf_errors_fini(&errors);
	conf_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_listener_and_a_pool_are_enough_and_the_rest_is_default),
		cmocka_unit_test(timeouts_have_their_defaults),
		cmocka_unit_test(listeners_and_pools_have_their_defaults),
		cmocka_unit_test(everything_given_is_in_the_structure_with_its_place),
		cmocka_unit_test(all_errors_are_told_at_once_in_the_order_of_the_file),
		cmocka_unit_test(groups_that_are_absent_empty_or_of_another_kind_are_refused),
		cmocka_unit_test(more_groups_than_the_table_allows_are_refused),
		cmocka_unit_test(unknown_names_are_refused_with_the_nearest_known_one),
		cmocka_unit_test(names_in_the_wrong_group_are_refused_with_the_right_one),
		cmocka_unit_test(words_that_are_not_built_yet_are_refused_with_those_that_are),
		cmocka_unit_test(values_out_of_shape_are_refused),
		cmocka_unit_test(a_second_list_of_errors_begins_where_the_first_one_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
