/* SPDX-License-Identifier: BSD-2-Clause */
/* The request of a health check is whole SIP, and its answer is known from others. */
#include "sip/options.h"
#include "sip/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct frame_limits limits = {65536, 16384, 128, 64, false, false, 0};
static const struct options_id id = {{0x0123456789abcdef, 0xfedcba9876543210}};

static struct frame frame_of(const char *text)
{
	struct framer framer = {0};
	struct frame frame;
	assert_int_equal(frame_next(&framer, &limits, (const uint8_t *)text, strlen(text), &frame),
		FRAME_MESSAGE);
	return frame;
}

static void what_is_asked_is_whole_and_says_who_asks(void **state)
{
	static const struct {
		struct options_request request;
		const char *first, *via, *to;
	} cases[] = {
		{{"192.0.2.1:4000", "10.0.0.1:5060", "", false},
			"OPTIONS sip:10.0.0.1:5060 SIP/2.0\r\n",
			"Via: SIP/2.0/TCP 192.0.2.1:4000;branch=z9hG4bK",
			"To: <sip:10.0.0.1:5060>\r\n"},
		{{"[2001:db8::1]:4000", "[2001:db8::2]:5061", "", true},
			"OPTIONS sip:[2001:db8::2]:5061 SIP/2.0\r\n",
			"Via: SIP/2.0/TLS [2001:db8::1]:4000;branch=z9hG4bK",
			"To: <sip:[2001:db8::2]:5061>\r\n"},
		{{"192.0.2.1:4000", "10.0.0.1:5060", "sip:ping@example.com", false},
			"OPTIONS sip:ping@example.com SIP/2.0\r\n",
			"Via: SIP/2.0/TCP 192.0.2.1:4000;branch=z9hG4bK",
			"To: <sip:ping@example.com>\r\n"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[2048];
		const struct message_rules rules = {NULL};
		size_t length = options_write(&cases[i].request, &id, text, sizeof(text));
		assert_int_equal(length, strlen(text));
		struct frame frame = frame_of(text);
		assert_int_equal(frame.consumed, length);
		assert_int_equal(frame.method, METHOD_OPTIONS);
		assert_int_equal(
			message_check((const uint8_t *)text, &frame, &rules), MESSAGE_FAULT_NONE);
		assert_memory_equal(text, cases[i].first, strlen(cases[i].first));
		assert_non_null(strstr(text, cases[i].via));
		assert_non_null(strstr(text, cases[i].to));
		for (size_t size = 0; size <= length; size++)
			assert_int_equal(options_write(&cases[i].request, &id, text, size), 0);
	}
}

static bool is_answer(const char *call_id, const char *cseq)
{
	char text[512];
	snprintf(text, sizeof(text),
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP a\r\nCall-ID: %s\r\nCSeq: "
		"%s\r\nContent-Length: "
		"0\r\n\r\n",
		call_id, cseq);
	struct frame frame = frame_of(text);
	return options_is_answer(&id, (const uint8_t *)text, &frame);
}

static void an_answer_has_its_call_id_and_cseq(void **state)
{
	static const char own[] = "0123456789abcdeffedcba9876543210@sipweir";
	(void)state;
	assert_true(is_answer(own, "1 OPTIONS"));
	assert_true(is_answer(own, "1 \t OPTIONS"));
	assert_false(is_answer(own, "2 OPTIONS"));
	assert_false(is_answer(own, "11 OPTIONS"));
	assert_false(is_answer(own, "1 INVITE"));
	assert_false(is_answer("0123456789abcdeffedcba9876543211@sipweir", "1 OPTIONS"));
	assert_false(is_answer("0123456789abcdeffedcba9876543210@sipwei", "1 OPTIONS"));
	static const char bare[] = "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n";
	struct frame frame = frame_of(bare);
	assert_false(options_is_answer(&id, (const uint8_t *)bare, &frame));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_asked_is_whole_and_says_who_asks),
		cmocka_unit_test(an_answer_has_its_call_id_and_cseq),
	};
	message_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
