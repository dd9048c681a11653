/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_servers.c - the rules of servers and of their checks; the exact text of every error. */
#include "tests/unit/conf_case.h"
#include "conf/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define POOL(more)                                                                            \
	CASE_LISTENER                                                                         \
	"pools = ( { name = \"p\"; servers = ( { name = \"s\"; address = \"10.0.0.1:5060\"; " \
	"} );\n" more " } );"
#define HEALTH(more) POOL("health: { " more " };")
#define ALIVE(text)  HEALTH("alive = \"" text "\";")
#define URI(text)    HEALTH("uri = \"" text "\";")
#define BAD_ALIVE(text)                                                                \
	"f:3: pools.p.health.alive: \"" text "\" are no statuses, expected some such " \
	"as \"100-407,409-499\", each from 100 to 699\n"
#define BAD_URI(text)                                                                           \
	"f:3: pools.p.health.uri: \"" text "\" is no SIP URI, expected one such as \"sip:10.0." \
	"1.10:5060\", or \"\"\n"
#define CONTROL                                                                               \
	"f:3: pools.p.health.uri: it holds a control character, expected a string of 0..255 " \
	"bytes\n"
#define BAD_TIMEOUT(interval)                                                                     \
	"f:3: pools.p.health.timeout: it is longer than from one check to the next, expected up " \
	"to interval, \"" interval "\"\n"

static void alive_is_statuses_and_ranges(void **state)
{
	static const struct conf_case cases[] = {
		{ALIVE("200"), "", ""},
		{ALIVE("100-699"), "", ""},
		{ALIVE(" 200 , 400 - 407,501 "), "", ""},
		{ALIVE("200-200"), "", ""},
		{ALIVE("099"), BAD_ALIVE("099"), ""},
		{ALIVE("700"), BAD_ALIVE("700"), ""},
		{ALIVE("2000"), BAD_ALIVE("2000"), ""},
		{ALIVE("20x"), BAD_ALIVE("20x"), ""},
		{ALIVE("300-200"), BAD_ALIVE("300-200"), ""},
		{ALIVE("200-"), BAD_ALIVE("200-"), ""},
		{ALIVE("-200"), BAD_ALIVE("-200"), ""},
		{ALIVE("200,"), BAD_ALIVE("200,"), ""},
		{ALIVE(",200"), BAD_ALIVE(",200"), ""},
		{ALIVE("200 300"), BAD_ALIVE("200 300"), ""},
		{ALIVE("200-300-400"), BAD_ALIVE("200-300-400"), ""},
	};
	(void)state;
	conf_case_check(cases, COUNT(cases));
}

/* "" for the default. Every status that there is, and what is none. */
static void assert_alive(const char *text, const char *conf, bool (*expected)(unsigned))
{
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text(conf, "f", &errors);
	assert_non_null(c);
	for (unsigned status = 0; status < 1000; status++)
		if (conf_health_is_alive(&c->pools[0].health, status) != expected(status))
			fail_msg("\"%s\": %u", text, status);
	conf_free(c);
	conf_errors_fini(&errors);
}

static bool is_default(unsigned status)
{
	return (status >= 100 && status <= 499 && status != 408) || status == 501 ||
	       (status >= 600 && status <= 699);
}

static bool is_of_some(unsigned status)
{
	return status == 100 || (status >= 163 && status <= 164) || status == 699;
}

static void exactly_those_are_alive(void **state)
{
	(void)state;
	assert_alive("", CASE_GOOD, is_default);
	assert_alive("some", ALIVE("699,163-164,100"), is_of_some);
}

static void the_uri_can_stand_in_a_request(void **state)
{
	static const struct conf_case cases[] = {
		{URI(""), "", ""},
		{URI("sip:ping@example.com;transport=tcp"), "", ""},
		{URI("sips:[2001:db8::1]:5061"), "", ""},
		{URI("sip:"), BAD_URI("sip:"), ""},
		{URI("sips:"), BAD_URI("sips:"), ""},
		{URI("tel:123"), BAD_URI("tel:123"), ""},
		{URI("10.0.0.1"), BAD_URI("10.0.0.1"), ""},
		{URI("sip:a b"), BAD_URI("sip:a b"), ""},
		{URI("sip:a>"), BAD_URI("sip:a>"), ""},
		{URI("<sip:a>"), BAD_URI("<sip:a>"), ""},
		{URI("sip:a\\r\\nX: y"), CONTROL, ""},
		{URI("sip:a\\x01"), CONTROL, ""},
		{URI("sip:a\\x7f"), CONTROL, ""},
	};
	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void a_check_ends_before_the_next_begins(void **state)
{
	static const struct conf_case cases[] = {
		{HEALTH("interval = \"2s\"; timeout = \"2s\";"), "", ""},
		{HEALTH("interval = \"2s\"; timeout = \"2001ms\";"), BAD_TIMEOUT("2s"), ""},
		{HEALTH("interval = \"1s\";"), BAD_TIMEOUT("1s"), ""},
		{HEALTH("timeout = \"6s\";"), BAD_TIMEOUT("5s"), ""},
		{HEALTH("method = \"off\"; interval = \"1s\"; timeout = \"9s\";"), "", ""},
	};
	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void source_addresses_can_reach_a_server(void **state)
{
	static const struct conf_case cases[] = {
		{POOL("source_addresses = [ \"10.0.0.5\", \"10.0.0.6\" ];"), "", ""},
		{POOL("source_addresses = [ \"10.0.0.5\", \"2001:db8::1\" ];"),
			"f:3: pools.p.source_addresses: \"2001:db8::1\" reaches none of the "
			"servers, expected an address of their family\n",
			""},
		{POOL("source_addresses = [ \"10.0.0.5/32\", \"0.0.0.0\" ];"),
			"f:3: pools.p.source_addresses: \"10.0.0.5/32\" is no address to connect "
			"from, expected one of this host such as \"10.0.0.5\"\n"
			"f:3: pools.p.source_addresses: \"0.0.0.0\" is no address to connect "
			"from, expected one of this host such as \"10.0.0.5\"\n",
			""},
		{CASE_LISTENER "pools = ( { name = \"p\"; servers = ( { name = \"s\"; address = "
			       "\"10.0.0.1:5060\"; }, { name = \"t\"; address = "
			       "\"[2001:db8::9]:5060\"; } ); source_addresses = [ \"10.0.0.5\", "
			       "\"2001:db8::1\" ]; } );",
			"", ""},
	};
	(void)state;
	conf_case_check(cases, COUNT(cases));
}

#define BACKUPS(first, second)                                                                 \
	CASE_LISTENER                                                                          \
	"pools = ( { name = \"p\"; servers = ( { name = \"s\"; address = \"10.0.0.1:5060\"; "  \
	"backup = " first "; }, { name = \"t\"; address = \"10.0.0.2:5060\"; backup = " second \
	"; } ); } );"

static void not_every_server_is_a_backup(void **state)
{
	static const struct conf_case cases[] = {
		{BACKUPS("true", "false"), "", ""},
		{BACKUPS("true", "true"), "",
			"f:2: pools.p: every server is a backup, so that none is: expected at "
			"least one that is not\n"},
	};
	(void)state;
	conf_case_check(cases, COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alive_is_statuses_and_ranges),
		cmocka_unit_test(exactly_those_are_alive),
		cmocka_unit_test(the_uri_can_stand_in_a_request),
		cmocka_unit_test(a_check_ends_before_the_next_begins),
		cmocka_unit_test(source_addresses_can_reach_a_server),
		cmocka_unit_test(not_every_server_is_a_backup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
