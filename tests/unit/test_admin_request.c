/* SPDX-License-Identifier: BSD-2-Clause */
/* The line that the control tool sends: taken apart as it was put together, or refused with the reason. */
#include "admin/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS = 4 };

struct good {
	const char *line;
	bool is_json;
	const char *words[WORDS];
};

static const struct good good[] = {
	{"text status", false, {"status"}},
	{"json status", true, {"status"}},
	{"text drain --over 30s", false, {"drain", "--over", "30s"}},
	{"text ban 192.0.2.1 --reason%20x a%25b%c3%a9", false,
		{"ban", "192.0.2.1", "--reason x", "a%b\xc3\xa9"}},
	{"text json", false, {"json"}},
	{"text a%C3", false, {"a\xc3"}},
};

struct bad {
	const char *line;
	const char *fault;
};

static const struct bad bad[] = {
	{"", "words are separated by one space"},
	{"text", "there is no command"},
	{"text ", "words are separated by one space"},
	{"text  status", "words are separated by one space"},
	{" text status", "words are separated by one space"},
	{"status", "it begins with text or json"},
	{"TEXT status", "it begins with text or json"},
	{"text sta\ttus", "it is not printable ASCII"},
	{"text sta\xc3\xa9tus", "it is not printable ASCII"},
	{"text a%", "it has an escape that is none"},
	{"text a%2", "it has an escape that is none"},
	{"text a%2g", "it has an escape that is none"},
	{"text a%00b", "it has an escape that is none"},
	{"text a%0ab", "it has an escape that is none"},
	{"text a%7f", "it has an escape that is none"},
	{"text 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", "it has too many words"},
};

static void words_are_given_as_they_were_meant(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char line[REQUEST_MAX];
		struct request r;
		unsigned count = 0;
		strcpy(line, good[i].line);
		assert_null(request_read(&r, line, strlen(line)));
		assert_int_equal(r.is_json, good[i].is_json);
		for (; count < WORDS && good[i].words[count]; count++)
			assert_string_equal(r.words[count], good[i].words[count]);
		assert_int_equal(r.count, count);
		assert_null(r.words[count]);
	}
}

static void what_is_no_request_is_refused_with_the_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char line[REQUEST_MAX];
		struct request r;
		strcpy(line, bad[i].line);
		const char *fault = request_read(&r, line, strlen(line));
		assert_non_null(fault);
		assert_string_equal(fault, bad[i].fault);
	}
}

static void a_nul_in_the_line_does_not_end_it(void **state)
{
	char line[] = "text status\0x";
	struct request r;
	(void)state;
	assert_string_equal(request_read(&r, line, sizeof(line) - 1), "it is not printable ASCII");
}

static void fifteen_words_behind_the_format_are_the_most(void **state)
{
	char line[] = "text 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15";
	struct request r;
	(void)state;
	assert_null(request_read(&r, line, strlen(line)));
	assert_int_equal(r.count, REQUEST_WORDS - 1);
	assert_string_equal(r.words[REQUEST_WORDS - 2], "15");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_given_as_they_were_meant),
		cmocka_unit_test(what_is_no_request_is_refused_with_the_reason),
		cmocka_unit_test(a_nul_in_the_line_does_not_end_it),
		cmocka_unit_test(fifteen_words_behind_the_format_are_the_most),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
