/* SPDX-License-Identifier: BSD-2-Clause */
/* conf_case.c - tables of texts and of what is said about them. */
#include "tests/unit/conf_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

char *conf_case_lines(const struct conf_messages *messages)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	conf_errors_print(messages, "", out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void compare(const struct conf_messages *messages, const char *expected, const char *text)
{
	char *lines = conf_case_lines(messages);

	if (strcmp(lines, expected) != 0)
		print_error("about the text\n%s\n", text);
	assert_string_equal(lines, expected);
	free(lines);
}

void conf_case_check(const struct conf_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct conf_errors errors = {0};
		struct conf *c = conf_load_text(cases[i].text, "f", &errors);

		compare(&errors.errors, cases[i].errors, cases[i].text);
		if (cases[i].warnings)
			compare(&errors.warnings, cases[i].warnings, cases[i].text);
		assert_int_equal(c != NULL, cases[i].errors[0] == '\0');
		conf_free(c);
		conf_errors_fini(&errors);
	}
}
