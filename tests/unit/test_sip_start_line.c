/* SPDX-License-Identifier: BSD-2-Clause */
/* test_sip_start_line.c - first lines: of SIP, of nearly SIP, and of other protocols. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/sip_feed.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* What follows a start line that is held back until an answer can be made. */
#define REST "\r\nVia: SIP/2.0/TCP a\r\nContent-Length: 0\r\n\r\n"

static void says_what_other_protocols_it_hears_at_their_first_line(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum frame_fault fault;
	} cases[] = {
		{BYTES("GET / HTTP/1.1\r\n"), FRAME_FAULT_HTTP},
		{BYTES("GET / HTTP/1.0\n"), FRAME_FAULT_HTTP},
		{BYTES("PRI * HTTP/2.0\r\n"), FRAME_FAULT_HTTP},
		{BYTES("OPTIONS sip:nm SIP/2.0 http/1.1\r\n"), FRAME_FAULT_HTTP},
		{BYTES("HTTP/"), FRAME_FAULT_HTTP},
		{BYTES("\x16"), FRAME_FAULT_TLS},
		{BYTES("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"), FRAME_FAULT_PROXY_HEADER},
		{BYTES("PROXY UNKNOWN\r\n"), FRAME_FAULT_PROXY_HEADER},
		{BYTES("\r\n\r\n\0"), FRAME_FAULT_PROXY_HEADER},
		{BYTES("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), FRAME_FAULT_SSH},
		{BYTES("SSH-2.0-Go\r"), FRAME_FAULT_SSH},
		{BYTES("QUIT\n"), FRAME_FAULT_NOT_SIP},
		{BYTES("EHLO there.example\r\n"), FRAME_FAULT_NOT_SIP},
		{BYTES("\0"), FRAME_FAULT_BINARY},
		{BYTES("\r\n\0"), FRAME_FAULT_BINARY},
		{BYTES("\x80"), FRAME_FAULT_BINARY},
		{BYTES("\x03\0\0\x13\x0e\xe0"), FRAME_FAULT_RDP},
		{BYTES(" "), FRAME_FAULT_NOT_SIP},
		{BYTES("{"), FRAME_FAULT_NOT_SIP},
		{BYTES("<"), FRAME_FAULT_NOT_SIP},
		{BYTES("GET\0"), FRAME_FAULT_NOT_SIP},
		{BYTES("INVITE\t"), FRAME_FAULT_NOT_SIP},
		{BYTES("RTSP/"), FRAME_FAULT_NOT_SIP},
		{BYTES("SETUP rtsp://a RTSP/1.0\r\n"), FRAME_FAULT_NOT_SIP},
		{BYTES("INVITE sip:a\r\n"), FRAME_FAULT_NOT_SIP},
		{BYTES("MSRP sip:a SIP/2.0\r\n"), FRAME_FAULT_NOT_SIP},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fed fed = feed(NULL, cases[i].bytes, cases[i].length);

		if (fed.last != FRAME_BAD || fed.bad.fault != cases[i].fault)
			fail_msg("case %zu: %s", i, frame_fault_name(fed.bad.fault));
		assert_int_equal(fed.bad.checked, 0);
		assert_int_equal(frame_fault_status(fed.bad.fault), 0);
	}
}

static void refuses_a_request_line_that_is_nearly_one(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum frame_fault fault;
		uint32_t offset;
	} cases[] = {
		{BYTES("INVITE  sip:a SIP/2.0" REST), FRAME_FAULT_START_LINE, 7},
		{BYTES("INVITE sip:a  SIP/2.0" REST), FRAME_FAULT_START_LINE, 12},
		{BYTES("INVITE sip:a b SIP/2.0" REST), FRAME_FAULT_START_LINE, 12},
		{BYTES("INVITE sip:a\tb SIP/2.0" REST), FRAME_FAULT_START_LINE, 12},
		{BYTES("INVITE sip:a\tSIP/2.0" REST), FRAME_FAULT_START_LINE, 12},
		{BYTES("INVITE sip:a SIP/2.0 " REST), FRAME_FAULT_START_LINE, 20},
		{BYTES("INVITE sip:a SIP/2.0\t" REST), FRAME_FAULT_START_LINE, 20},
		{BYTES("INVITE SIP/2.0" REST), FRAME_FAULT_START_LINE, 7},
		{BYTES("INVITE  SIP/2.0" REST), FRAME_FAULT_START_LINE, 7},
		{BYTES("INVITE <sip:a> SIP/2.0" REST), FRAME_FAULT_START_LINE, 7},
		{BYTES("l :5 SIP/2.0" REST), FRAME_FAULT_START_LINE, 2},
		{BYTES("INVITE sip:a SIP/" REST), FRAME_FAULT_START_LINE, 13},
		{BYTES("INVITE sip:a SIP/2" REST), FRAME_FAULT_START_LINE, 13},
		{BYTES("INVITE sip:a SIP/2." REST), FRAME_FAULT_START_LINE, 13},
		{BYTES("INVITE sip:a SIP/.0" REST), FRAME_FAULT_START_LINE, 13},
		{BYTES("INVITE sip:a SIP/2.0.0.1" REST), FRAME_FAULT_START_LINE, 13},
		{BYTES("INVITE sip:a SIP/2.0x" REST), FRAME_FAULT_START_LINE, 13},
		{BYTES("INVITE sip:a SIP/7.0" REST), FRAME_FAULT_VERSION, 13},
		{BYTES("INVITE sip:a sip/2.10" REST), FRAME_FAULT_VERSION, 13},
		{BYTES("INVITE sip:a SIP/02.0" REST), FRAME_FAULT_VERSION, 13},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fed fed = feed(NULL, cases[i].bytes, cases[i].length);

		if (fed.bad.fault != cases[i].fault || fed.bad.offset != cases[i].offset)
			fail_msg("case %zu: %s at %u", i, frame_fault_name(fed.bad.fault),
				fed.bad.offset);
		assert_int_equal(fed.bad.kind, FRAME_REQUEST);
		/* Whole up to the empty line: there is something to make an answer from. */
		assert_int_equal(fed.bad.checked, cases[i].length - 2);
	}
}

static void refuses_line_ends_and_control_bytes_in_a_start_line(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum frame_fault fault;
	} cases[] = {
		{BYTES("INVITE sip:a SIP/2.0\n"), FRAME_FAULT_LINE_END},
		{BYTES("INVITE sip:a SIP/2.0\rV"), FRAME_FAULT_LINE_END},
		{BYTES("INVITE sip:a SIP/2.0\r\r"), FRAME_FAULT_LINE_END},
		{BYTES("INVITE sip:\0"), FRAME_FAULT_CONTROL},
		{BYTES("INVITE sip:\x7f"), FRAME_FAULT_CONTROL},
		{BYTES("SIP/2.0 200 \x1b"), FRAME_FAULT_CONTROL},
		{BYTES("SIP/2.0 200 OK\n"), FRAME_FAULT_LINE_END},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fed fed = feed(NULL, cases[i].bytes, cases[i].length);

		if (fed.bad.fault != cases[i].fault)
			fail_msg("case %zu: %s", i, frame_fault_name(fed.bad.fault));
		assert_int_equal(fed.bad.offset, cases[i].length - 1);
		assert_int_equal(fed.bad.checked, 0);
	}
}

static void refuses_a_status_line_that_is_nearly_one(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum frame_fault fault;
	} cases[] = {
		{BYTES("SIP/2.0 200\r"), FRAME_FAULT_START_LINE},
		{BYTES("SIP/2.0 20 OK\r"), FRAME_FAULT_START_LINE},
		{BYTES("SIP/2.0 2000 OK\r"), FRAME_FAULT_START_LINE},
		{BYTES("SIP/2.0 -20 OK\r"), FRAME_FAULT_START_LINE},
		{BYTES("SIP/2.0 099 OK\r"), FRAME_FAULT_START_LINE},
		{BYTES("SIP/2.0 700 OK\r"), FRAME_FAULT_START_LINE},
		{BYTES("SIP/2.0 4294967301 OK\r"), FRAME_FAULT_START_LINE},
		{BYTES("SIP/2.0  200 OK\r"), FRAME_FAULT_START_LINE},
		{BYTES("SIP/2.0\t200 OK\r"), FRAME_FAULT_START_LINE},
		{BYTES("SIP/2.0 200\tOK\r"), FRAME_FAULT_START_LINE},
		{BYTES("SIP/2.0 200x\r"), FRAME_FAULT_START_LINE},
		{BYTES("SIP/2.0\r"), FRAME_FAULT_START_LINE},
		{BYTES("SIP/\r"), FRAME_FAULT_START_LINE},
		{BYTES("SIP/3.0 200 OK\r"), FRAME_FAULT_VERSION},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fed fed = feed(NULL, cases[i].bytes, cases[i].length);

		if (fed.bad.fault != cases[i].fault)
			fail_msg("case %zu: %s", i, frame_fault_name(fed.bad.fault));
		assert_int_equal(fed.bad.kind, FRAME_RESPONSE);
		assert_int_equal(fed.bad.checked, 0);
	}
}

static void reads_methods(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum frame_method method;
	} cases[] = {
		{BYTES("INVITE sip:a SIP/2.0\r\nl:0\r\n\r\n"), METHOD_INVITE},
		{BYTES("ACK sip:a SIP/2.0\r\nl:0\r\n\r\n"), METHOD_ACK},
		{BYTES("BYE sip:a SIP/2.0\r\nl:0\r\n\r\n"), METHOD_BYE},
		{BYTES("CANCEL sip:a SIP/2.0\r\nl:0\r\n\r\n"), METHOD_CANCEL},
		{BYTES("REGISTER sip:a SIP/2.0\r\nl:0\r\n\r\n"), METHOD_REGISTER},
		{BYTES("OPTIONS sip:a SIP/2.0\r\nl:0\r\n\r\n"), METHOD_OPTIONS},
		{BYTES("PRACK sip:a SIP/2.0\r\nl:0\r\n\r\n"), METHOD_PRACK},
		{BYTES("invite sip:a SIP/2.0\r\nl:0\r\n\r\n"), METHOD_OTHER},
		{BYTES("other sip:a SIP/2.0\r\nl:0\r\n\r\n"), METHOD_OTHER},
		{BYTES("RE%47IST%45R sip:a SIP/2.0\r\nl:0\r\n\r\n"), METHOD_OTHER},
		{BYTES("!-.%*_+`'~ sip:a SIP/2.0\r\nl:0\r\n\r\n"), METHOD_OTHER},
		{BYTES("X tel:+1 sip/2.0\r\nl:0\r\n\r\n"), METHOD_OTHER},
		{BYTES("X SIP:\303\251 Sip/2.0\r\nl:0\r\n\r\n"), METHOD_OTHER},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fed fed = feed(NULL, cases[i].bytes, cases[i].length);

		if (fed.messages != 1)
			fail_msg("case %zu: %s", i, frame_fault_name(fed.bad.fault));
		assert_int_equal(fed.message.kind, FRAME_REQUEST);
		assert_int_equal(fed.message.method, cases[i].method);
		assert_int_equal(fed.consumed, cases[i].length);
	}
	assert_string_equal(frame_method_name(METHOD_REGISTER), "REGISTER");
}

static void reads_status_lines(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		unsigned status;
	} cases[] = {
		{BYTES("SIP/2.0 100 Trying\r\nl:0\r\n\r\n"), 100},
		{BYTES("sip/2.0 200 \r\nl:0\r\n\r\n"), 200},
		{BYTES("SIP/2.0 200  two spaces\tand a tab\r\nl:0\r\n\r\n"), 200},
		{BYTES("SIP/2.0 699 \320\242\303\251\r\nl:0\r\n\r\n"), 699},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fed fed = feed(NULL, cases[i].bytes, cases[i].length);

		if (fed.messages != 1)
			fail_msg("case %zu: %s", i, frame_fault_name(fed.bad.fault));
		assert_int_equal(fed.message.kind, FRAME_RESPONSE);
		assert_int_equal(fed.message.status, cases[i].status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_other_protocols_it_hears_at_their_first_line),
		cmocka_unit_test(refuses_a_request_line_that_is_nearly_one),
		cmocka_unit_test(refuses_line_ends_and_control_bytes_in_a_start_line),
		cmocka_unit_test(refuses_a_status_line_that_is_nearly_one),
		cmocka_unit_test(reads_methods),
		cmocka_unit_test(reads_status_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
