/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_errors.c - order and bounds of the list of messages. */
#include "tests/unit/conf_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void add(struct conf_errors *e, const char *file, unsigned line, const char *what)
{
	conf_errors_add(e, &(struct conf_place){.file = file, .line = line}, "o", "%s", what);
}

static void assert_lines(const struct conf_messages *messages, const char *expected)
{
	char *lines = conf_case_lines(messages);

	assert_string_equal(lines, expected);
	free(lines);
}

static void lists_the_first_file_first_then_by_name_and_line(void **state)
{
	struct conf_errors e = {0};

	(void)state;
	conf_errors_begin(&e, "main");
	add(&e, "zone", 1, "a");
	add(&e, "main", 9, "b");
	add(&e, "include", 7, "c");
	add(&e, "main", 2, "d");
	add(&e, "include", 3, "e");
	add(&e, "main", 10, "f");
	assert_lines(&e.errors, "main:2: o: d\nmain:9: o: b\nmain:10: o: f\n"
				"include:3: o: e\ninclude:7: o: c\nzone:1: o: a\n");
	conf_errors_fini(&e);
}

static void keeps_the_order_of_the_calls_on_one_line(void **state)
{
	struct conf_errors e = {0};

	(void)state;
	add(&e, "f", 2, "first");
	add(&e, "f", 1, "above");
	add(&e, "f", 2, "second");
	assert_lines(&e.errors, "f:1: o: above\nf:2: o: first\nf:2: o: second\n");
	conf_errors_fini(&e);
}

static void leaves_out_the_line_and_the_option_that_are_not_there(void **state)
{
	struct conf_errors e = {0};

	(void)state;
	conf_errors_add(&e, &(struct conf_place){.file = "f"}, "", "no such %s", "file");
	conf_errors_add(&e, &(struct conf_place){.file = "f", .line = 3}, "", "not text");
	conf_errors_warn(&e, &(struct conf_place){.file = "f", .line = 4}, "o", "%u", 5);
	assert_lines(&e.errors, "f: no such file\nf:3: not text\n");
	assert_lines(&e.warnings, "f:4: o: 5\n");
	conf_errors_fini(&e);
}

static void warnings_alone_are_no_error(void **state)
{
	struct conf_errors e = {0};

	(void)state;
	assert_false(conf_errors_any(&e));
	conf_errors_warn(&e, &(struct conf_place){.file = "f", .line = 4}, "o", "mind");
	assert_false(conf_errors_any(&e));
	add(&e, "f", 1, "wrong");
	assert_true(conf_errors_any(&e));
	conf_errors_fini(&e);
	assert_false(conf_errors_any(&e));
}

static void keeps_those_that_come_first_in_the_file_and_counts_the_rest(void **state)
{
	struct conf_errors e = {0};
	char *lines;

	(void)state;
	for (unsigned i = 0; i < CONF_MESSAGES_MAX; i++)
		add(&e, "f", 1000 - i, "x");
	lines = conf_case_lines(&e.errors);
	assert_null(strstr(lines, "more"));
	free(lines);
	add(&e, "f", 5, "late but early in the file");
	add(&e, "f", 2000, "x");
	assert_int_equal(e.errors.kept_count, CONF_MESSAGES_MAX);
	assert_int_equal(e.errors.count, CONF_MESSAGES_MAX + 2);
	assert_int_equal(e.errors.kept[0].line, 5);
	assert_int_equal(e.errors.kept[CONF_MESSAGES_MAX - 1].line, 999);
	lines = conf_case_lines(&e.errors);
	assert_non_null(strstr(lines, "f:999: o: x\nand 2 more\n"));
	free(lines);
	conf_errors_fini(&e);
}

static void prints_a_prefix_before_each_line(void **state)
{
	struct conf_errors e = {0};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	conf_errors_warn(&e, &(struct conf_place){.file = "f", .line = 1}, "a", "x");
	conf_errors_warn(&e, &(struct conf_place){.file = "f", .line = 2}, "b", "y");
	conf_errors_print(&e.warnings, "warning: ", out);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, "warning: f:1: a: x\nwarning: f:2: b: y\n");
	free(text);
	conf_errors_fini(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_the_first_file_first_then_by_name_and_line),
		cmocka_unit_test(keeps_the_order_of_the_calls_on_one_line),
		cmocka_unit_test(leaves_out_the_line_and_the_option_that_are_not_there),
		cmocka_unit_test(warnings_alone_are_no_error),
		cmocka_unit_test(keeps_those_that_come_first_in_the_file_and_counts_the_rest),
		cmocka_unit_test(prints_a_prefix_before_each_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
