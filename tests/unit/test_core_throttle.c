/* SPDX-License-Identifier: BSD-2-Clause */
/* The rates of messages: who waits and for how long, what never waits, and that nothing is lost. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LIMITS(text) FAKE_CONF("", FAKE_ONE_SERVER, "limits: { " text " };")
#define IN_DIALOG(method, cseq)                                                                    \
	method " sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK" cseq \
	       "\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: \"b;tag=\" <sip:b@example.com;x> ; "    \
	       "tag = 9\r\n"                                                                       \
	       "Call-ID: call\r\nCSeq: " cseq " " method "\r\nContent-Length: 0\r\n\r\n"
#define NO_DIALOG(method, cseq)                                                                    \
	method " sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK" cseq \
	       "\r\nFrom: <sip:a@example.com>;tag=1\r\nTo: \";tag=9\" "                            \
	       "<sip:b@example.com;tag=8>\r\n"                                                     \
	       "Call-ID: call\r\nCSeq: " cseq " " method "\r\nContent-Length: 0\r\n\r\n"
#define EMERGENCY(cseq)                                                                    \
	"INVITE urn:service:sos.fire SIP/2.0\r\n" LINES("INVITE", cseq) "Content-Length: " \
									"0\r\n\r\n"

static unsigned passed(struct fake *f)
{
	return f->server_count ? fake_wrote_times(fake_server(f, 0), "Call-ID: ") : 0;
}

static void a_request_past_the_rate_waits_and_all_behind_it(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("message_rate = \"2/s burst 1\";"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("SUBSCRIBE", "1") REQUEST("SUBSCRIBE", "2")
					 REQUEST("ACK", "3") REQUEST("SUBSCRIBE", "4")));
	assert_int_equal(passed(f), 1);
	fake_say(client, BYTES(REQUEST("BYE", "5")));
	assert_int_equal(passed(f), 1);
	fake_pass(f, 600);
	assert_int_equal(passed(f), 3); /* the ACK behind it too */
	fake_pass(f, 600);
	assert_int_equal(passed(f), 5);
	assert_int_equal(client->taken, client->input_length);
	const char *order = fake_server(f, 0)->written;
	for (unsigned n = 1; n < 5; n++) {
		char cseq[16], next[16];
		snprintf(cseq, sizeof(cseq), "CSeq: %u ", n);
		snprintf(next, sizeof(next), "CSeq: %u ", n + 1);
		assert_true(strstr(order, cseq) < strstr(order, next));
	}
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 0);
	fake_stop(f);
}

static void what_is_in_a_dialog_or_an_emergency_never_waits(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("message_rate = \"1/10m burst 1\";"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("INVITE", "1") REQUEST("ACK", "1") REQUEST("PRACK", "2")
					 REQUEST("CANCEL", "1") REQUEST("BYE", "3") IN_DIALOG(
						 "INVITE", "4") IN_DIALOG("SUBSCRIBE", "5")
						 EMERGENCY("6") RESPONSE("200 OK", "NOTIFY", "7")));
	assert_int_equal(passed(f), 9);
	fake_say(client, BYTES(NO_DIALOG("INVITE", "8")));
	assert_int_equal(passed(f), 9);
	fake_stop(f);
}

static void a_looping_phone_does_not_slow_its_neighbour(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("connection_message_rate = \"1/s burst 1\";"), 1);
	struct fake_stream *loops = fake_client(f), *other = fake_client(f);
	for (unsigned i = 0; i < 5; i++)
		fake_say(loops, BYTES(REQUEST("OPTIONS", "1")));
	assert_int_equal(passed(f), 1);
	fake_say(other, BYTES(REQUEST("OPTIONS", "1")));
	assert_int_equal(fake_wrote_times(fake_server(f, 1), "Call-ID: "), 1);
	fake_stop(f);
}

static void those_who_wait_for_one_rate_come_one_after_the_other(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("message_rate = \"1/s burst 1\";"), 2);
	struct fake_stream *clients[4];
	for (unsigned i = 0; i < 4; i++) {
		clients[i] = fake_stream_new(f);
		fake_accept(clients[i], i % 2, 0, "192.0.2.10:1");
		fake_run(f);
		fake_say(clients[i], BYTES(REQUEST("OPTIONS", "1")));
	}
	assert_int_equal(f->server_count, 1);
	for (unsigned i = 2; i <= 4; i++) {
		fake_pass(f, 1000);
		assert_in_range(f->server_count, i - 1, i);
	}
	fake_pass(f, 300);
	assert_int_equal(f->server_count, 4);
	fake_stop(f);
}

static void being_slowed_is_told_after_five_seconds_and_once(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("connection_message_rate = \"1/s burst 1\";"), 1);
	struct fake_stream *client = fake_client(f);
	for (unsigned i = 0; i < 12; i++)
		fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_pass(f, 4800);
	assert_int_equal(fake_count(f, RECORD_LIMIT_DELAYED), 0);
	fake_pass(f, 400);
	assert_int_equal(fake_count(f, RECORD_LIMIT_DELAYED), 1);
	assert_string_equal(fake_last(f, RECORD_LIMIT_DELAYED)->limit, "connection_message_rate");
	fake_pass(f, 3000);
	assert_int_equal(fake_count(f, RECORD_LIMIT_DELAYED), 1);
	fake_pass(f, 8000);
	assert_int_equal(passed(f), 12);
	fake_stop(f);
}

static void refuse_answers_that_request_and_the_connection_goes_on(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		LIMITS("message_rate = \"1/s burst 1\"; over_message_rate = \"refuse\";"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client,
		BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "2") IN_DIALOG("INFO", "3")));
	assert_int_equal(passed(f), 2);
	assert_int_equal(fake_wrote_times(client, "SIP/2.0 503 "), 1);
	assert_true(fake_wrote(client, "CSeq: 2 OPTIONS"));
	assert_string_equal(fake_last(f, RECORD_LIMIT_REFUSED)->limit, "message_rate");
	assert_string_equal(fake_last(f, RECORD_LIMIT_REFUSED)->action, "refuse");
	fake_pass(f, 1000);
	fake_say(client, BYTES(REQUEST("OPTIONS", "4")));
	assert_int_equal(passed(f), 3);
	fake_stop(f);
}

static void close_waits_for_the_answers_to_what_came_before(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		LIMITS("message_rate = \"1/s burst 1\"; over_message_rate = \"close\";"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "2")));
	assert_int_equal(passed(f), 1);
	assert_int_equal(fake_state(client), SESSION_HALF_CLOSED);
	fake_say(client, BYTES(REQUEST("OPTIONS", "3")));
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	assert_true(fake_wrote(client, "SIP/2.0 200 OK"));
	assert_true(client->is_shut);
	assert_false(client->was_unread);
	fake_finish(client);
	fake_assert_closed(client, REASON_LIMIT_MESSAGE_RATE);
	assert_int_equal(client->how, STREAM_CLOSE_FIN);
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 1);
	fake_stop(f);
}

static void observed_rates_delay_nobody(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("mode = \"observe\"; message_rate = \"1/s burst 1\";"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client,
		BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "2") REQUEST("OPTIONS", "3")));
	assert_int_equal(passed(f), 3);
	assert_int_equal(fake_count(f, RECORD_LIMIT_WOULD_REFUSE), 2);
	fake_stop(f);
}

static void a_reload_lets_go_of_whoever_waits(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("message_rate = \"1/10m burst 1\";"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "2")));
	fake_pass(f, 5000);
	assert_int_equal(passed(f), 1);
	fake_reload(f, LIMITS("connections = 5;"));
	fake_pass(f, 200);
	assert_int_equal(passed(f), 2);
	fake_stop(f);
}

static void who_hangs_up_while_it_waits_is_noticed_when_its_time_comes(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("message_rate = \"1/s burst 1\";"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "2")));
	fake_finish(client);
	fake_pass(f, 1200);
	assert_int_equal(passed(f), 2);
	assert_int_equal(fake_state(client), SESSION_HALF_CLOSED);
	fake_say(fake_server(f, 0),
		BYTES(RESPONSE("200 OK", "OPTIONS", "1") RESPONSE("200 OK", "OPTIONS", "2")));
	fake_assert_closed(client, REASON_ANSWERED);
	fake_stop(f);
}

static void who_is_reset_while_it_waits_is_gone_at_once(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("message_rate = \"1/10m burst 1\";"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "2")));
	fake_fail(client, ECONNRESET);
	fake_assert_closed(client, REASON_CLIENT_RESET);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_past_the_rate_waits_and_all_behind_it),
		cmocka_unit_test(what_is_in_a_dialog_or_an_emergency_never_waits),
		cmocka_unit_test(a_looping_phone_does_not_slow_its_neighbour),
		cmocka_unit_test(those_who_wait_for_one_rate_come_one_after_the_other),
		cmocka_unit_test(being_slowed_is_told_after_five_seconds_and_once),
		cmocka_unit_test(refuse_answers_that_request_and_the_connection_goes_on),
		cmocka_unit_test(close_waits_for_the_answers_to_what_came_before),
		cmocka_unit_test(observed_rates_delay_nobody),
		cmocka_unit_test(a_reload_lets_go_of_whoever_waits),
		cmocka_unit_test(who_hangs_up_while_it_waits_is_noticed_when_its_time_comes),
		cmocka_unit_test(who_is_reset_while_it_waits_is_gone_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
