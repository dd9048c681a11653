/* SPDX-License-Identifier: BSD-2-Clause */
#include "sip/strip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIRST "INVITE sip:b SIP/2.0\r\n"
#define BODY  "body: X-AUTH-IP: 1\r\n"
#define END   "Content-Length: 20\r\n\r\n" BODY

static const char *const names[] = {"X-AUTH-IP", "X-Other", NULL};

/* What is left of a message, and that its frame is what framing it again says. */
static void assert_stripped(const char *text, const char *expected)
{
	struct frame_limits limits = {65536, 65536, 128, 64, false, false, strip_marks(names)};
	size_t length = strlen(text);
	uint8_t *copy = malloc(length);
	struct framer f = {0};
	struct frame frame, again;
	assert_non_null(copy);
	memcpy(copy, text, length);
	assert_int_equal(frame_next(&f, &limits, copy, length, &frame), FRAME_MESSAGE);
	assert_true(frame.has_marked || strcmp(text, expected) == 0);
	size_t taken = strip_headers(copy, &frame, names);
	assert_int_equal(taken, length - strlen(expected));
	assert_memory_equal(copy + taken, expected, length - taken);
	assert_int_equal(frame.start, taken);
	assert_int_equal(frame.consumed, length);
	assert_int_equal(
		frame_next(&f, &limits, copy + taken, length - taken, &again), FRAME_MESSAGE);
	assert_int_equal(frame.header_length, again.header_length);
	assert_int_equal(frame.via, again.via);
	assert_int_equal(frame.to, again.to);
	assert_int_equal(frame.call_id, again.call_id);
	assert_int_equal(frame.cseq, again.cseq);
	free(copy);
}

static void takes_out_the_lines_and_changes_no_other_byte(void **state)
{
	(void)state;
	assert_stripped(FIRST "Via: a\r\nTo: b\r\n" END, FIRST "Via: a\r\nTo: b\r\n" END);
	assert_stripped(
		FIRST "X-AUTH-IP: 1\r\nVia: a\r\nTo: b\r\n" END, FIRST "Via: a\r\nTo: b\r\n" END);
	assert_stripped(FIRST "v: a\r\nX-Auth-Ip: 1\r\nt: b\r\nCSeq: 1 INVITE\r\ni: x\r\n" END,
		FIRST "v: a\r\nt: b\r\nCSeq: 1 INVITE\r\ni: x\r\n" END);
	assert_stripped(FIRST "X-AUTH-IP: 1\r\nCSeq: 1 INVITE\r\nx-auth-ip:2\r\nx-OTHER: 3\r\n" END,
		FIRST "CSeq: 1 INVITE\r\n" END);
}

static void takes_out_folds_and_what_has_white_space_before_its_colon(void **state)
{
	(void)state;
	assert_stripped(FIRST "X-AUTH-IP \t: 1\r\nTo: b\r\n" END, FIRST "To: b\r\n" END);
	assert_stripped(FIRST "To: b\r\nX-AUTH-IP:\r\n 1\r\n\t2\r\nCSeq: 1 INVITE\r\n" END,
		FIRST "To: b\r\nCSeq: 1 INVITE\r\n" END);
}

static void leaves_names_alone_that_only_begin_or_end_so(void **state)
{
	(void)state;
	assert_stripped(FIRST "X-AUTH-IPS: 1\r\nAX-AUTH-IP: 2\r\nTo: X-AUTH-IP: 3\r\n" END,
		FIRST "X-AUTH-IPS: 1\r\nAX-AUTH-IP: 2\r\nTo: X-AUTH-IP: 3\r\n" END);
}

static void many_lines_are_taken_out_and_those_between_them_stay_in_order(void **state)
{
	(void)state;
	assert_stripped(FIRST
		"X-Other: 1\r\nv: a\r\nX-Other: 2\r\nX-AUTH-IP: 3\r\nt: b\r\n "
		"folded\r\nX-Other:\r\n"
		"i: x\r\nX-Other: 4\r\nCSeq: 1 INVITE\r\nSubject: y\r\nX-Other: 5\r\n" END,
		FIRST "v: a\r\nt: b\r\n folded\r\ni: x\r\nCSeq: 1 INVITE\r\nSubject: y\r\n" END);
}

static void nothing_is_marked_without_names(void **state)
{
	static const char *const none[] = {NULL};
	(void)state;
	assert_true(strip_marks(NULL) == 0);
	assert_true(strip_marks(none) == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_out_the_lines_and_changes_no_other_byte),
		cmocka_unit_test(takes_out_folds_and_what_has_white_space_before_its_colon),
		cmocka_unit_test(leaves_names_alone_that_only_begin_or_end_so),
		cmocka_unit_test(many_lines_are_taken_out_and_those_between_them_stay_in_order),
		cmocka_unit_test(nothing_is_marked_without_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
