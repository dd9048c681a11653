/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_sip_content_length.c - the field that says where a message ends: every spelling of which two
 * readers are known to make two different things.
 */
#include "sip/content_length.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/sip_feed.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define FIRST	     "INFO sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a\r\n"
#define BODY	     "hello"

/* Header lines behind FIRST, and what comes of them. */
struct lines_case {
	const char *lines;
	size_t length;
	enum frame_fault fault;
};

/* A message with these lines and a body. The caller frees. */
static char *message_with(const struct lines_case *c, size_t *length)
{
	static const char rest[] = "\r\n" BODY;
	size_t first = sizeof FIRST - 1;
	char *message = malloc(first + c->length + sizeof rest);

	assert_non_null(message);
	memcpy(message, FIRST, first);
	memcpy(message + first, c->lines, c->length);
	memcpy(message + first + c->length, rest, sizeof rest);
	*length = first + c->length + sizeof rest - 1;
	return message;
}

static void accepts_what_all_read_alike(void **state)
{
	static const struct lines_case cases[] = {
		{BYTES("Content-Length: 5\r\n"), 0},
		{BYTES("Content-Length:5\r\n"), 0},
		{BYTES("content-length: 5\r\n"), 0},
		{BYTES("CONTENT-LENGTH : 5\r\n"), 0},
		{BYTES("Content-Length\t: 5\r\n"), 0},
		{BYTES("Content-Length:\t 5 \t\r\n"), 0},
		{BYTES("l: 5\r\n"), 0},
		{BYTES("L : 5\r\n"), 0},
		{BYTES("Content-Length: 00005\r\n"), 0},
		{BYTES("Content-Length: 0000000005\r\n"), 0},
		{BYTES("Content-Length: 5\r\nSubject: x\r\n y\r\n"), 0},
		{BYTES("Subject: Content-Length: 0\r\nl: 5\r\n"), 0},
		{BYTES("Subject: x\r\n Content-Lengths: 0\r\nl: 5\r\n"), 0},
		{BYTES("Subject: x\r\n Content-Length 0\r\nl: 5\r\n"), 0},
		{BYTES("Subject: x\r\n y Content-Length: 0\r\nl: 5\r\n"), 0},
		{BYTES("Content-Lengt: 0\r\nContent-Type: a/b\r\nl: 5\r\n"), 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t length;
		char *message = message_with(&cases[i], &length);
		struct fed fed = feed(NULL, message, length);

		if (fed.messages != 1)
			fail_msg("case %zu: %s", i, frame_fault_name(fed.bad.fault));
		assert_int_equal(fed.consumed, length);
		assert_int_equal(fed.message.header_length, length - 5);
		free(message);
	}
}

static void refuses_what_two_readers_could_read_differently(void **state)
{
	static const struct lines_case cases[] = {
		{BYTES("Content-Length: 5\r\nContent-Length: 5\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length: 5\r\nContent-Length: 0\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("l: 5\r\nContent-Length: 5\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length: 5,6\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length: +5\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length: 5abc\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length: 5;x=1\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length: 5 junk\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length: 0x5\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length: -5\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length: -999\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length:\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length: \t\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length: \"5\"\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length: \3315\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length: 00000000005\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length: 4294967301\r\n"), FRAME_FAULT_MESSAGE_SIZE},
		{BYTES("Content-Length: 99999999999\r\n"), FRAME_FAULT_MESSAGE_SIZE},
		{BYTES("Content-Length: 18446744073709551621\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length: 00000000000000000000\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length:\r\n 5\r\n"), FRAME_FAULT_FOLDING},
		{BYTES("Content-Length: 5\r\n \r\n"), FRAME_FAULT_FOLDING},
		{BYTES("Content-Length: 5\r\n\t6\r\n"), FRAME_FAULT_FOLDING},
		{BYTES("Subject: x\r\n Content-Length: 0\r\nl: 5\r\n"), FRAME_FAULT_FOLDING},
		{BYTES("l: 5\r\nSubject: x\r\n\t\tContent-Length\t: 0\r\n"), FRAME_FAULT_FOLDING},
		{BYTES("Subject: x\r\n content_length:0\r\nl: 5\r\n"), FRAME_FAULT_FOLDING},
		{BYTES("Subject: x\r\n L :0\r\nl: 5\r\n"), FRAME_FAULT_FOLDING},
		{BYTES("Subject: x\r\n y\r\n l:0\r\n z\r\nl: 5\r\n"), FRAME_FAULT_FOLDING},
		{BYTES("Content_Length: 0\r\nl: 5\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("l: 5\r\ncontent_LENGTH: 5\r\n"), FRAME_FAULT_CONTENT_LENGTH},
		{BYTES("Content-Length\001: 5\r\n"), FRAME_FAULT_CONTROL},
		{BYTES("Content-Length 0x01 : 5\r\n"), FRAME_FAULT_HEADER_NAME},
		{BYTES("Content-Length\r\n : 5\r\n"), FRAME_FAULT_HEADER_NAME},
		{BYTES("Content-Length: 5\013\r\n"), FRAME_FAULT_CONTROL},
		{BYTES("Content-Length: 5\n"), FRAME_FAULT_LINE_END},
		{BYTES("Content-Length: 5\rx"), FRAME_FAULT_LINE_END},
		{BYTES(""), FRAME_FAULT_NO_CONTENT_LENGTH},
		{BYTES("Content-Type: text/plain\r\n"), FRAME_FAULT_NO_CONTENT_LENGTH},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t length;
		char *message = message_with(&cases[i], &length);
		struct fed fed = feed(NULL, message, length);

		if (fed.bad.fault != cases[i].fault)
			fail_msg("case %zu: %s", i, frame_fault_name(fed.bad.fault));
		assert_int_equal(fed.consumed, 0);
		/* The request line and Via passed in any case. */
		assert_true(fed.bad.checked >= sizeof FIRST - 1);
		free(message);
	}
}

static void points_at_the_byte_that_is_wrong(void **state)
{
	static const struct {
		struct lines_case lines;
		uint32_t offset; /* behind FIRST */
	} cases[] = {
		{{BYTES("Content-Length: 5abc\r\n"), 0}, 17},
		{{BYTES("Content-Length: 5 6\r\n"), 0}, 18},
		{{BYTES("Content-Length: \r\n"), 0}, 16},
		{{BYTES("l: 99999999999\r\n"), 0}, 13},
		{{BYTES("l: 5\r\nl: 5\r\n"), 0}, 6},
		{{BYTES("l: x\r\nl: y\r\n"), 0}, 3},
		{{BYTES("Subject: x\r\n l: 5\r\n"), 0}, 13},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t length;
		char *message = message_with(&cases[i].lines, &length);
		struct fed fed = feed(NULL, message, length);

		if (fed.bad.offset != sizeof FIRST - 1 + cases[i].offset)
			fail_msg("case %zu: %u", i, fed.bad.offset);
		free(message);
	}
}

static void reads_on_to_the_empty_line_so_that_it_can_be_answered(void **state)
{
	static const char message[] = "INFO sip:a SIP/2.0\r\nl: x\r\nVia: SIP/2.0/TCP a\r\n\r\n";
	static const char broken[] = "INFO sip:a SIP/2.0\r\nl: x\r\nVia: SIP/2.0/TCP a\r\nbad\r\n";
	struct fed fed = feed(NULL, BYTES(message));

	(void)state;
	assert_int_equal(fed.bad.fault, FRAME_FAULT_CONTENT_LENGTH);
	assert_int_equal(fed.bad.checked, sizeof message - 1 - 2);
	/*
	 * All that can be had when another fault follows: the first is told, the lines before the
	 * second kept.
	 */
	fed = feed(NULL, BYTES(broken));
	assert_int_equal(fed.bad.fault, FRAME_FAULT_CONTENT_LENGTH);
	assert_int_equal(fed.bad.offset, 23);
	assert_int_equal(fed.bad.checked, sizeof broken - 1 - 5);
}

static void a_response_without_length_is_refused_like_a_request(void **state)
{
	(void)state;
	assert_int_equal(feed_fault(BYTES("SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP a\r\n\r\n")),
		FRAME_FAULT_NO_CONTENT_LENGTH);
	assert_int_equal(frame_fault_status(FRAME_FAULT_NO_CONTENT_LENGTH), 400);
	assert_string_equal(
		frame_fault_phrase(FRAME_FAULT_NO_CONTENT_LENGTH), "Missing Content-Length");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_what_all_read_alike),
		cmocka_unit_test(refuses_what_two_readers_could_read_differently),
		cmocka_unit_test(points_at_the_byte_that_is_wrong),
		cmocka_unit_test(reads_on_to_the_empty_line_so_that_it_can_be_answered),
		cmocka_unit_test(a_response_without_length_is_refused_like_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
