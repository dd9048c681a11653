/* SPDX-License-Identifier: BSD-2-Clause */
/* What is let pass: where every reader takes the same borders from it, and a length that is missing. */
#include "tests/unit/sip_feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WITH(lines)  "OPTIONS sip:b SIP/2.0\r\n" lines "l: 0\r\n\r\n"

static const struct frame_limits lenient = {1000, 1000, 4, 4, false, true, 0};
static const struct frame_limits strict = {1000, 1000, 4, 4, false, false, 0};
static const struct frame_limits zero = {1000, 1000, 4, 4, true, false, 0};

static enum frame_fault noted(const char *text, size_t length, uint32_t *offset)
{
	struct framer f = {0};
	struct frame frame;
	assert_int_equal(
		frame_next(&f, &lenient, (const uint8_t *)text, length, &frame), FRAME_MESSAGE);
	*offset = frame.offset;
	return frame.fault;
}

static void a_fault_that_leaves_the_borders_alone_is_noted_and_passes(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum frame_fault fault;
		uint32_t offset;
	} cases[] = {
		{BYTES("OPTIONS sip:b SIP/3.0\r\nl: 0\r\n\r\n"), FRAME_FAULT_VERSION, 14},
		{BYTES(WITH("a:\r\nb:\r\nc:\r\nd:\r\ne:\r\n")), FRAME_FAULT_HEADERS, 39},
		{BYTES(WITH("a: ,,,,,,\r\n")), FRAME_FAULT_PARAMETERS, 30},
		{BYTES(WITH("a: x\001y\177\r\n")), FRAME_FAULT_CONTROL, 27},
		{BYTES(WITH("a: x\001y\r\nb: ,,,,,\r\n")), FRAME_FAULT_CONTROL, 27},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint32_t offset;
		struct fed fed = feed(&lenient, cases[i].bytes, cases[i].length);
		assert_int_equal(fed.messages, 1);
		assert_int_equal(noted(cases[i].bytes, cases[i].length, &offset), cases[i].fault);
		assert_int_equal(offset, cases[i].offset);
		fed = feed(&strict, cases[i].bytes, cases[i].length);
		assert_int_equal(fed.messages, 0);
		assert_int_equal(fed.bad.fault, cases[i].fault);
	}
}

static void what_another_reader_may_take_for_a_border_never_passes(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum frame_fault fault;
	} cases[] = {
		{BYTES(WITH("a: x\0y\r\n")), FRAME_FAULT_CONTROL},
		{BYTES(WITH("a: x\ny\r\n")), FRAME_FAULT_LINE_END},
		{BYTES(WITH("a: x\ry\r\n")), FRAME_FAULT_LINE_END},
		{BYTES(WITH("Content-Length\001: 5\r\n")), FRAME_FAULT_CONTROL},
		{BYTES(WITH("Content Length: 5\r\n")), FRAME_FAULT_HEADER_NAME},
		{BYTES(WITH("l: 0\r\n")), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES(WITH("a: x\001\r\nContent_Length: 5\r\n")), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES(WITH("a: b\r\n l: 5\r\n")), FRAME_FAULT_FOLDING},
		{BYTES("OPTIONS sip:b SIP/3.0\r\na: b\r\n\r\n"), FRAME_FAULT_NO_CONTENT_LENGTH},
		{BYTES("OPTIONS  sip:b SIP/2.0\r\nl: 0\r\n\r\n"), FRAME_FAULT_START_LINE},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fed fed = feed(&lenient, cases[i].bytes, cases[i].length);
		assert_int_equal(fed.messages, 0);
		assert_string_equal(
			frame_fault_name(fed.bad.fault), frame_fault_name(cases[i].fault));
	}
}

static void a_missing_length_is_none_where_that_is_asked_for(void **state)
{
	static const char two[] = "OPTIONS sip:b SIP/2.0\r\na: b\r\n\r\n" WITH("");
	(void)state;
	assert_int_equal(feed(&zero, BYTES(two)).messages, 2);
	assert_int_equal(feed(&strict, BYTES(two)).bad.fault, FRAME_FAULT_NO_CONTENT_LENGTH);
	assert_int_equal(
		feed(&zero, BYTES(WITH("l: 1\r\n"))).bad.fault, FRAME_FAULT_CONTENT_LENGTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fault_that_leaves_the_borders_alone_is_noted_and_passes),
		cmocka_unit_test(what_another_reader_may_take_for_a_border_never_passes),
		cmocka_unit_test(a_missing_length_is_none_where_that_is_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
