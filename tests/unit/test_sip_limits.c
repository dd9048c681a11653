/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_sip_limits.c - every bound of the framer: what is at the limit passes, one more is refused,
 * and at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sip/start_line.h"
#include "tests/unit/sip_feed.h"

#define START "INFO sip:a SIP/2.0\r\n"
#define END   "l: 0\r\n\r\n"

enum { ROOM = 100000 };

/* A stream that is written piece by piece. */
struct text {
	char bytes[ROOM];
	size_t length;
};

static void add(struct text *t, const char *bytes)
{
	size_t length = strlen(bytes);

	assert_true(t->length + length < ROOM);
	memcpy(t->bytes + t->length, bytes, length);
	t->length += length;
}

static void repeat(struct text *t, const char *bytes, size_t times)
{
	while (times--)
		add(t, bytes);
}

static struct text *begin(const char *start)
{
	static struct text text;

	text.length = 0;
	add(&text, start);
	return &text;
}

static const struct frame_limits small = {
	.max_message = 400, .max_header_bytes = 300, .max_headers = 5, .max_parameters = 7};

static void assert_fault(const struct text *t, enum frame_fault fault, size_t offset)
{
	struct fed fed = feed(&small, t->bytes, t->length);

	assert_string_equal(frame_fault_name(fed.bad.fault), frame_fault_name(fault));
	if (fault)
		assert_int_equal(fed.bad.offset, offset);
	else
		assert_int_equal(fed.messages, 1);
}

static void header_bytes(void **state)
{
	struct text *t = begin(START "Subject: ");
	size_t rest = strlen("\r\n" END);

	(void)state;
	repeat(t, "x", small.max_header_bytes - t->length - rest);
	add(t, "\r\n" END);
	assert_int_equal(t->length, small.max_header_bytes);
	assert_fault(t, FRAME_FAULT_NONE, 0);

	t = begin(START "Subject: ");
	repeat(t, "x", small.max_header_bytes - t->length - rest + 1);
	add(t, "\r\n" END);
	assert_fault(t, FRAME_FAULT_HEADER_BYTES, small.max_header_bytes);
}

static void header_bytes_without_waiting_for_a_line_end(void **state)
{
	struct text *t = begin(START "Subject: ");
	struct fed fed;

	(void)state;
	repeat(t, "x", small.max_header_bytes - t->length);
	fed = feed(&small, t->bytes, t->length);
	assert_int_equal(fed.last, FRAME_MORE);
	add(t, "x");
	assert_fault(t, FRAME_FAULT_HEADER_BYTES, small.max_header_bytes);
}

static void headers(void **state)
{
	struct text *t = begin(START);

	(void)state;
	repeat(t, "a: b\r\n c\r\n", small.max_headers - 1);
	add(t, END);
	assert_fault(t, FRAME_FAULT_NONE, 0);

	/* The first byte of the line too many is enough. */
	t = begin(START);
	repeat(t, "a: b\r\n", small.max_headers);
	add(t, "l");
	assert_fault(t, FRAME_FAULT_HEADERS, t->length - 1);

	t = begin(START);
	repeat(t, "a: b\r\n", small.max_headers + 1);
	add(t, END);
	assert_fault(
		t, FRAME_FAULT_HEADERS, strlen(START) + small.max_headers * strlen("a: b\r\n"));
}

static void parameters_of_a_line(void **state)
{
	static const char *const separators[] = {";", ",", "&"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct text *t = begin(START "Via: a");

		repeat(t, separators[i], small.max_parameters);
		add(t, "\r\nTo: b");
		repeat(t, separators[i], small.max_parameters);
		add(t, "\r\n" END);
		assert_fault(t, FRAME_FAULT_NONE, 0);

		t = begin(START "Via: a");
		repeat(t, separators[i], small.max_parameters + 1);
		add(t, "\r\nT");
		assert_fault(t, FRAME_FAULT_PARAMETERS, t->length - 4);
	}
}

static void parameters_count_over_folds(void **state)
{
	struct text *t = begin(START "Via: a");

	(void)state;
	repeat(t, ";b\r\n ", small.max_parameters);
	add(t, "c\r\n" END);
	assert_fault(t, FRAME_FAULT_NONE, 0);

	t = begin(START "Via: a");
	repeat(t, ";b\r\n ", small.max_parameters);
	add(t, ";\r\n" END);
	assert_fault(t, FRAME_FAULT_PARAMETERS, t->length - strlen(";\r\n" END));
}

static void parameters_of_the_request_uri(void **state)
{
	struct text *t = begin("INFO sip:a");

	(void)state;
	repeat(t, ";", small.max_parameters);
	add(t, " SIP/2.0\r\n" END);
	assert_fault(t, FRAME_FAULT_NONE, 0);

	t = begin("INFO sip:a");
	repeat(t, ";", small.max_parameters + 1);
	add(t, " SIP/2.0\r");
	assert_fault(t, FRAME_FAULT_PARAMETERS, strlen("INFO sip:a") + small.max_parameters);
}

static void a_limit_of_zero_parameters_is_a_limit(void **state)
{
	static const struct frame_limits none = {400, 300, 5, 0, false, false, 0};
	struct fed fed = feed(&none, BYTES(START "Via: a;b\r\n" END));

	(void)state;
	assert_int_equal(fed.bad.fault, FRAME_FAULT_PARAMETERS);
	fed = feed(&none, BYTES(START "Via: a\r\n" END));
	assert_int_equal(fed.messages, 1);
}

static void message_size_is_refused_before_the_body_comes(void **state)
{
	struct text *t = begin(START "Content-Length: 362\r\n\r\n");

	(void)state;
	repeat(t, "x", 362);
	assert_int_equal(t->length, small.max_message + 5);
	t->length = strlen(START "Content-Length: 362\r\n\r\n");
	assert_fault(t, FRAME_FAULT_MESSAGE_SIZE, t->length - 2);

	t = begin(START "Content-Length: 357\r\n\r\n");
	repeat(t, "x", 357);
	assert_int_equal(t->length, small.max_message);
	assert_fault(t, FRAME_FAULT_NONE, 0);

	t = begin(START "Content-Length: 358\r\n\r\n");
	assert_fault(t, FRAME_FAULT_MESSAGE_SIZE, t->length - 2);
	assert_int_equal(frame_fault_status(FRAME_FAULT_MESSAGE_SIZE), 513);
}

static void a_first_word_longer_than_any_method_is_no_sip(void **state)
{
	struct text *t = begin("");
	struct fed fed;

	(void)state;
	repeat(t, "M", START_LINE_WORD_MAX);
	add(t, " sip:a SIP/2.0\r\n" END);
	assert_fault(t, FRAME_FAULT_NONE, 0);

	t = begin("");
	repeat(t, "M", START_LINE_WORD_MAX);
	fed = feed(&small, t->bytes, t->length);
	assert_int_equal(fed.last, FRAME_MORE);
	add(t, "M");
	assert_fault(t, FRAME_FAULT_NOT_SIP, START_LINE_WORD_MAX);
}

static void a_start_line_is_bounded_before_the_header_section_is(void **state)
{
	struct text *t = begin("M sip:");
	struct fed fed;

	(void)state;
	repeat(t, "a", START_LINE_MAX - t->length - strlen(" SIP/2.0"));
	add(t, " SIP/2.0\r\n" END);
	fed = feed(NULL, t->bytes, t->length);
	assert_int_equal(fed.messages, 1);

	t = begin("M sip:");
	repeat(t, "a", START_LINE_MAX - t->length);
	fed = feed(NULL, t->bytes, t->length);
	assert_int_equal(fed.last, FRAME_MORE);
	add(t, "a");
	fed = feed(NULL, t->bytes, t->length);
	assert_int_equal(fed.bad.fault, FRAME_FAULT_START_LINE);
	assert_int_equal(fed.bad.offset, START_LINE_MAX);
}

/*
 * The proof that a byte at a time costs no more than all at once: each call begins where the last
 * one ended, so that `scanned` never goes back, and behind a call no byte is left over.
 */
static void no_byte_is_judged_twice(void **state)
{
	static const struct frame_limits large = {1u << 20, ROOM, 100000, 64, false, false, 0};
	struct text *t = begin(START);
	struct framer f = {0};
	struct frame frame;

	(void)state;
	while (t->length < 64 * 1024)
		add(t, "Subject: something to read;a=b\r\n and more\r\nX-Y: z\r\n");
	for (size_t length = 1; length <= t->length; length++) {
		assert_int_equal(frame_next(&f, &large, (const uint8_t *)t->bytes, length, &frame),
			FRAME_MORE);
		assert_int_equal(f.scanned, length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_bytes),
		cmocka_unit_test(header_bytes_without_waiting_for_a_line_end),
		cmocka_unit_test(headers),
		cmocka_unit_test(parameters_of_a_line),
		cmocka_unit_test(parameters_count_over_folds),
		cmocka_unit_test(parameters_of_the_request_uri),
		cmocka_unit_test(a_limit_of_zero_parameters_is_a_limit),
		cmocka_unit_test(message_size_is_refused_before_the_body_comes),
		cmocka_unit_test(a_first_word_longer_than_any_method_is_no_sip),
		cmocka_unit_test(a_start_line_is_bounded_before_the_header_section_is),
		cmocka_unit_test(no_byte_is_judged_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
