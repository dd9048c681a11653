/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_sip_frame.c - messages, pings and noise on a stream; header lines as they may and may not
 * be.
 */
#include "sip/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/sip_feed.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define REQUEST	     "OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP a\r\nContent-Length: 0\r\n\r\n"

static void a_double_crlf_is_a_ping_however_it_is_split(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		unsigned pings, messages;
	} cases[] = {
		{BYTES(""), 0, 0},
		{BYTES("\r\n"), 0, 0},
		{BYTES("\r\n\r"), 0, 0},
		{BYTES("\r\n\r\n"), 1, 0},
		{BYTES("\r\n\r\n\r\n"), 1, 0},
		{BYTES("\r\n\r\n\r\n\r\n\r\n\r\n"), 3, 0},
		{BYTES("\r\n\r\n" REQUEST), 1, 1},
		{BYTES("\r\n\r\n\r\n" REQUEST), 1, 1},
		{BYTES("\r\n" REQUEST), 0, 1},
		{BYTES(REQUEST "\r\n" REQUEST), 0, 2},
		{BYTES(REQUEST "\r\n\r\n" REQUEST "\r\n\r\n"), 2, 2},
		/* One CRLF before and one behind a message are not a ping. */
		{BYTES("\r\n" REQUEST "\r\n"), 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fed fed = feed(NULL, cases[i].bytes, cases[i].length);

		if (fed.pings != cases[i].pings || fed.messages != cases[i].messages)
			fail_msg("case %zu: %u pings, %u messages", i, fed.pings, fed.messages);
		assert_int_equal(fed.last, FRAME_MORE);
		/* No noise is ever held. */
		assert_int_equal(fed.consumed, cases[i].length);
		assert_false(fed.is_open);
	}
}

static void cr_or_lf_alone_between_messages_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		size_t consumed;
	} cases[] = {
		{BYTES("\n"), 0},
		{BYTES("\n\n" REQUEST), 0},
		{BYTES("\r" REQUEST), 1},
		{BYTES("\r\r\n"), 1},
		{BYTES("\r\n\n"), 2},
		{BYTES("\r\n\r" REQUEST), 3},
		{BYTES(REQUEST "\n"), sizeof REQUEST - 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fed fed = feed(NULL, cases[i].bytes, cases[i].length);

		if (fed.bad.fault != FRAME_FAULT_LINE_END || fed.consumed != cases[i].consumed)
			fail_msg("case %zu: %s behind %zu", i, frame_fault_name(fed.bad.fault),
				fed.consumed);
		assert_int_equal(fed.bad.checked, 0);
	}
}

static void a_proxy_header_is_known_by_the_nul_behind_its_double_crlf(void **state)
{
	struct fed fed = feed(NULL, BYTES("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"));

	(void)state;
	assert_int_equal(fed.pings, 1);
	assert_int_equal(fed.bad.fault, FRAME_FAULT_PROXY_HEADER);
	/* Behind a message and a single CRLF a NUL is but a NUL. */
	assert_int_equal(feed_fault(BYTES(REQUEST "\r\n\0")), FRAME_FAULT_BINARY);
}

static void frames_messages_in_order_and_says_where_they_are(void **state)
{
	static const char stream[] = "\r\nINFO sip:a SIP/2.0\r\nl: 3\r\n\r\nabc"
				     "SIP/2.0 200 OK\r\nl: 0\r\n\r\n";
	struct framer f = {0};
	struct frame_limits limits = {1000, 1000, 10, 10, false, false, 0};
	struct frame frame;
	const uint8_t *bytes = (const uint8_t *)stream;

	(void)state;
	assert_int_equal(frame_next(&f, &limits, bytes, sizeof stream - 1, &frame), FRAME_MESSAGE);
	assert_int_equal(frame.start, 2);
	assert_int_equal(frame.header_length, 28);
	assert_int_equal(frame.consumed, 2 + 28 + 3);
	assert_int_equal(frame.kind, FRAME_REQUEST);
	bytes += frame.consumed;
	assert_int_equal(frame_next(&f, &limits, bytes, sizeof stream - 1 - frame.consumed, &frame),
		FRAME_MESSAGE);
	assert_int_equal(frame.start, 0);
	assert_int_equal(frame.kind, FRAME_RESPONSE);
	assert_int_equal(frame.status, 200);
}

static void a_message_is_open_from_its_first_byte_to_its_last(void **state)
{
	static const char message[] = "INFO sip:a SIP/2.0\r\nl: 3\r\n\r\nabc";
	struct frame_limits limits = {1000, 1000, 10, 10, false, false, 0};
	struct framer f = {0};
	struct frame frame;

	(void)state;
	assert_false(frame_is_open(&f));
	for (size_t length = 1; length < sizeof message - 1; length++) {
		assert_int_equal(frame_next(&f, &limits, (const uint8_t *)message, length, &frame),
			FRAME_MORE);
		assert_int_equal(frame.consumed, 0);
		assert_true(frame_is_open(&f));
	}
	assert_int_equal(
		frame_next(&f, &limits, (const uint8_t *)message, sizeof message - 1, &frame),
		FRAME_MESSAGE);
	assert_false(frame_is_open(&f));
}

static void what_a_body_holds_is_nobodys_business(void **state)
{
	static const char body[] = "\r\n\r\n\0\n\rINFO sip:b SIP/2.0\r\nl: 0\r\n\r\n\r\n\r\n 123";
	static const char head[] = "INFO sip:a SIP/2.0\r\nl: 43\r\n\r\n";
	char stream[200];
	size_t length = 0;
	struct fed fed;

	(void)state;
	memcpy(stream, head, sizeof head - 1);
	length += sizeof head - 1;
	memcpy(stream + length, body, sizeof body - 1);
	length += sizeof body - 1;
	memcpy(stream + length, REQUEST, sizeof REQUEST - 1);
	length += sizeof REQUEST - 1;
	fed = feed(NULL, stream, length);
	assert_int_equal(fed.messages, 2);
	assert_int_equal(fed.pings, 0);
	assert_int_equal(fed.consumed, length);
	assert_int_equal(fed.message.method, METHOD_OPTIONS);
}

/* Header lines between a start line and an honest Content-Length. */
#define WITH(lines) "INFO sip:a SIP/2.0\r\nVia: a\r\n" lines "Content-Length: 0\r\n\r\n"

static void accepts_header_lines_as_rfc_3261_has_them(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} cases[] = {
		{BYTES(WITH("Subject: \r\n"))},
		{BYTES(WITH("Subject:\r\n"))},
		{BYTES(WITH("Subject \t: x\r\n"))},
		{BYTES(WITH("s:x\r\n"))},
		{BYTES(WITH("!-.%*_+`'~: x\r\n"))},
		{BYTES(WITH("Subject: \303\251\200\377\r\n"))},
		{BYTES(WITH("Subject: a\tb\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\tc\r\n"))},
		{BYTES(WITH("Subject: a\r\n b\r\n\tc\r\n  \t d\r\n"))},
		{BYTES(WITH("Subject:\r\n a\r\n"))},
		{BYTES(WITH("An-Extension-Whose-Name-Is-Longer-Than-Most: ;;,,;;,;\r\n"))},
		{BYTES(WITH("Subject: ::: \"\\\"\r\n"))},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fed fed = feed(NULL, cases[i].bytes, cases[i].length);

		if (fed.messages != 1)
			fail_msg("case %zu: %s", i, frame_fault_name(fed.bad.fault));
		assert_int_equal(fed.message.header_length, cases[i].length);
	}
}

static void refuses_header_lines_that_are_none(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum frame_fault fault;
		uint32_t offset; /* behind the Via */
	} cases[] = {
		{BYTES(WITH("Sub ject: x\r\n")), FRAME_FAULT_HEADER_NAME, 4},
		{BYTES(WITH("Subj\303\251t: x\r\n")), FRAME_FAULT_HEADER_NAME, 4},
		{BYTES(WITH("\303\251: x\r\n")), FRAME_FAULT_HEADER_NAME, 0},
		{BYTES(WITH("Subj@t: x\r\n")), FRAME_FAULT_HEADER_NAME, 4},
		{BYTES(WITH("Subject\r\n")), FRAME_FAULT_HEADER_NAME, 7},
		{BYTES(WITH("Subject \r\n")), FRAME_FAULT_HEADER_NAME, 8},
		{BYTES(WITH(": x\r\n")), FRAME_FAULT_HEADER_NAME, 0},
		{BYTES(WITH("Subject\n: x\r\n")), FRAME_FAULT_LINE_END, 7},
		{BYTES(WITH("Subject: x\n")), FRAME_FAULT_LINE_END, 10},
		{BYTES(WITH("Subject: x\r")), FRAME_FAULT_LINE_END, 11},
		{BYTES(WITH("Subject: x\r\r\n")), FRAME_FAULT_LINE_END, 11},
		{BYTES(WITH("\n")), FRAME_FAULT_LINE_END, 0},
		{BYTES(WITH("\rSubject: x\r\n")), FRAME_FAULT_LINE_END, 1},
		{BYTES(WITH("\0Subject: x\r\n")), FRAME_FAULT_CONTROL, 0},
		{BYTES(WITH("Sub\0ject: x\r\n")), FRAME_FAULT_CONTROL, 3},
		{BYTES(WITH("Subject\0: x\r\n")), FRAME_FAULT_CONTROL, 7},
		{BYTES(WITH("Subject \0: x\r\n")), FRAME_FAULT_CONTROL, 8},
		{BYTES(WITH("Subject: \0x\r\n")), FRAME_FAULT_CONTROL, 9},
		{BYTES(WITH("Subject: x\177\r\n")), FRAME_FAULT_CONTROL, 10},
		{BYTES(WITH("Subject: x\r\n \0\r\n")), FRAME_FAULT_CONTROL, 13},
		{BYTES(WITH("Subject: x\r\n \r\n")), FRAME_FAULT_FOLDING, 13},
		{BYTES(WITH("Subject: x\r\n\t \t\r\n y\r\n")), FRAME_FAULT_FOLDING, 15},
		{BYTES(WITH("Subject: x\r\n \n")), FRAME_FAULT_LINE_END, 13},
	};
	uint32_t via = (uint32_t)strlen("INFO sip:a SIP/2.0\r\nVia: a\r\n");

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fed fed = feed(NULL, cases[i].bytes, cases[i].length);

		if (fed.bad.fault != cases[i].fault || fed.bad.offset != via + cases[i].offset)
			fail_msg("case %zu: %s at %u", i, frame_fault_name(fed.bad.fault),
				fed.bad.offset);
		assert_int_equal(fed.bad.checked, via);
		assert_int_equal(fed.bad.kind, FRAME_REQUEST);
		assert_true(fed.is_open);
	}
}

static void refuses_white_space_before_the_first_header(void **state)
{
	struct fed fed = feed(NULL, BYTES("INFO sip:a SIP/2.0\r\n Via: a\r\n"));

	(void)state;
	assert_int_equal(fed.bad.fault, FRAME_FAULT_FOLDING);
	assert_int_equal(fed.bad.offset, 20);
	assert_int_equal(fed.bad.checked, 20);
}

static void only_an_empty_line_of_crlf_ends_a_header_section(void **state)
{
	(void)state;
	assert_int_equal(
		feed_fault(BYTES("INFO sip:a SIP/2.0\r\nl: 0\r\n\n")), FRAME_FAULT_LINE_END);
	assert_int_equal(
		feed_fault(BYTES("INFO sip:a SIP/2.0\r\nl: 0\r\n\r\r")), FRAME_FAULT_LINE_END);
	assert_int_equal(
		feed_fault(BYTES("INFO sip:a SIP/2.0\r\nl: 0\n\r\n")), FRAME_FAULT_LINE_END);
	assert_int_equal(
		feed_fault(BYTES("INFO sip:a SIP/2.0\r\nl: 0\r\r\n")), FRAME_FAULT_LINE_END);
}

static void every_fault_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int a = 0; a <= FRAME_FAULT_MESSAGE_SIZE; a++)
		for (int b = 0; b < a; b++)
			assert_string_not_equal(frame_fault_name((enum frame_fault)a),
				frame_fault_name((enum frame_fault)b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_double_crlf_is_a_ping_however_it_is_split),
		cmocka_unit_test(cr_or_lf_alone_between_messages_is_refused),
		cmocka_unit_test(a_proxy_header_is_known_by_the_nul_behind_its_double_crlf),
		cmocka_unit_test(frames_messages_in_order_and_says_where_they_are),
		cmocka_unit_test(a_message_is_open_from_its_first_byte_to_its_last),
		cmocka_unit_test(what_a_body_holds_is_nobodys_business),
		cmocka_unit_test(accepts_header_lines_as_rfc_3261_has_them),
		cmocka_unit_test(refuses_header_lines_that_are_none),
		cmocka_unit_test(refuses_white_space_before_the_first_header),
		cmocka_unit_test(only_an_empty_line_of_crlf_ends_a_header_section),
		cmocka_unit_test(every_fault_has_a_name_of_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
