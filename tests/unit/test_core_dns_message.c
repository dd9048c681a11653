/* SPDX-License-Identifier: BSD-2-Clause */
/* The time to live of an answer, and messages that are none. */
#include "proxy/core/dns_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD(questions, answers) "\x12\x34\x81\x80\0" questions "\0" answers "\0\0\0\0"
#define ASKED			 "\1k\4test\0\0\1\0\1"
#define RECORD(ttl)		 "\xc0\x0c\0\1\0\1" ttl "\0\4\x0a\0\0\1"
#define HOUR			 "\0\0\x0e\x10"
#define TEN			 "\0\0\0\x0a"

static bool read_it(const char *text, size_t length, uint32_t *ttl_s)
{
	/* Of its own size, so that the sanitizer sees a byte too much. */
	uint8_t *bytes = malloc(length + !length);
	assert_non_null(bytes);
	memcpy(bytes, text, length);
	bool is_read = dns_message_ttl(bytes, length, ttl_s);
	free(bytes);
	return is_read;
}

#define READ(text, ttl) read_it(text, sizeof(text) - 1, ttl)

static void the_smallest_time_to_live_counts(void **state)
{
	uint32_t ttl_s = 7;
	(void)state;
	assert_true(READ(HEAD("\1", "\1") ASKED RECORD(HOUR), &ttl_s));
	assert_int_equal(ttl_s, 3600);
	assert_true(READ(HEAD("\1", "\3") ASKED RECORD(HOUR) RECORD(TEN) RECORD(HOUR), &ttl_s));
	assert_int_equal(ttl_s, 10);
	assert_true(READ(HEAD("\1", "\1") ASKED RECORD("\xff\xff\xff\xff"), &ttl_s));
	assert_int_equal(ttl_s, 0);
	assert_true(READ(HEAD("\1", "\0") ASKED, &ttl_s));
	assert_int_equal(ttl_s, UINT32_MAX);
}

static void no_beginning_of_a_message_is_one(void **state)
{
	static const char whole[] = HEAD("\1", "\2") ASKED RECORD(HOUR) RECORD(TEN);
	uint32_t ttl_s = 7;
	(void)state;
	for (size_t length = 0; length < sizeof(whole) - 1; length++)
		assert_false(read_it(whole, length, &ttl_s));
	assert_int_equal(ttl_s, 7);
	assert_true(read_it(whole, sizeof(whole) - 1, &ttl_s));
}

static void names_that_are_none_are_refused(void **state)
{
	char endless[12 + 400];
	uint32_t ttl_s;
	(void)state;
	assert_false(READ(HEAD("\1", "\0") "\x40k\0\0\1\0\1\0\0\0\0", &ttl_s));
	memset(endless, 1, sizeof(endless));
	memcpy(endless, HEAD("\1", "\0"), 12);
	assert_false(read_it(endless, sizeof(endless), &ttl_s));
	/* A pointer to itself leads nowhere, and is not followed. */
	assert_true(READ(HEAD("\0", "\1") RECORD(TEN), &ttl_s));
	assert_false(READ(HEAD("\1", "\1") ASKED "\xc0\x0c\0\1\0\1" TEN "\xff\xff\1", &ttl_s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_smallest_time_to_live_counts),
		cmocka_unit_test(no_beginning_of_a_message_is_one),
		cmocka_unit_test(names_that_are_none_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
