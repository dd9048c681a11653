/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_syntax.c - the likely cause of a syntax error, and its line. */
#include "tests/unit/conf_case.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void values_without_quotes_are_told_with_their_quotes(void **state)
{
	static const struct conf_case cases[] = {
		{"timeouts: {\n idle = 30s;\n};",
			"f:2: timeouts.idle: 30s has no quotes, expected \"30s\"\n", ""},
		{"memory: { total = 1M; };",
			"f:1: memory.total: 1M has no quotes, expected \"1M\"\n", ""},
		{"log: { budget = 100/s; };",
			"f:1: log.budget: 100/s has no quotes, expected \"100/s\"\n", ""},
		{"listeners = ( { }, { address = 0.0.0.0:5060; } );",
			"f:1: listeners[1].address: 0.0.0.0:5060 has no quotes, expected "
			"\"0.0.0.0:5060\"\n",
			""},
		{"log: { level = info };",
			"f:1: log.level: info has no quotes, expected \"info\"\n", ""},
		{"a = [ 10.0.0.0/16, 5 ];",
			"f:1: a[0]: 10.0.0.0/16 has no quotes, expected \"10.0.0.0/16\"\n", ""},
		{"log: { target = /var/log/sipweir.log; };",
			"f:1: log.target: /var/log/sipweir.log has no quotes, expected "
			"\"/var/log/sipweir.log\"\n",
			""},
		{"listeners = ( { address = [::]:5060; } );",
			"f:1: listeners[0].address[0]: this address has no quotes, expected as in "
			"\"[::]:5060\"\n",
			""},
		{"workers = \x01;", "f:1: workers: no value, expected one\n", ""},
		{"log: { connections = yes; };",
			"f:1: log.connections: yes is no value, expected true or false\n", ""},
		{"log: { connections = on; };",
			"f:1: log.connections: on is no value, expected true or false\n", ""},
		{"log: { connections = onto; };",
			"f:1: log.connections: onto has no quotes, expected \"onto\"\n", ""},
		{"log: { level = 'info'; };", "f:1: log.level: ' is no quote here, expected \"\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void signs_that_are_missing_or_too_many_are_named(void **state)
{
	static const struct conf_case cases[] = {
		{"workers\n5;", "f:1: workers: no = behind the name, expected workers = VALUE\n",
			""},
		{"limits.connections = 5;",
			"f:1: limits: no = behind the name, expected limits = VALUE\n", ""},
		{"workers = ;", "f:1: workers: no value, expected one\n", ""},
		{"workers", "f:1: workers: the file ends here, expected a value\n", ""},
		{"workers =", "f:1: workers: the file ends here, expected a value\n", ""},
		{"workers = 5;;", "f:1: syntax: a second ;, expected the name of an option\n", ""},
		{"= 5;", "f:1: syntax: stray characters, expected the name of an option\n", ""},
		{"5;", "f:1: syntax: a value without a name, expected NAME = VALUE\n", ""},
		{"\xc3\xa4 = 5;", "f:1: syntax: stray characters, expected the name of an option\n",
			""},
		{"workers = 5 6;", "f:1: syntax: a value without a name, expected NAME = VALUE\n",
			""},
		{"a = ( 1, 2, );", "f:1: a[2]: a comma behind the last element, expected none\n",
			""},
		{"a = [ 1,\n ];", "f:1: a[1]: a comma behind the last element, expected none\n",
			""},
		{"a = ( { b = 1; }\n { b = 2; } );",
			"f:1: a[0]: nothing between two elements, expected a comma\n", ""},
		{"a = ( { b = 1; }; { b = 2; } );",
			"f:1: a[0]: ; stands between elements, expected a comma\n", ""},
		{"a = [ { b = 1; } ];",
			"f:1: a[0]: an array [ ] holds plain values only, expected a list ( )\n",
			""},
		{"a = [ 1, \"b\" ];",
			"f:1: a[1]: elements of two types, expected one in an array [ ]\n", ""},
		{"a = [ 1, 2L ];",
			"f:1: a[1]: elements of two types, expected one in an array [ ]\n", ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void brackets_that_do_not_match_are_told_with_the_line_that_opened(void **state)
{
	static const struct conf_case cases[] = {
		{"log: {\n level = \"info\";\n\nlimits: { connections = 5; };\n",
			"f:1: log: this { is not closed, expected }\n", ""},
		{"listeners = (\n { name = \"a\";\n  backlog = 5;\n);\n",
			"f:4: listeners[0]: ) stands where the { of line 2 is still open, expected "
			"} "
			"before it\n",
			""},
		{"a = ( 1, 2 ];",
			"f:1: a[1]: ] stands where the ( of line 1 is still open, expected ) "
			"before it\n",
			""},
		{"}", "f:1: syntax: this } closes nothing\n", ""},
		{"workers = 5; )", "f:1: syntax: this ) closes nothing\n", ""},
		{"a = ( 1", "f:1: a[0]: this ( is not closed, expected )\n", ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void every_option_that_is_given_twice_is_told(void **state)
{
	static const struct conf_case cases[] = {
		{"a = 1; b: { a = 1; c = ( { a = 1; }, { a = 1;\n a = 2; } ); };\nb = 1;\na = 3;",
			"f:2: b.c[1].a: given twice, expected once; first at f:1\n"
			"f:3: b: given twice, expected once; first at f:1\n"
			"f:4: a: given twice, expected once; first at f:1\n",
			""},
		{"a = 1;\na = 2;\nb = 30s;",
			"f:2: a: given twice, expected once; first at f:1\n"
			"f:3: b: 30s has no quotes, expected \"30s\"\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

/* Nothing here may be refused for its grammar: libconfig reads it. */
static void what_libconfig_accepts_is_accepted(void **state)
{
	static const struct conf_case cases[] = {
		{CASE_GOOD "workers = 1 max_connections = 5, log: { } limits = { },", "", ""},
		{CASE_GOOD "log = { target = \"/var\" \"/log\"\n\"/sipweir\"; level:\"info\" }", "",
			""},
		{CASE_GOOD
			"/* a */ workers = 0x2; // b\n# c\nlog: { connections = TRUE; };\r\n\f\t ",
			"", ""},
		{CASE_GOOD "workers = +5L; max_connections = 007;", "", ""},
		{CASE_GOOD "workers = 5 # without a line end", "", ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void a_comment_without_an_end_is_told(void **state)
{
	static const struct conf_case cases[] = {{CASE_GOOD "\n/* workers = 5;\n",
		"f:4: this comment has no end, expected */\n", ""}};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_without_quotes_are_told_with_their_quotes),
		cmocka_unit_test(signs_that_are_missing_or_too_many_are_named),
		cmocka_unit_test(brackets_that_do_not_match_are_told_with_the_line_that_opened),
		cmocka_unit_test(every_option_that_is_given_twice_is_told),
		cmocka_unit_test(what_libconfig_accepts_is_accepted),
		cmocka_unit_test(a_comment_without_an_end_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
