/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_sip_message.c - what is understood of a well-framed message, and what is refused though it
 * is well framed.
 */
#include "sip/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define VIA	    "Via: SIP/2.0/TCP ua.example.org;branch=z9hG4bK1\r\n"
#define FROM	    "From: <sip:ann@example.org>;tag=1\r\n"
#define TO	    "To: <sip:bob@example.org>\r\n"
#define CALL_ID	    "Call-ID: one@example.org\r\n"
#define CSEQ	    "CSeq: 1 OPTIONS\r\n"
#define END	    "Content-Length: 0\r\n\r\n"
#define ADDRESSES   VIA FROM TO CALL_ID
#define TO_URI(uri) "OPTIONS " uri " SIP/2.0\r\n" ADDRESSES CSEQ END
#define WITH(lines) "OPTIONS sip:a SIP/2.0\r\n" lines END

static enum message_fault check(const char *text, const char *const *schemes)
{
	static const struct frame_limits limits = {65536, 65536, 128, 64, false, false, 0};
	struct message_rules rules = {schemes};
	size_t length = strlen(text);
	uint8_t *copy = malloc(length);
	struct framer f = {0};
	struct frame frame;
	enum message_fault fault;

	assert_non_null(copy);
	memcpy(copy, text, length);
	if (frame_next(&f, &limits, copy, length, &frame) != FRAME_MESSAGE)
		fail_msg("not framed: %s: %s", frame_fault_name(frame.fault), text);
	fault = message_check(copy, &frame, &rules);
	free(copy);
	return fault;
}

static void assert_fault(const char *text, enum message_fault fault)
{
	enum message_fault found = check(text, NULL);

	if (found != fault)
		fail_msg("%s, not %s: %s", message_fault_name(found), message_fault_name(fault),
			text);
}

static void understands_what_is_valid(void **state)
{
	static const char *const cases[] = {
		TO_URI("sip:a"),
		TO_URI("sip:a?subject=x:y"),
		TO_URI("sip:a;x=y:z"),
		TO_URI("sips:bob@example.org:5061;transport=tcp?subject=x"),
		TO_URI("SIP:bob:secret@example.org"),
		TO_URI("sip:user;par=u%40example.net@example.com"),
		TO_URI("sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com"),
		TO_URI("sip:[2001:db8::1]"),
		TO_URI("sip:bob@[2001:db8::1]:5070;x=y"),
		TO_URI("sip:bob@[2001:db8:::192.0.2.1]"),
		TO_URI("tel:+1-201-555-0123;phone-context=a"),
		TO_URI("soap.beep://192.0.2.103:3002"),
		TO_URI("urn:service:sos"),
		WITH(ADDRESSES "CSeq: 2147483647 OPTIONS\r\n"),
		WITH(ADDRESSES "CSeq: 0009\r\n  OPTIONS\r\n"),
		WITH(ADDRESSES "CSeq: 0000000000001 OPTIONS\r\n"),
		WITH("v: SIP / 2.0 / TCP a\r\nf: sip:a\r\nt: sip:b\r\ni: x\r\n" CSEQ),
		WITH(ADDRESSES CSEQ "X: \303\251\r\n"),
		/* What a proxy does not need is none of its business. */
		WITH(ADDRESSES CSEQ "Max-Forwards: 0\r\nDate: then\r\nExpires: -1\r\n"),
		WITH(ADDRESSES CSEQ "Authorization: NoOneKnowsThisScheme opaque-data=here\r\n"),
		"SIP/2.0 200 \r\n" ADDRESSES CSEQ END,
		"sip/2.0 180 Ringing\r\n" ADDRESSES CSEQ END,
		"SIP/2.0 404 \320\235\320\265\r\n" ADDRESSES "CSeq: 7 ANY\r\n" END,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_fault(cases[i], MESSAGE_FAULT_NONE);
}

static void refuses_a_message_without_what_every_message_has(void **state)
{
	(void)state;
	assert_fault(WITH(FROM TO CALL_ID CSEQ), MESSAGE_FAULT_NO_VIA);
	assert_fault(WITH("Via:\r\n" FROM TO CALL_ID CSEQ), MESSAGE_FAULT_NO_VIA);
	assert_fault(WITH(VIA TO CALL_ID CSEQ), MESSAGE_FAULT_NO_FROM);
	assert_fault(WITH(VIA FROM CALL_ID CSEQ), MESSAGE_FAULT_NO_TO);
	assert_fault(WITH(VIA FROM TO CSEQ), MESSAGE_FAULT_NO_CALL_ID);
	assert_fault(WITH(VIA FROM TO "Call-ID:\r\n" CSEQ), MESSAGE_FAULT_NO_CALL_ID);
	assert_fault(WITH(ADDRESSES), MESSAGE_FAULT_CSEQ);
	assert_fault("SIP/2.0 200 OK\r\n" ADDRESSES END, MESSAGE_FAULT_CSEQ);
	assert_fault("SIP/2.0 200 OK\r\n" FROM TO CALL_ID CSEQ END, MESSAGE_FAULT_NO_VIA);
}

static void refuses_a_cseq_that_is_too_large_or_of_another_method(void **state)
{
	(void)state;
	assert_fault(WITH(ADDRESSES "CSeq: 2147483648 OPTIONS\r\n"), MESSAGE_FAULT_CSEQ);
	assert_fault(WITH(ADDRESSES "CSeq: 36893488147419103232 OPTIONS\r\n"), MESSAGE_FAULT_CSEQ);
	assert_fault(WITH(ADDRESSES "CSeq: -1 OPTIONS\r\n"), MESSAGE_FAULT_CSEQ);
	assert_fault(WITH(ADDRESSES "CSeq: 1x OPTIONS\r\n"), MESSAGE_FAULT_CSEQ);
	assert_fault(WITH(ADDRESSES "CSeq: 1 INVITE\r\n"), MESSAGE_FAULT_CSEQ);
	assert_fault(WITH(ADDRESSES "CSeq: 1 options\r\n"), MESSAGE_FAULT_CSEQ);
	assert_fault(WITH(ADDRESSES "CSeq: 1 OPTIONSX\r\n"), MESSAGE_FAULT_CSEQ);
	assert_fault("SIP/2.0 200 OK\r\n" ADDRESSES "CSeq: 9292394834772304023312 X\r\n" END,
		MESSAGE_FAULT_CSEQ);
}

static void refuses_what_libosip2_refuses(void **state)
{
	static const char *const cases[] = {
		WITH(ADDRESSES CSEQ FROM),
		WITH(ADDRESSES CSEQ "t: <sip:other@example.org>\r\n"),
		WITH(ADDRESSES CSEQ "i: another\r\n"),
		WITH(ADDRESSES CSEQ CSEQ),
		WITH("Via: SIP/2.0/UDP 192.0.2.15;;,;,,\r\n" FROM TO CALL_ID CSEQ),
		WITH(VIA FROM "To: \"unterminated <sip:b@example.org>\r\n" CALL_ID CSEQ),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_fault(cases[i], MESSAGE_FAULT_SYNTAX);
}

static void refuses_a_request_uri_that_leads_nowhere(void **state)
{
	static const char *const cases[] = {
		TO_URI("sip"),
		TO_URI("sip:"),
		TO_URI("s\303\251p:a"),
		TO_URI("s_p:a"),
		TO_URI("sip:@"),
		TO_URI("sip:bob@"),
		TO_URI("sip:bob@;lr"),
		TO_URI("sip:2001:db8::10"),
		TO_URI("sip:bob@2001:db8::10"),
		TO_URI("sip:bob@::1"),
		TO_URI("sip:[2001:db8::10"),
		TO_URI("sip:[]"),
		TO_URI("sip:[2001:db8::10]5060"),
		TO_URI("sip:[2001:db8::10]:"),
		TO_URI("sip:a:"),
		TO_URI("sip:a:x"),
		TO_URI("sip:a:65536"),
		TO_URI("sip:a:4294972356"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_fault(cases[i], MESSAGE_FAULT_REQUEST_URI);
	assert_fault(TO_URI("sip:a:65535"), MESSAGE_FAULT_NONE);
}

static void admits_only_the_schemes_of_the_rules(void **state)
{
	static const char *const schemes[] = {"sip", "soap.beep", NULL};
	static const char *const none[] = {NULL};

	(void)state;
	assert_int_equal(check(TO_URI("sip:a"), schemes), MESSAGE_FAULT_NONE);
	assert_int_equal(check(TO_URI("SiP:a"), schemes), MESSAGE_FAULT_NONE);
	assert_int_equal(check(TO_URI("soap.beep://a"), schemes), MESSAGE_FAULT_NONE);
	assert_int_equal(check(TO_URI("sips:a"), schemes), MESSAGE_FAULT_SCHEME);
	assert_int_equal(check(TO_URI("si:a"), schemes), MESSAGE_FAULT_SCHEME);
	assert_int_equal(check(TO_URI("nobodyKnowsThisScheme:x"), schemes), MESSAGE_FAULT_SCHEME);
	assert_int_equal(check(TO_URI("nobodyKnowsThisScheme:x"), none), MESSAGE_FAULT_NONE);
	/* Responses have no Request-URI. */
	assert_int_equal(
		check("SIP/2.0 200 OK\r\n" ADDRESSES CSEQ END, schemes), MESSAGE_FAULT_NONE);
	assert_int_equal(message_fault_status(MESSAGE_FAULT_SCHEME), 416);
	assert_string_equal(message_fault_phrase(MESSAGE_FAULT_SCHEME), "Unsupported URI Scheme");
}

static void does_not_look_at_the_body(void **state)
{
	(void)state;
	assert_fault("OPTIONS sip:a SIP/2.0\r\n" ADDRESSES CSEQ
		     "MIME-Version: 1.0\r\nContent-Type: multipart/mixed;boundary=x\r\n"
		     "Content-Length: 49\r\n\r\n"
		     "--x\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\n--x--",
		MESSAGE_FAULT_NONE);
	assert_fault(
		"OPTIONS sip:a SIP/2.0\r\n" ADDRESSES CSEQ
		"Content-Type: no such thing at all\r\nc: twice\r\nContent-Length: 3\r\n\r\nabc",
		MESSAGE_FAULT_NONE);
}

/* libosip2 would write a line to stdout for each message that it refuses. */
static void says_nothing_of_its_own(void **state)
{
	int saved = dup(STDOUT_FILENO);
	FILE *sink = tmpfile();
	enum message_fault fault;
	long written;

	(void)state;
	assert_non_null(sink);
	fflush(stdout);
	assert_true(dup2(fileno(sink), STDOUT_FILENO) >= 0);
	fault = check(WITH(ADDRESSES CSEQ FROM), NULL);
	fflush(stdout);
	written = lseek(STDOUT_FILENO, 0, SEEK_END);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	close(saved);
	fclose(sink);
	assert_int_equal(fault, MESSAGE_FAULT_SYNTAX);
	assert_int_equal(written, 0);
}

static int init(void **state)
{
	(void)state;
	message_init();
	return 0;
}

static void a_max_forwards_is_a_number(void **state)
{
	(void)state;
	assert_fault(WITH(ADDRESSES CSEQ "Max-Forwards: 70\r\n"), MESSAGE_FAULT_NONE);
	assert_fault(WITH(ADDRESSES CSEQ "max-forwards:0\r\n"), MESSAGE_FAULT_NONE);
	assert_fault(WITH(ADDRESSES CSEQ "Max-Forwards: many\r\n"), MESSAGE_FAULT_MAX_FORWARDS);
	assert_fault(WITH(ADDRESSES CSEQ "Max-Forwards: -1\r\n"), MESSAGE_FAULT_MAX_FORWARDS);
	assert_fault(WITH(ADDRESSES CSEQ "Max-Forwards: 7 0\r\n"), MESSAGE_FAULT_MAX_FORWARDS);
	assert_fault(WITH(ADDRESSES CSEQ "Max-Forwards: 70\r\nMax-Forwards: x\r\n"),
		MESSAGE_FAULT_MAX_FORWARDS);
}

static void the_first_via_says_where_the_answer_goes(void **state)
{
	(void)state;
	assert_fault(WITH("Via: SIP/2.0/TCP a:5060;branch=z9hG4bKx\r\n" FROM TO CALL_ID CSEQ),
		MESSAGE_FAULT_NONE);
	assert_fault(WITH("Via: SIP/2.0/WSS [2001:db8::1]:1\r\n" FROM TO CALL_ID CSEQ),
		MESSAGE_FAULT_NONE);
	assert_fault(WITH("Via: SIP/3.0/TCP a\r\n" FROM TO CALL_ID CSEQ), MESSAGE_FAULT_VIA);
	assert_fault(WITH("Via: SIP/2.0/TCP a:99999\r\n" FROM TO CALL_ID CSEQ), MESSAGE_FAULT_VIA);
	assert_fault(WITH("Via: SIP/2.0/TCP a:x\r\n" FROM TO CALL_ID CSEQ), MESSAGE_FAULT_VIA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_max_forwards_is_a_number),
		cmocka_unit_test(the_first_via_says_where_the_answer_goes),
		cmocka_unit_test(understands_what_is_valid),
		cmocka_unit_test(refuses_a_message_without_what_every_message_has),
		cmocka_unit_test(refuses_a_cseq_that_is_too_large_or_of_another_method),
		cmocka_unit_test(refuses_what_libosip2_refuses),
		cmocka_unit_test(refuses_a_request_uri_that_leads_nowhere),
		cmocka_unit_test(admits_only_the_schemes_of_the_rules),
		cmocka_unit_test(does_not_look_at_the_body),
		cmocka_unit_test(says_nothing_of_its_own),
	};

	return cmocka_run_group_tests(tests, init, NULL);
}
