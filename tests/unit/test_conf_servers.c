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

/* --- how clients are introduced --- */

#define BAD_TLV(word)                                                                             \
	"f:3: pools.p.proxy_tlvs: \"" word "\" is nothing that a header tells, expected some of " \
	"crc32c, unique_id, authority, ssl, endpoint\n"
#define V2(more) POOL("proxy_protocol = \"v2\"; " more)

static void tlvs_are_known_and_stand_there_once(void **state)
{
	static const struct conf_case cases[] = {
		{V2("proxy_tlvs = [ ];"), "", ""},
		{V2("proxy_tlvs = [ \"endpoint\", \"ssl\", \"authority\", \"unique_id\", "
		    "\"crc32c\" ];"),
			"", ""},
		{V2("proxy_tlvs = [ \"crc32\" ];"), BAD_TLV("crc32"), ""},
		{V2("proxy_tlvs = [ \"ssl\", \"crc32c\", \"ssl\" ];"),
			"f:3: pools.p.proxy_tlvs: \"ssl\" stands there twice, expected it once\n",
			""},
	};
	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void tlvs_need_a_header_of_version_2(void **state)
{
	static const char error[] = "f:3: pools.p.proxy_tlvs: only a header of version 2 can tell "
				    "them, expected proxy_protocol = \"v2\"\n";
	static const struct conf_case cases[] = {
		{POOL("proxy_tlvs = [ \"ssl\" ];"), error, ""},
		{POOL("proxy_protocol = \"v1\"; proxy_tlvs = [ \"ssl\" ];"), error, ""},
	};
	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void the_tlvs_stand_in_the_order_of_the_file(void **state)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text(V2("proxy_tlvs = [ \"ssl\", \"crc32c\" ];"), "f", &errors);
	(void)state;
	assert_non_null(c);
	assert_int_equal(c->pools[0].proxy_tlvs_count, 2);
	assert_int_equal(c->pools[0].tlvs[0], CONF_TLV_SSL);
	assert_int_equal(c->pools[0].tlvs[1], CONF_TLV_CRC32C);
	assert_int_equal(c->pools[0].proxy_header_max, 231);
	conf_free(c);
	conf_errors_fini(&errors);
}

#define SOURCE(name) POOL("source_header = \"" name "\";")
#define BAD_SOURCE(name)                                                                         \
	"f:3: pools.p.source_header: \"" name "\" is no name for a header of our own, expected " \
	"one such as \"X-AUTH-IP\"\n"

static void the_source_header_is_no_header_of_sip(void **state)
{
	static const struct conf_case cases[] = {
		{SOURCE(""), "", ""},
		{SOURCE("X-AUTH-IP"), "", ""},
		{SOURCE("P-Source"), "", ""},
		{SOURCE("via"), BAD_SOURCE("via"), ""},
		{SOURCE("CONTENT-length"), BAD_SOURCE("CONTENT-length"), ""},
		{SOURCE("l"), BAD_SOURCE("l"), ""},
		{SOURCE("X Y"), BAD_SOURCE("X Y"), ""},
		{SOURCE("X:"), BAD_SOURCE("X:"), ""},
	};
	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void a_mapped_address_is_told_to_somebody(void **state)
{
	static const struct conf_case cases[] = {
		{V2("endpoint_source = \"map\";"), "", ""},
		{POOL("source_header = \"X-Source\"; endpoint_source = \"map\";"), "", ""},
		{POOL("endpoint_source = \"map\";"), "",
			"f:3: pools.p.endpoint_source: nobody is told the address, expected "
			"proxy_protocol or source_header as well\n"},
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
		cmocka_unit_test(tlvs_are_known_and_stand_there_once),
		cmocka_unit_test(tlvs_need_a_header_of_version_2),
		cmocka_unit_test(the_tlvs_stand_in_the_order_of_the_file),
		cmocka_unit_test(the_source_header_is_no_header_of_sip),
		cmocka_unit_test(a_mapped_address_is_told_to_somebody),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
