/* SPDX-License-Identifier: BSD-2-Clause */
/* What the options about servers demand of each other. */
#include "tests/unit/conf_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define POOL(more)                                                                            \
	"listeners = ( { name = \"l\"; address = \"127.0.0.1:0\"; pool = \"p\"; } );\n"       \
	"pools = ( { name = \"p\"; servers = ( { name = \"s\"; address = \"10.0.0.1:5060\"; " \
	"} );\n" more " } );\n"
#define HEALTH(more) POOL("health: { " more " };")
#define COUNT(a)     (sizeof(a) / sizeof((a)[0]))

static void what_makes_no_sense_is_refused_with_its_cure(void **state)
{
	static const struct conf_case cases[] = {
		{HEALTH("alive = \"200\";"), "", ""},
		{HEALTH("alive = \"200 - 299 , 404\";"), "", ""},
		{HEALTH("alive = \"200-\";"),
			"f:3: pools.p.health.alive: \"200-\" are no statuses, expected some such "
			"as "
			"\"100-407,409-499\", each from 100 to 699\n",
			""},
		{HEALTH("alive = \"299-200\";"),
			"f:3: pools.p.health.alive: \"299-200\" are no statuses, expected some "
			"such as "
			"\"100-407,409-499\", each from 100 to 699\n",
			""},
		{HEALTH("alive = \"099\";"),
			"f:3: pools.p.health.alive: \"099\" are no statuses, expected some such as "
			"\"100-407,409-499\", each from 100 to 699\n",
			""},
		{HEALTH("alive = \"2000\";"),
			"f:3: pools.p.health.alive: \"2000\" are no statuses, expected some such "
			"as "
			"\"100-407,409-499\", each from 100 to 699\n",
			""},
		{HEALTH("uri = \"sips:ping@example.com\";"), "", ""},
		{HEALTH("uri = \"ping\";"),
			"f:3: pools.p.health.uri: \"ping\" is no SIP URI, expected one such as "
			"\"sip:10.0.1.10:5060\", or \"\"\n",
			""},
		{HEALTH("interval = \"1s\"; timeout = \"2s\";"),
			"f:3: pools.p.health.timeout: it is longer than from one check to the "
			"next, "
			"expected up to interval, \"1s\"\n",
			""},
		{HEALTH("method = \"off\"; interval = \"1s\"; timeout = \"2s\";"), "", ""},
		{POOL("source_addresses = [ \"127.0.0.2\", \"127.0.0.3\" ];"), "", ""},
		{POOL("source_addresses = [ \"0.0.0.0\" ];"),
			"f:3: pools.p.source_addresses: \"0.0.0.0\" is no address to connect from, "
			"expected one of this host such as \"10.0.0.5\"\n",
			""},
		{POOL("source_addresses = [ \"::1\" ];"),
			"f:3: pools.p.source_addresses: \"::1\" reaches none of the servers, "
			"expected "
			"an address of their family\n",
			""},
	};
	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void every_status_of_a_range_is_alive_and_no_other(void **state)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text(HEALTH("alive = \"100-163,228,640-699\";"), "f", &errors);
	(void)state;
	assert_non_null(c);
	for (unsigned status = 0; status < 1000; status++) {
		bool expected = (status >= 100 && status <= 163) || status == 228 ||
				(status >= 640 && status <= 699);
		assert_int_equal(conf_health_is_alive(&c->pools[0].health, status), expected);
	}
	conf_free(c);
	conf_errors_fini(&errors);
}

static void a_pool_of_backups_is_told(void **state)
{
	static const struct conf_case cases[] = {
		{"listeners = ( { name = \"l\"; address = \"127.0.0.1:0\"; pool = \"p\"; } );\n"
		 "pools = ( { name = \"p\"; servers = ( { name = \"s\"; address = "
		 "\"10.0.0.1:5060\"; backup = true; } ); } );\n",
			"",
			"f:2: pools.p: every server is a backup, so that none is: expected at "
			"least "
			"one that is not\n"},
	};
	(void)state;
	conf_case_check(cases, COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_makes_no_sense_is_refused_with_its_cure),
		cmocka_unit_test(every_status_of_a_range_is_alive_and_no_other),
		cmocka_unit_test(a_pool_of_backups_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
