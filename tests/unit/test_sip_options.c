/* SPDX-License-Identifier: BSD-2-Clause */
/* test_sip_options.c - the OPTIONS that checks a server, and which answer is to it. */
#include "sip/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CALL_ID "0123456789abcdef00000000000000ff@sipweir"

static const struct options_id id = {{0x0123456789abcdef, 0xff}};

static const char expected[] =
	"OPTIONS sip:10.0.0.1:5060 SIP/2.0\r\n"
	"Via: SIP/2.0/TCP 10.0.0.9:4000;branch=z9hG4bK0123456789abcdef;rport\r\n"
	"Max-Forwards: 70\r\n"
	"From: <sip:sipweir@10.0.0.9:4000>;tag=00000000000000ff\r\n"
	"To: <sip:10.0.0.1:5060>\r\n"
	"Call-ID: " CALL_ID "\r\n"
	"CSeq: 1 OPTIONS\r\n"
	"User-Agent: sipweir\r\n"
	"Accept: application/sdp\r\n"
	"Content-Length: 0\r\n\r\n";

static const struct options_request plain = {"10.0.0.9:4000", "10.0.0.1:5060", "", false};

static bool next(const char *text, struct frame *frame)
{
	static const struct frame_limits limits = {
		.max_message = 65536,
		.max_header_bytes = 16384,
		.max_headers = 128,
		.max_parameters = 64,
	};
	struct framer framer = {0};
	enum frame_verdict verdict =
		frame_next(&framer, &limits, (const uint8_t *)text, strlen(text), frame);
	return verdict == FRAME_MESSAGE && frame->start == 0 && frame->consumed == strlen(text);
}

static void it_is_a_whole_request_that_a_framer_takes(void **state)
{
	char out[1024];
	struct frame frame;
	(void)state;
	size_t length = options_write(&plain, &id, out, sizeof(out));
	assert_int_equal(length, strlen(expected));
	assert_memory_equal(out, expected, length);
	assert_true(next(expected, &frame));
	assert_int_equal(frame.kind, FRAME_REQUEST);
}

static void uri_transport_and_ipv6_are_written_as_they_are(void **state)
{
	static const struct options_request r = {
		"[2001:db8::9]:4000", "[2001:db8::1]:5061", "", true};
	static const struct options_request named = {
		"10.0.0.9:4000", "10.0.0.1:5060", "sips:ping@example.com", true};
	char out[1024];
	(void)state;
	out[options_write(&r, &id, out, sizeof(out))] = '\0';
	assert_memory_equal(out, "OPTIONS sip:[2001:db8::1]:5061 SIP/2.0\r\n", 40);
	assert_non_null(strstr(out, "Via: SIP/2.0/TLS [2001:db8::9]:4000;branch="));
	assert_non_null(strstr(out, "To: <sip:[2001:db8::1]:5061>\r\n"));
	out[options_write(&named, &id, out, sizeof(out))] = '\0';
	assert_memory_equal(out, "OPTIONS sips:ping@example.com SIP/2.0\r\n", 39);
	assert_non_null(strstr(out, "To: <sips:ping@example.com>\r\n"));
	assert_null(strstr(out, "10.0.0.1"));
}

static void what_does_not_fit_is_not_written(void **state)
{
	(void)state;
	for (size_t size = 0; size < sizeof(expected) + 8; size++) {
		char *out = malloc(size + 1);
		assert_non_null(out);
		size_t length = options_write(&plain, &id, out, size);
		assert_int_equal(length, size >= sizeof(expected) ? sizeof(expected) - 1 : 0);
		free(out);
	}
}

static void an_answer_is_known_by_its_call_id_and_its_cseq(void **state)
{
	static const struct {
		const char *call_id, *cseq;
		bool is_answer;
	} cases[] = {
		{"Call-ID: " CALL_ID, "CSeq: 1 OPTIONS", true},
		{"i:" CALL_ID, "CSEQ :1\tOPTIONS", true},
		{"Call-ID:\r\n " CALL_ID "  ", "CSeq:   1  OPTIONS \t", true},
		{"Call-ID: " CALL_ID, "CSeq: 1\r\n OPTIONS", true},
		{"Call-ID: " CALL_ID "x", "CSeq: 1 OPTIONS", false},
		{"Call-ID: x" CALL_ID, "CSeq: 1 OPTIONS", false},
		{"Call-ID: 1123456789abcdef00000000000000ff@sipweir", "CSeq: 1 OPTIONS", false},
		{"Call-ID: 0123456789ABCDEF00000000000000FF@sipweir", "CSeq: 1 OPTIONS", false},
		{"Call-ID: " CALL_ID, "CSeq: 2 OPTIONS", false},
		{"Call-ID: " CALL_ID, "CSeq: 11 OPTIONS", false},
		{"Call-ID: " CALL_ID, "CSeq: 1 INVITE", false},
		{"Call-ID: " CALL_ID, "CSeq: 1 XOPTIONS", false},
		{"Call-ID: " CALL_ID, "CSeq: 1 2 OPTIONS", false},
		{"Call-ID: " CALL_ID, "CSeq: 1 OPTIONSX", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[1024];
		struct frame frame;
		snprintf(text, sizeof(text),
			"SIP/2.0 200 OK\r\nVia: a\r\nFrom: a\r\nTo: "
			"a\r\n%s\r\n%s\r\nContent-Length: "
			"0\r\n\r\n",
			cases[i].call_id, cases[i].cseq);
		if (!next(text, &frame))
			assert_false(cases[i].is_answer); /* it does not come so far */
		else if (options_is_answer(&id, (const uint8_t *)text, &frame) !=
			 cases[i].is_answer)
			fail_msg("%s, %s", cases[i].call_id, cases[i].cseq);
	}
}

static void without_one_of_the_two_it_is_none(void **state)
{
	static const char *const texts[] = {
		"SIP/2.0 200 OK\r\nVia: a\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
		"SIP/2.0 200 OK\r\nVia: a\r\nCall-ID: " CALL_ID "\r\nContent-Length: 0\r\n\r\n",
	};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct frame frame;
		if (next(texts[i], &frame))
			assert_false(options_is_answer(&id, (const uint8_t *)texts[i], &frame));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_a_whole_request_that_a_framer_takes),
		cmocka_unit_test(uri_transport_and_ipv6_are_written_as_they_are),
		cmocka_unit_test(what_does_not_fit_is_not_written),
		cmocka_unit_test(an_answer_is_known_by_its_call_id_and_its_cseq),
		cmocka_unit_test(without_one_of_the_two_it_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
