/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_prescan.c - what libconfig would read in silence as something else. */
#include "conf/prescan.h"
#include "conf/scan.h"
#include "conf/tree.h"
#include "tests/unit/conf_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void knows_which_literals_libconfig_holds(void **state)
{
	static const char *const fit[] = {"0", "1", "-1", "+1", "0000000000000001", "2147483647",
		"+2147483647", "-2147483648", "0x0", "0x7fffffff", "0X7FFFFFFF",
		"0x000000007fffffff", "2147483648L", "9223372036854775807L",
		"-9223372036854775808L", "9223372036854775807LL", "0x7fffffffffffffffL", "0x10LL"};
	static const char *const unfit[] = {"2147483648", "+2147483648", "-2147483649",
		"4294967296", "99999999999999999999", "18446744073709551616",
		"18446744073709551617", "0x80000000", "0xFFFFFFFF", "0xFFFFFFFFFF",
		"0x100000000000000000", "9223372036854775808L", "-9223372036854775809L",
		"0x8000000000000000L", "0xFFFFFFFFFFFFFFFFLL", "99999999999999999999999999L"};

	(void)state;
	for (size_t i = 0; i < COUNT(fit); i++) {
		if (!conf_prescan_integer_fits(fit[i], strlen(fit[i])))
			fail_msg("%s is said not to fit", fit[i]);
	}
	for (size_t i = 0; i < COUNT(unfit); i++) {
		if (conf_prescan_integer_fits(unfit[i], strlen(unfit[i])))
			fail_msg("%s is said to fit", unfit[i]);
	}
}

/* The source and the prescan of one text. */
struct fixture {
	struct conf_arena *arena;
	struct conf_errors errors;
	struct conf_source source;
	struct conf_prescan prescan;
	bool ok;
};

static void begin(struct fixture *f, const char *text)
{
	memset(f, 0, sizeof(*f));
	f->arena = conf_arena_new();
	assert_non_null(f->arena);
	assert_true(conf_source_read_text(&f->source, f->arena, text, "f", &f->errors));
	f->ok = conf_prescan(&f->prescan, &f->source);
}

static void end(struct fixture *f)
{
	conf_source_fini(&f->source);
	conf_errors_fini(&f->errors);
	conf_arena_free(f->arena);
}

static void finds_literals_in_every_place_and_counts_all(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "a = 1; b = 4294967296; c-99999999999 = ( 2, [ 0xFFFFFFFFFF ], { d = 3L; } );\n"
		  "e = 99999999999999999999L; f = 1.5; g = 1e400; h:4294967297");
	assert_true(f.ok);
	assert_int_equal(f.prescan.integer_count, 7);
	assert_int_equal(f.prescan.literal_count, 4);
	assert_int_equal(f.prescan.literals[0].ordinal, 1);
	assert_string_equal(f.prescan.literals[0].text, "4294967296");
	assert_int_equal(f.prescan.literals[1].ordinal, 3);
	assert_string_equal(f.prescan.literals[1].text, "0xFFFFFFFFFF");
	assert_int_equal(f.prescan.literals[2].ordinal, 5);
	assert_string_equal(f.prescan.literals[2].text, "99999999999999999999L");
	assert_int_equal(f.prescan.literals[3].ordinal, 6);
	assert_string_equal(f.prescan.literals[3].text, "4294967297");
	end(&f);
}

static void skips_strings_and_comments(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f, "a = \"4294967296 \\\" 4294967296\"; # 4294967296\n"
		  "// 4294967296 \" \n"
		  "/* 4294967296 \" \n 4294967296 */ b = 1; /**/ c = 2; // 4294967296");
	assert_true(f.ok);
	assert_int_equal(f.prescan.integer_count, 2);
	assert_int_equal(f.prescan.literal_count, 0);
	end(&f);
}

/* The tree is what the rest of conf sees: the literal, not what libconfig made of it. */
static void puts_the_literal_in_the_place_of_the_wrapped_number(void **state)
{
	const struct conf_tree *tree, *list;
	struct fixture f;

	(void)state;
	begin(&f, "a = 4294967296;\nlist = ( 7, { b = 99999999999999999999; },\n [ 1, 2147483648 ] "
		  ");");
	assert_true(f.ok);
	tree = conf_tree_parse(f.arena, &f.source, &f.prescan);
	assert_non_null(tree);
	assert_int_equal(tree->children[0].type, CONF_TREE_UNFIT);
	assert_string_equal(tree->children[0].text, "4294967296");
	list = conf_tree_child(tree, "list");
	assert_int_equal(list->children[0].type, CONF_TREE_INTEGER);
	assert_int_equal(list->children[0].integer, 7);
	assert_int_equal(list->children[1].children[0].type, CONF_TREE_UNFIT);
	assert_string_equal(list->children[1].children[0].text, "99999999999999999999");
	assert_int_equal(list->children[2].children[0].integer, 1);
	assert_int_equal(list->children[2].children[1].type, CONF_TREE_UNFIT);
	assert_int_equal(list->children[2].place.line, 3);
	end(&f);
}

static void says_the_literal_and_the_line(void **state)
{
	static const struct conf_case cases[] = {
		{CASE_GOOD "limits: { connections = 4294967296; };",
			"f:3: limits.connections: 4294967296 is out of range, expected a whole "
			"number 0..1000000\n",
			""},
		{CASE_GOOD "limits: {\n connections\n=\n0xFFFFFFFFFF; };",
			"f:4: limits.connections: 0xFFFFFFFFFF is out of range, expected a whole "
			"number 0..1000000\n",
			""},
		{CASE_GOOD "limits: { connections = 99999999999999999999L; };",
			"f:3: limits.connections: 99999999999999999999L is out of range, expected "
			"a whole "
			"number 0..1000000\n",
			""},
		{CASE_GOOD "limits: { connections = -4294967295; };",
			"f:3: limits.connections: -4294967295 is out of range, expected a whole "
			"number 0..1000000\n",
			""},
		{CASE_GOOD "timeouts: { idle = 4294967296; };",
			"f:3: timeouts.idle: 4294967296 is a bare number, expected a duration "
			"\"50ms\"..\"7d\" or \"off\"\n",
			""},
		{CASE_GOOD "limits: { conections = 4294967296; };",
			"f:3: limits.conections: unknown name, expected perhaps connections\n", ""},
		{CASE_GOOD "limits: { connections = 5L; tracked_sources = 0x10; };", "", ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void stops_at_a_string_that_runs_over_its_line(void **state)
{
	static const struct conf_case cases[] = {
		{"log: {\n level = \"info;\n format = \"json\";\n};\n" CASE_GOOD,
			"f:2: syntax: the string that begins here does not end on its line, "
			"expected a "
			"closing quote\n",
			""},
		{CASE_GOOD "log: { level = \"info; };",
			"f:3: syntax: the string that begins here does not end on its line, "
			"expected a "
			"closing quote\n",
			""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void refuses_a_nul_that_libconfig_would_drop(void **state)
{
	static const struct conf_case cases[] = {
		{CASE_GOOD "log: { target = \"/var/log/a\\x00b\"; };\nsip: { schemes = [ "
			   "\"sip\\X00\" ]; };",
			"f:3: syntax: the string holds \\x00, expected text\n"
			"f:4: syntax: the string holds \\x00, expected text\n",
			""},
		{CASE_GOOD "log: { target = \"/var/log/a\\\\x00\"; };", "", ""},
		{CASE_GOOD "log: { target = \"/var/log/a\\x0\"; };", "", ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void refuses_what_is_nested_deeper_than_any_option(void **state)
{
	static const struct conf_case cases[] = {
		{"a = ((((((((((((((((1))))))))))))))));\n" CASE_GOOD,
			"f:1: a: unknown name, expected one of sipweir --print-config\n", ""},
		{"a = (((((((((((((((((1)))))))))))))))));\n" CASE_GOOD,
			"f:1: syntax: nested deeper than 16, expected no option there\n", ""},
	};

	(void)state;
	conf_case_check(cases, COUNT(cases));
}

static void cuts_tokens_as_libconfig_does(void **state)
{
	static const struct {
		const char *text;
		enum conf_token_kind kinds[4];
		size_t length; /* of the first */
	} cases[] = {
		{"30s", {CONF_TOKEN_INTEGER, CONF_TOKEN_NAME}, 2},
		{"5L2", {CONF_TOKEN_INTEGER, CONF_TOKEN_INTEGER}, 2},
		{"5LLL", {CONF_TOKEN_INTEGER, CONF_TOKEN_NAME}, 3},
		{"0x", {CONF_TOKEN_INTEGER, CONF_TOKEN_NAME}, 1},
		{"0x1G", {CONF_TOKEN_INTEGER, CONF_TOKEN_NAME}, 3},
		{"-0x1", {CONF_TOKEN_INTEGER, CONF_TOKEN_NAME}, 2},
		{"1-2", {CONF_TOKEN_INTEGER, CONF_TOKEN_INTEGER}, 1},
		{"5e", {CONF_TOKEN_INTEGER, CONF_TOKEN_NAME}, 1},
		{"5e+", {CONF_TOKEN_INTEGER, CONF_TOKEN_NAME, CONF_TOKEN_GARBAGE}, 1},
		{"5e+1", {CONF_TOKEN_FLOAT}, 4},
		{"5.", {CONF_TOKEN_FLOAT}, 2},
		{"-.5e1", {CONF_TOKEN_FLOAT}, 5},
		{".", {CONF_TOKEN_FLOAT}, 1},
		{"1.2.3", {CONF_TOKEN_FLOAT, CONF_TOKEN_FLOAT}, 3},
		{"1.5L", {CONF_TOKEN_FLOAT, CONF_TOKEN_NAME}, 3},
		{"-", {CONF_TOKEN_GARBAGE}, 1},
		{"TrUe", {CONF_TOKEN_BOOL}, 4},
		{"trues", {CONF_TOKEN_NAME}, 5},
		{"a-1_*", {CONF_TOKEN_NAME}, 5},
		{"_a", {CONF_TOKEN_GARBAGE, CONF_TOKEN_NAME}, 1},
		{"\"a\\\"b\"c", {CONF_TOKEN_STRING, CONF_TOKEN_NAME}, 6},
		{"\"a", {CONF_TOKEN_OPEN}, 2},
		{"/* a", {CONF_TOKEN_OPEN}, 4},
		{"/*/", {CONF_TOKEN_OPEN}, 3},
		{"/", {CONF_TOKEN_GARBAGE}, 1},
		{"# a", {CONF_TOKEN_END}, 0},
		{"\t@include  \"x\" 1", {CONF_TOKEN_INCLUDE, CONF_TOKEN_INTEGER}, 14},
		{"1 @include \"x\"",
			{CONF_TOKEN_INTEGER, CONF_TOKEN_GARBAGE, CONF_TOKEN_NAME,
				CONF_TOKEN_STRING},
			1},
		{"@include\"x\"", {CONF_TOKEN_GARBAGE, CONF_TOKEN_NAME, CONF_TOKEN_STRING}, 1},
		{"@include \"x", {CONF_TOKEN_OPEN}, 11},
		{"\v", {CONF_TOKEN_GARBAGE}, 1},
		{"\r\f\t \n", {CONF_TOKEN_END}, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conf_scan scan;
		struct conf_token t;
		size_t k = 0;

		conf_scan_init(&scan, cases[i].text, strlen(cases[i].text));
		do {
			conf_scan_next(&scan, &t);
			if (k < COUNT(cases[i].kinds) && t.kind != cases[i].kinds[k])
				fail_msg("\"%s\": token %zu is of kind %d", cases[i].text, k,
					(int)t.kind);
			if (k == 0)
				assert_int_equal(t.length, cases[i].length);
			k++;
		} while (t.kind != CONF_TOKEN_END);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_which_literals_libconfig_holds),
		cmocka_unit_test(finds_literals_in_every_place_and_counts_all),
		cmocka_unit_test(skips_strings_and_comments),
		cmocka_unit_test(puts_the_literal_in_the_place_of_the_wrapped_number),
		cmocka_unit_test(says_the_literal_and_the_line),
		cmocka_unit_test(stops_at_a_string_that_runs_over_its_line),
		cmocka_unit_test(refuses_a_nul_that_libconfig_would_drop),
		cmocka_unit_test(refuses_what_is_nested_deeper_than_any_option),
		cmocka_unit_test(cuts_tokens_as_libconfig_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
