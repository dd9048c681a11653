/* SPDX-License-Identifier: BSD-2-Clause */
/* Text for programs: bounded, and whatever came from the network is ASCII inside a JSON string. */
#include "proxy/core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void assert_text(const struct text *t, const char *expected)
{
	assert_int_equal(t->length, strlen(expected));
	assert_memory_equal(t->bytes, expected, t->length);
}

static void numbers_are_decimal(void **state)
{
	(void)state;
	char bytes[64];
	struct text t;
	text_init(&t, bytes, sizeof(bytes));
	text_put_uint(&t, 0);
	text_put_char(&t, ' ');
	text_put_uint(&t, 10);
	text_put_char(&t, ' ');
	text_put_uint(&t, UINT64_MAX);
	assert_text(&t, "0 10 18446744073709551615");
}

static void each_byte_is_escaped_as_json_wants(void **state)
{
	static const struct {
		uint8_t byte;
		const char *escaped;
	} cases[] = {
		{0, "\\u0000"},
		{1, "\\u0001"},
		{'\b', "\\u0008"},
		{'\t', "\\t"},
		{'\n', "\\n"},
		{'\r', "\\r"},
		{0x1b, "\\u001b"},
		{0x1f, "\\u001f"},
		{' ', " "},
		{'"', "\\\""},
		{'\'', "'"},
		{'\\', "\\\\"},
		{'~', "~"},
		{0x7f, "\\u007f"},
		{0x80, "\\u0080"},
		{0xff, "\\u00ff"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char bytes[16];
		struct text t;
		text_init(&t, bytes, sizeof(bytes));
		text_put_escaped(&t, &cases[i].byte, 1);
		assert_text(&t, cases[i].escaped);
	}
}

static void what_does_not_fit_is_left_out_and_noticed(void **state)
{
	(void)state;
	for (size_t size = 1; size < 12; size++) {
		char bytes[16];
		struct text t;
		memset(bytes, '#', sizeof(bytes));
		text_init(&t, bytes, size);
		text_put(&t, "abc");
		text_put_escaped(&t, "\x01", 1);
		text_put_char(&t, 'd');
		assert_int_equal(t.is_cut, size < 11);
		assert_true(t.length < size);
		assert_int_equal(t.length, size > 10 ? 10 : size > 9 ? 9 : size > 3 ? 3 : 0);
		assert_memory_equal(bytes, "abc\\u0001d", t.length);
		assert_int_equal(bytes[size], '#');
	}
}

static void a_label_keeps_no_quote_backslash_or_line_feed(void **state)
{
	(void)state;
	char bytes[64];
	struct text t;
	text_init(&t, bytes, sizeof(bytes));
	text_put_label(&t, "a\"b\\c\nd\te{}=,");
	assert_text(&t, "a\\\"b\\\\c\\nd\te{}=,");
}

static void nothing_follows_a_cut(void **state)
{
	(void)state;
	char bytes[8];
	struct text t;
	text_init(&t, bytes, sizeof(bytes));
	text_put(&t, "123");
	text_put(&t, "4567890");
	text_put(&t, "x");
	assert_true(t.is_cut);
	assert_text(&t, "123");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_decimal),
		cmocka_unit_test(each_byte_is_escaped_as_json_wants),
		cmocka_unit_test(a_label_keeps_no_quote_backslash_or_line_feed),
		cmocka_unit_test(what_does_not_fit_is_left_out_and_noticed),
		cmocka_unit_test(nothing_follows_a_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
