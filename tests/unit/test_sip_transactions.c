/* SPDX-License-Identifier: BSD-2-Clause */
/* test_sip_transactions.c - which answer is to which request; and what a request is about. */
#include "sip/request.h"
#include "sip/transactions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct frame_limits limits = {65536, 16384, 128, 64, false, false, 0};

enum { MOST_QUOTED = 8192 };

static struct quotes quotes;

/* A message that the framer has passed. */
static struct frame frame_of(const char *text)
{
	struct framer framer = {0};
	struct frame frame;
	assert_int_equal(frame_next(&framer, &limits, (const uint8_t *)text, strlen(text), &frame),
		FRAME_MESSAGE);
	return frame;
}

static const char *message(
	const char *first, const char *call_id, const char *cseq, const char *more)
{
	static char text[1024];
	snprintf(text, sizeof(text),
		"%s\r\nv: SIP/2.0/TCP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n%sCall-ID: "
		"%s\r\nCSeq: "
		"%s\r\nContent-Length: 0\r\n\r\n",
		first, more, call_id, cseq);
	return text;
}

static void see(struct transactions *t, uint32_t max, const char *text, uint32_t now_ms)
{
	struct frame frame = frame_of(text);
	const struct transaction_room room = {
		.quotes = &quotes, .max = max, .max_quoted = MOST_QUOTED};
	transactions_add(t, &room, (const uint8_t *)text, &frame, now_ms);
}

static bool take(struct transactions *t, const char *text, struct transaction *out)
{
	struct frame frame = frame_of(text);
	return transactions_take(t, &quotes, (const uint8_t *)text, &frame, out);
}

static void an_answer_finds_its_request_by_call_id_and_cseq(void **state)
{
	struct transactions t = {0};
	struct transaction found;
	(void)state;
	see(&t, 8, message("REGISTER sip:b SIP/2.0", "x", "1 REGISTER", "Authorization: a\r\n"), 5);
	see(&t, 8, message("INVITE sip:b SIP/2.0", "y", "1 INVITE", ""), 7);
	assert_false(take(&t, message("SIP/2.0 200 OK", "x", "2 REGISTER", ""), &found));
	assert_false(take(&t, message("SIP/2.0 200 OK", "x", "1 INVITE", ""), &found));
	assert_false(take(&t, message("SIP/2.0 100 Trying", "x", "1 REGISTER", ""), &found));
	assert_true(take(&t, message("SIP/2.0 401 No", "x", "1 \r\n REGISTER", ""), &found));
	assert_int_equal(found.method, METHOD_REGISTER);
	assert_int_equal(found.at_ms, 5);
	assert_true(found.has_credentials);
	assert_false(take(&t, message("SIP/2.0 401 No", "x", "1 REGISTER", ""), &found));
	assert_true(take(&t, message("SIP/2.0 200 OK", "y", "1 INVITE", ""), &found));
	assert_false(found.has_credentials);
	assert_int_equal(t.count, 0);
	transactions_free(&t, &quotes);
}

static void an_ack_is_not_due_and_a_repetition_is_one(void **state)
{
	struct transactions t = {0};
	(void)state;
	see(&t, 8, message("ACK sip:b SIP/2.0", "x", "1 ACK", ""), 0);
	assert_int_equal(t.count, 0);
	see(&t, 8, message("OPTIONS sip:b SIP/2.0", "x", "1 OPTIONS", ""), 0);
	see(&t, 8, message("OPTIONS sip:b SIP/2.0", "x", "1 OPTIONS", ""), 0);
	assert_int_equal(t.count, 1);
	transactions_free(&t, &quotes);
}

static void many_are_remembered_up_to_the_most_and_memory_goes_with_the_last(void **state)
{
	enum { MOST = 100 };
	struct transactions t = {0};
	struct transaction found;
	char cseq[32];
	(void)state;
	for (unsigned i = 0; i < MOST + 20; i++) {
		snprintf(cseq, sizeof(cseq), "%u OPTIONS", i);
		see(&t, MOST, message("OPTIONS sip:b SIP/2.0", "x", cseq, ""), i);
		assert_true(t.quoted <= MOST_QUOTED);
	}
	assert_int_equal(t.count, MOST);
	for (unsigned i = 0; i < MOST + 20; i++) {
		snprintf(cseq, sizeof(cseq), "%u OPTIONS", i);
		assert_int_equal(
			take(&t, message("SIP/2.0 200 OK", "x", cseq, ""), &found), i < MOST);
		assert_true(i >= MOST || found.at_ms == i);
	}
	assert_int_equal(transactions_bytes(&t), 0);
	see(&t, 0, message("OPTIONS sip:b SIP/2.0", "x", "1 OPTIONS", ""), 0);
	assert_int_equal(t.count, 0);
}

/* Those that find no room for their quote are remembered without it. */
static void a_request_is_quoted_until_it_is_answered_as_far_as_there_is_room(void **state)
{
	struct transactions t = {0};
	struct transaction found;
	char cseq[32];
	unsigned quoted = 0;
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(cseq, sizeof(cseq), "%u OPTIONS", i);
		see(&t, 32, message("OPTIONS sip:b SIP/2.0", "x", cseq, ""), i);
	}
	uint32_t age_ms;
	assert_true(transactions_oldest(&t, 100, &age_ms));
	assert_int_equal(age_ms, 100);
	while (transactions_pop(&t, &found)) {
		snprintf(cseq, sizeof(cseq), "%u OPTIONS", found.at_ms);
		const char *text = message("OPTIONS sip:b SIP/2.0", "x", cseq, "");
		quoted += found.quote != NULL;
		if (found.quote) {
			assert_int_equal(found.quote->length, strlen(text));
			assert_memory_equal(found.quote->bytes, text, strlen(text));
		}
		quotes_release(&quotes, found.quote);
	}
	assert_int_equal(quoted, MOST_QUOTED / 1024);
	assert_int_equal(transactions_bytes(&t), 0);
	assert_false(transactions_oldest(&t, 100, &age_ms));
}

static void a_request_that_never_went_on_is_forgotten(void **state)
{
	struct transactions t = {0};
	struct transaction found;
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		see(&t, 8, message("OPTIONS sip:b SIP/2.0", i ? "y" : "x", "1 OPTIONS", ""), 0);
	const char *text = message("OPTIONS sip:b SIP/2.0", "x", "1 OPTIONS", "");
	struct frame frame = frame_of(text);
	transactions_forget(&t, &quotes, (const uint8_t *)text, &frame);
	transactions_forget(&t, &quotes, (const uint8_t *)text, &frame);
	assert_int_equal(t.count, 1);
	assert_true(take(&t, message("SIP/2.0 200 OK", "y", "1 OPTIONS", ""), &found));
}

/* --- what a request is about --- */

static bool may_start(const char *first, const char *to)
{
	const char *text = message(first, "x", "1 X", to);
	struct frame frame = frame_of(text);
	return request_may_start((const uint8_t *)text, &frame);
}

static void a_tag_in_to_is_found_where_it_is_one_and_nowhere_else(void **state)
{
	static const char *const with[] = {"To: <sip:a@b>;tag=1\r\n", "t: sip:a@b;tag=1\r\n",
		"TO : \"a\" <sip:a@b> ; x=\";\" ;\r\n\tTAG = 1\r\n", "To: <sip:a@b;x>;y;tag=\r\n"};
	static const char *const without[] = {"To: <sip:a@b;tag=1>\r\n",
		"To: \";tag=1\" <sip:a@b>\r\n", "To: <sip:a@b>;x=\";tag=1\"\r\n",
		"To: <sip:a@b>;tagx=1\r\n", "To: <sip:a@b>;tag\r\n", "",
		"To: \"\\\";tag=1\" <sip:a@b>\r\n"};
	(void)state;
	for (size_t i = 0; i < sizeof(with) / sizeof(with[0]); i++)
		assert_false(may_start("INVITE sip:b SIP/2.0", with[i]));
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
		assert_true(may_start("INVITE sip:b SIP/2.0", without[i]));
	assert_false(may_start("BYE sip:b SIP/2.0", ""));
	assert_false(may_start("CANCEL sip:b SIP/2.0", ""));
	assert_false(may_start("SIP/2.0 200 OK", ""));
}

static void emergency_calls_are_known_by_their_urn(void **state)
{
	static const struct {
		const char *first;
		bool is;
	} cases[] = {{"INVITE urn:service:sos SIP/2.0", true},
		{"INVITE URN:Service:SOS.police SIP/2.0", true},
		{"INVITE urn:service:sosx SIP/2.0", false},
		{"INVITE sip:urn:service:sos SIP/2.0", false},
		{"SIP/2.0 200 urn:service:sos", false}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = message(cases[i].first, "x", "1 INVITE", "");
		struct frame frame = frame_of(text);
		assert_int_equal(request_is_emergency((const uint8_t *)text, &frame), cases[i].is);
	}
}

static void stale_is_a_parameter_and_no_text(void **state)
{
	static const struct {
		const char *line;
		bool is;
	} cases[] = {{"WWW-Authenticate: Digest realm=\"a\", stale=TRUE\r\n", true},
		{"Proxy-Authenticate: Digest stale = \"true\"\r\n", true},
		{"WWW-Authenticate: Digest realm=\"stale=true\"\r\n", false},
		{"WWW-Authenticate: Digest stale=false\r\n", false},
		{"WWW-Authenticate: Digest xstale=true\r\n", false},
		{"X-Stale: stale=true\r\n", false}, {"WWW-Authenticate: stale\r\n", false},
		{"WWW-Authenticate: Digest stale=tru\r\n", false}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = message("SIP/2.0 401 No", "x", "1 REGISTER", cases[i].line);
		struct frame frame = frame_of(text);
		assert_int_equal(response_is_stale((const uint8_t *)text, &frame), cases[i].is);
	}
}

static void the_user_is_that_of_to(void **state)
{
	static const struct {
		const char *to, *user;
	} cases[] = {{"To: <sip:alice@b>\r\n", "alice"},
		{"t: \"x <sip:no@b>\" <sips:bob:pw@b;x>;tag=1\r\n", "bob"},
		{"To: sip:carol@b;tag=1\r\n", "carol"}, {"To: <sip:b>\r\n", ""},
		{"To: <tel:+1>\r\n", ""}, {"", ""}, {"To: <\r\n", ""}, {"To: @\r\n", ""},
		{"To: <sip:a;b@c>\r\n", "a"}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *text = message("SIP/2.0 401 No", "x", "1 REGISTER", cases[i].to);
		struct frame frame = frame_of(text);
		struct request_text user = request_user((const uint8_t *)text, &frame);
		assert_int_equal(user.length, strlen(cases[i].user));
		if (user.length)
			assert_memory_equal(user.bytes, cases[i].user, user.length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_finds_its_request_by_call_id_and_cseq),
		cmocka_unit_test(an_ack_is_not_due_and_a_repetition_is_one),
		cmocka_unit_test(many_are_remembered_up_to_the_most_and_memory_goes_with_the_last),
		cmocka_unit_test(a_request_is_quoted_until_it_is_answered_as_far_as_there_is_room),
		cmocka_unit_test(a_request_that_never_went_on_is_forgotten),
		cmocka_unit_test(a_tag_in_to_is_found_where_it_is_one_and_nowhere_else),
		cmocka_unit_test(emergency_calls_are_known_by_their_urn),
		cmocka_unit_test(stale_is_a_parameter_and_no_text),
		cmocka_unit_test(the_user_is_that_of_to),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
