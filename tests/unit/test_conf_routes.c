/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_routes.c - the rules of routes; the exact text of every error. */
#include "tests/unit/conf_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table)  (sizeof(table) / sizeof((table)[0]))
#define CLASSES	      "limits: { classes = ( { name = \"c\"; networks = [ \"10.0.0.0/8\" ]; } ); };\n"
#define ROUTES(text)  CASE_GOOD CLASSES "routes = ( " text " );\n"
#define ROUTE(text)   ROUTES("{ " text " pool = \"p\"; }")
#define AT(i, option) "f:4: routes[" i "]." option ": "
#define BAD_NAME(name)                                                                      \
	AT("0", "server_name")                                                              \
	"\"" name                                                                           \
	"\" is no name that TLS clients ask for, expected one such as \"sip.example.com\" " \
	"or \"*.example.com\"\n"
#define NO_TLS                 \
	AT("0", "server_name") \
	"nobody can ask for a name there, expected a listener with transport \"tls\"\n"
#define BAD_METHOD(method)      \
	AT("0", "first_method") \
	"\"" method "\" is no method, expected one in capitals such as \"REGISTER\"\n"

static void a_route_names_what_there_is(void **state)
{
	static const struct conf_case cases[] = {
		{ROUTE(""), "", ""},
		{ROUTE("class = \"c\"; listener = \"l\"; endpoint = \"vpce-1\"; first_method = "
		       "\"REGISTER\";"),
			"", ""},
		{ROUTES("{ pool = \"q\"; }"),
			AT("0", "pool") "there is no pool \"q\", expected one of \"p\"\n", ""},
		{ROUTE("class = \"d\";"),
			AT("0", "class") "there is no class \"d\", expected one of \"c\"\n", ""},
		{ROUTE("listener = \"m\";"),
			AT("0", "listener") "there is no listener \"m\", expected one of \"l\"\n",
			""},
		{CASE_GOOD "routes = ( { class = \"d\"; pool = \"p\"; } );",
			"f:3: routes[0].class: there is no class \"d\", nor any other, expected "
			"one to be made\n",
			""},
	};
	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void names_and_methods_can_be_met(void **state)
{
	static const struct conf_case cases[] = {
		{ROUTE("first_method = \"X-PING.2\";"), "", ""},
		{ROUTE("first_method = \"register\";"), BAD_METHOD("register"), ""},
		{ROUTE("first_method = \"A B\";"), BAD_METHOD("A B"), ""},
		{ROUTE("server_name = \"*\";"), BAD_NAME("*"), NO_TLS},
		{ROUTE("server_name = \"*.\";"), BAD_NAME("*."), NO_TLS},
		{ROUTE("server_name = \"a..b\";"), BAD_NAME("a..b"), NO_TLS},
		{ROUTE("server_name = \"a.b.\";"), BAD_NAME("a.b."), NO_TLS},
		{ROUTE("server_name = \"a:5061\";"), BAD_NAME("a:5061"), NO_TLS},
		{ROUTE("server_name = \"*.example.com\";"), "", NO_TLS},
	};
	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void a_route_behind_one_for_everybody_is_never_reached(void **state)
{
	static const struct conf_case cases[] = {
		{ROUTES("{ class = \"c\"; pool = \"p\"; }, { pool = \"p\"; }"), "", ""},
		{ROUTES("{ pool = \"p\"; }, { class = \"c\"; pool = \"p\"; }"), "",
			"f:4: routes[1]: it is never reached, because the route at f:4 fits "
			"everybody, expected that one last\n"},
	};
	(void)state;
	conf_case_check(cases, COUNT(cases));
}

/* What was refused itself may be what is meant: no second error for the same mistake. */
static void what_was_refused_is_not_missed(void **state)
{
	static const char text[] =
		CASE_GOOD "limits: { classes = ( { networks = [ \"10.0.0.0/8\" ]; } ); };\n"
			  "routes = ( { class = \"d\"; pool = \"p\"; } );";
	struct conf_errors errors = {0};
	(void)state;
	assert_null(conf_load_text(text, "f", &errors));
	assert_int_equal(errors.errors.count, 1);
	conf_errors_fini(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_route_names_what_there_is),
		cmocka_unit_test(names_and_methods_can_be_met),
		cmocka_unit_test(a_route_behind_one_for_everybody_is_never_reached),
		cmocka_unit_test(what_was_refused_is_not_missed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
