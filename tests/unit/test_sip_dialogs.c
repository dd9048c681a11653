/* SPDX-License-Identifier: BSD-2-Clause */
/* Which messages open and end a dialog. */
#include "sip/dialogs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct frame_limits limits = {
	.max_message = 4096, .max_header_bytes = 4096, .max_headers = 32, .max_parameters = 32};

/* As it would come over the wire: a first line, and header lines without the last CRLF. */
static void see(struct dialogs *d, const char *first, const char *lines)
{
	char message[2048];
	struct framer framer = {0};
	struct frame frame;
	int length = snprintf(message, sizeof(message),
		"%s\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n%s\r\nContent-Length: 0\r\n\r\n",
		first, lines);
	assert_int_equal(
		frame_next(&framer, &limits, (const uint8_t *)message, (size_t)length, &frame),
		FRAME_MESSAGE);
	dialogs_see(d, (const uint8_t *)message, &frame);
}

#define OK  "SIP/2.0 200 OK"
#define BYE "BYE sip:a@b SIP/2.0"

static void only_a_2xx_to_an_invite_opens_a_dialog(void **state)
{
	static const struct {
		const char *first, *lines;
		bool opens;
	} cases[] = {
		{OK, "Call-ID: a\r\nCSeq: 1 INVITE", true},
		{"SIP/2.0 299 Odd", "Call-ID: a\r\nCSeq: 1 INVITE", true},
		{OK, "i: a\r\ncseq:1 INVITE", true},
		{OK, "I : a\r\nCSEQ :\t314159  INVITE", true},
		{OK, "Call-ID: a\r\nCSeq: 1\r\n INVITE", true},
		{OK, "CSeq: 1 INVITE\r\nCall-ID: a", true},
		{"SIP/2.0 180 Ringing", "Call-ID: a\r\nCSeq: 1 INVITE", false},
		{"SIP/2.0 486 Busy Here", "Call-ID: a\r\nCSeq: 1 INVITE", false},
		{OK, "Call-ID: a\r\nCSeq: 1 REGISTER", false},
		{OK, "Call-ID: a\r\nCSeq: 1 INVITED", false},
		{OK, "Call-ID: a\r\nCSeq: 1 invite", false}, /* methods are case-sensitive */
		{OK, "Call-ID: a\r\nCSeq: INVITE", true},    /* nonsense, and harmless */
		{OK, "Call-ID: a", false},
		{OK, "CSeq: 1 INVITE", false},
		{"INVITE sip:a@b SIP/2.0", "Call-ID: a\r\nCSeq: 1 INVITE", false},
		{"ACK sip:a@b SIP/2.0", "Call-ID: a\r\nCSeq: 1 ACK", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dialogs d = {0};
		see(&d, cases[i].first, cases[i].lines);
		if (dialogs_any(&d) != cases[i].opens)
			fail_msg("case %zu: %s", i, cases[i].lines);
	}
}

static void a_bye_ends_its_own_dialog_and_no_other(void **state)
{
	struct dialogs d = {0};
	(void)state;
	see(&d, OK, "Call-ID: a\r\nCSeq: 1 INVITE");
	see(&d, OK, "Call-ID: b\r\nCSeq: 1 INVITE");
	see(&d, BYE, "Call-ID: c\r\nCSeq: 2 BYE");
	see(&d, BYE, "i: a\r\nCSeq: 2 BYE");
	assert_true(dialogs_any(&d));
	see(&d, BYE, "Call-ID:   b  \r\nCSeq: 2 BYE");
	assert_false(dialogs_any(&d));
}

static void a_repeated_answer_and_a_reinvite_are_the_same_dialog(void **state)
{
	struct dialogs d = {0};
	(void)state;
	for (unsigned i = 0; i < 9; i++)
		see(&d, OK, "Call-ID: a\r\nCSeq: 1 INVITE");
	see(&d, OK, "Call-ID: a\r\nCSeq: 2 INVITE");
	see(&d, BYE, "Call-ID: a\r\nCSeq: 3 BYE");
	assert_false(dialogs_any(&d));
}

static void a_call_that_the_peer_does_not_know_any_more_is_over(void **state)
{
	static const struct {
		const char *first, *lines;
		bool ends;
	} cases[] = {
		{"SIP/2.0 481 Gone", "Call-ID: a\r\nCSeq: 2 INVITE", true},
		{"SIP/2.0 481 Gone", "Call-ID: a\r\nCSeq: 2 UPDATE", true},
		{"SIP/2.0 408 Silence", "Call-ID: a\r\nCSeq: 2 INVITE", true},
		{"SIP/2.0 408 Silence", "Call-ID: a\r\nCSeq: 2 UPDATE", true},
		{"SIP/2.0 481 Gone", "Call-ID: b\r\nCSeq: 2 INVITE", false},
		/* What is unknown there is the INVITE that was answered meanwhile, or a subscription. */
		{"SIP/2.0 481 Gone", "Call-ID: a\r\nCSeq: 1 CANCEL", false},
		{"SIP/2.0 481 Gone", "Call-ID: a\r\nCSeq: 2 NOTIFY", false},
		{"SIP/2.0 488 Not Here", "Call-ID: a\r\nCSeq: 2 INVITE", false},
		{"SIP/2.0 481 Gone", "Call-ID: a", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dialogs d = {0};
		see(&d, OK, "Call-ID: a\r\nCSeq: 1 INVITE");
		see(&d, cases[i].first, cases[i].lines);
		if (dialogs_any(&d) == cases[i].ends)
			fail_msg("case %zu: %s", i, cases[i].lines);
	}
}

static void a_call_that_was_never_answered_takes_no_other_off_the_count(void **state)
{
	struct dialogs d = {0};
	char lines[64];
	(void)state;
	for (unsigned i = 0; i <= DIALOGS_KNOWN; i++) {
		snprintf(lines, sizeof(lines), "Call-ID: %u\r\nCSeq: 1 INVITE", i);
		see(&d, OK, lines);
	}
	see(&d, "SIP/2.0 408 Silence", "Call-ID: x\r\nCSeq: 1 INVITE");
	for (unsigned i = 0; i < DIALOGS_KNOWN; i++) {
		snprintf(lines, sizeof(lines), "Call-ID: %u\r\nCSeq: 2 BYE", i);
		see(&d, BYE, lines);
	}
	assert_true(dialogs_any(&d));
}

static void more_than_a_phone_has_are_counted(void **state)
{
	struct dialogs d = {0};
	char lines[64];
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(lines, sizeof(lines), "Call-ID: %u\r\nCSeq: 1 INVITE", i);
		see(&d, OK, lines);
	}
	for (unsigned i = 0; i < 20; i++) {
		assert_true(dialogs_any(&d));
		snprintf(lines, sizeof(lines), "Call-ID: %u\r\nCSeq: 2 BYE", 19 - i);
		see(&d, BYE, lines);
	}
	assert_false(dialogs_any(&d));
	see(&d, BYE, lines);
	assert_false(dialogs_any(&d));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_2xx_to_an_invite_opens_a_dialog),
		cmocka_unit_test(a_bye_ends_its_own_dialog_and_no_other),
		cmocka_unit_test(a_repeated_answer_and_a_reinvite_are_the_same_dialog),
		cmocka_unit_test(a_call_that_the_peer_does_not_know_any_more_is_over),
		cmocka_unit_test(a_call_that_was_never_answered_takes_no_other_off_the_count),
		cmocka_unit_test(more_than_a_phone_has_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
