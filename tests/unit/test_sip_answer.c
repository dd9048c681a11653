/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_sip_answer.c - answers made here: what they repeat, what they add, and what is not answered.
 */
#include "sip/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sip/frame.h"
#include "sip/header.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define START	"INVITE sip:bob@example.org SIP/2.0\r\n"
#define VIA	"Via: SIP/2.0/TCP ua.example.org;branch=z9hG4bK1\r\n"
#define FROM	"From: <sip:ann@example.org>;tag=1\r\n"
#define TO	"To: <sip:bob@example.org>\r\n"
#define CALL_ID "Call-ID: one@example.org\r\n"
#define CSEQ	"CSeq: 7 INVITE\r\n"

enum { ROOM = 2000 };

static const struct answer busy = {.status = 503, .phrase = "Service Unavailable", .tag_key = 42};

/* The answer to a request, as a string; "" for none. Valid until the next call. */
static const char *answer_to(const struct answer *a, const char *request)
{
	static char out[ROOM];
	size_t length = answer_write(
		a, (const uint8_t *)request, strlen(request), (uint8_t *)out, ROOM - 1);

	out[length] = '\0';
	return out;
}

static void assert_one_response(const char *text, unsigned status)
{
	static const struct frame_limits limits = {ROOM, ROOM, 100, 100, false, false, 0};
	struct framer f = {0};
	struct frame frame;

	assert_int_equal(frame_next(&f, &limits, (const uint8_t *)text, strlen(text), &frame),
		FRAME_MESSAGE);
	assert_int_equal(frame.consumed, strlen(text));
	assert_int_equal(frame.kind, FRAME_RESPONSE);
	assert_int_equal(frame.status, status);
}

static void repeats_what_belongs_to_the_transaction(void **state)
{
	const char *text = answer_to(&busy,
		START "Route: <sip:x;lr>\r\n"
		      "v: SIP/2.0/TCP last.example.org\r\n ;branch=z9hG4bK2\r\n" CSEQ
		      "f: <sip:ann@example.org>;tag=1\r\n"
		      "t: <sip:bob@example.org>;tag=theirs\r\n"
		      "Subject: x\r\n" VIA "i: one@example.org\r\nl: 0\r\n\r\n");

	(void)state;
	assert_string_equal(text, "SIP/2.0 503 Service Unavailable\r\n"
				  "v: SIP/2.0/TCP last.example.org\r\n ;branch=z9hG4bK2\r\n" VIA
				  "f: <sip:ann@example.org>;tag=1\r\n"
				  "t: <sip:bob@example.org>;tag=theirs\r\n"
				  "i: one@example.org\r\n" CSEQ "Content-Length: 0\r\n\r\n");
}

static void says_when_to_come_back_if_asked_to(void **state)
{
	struct answer later = busy;
	const char *text;

	(void)state;
	later.retry_after_s = 4294967295;
	text = answer_to(&later, START VIA FROM TO CALL_ID CSEQ);
	assert_non_null(strstr(text, "\r\nRetry-After: 4294967295\r\n"));
	assert_one_response(text, 503);
	text = answer_to(&busy, START VIA FROM TO CALL_ID CSEQ);
	assert_null(strstr(text, "Retry-After"));
}

/* The To line of the answer to a request with this To. */
static void copy_to(const char *to, char line[ROOM])
{
	char request[ROOM];
	const char *text, *begin, *end;

	snprintf(request, sizeof request, "%s%s%s", START VIA FROM, to, CALL_ID CSEQ);
	text = answer_to(&busy, request);
	assert_one_response(text, 503);
	begin = strstr(text, FROM) + strlen(FROM);
	end = strstr(begin, CALL_ID);
	memcpy(line, begin, (size_t)(end - begin));
	line[end - begin] = '\0';
}

static void adds_a_to_tag_only_where_there_is_none(void **state)
{
	static const struct {
		const char *to;
		bool has_tag;
	} cases[] = {
		{TO, false},
		{"To: sip:bob@example.org\r\n", false},
		{"To: sip:bob@example.org  \r\n", false},
		{"To: \"; tag=x\" <sip:bob@example.org>\r\n", false},
		{"To: \"\\\"; tag=x\" <sip:bob@example.org>\r\n", false},
		{"To: <sip:bob@example.org;tag=x>\r\n", false},
		{"To: <sip:bob@example.org>;tagged=1\r\n", false},
		{"To: <sip:bob@example.org>;x=tag\r\n", false},
		{"To: <sip:bob@example.org>;etag=x\r\n", false},
		{"To: <sip:bob@example.org>;tag=x\r\n", true},
		{"To: <sip:bob@example.org>;a=b;TAG = x\r\n", true},
		{"To: <sip:bob@example.org> ; \r\n\ttag=x\r\n", true},
		{"To: sip:bob@example.org;tag=x\r\n", true},
		{"To: \"a\\\\\" <sip:bob@example.org>;tag=x\r\n", true},
		{"To: <sip:bob@example.org>;tag\r\n", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char line[ROOM];

		copy_to(cases[i].to, line);
		if ((strcmp(line, cases[i].to) == 0) != cases[i].has_tag)
			fail_msg("case %zu: %s", i, line);
		if (!cases[i].has_tag)
			assert_non_null(strstr(line, ";tag="));
	}
}

static void the_same_request_gets_the_same_tag_and_no_other_does(void **state)
{
	static const char *const requests[] = {
		START VIA FROM TO CALL_ID CSEQ,
		START "Via: SIP/2.0/TCP ua.example.org;branch=z9hG4bK2\r\n" FROM TO CALL_ID CSEQ,
		START VIA "From: <sip:ann@example.org>;tag=2\r\n" TO CALL_ID CSEQ,
		START VIA FROM TO "Call-ID: two@example.org\r\n" CSEQ,
		START VIA FROM TO CALL_ID "CSeq: 8 INVITE\r\n",
	};
	char first[ROOM], tag[64];
	struct answer other = busy;

	(void)state;
	snprintf(first, sizeof first, "%s", answer_to(&busy, requests[0]));
	memcpy(tag, strstr(strstr(first, "To:"), ";tag="), 5 + 16);
	tag[5 + 16] = '\0';
	assert_string_equal(answer_to(&busy, requests[0]), first);
	assert_non_null(
		strstr(answer_to(&busy, "CANCEL sip:bob@example.org SIP/2.0\r\n" VIA FROM TO CALL_ID
					"CSeq: 7 CANCEL\r\n"),
			tag));
	for (size_t i = 1; i < COUNT(requests); i++)
		assert_null(strstr(answer_to(&busy, requests[i]), tag));
	other.tag_key++;
	assert_null(strstr(answer_to(&other, requests[0]), tag));
}

static void does_not_answer_what_cannot_be_answered(void **state)
{
	static const char *const cases[] = {
		"",
		START,
		START FROM TO CALL_ID CSEQ,
		START VIA TO CALL_ID CSEQ,
		START VIA FROM CALL_ID CSEQ,
		START VIA FROM TO CSEQ,
		START VIA FROM TO CALL_ID,
		START VIA FROM "To:\r\n" CALL_ID CSEQ,
		START VIA FROM "To: \r\n" CALL_ID CSEQ,
		"ACK sip:bob@example.org SIP/2.0\r\n" VIA FROM TO CALL_ID "CSeq: 7 ACK\r\n",
		"SIP/2.0 200 OK\r\n" VIA FROM TO CALL_ID CSEQ,
		"sip/2.0 200 OK\r\n" VIA FROM TO CALL_ID CSEQ,
		START "\r\n" VIA FROM TO CALL_ID CSEQ,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (*answer_to(&busy, cases[i]))
			fail_msg("case %zu: %s", i, answer_to(&busy, cases[i]));
	assert_one_response(
		answer_to(&busy, "ACKNOWLEDGE sip:a SIP/2.0\r\n" VIA FROM TO CALL_ID CSEQ), 503);
}

static void writes_nothing_outside_of_the_room_it_has(void **state)
{
	static const char request[] = START VIA FROM TO CALL_ID CSEQ;
	const uint8_t *bytes = (const uint8_t *)request;
	size_t whole = strlen(answer_to(&busy, request));

	(void)state;
	for (size_t size = 0; size <= whole; size++) {
		uint8_t *out = malloc(size ? size : 1);

		assert_non_null(out);
		assert_int_equal(answer_write(&busy, bytes, sizeof request - 1, out, size),
			size == whole ? whole : 0);
		free(out);
	}
}

static void answers_what_the_framer_refused_from_the_lines_that_passed(void **state)
{
	static const char stream[] =
		"INVITE sip:a SIP/7.0\r\n" VIA FROM TO CALL_ID CSEQ "bad line\r\n";
	static const struct frame_limits limits = {ROOM, ROOM, 100, 100, false, false, 0};
	const uint8_t *bytes = (const uint8_t *)stream;
	struct framer f = {0};
	struct frame frame;
	struct answer refusal = {.tag_key = 1};
	uint8_t out[ROOM];
	size_t length;

	(void)state;
	assert_int_equal(frame_next(&f, &limits, bytes, sizeof stream - 1, &frame), FRAME_BAD);
	refusal.status = frame_fault_status(frame.fault);
	refusal.phrase = frame_fault_phrase(frame.fault);
	length = answer_write(&refusal, bytes, frame.checked, out, sizeof out);
	assert_true(length > 0);
	assert_memory_equal(out, "SIP/2.0 505 Version Not Supported\r\nVia: ", 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeats_what_belongs_to_the_transaction),
		cmocka_unit_test(says_when_to_come_back_if_asked_to),
		cmocka_unit_test(adds_a_to_tag_only_where_there_is_none),
		cmocka_unit_test(the_same_request_gets_the_same_tag_and_no_other_does),
		cmocka_unit_test(does_not_answer_what_cannot_be_answered),
		cmocka_unit_test(writes_nothing_outside_of_the_room_it_has),
		cmocka_unit_test(answers_what_the_framer_refused_from_the_lines_that_passed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
