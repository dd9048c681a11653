/* SPDX-License-Identifier: BSD-2-Clause */
/* test_sip_header.c - a view of header lines: names, values, folds, and where it ends. */
#include "sip/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char message[] = "INVITE sip:a SIP/2.0\r\n"
			      "Via: one\r\n"
			      "v :\ttwo\r\n"
			      "Subject:  folded\r\n text \r\n\t more  \r\n"
			      "Empty:\r\n"
			      "Blank: \t \r\n"
			      "cseq: 1 INVITE\r\n"
			      "\r\n"
			      "Body: not a header\r\n";

static size_t section_length(void)
{
	return (size_t)(strstr(message, "\r\n\r\n") - message) + 4;
}

static void assert_line(const struct header_line *line, const char *name, const char *value)
{
	assert_int_equal(line->name_length, strlen(name));
	assert_memory_equal(line->name, name, line->name_length);
	assert_int_equal(line->value_length, strlen(value));
	assert_memory_equal(line->value, value, line->value_length);
}

static void steps_through_the_lines_between_start_line_and_body(void **state)
{
	static const char *const expected[][2] = {
		{"Via", "one"},
		{"v", "two"},
		{"Subject", "folded\r\n text \r\n\t more"},
		{"Empty", ""},
		{"Blank", ""},
		{"cseq", "1 INVITE"},
	};
	const uint8_t *bytes = (const uint8_t *)message;
	struct header_line line;
	size_t at = 0;
	size_t whole = strlen("INVITE sip:a SIP/2.0\r\n");

	(void)state;
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		assert_true(header_next(bytes, section_length(), &at, &line));
		assert_line(&line, expected[i][0], expected[i][1]);
		/* Without a gap: the lines together are the section. */
		assert_ptr_equal(line.whole, bytes + whole);
		whole += line.whole_length;
		assert_int_equal(at, whole);
	}
	assert_false(header_next(bytes, section_length(), &at, &line));
}

static void ends_where_the_checked_lines_end(void **state)
{
	const uint8_t *bytes = (const uint8_t *)message;
	size_t length = (size_t)(strstr(message, "Subject") - message);
	struct header_line line;
	size_t at = 0;

	(void)state;
	assert_true(header_next(bytes, length, &at, &line));
	assert_true(header_next(bytes, length, &at, &line));
	assert_line(&line, "v", "two");
	assert_false(header_next(bytes, length, &at, &line));
	at = 0;
	assert_false(header_next(bytes, 0, &at, &line));
}

static void an_empty_value_stands_before_its_line_end(void **state)
{
	const uint8_t *bytes = (const uint8_t *)message;
	struct header_line line;

	(void)state;
	assert_true(header_find(bytes, section_length(), "Empty", 0, &line));
	assert_ptr_equal(line.value, line.whole + strlen("Empty:"));
}

static void finds_the_first_of_a_name_in_either_form_and_any_case(void **state)
{
	const uint8_t *bytes = (const uint8_t *)message;
	struct header_line line;

	(void)state;
	assert_true(header_find(bytes, section_length(), "VIA", 'v', &line));
	assert_line(&line, "Via", "one");
	assert_true(header_find(bytes, section_length(), "X-Long-Form", 'V', &line));
	assert_line(&line, "v", "two");
	assert_true(header_find(bytes, section_length(), "CSeq", 0, &line));
	assert_line(&line, "cseq", "1 INVITE");
	assert_false(header_find(bytes, section_length(), "Body", 0, &line));
	assert_false(header_find(bytes, section_length(), "Vi", 0, &line));
	assert_false(header_find(bytes, section_length(), "Vias", 0, &line));
	assert_false(header_find(bytes, section_length(), "X", 0, &line));
}

static void never_reads_outside_of_what_it_is_given(void **state)
{
	(void)state;
	for (size_t length = 0; length < sizeof message; length++) {
		uint8_t *copy = malloc(length ? length : 1);
		struct header_line line;
		size_t at = 0;

		assert_non_null(copy);
		memcpy(copy, message, length);
		while (header_next(copy, length, &at, &line))
			assert_true(line.value + line.value_length <= copy + length);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_through_the_lines_between_start_line_and_body),
		cmocka_unit_test(ends_where_the_checked_lines_end),
		cmocka_unit_test(an_empty_value_stands_before_its_line_end),
		cmocka_unit_test(finds_the_first_of_a_name_in_either_form_and_any_case),
		cmocka_unit_test(never_reads_outside_of_what_it_is_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
