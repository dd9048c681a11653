/* SPDX-License-Identifier: BSD-2-Clause */
/* A client's FIN: what is still due to it, and when both sides close. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char plain[] = FAKE_CONF("", FAKE_ONE_SERVER, "");

static void with_nothing_due_both_sides_close_at_once(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("REGISTER", "1")));
	fake_say(fake_server(f, 0), BYTES(RESPONSE("401 Unauthorized", "REGISTER", "1")));
	fake_finish(client);
	fake_assert_closed(client, REASON_CLIENT_CLOSED);
	assert_true(fake_server(f, 0)->is_closed);
	fake_end(f);
}

static void a_final_answer_that_is_due_is_waited_for(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_queue(client, BYTES(REQUEST("INVITE", "1")));
	client->is_ended = true;
	fake_run(f);
	struct fake_stream *server = fake_server(f, 0);
	assert_int_equal(fake_state(client), SESSION_HALF_CLOSED);
	fake_pass(f, 2000);
	assert_false(server->is_closed || server->is_shut);
	fake_say(server, BYTES(RESPONSE("100 Trying", "INVITE", "1")));
	fake_say(server, BYTES(RESPONSE("180 Ringing", "INVITE", "1")));
	assert_int_equal(fake_state(client), SESSION_HALF_CLOSED);
	fake_say(server, BYTES(RESPONSE("200 OK", "INVITE", "1")));
	fake_assert_written(client,
		BYTES(RESPONSE("100 Trying", "INVITE", "1") RESPONSE("180 Ringing", "INVITE", "1")
				RESPONSE("200 OK", "INVITE", "1")));
	fake_assert_closed(client, REASON_ANSWERED);
	assert_true(server->is_closed);
	fake_end(f);
}

/* In one read or many; the last of several answers counts. */
static void all_answers_that_are_due_are_waited_for(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_queue(
		client, BYTES(REQUEST("INVITE", "1") REQUEST("OPTIONS", "2") REQUEST("ACK", "3")));
	client->is_ended = true;
	fake_run(f);
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "2")));
	assert_int_equal(fake_state(client), SESSION_HALF_CLOSED);
	fake_say(fake_server(f, 0), BYTES(RESPONSE("486 Busy Here", "INVITE", "1")));
	fake_assert_closed(client, REASON_ANSWERED);
	fake_end(f);
}

static void an_ack_alone_is_not_waited_for(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_queue(client, BYTES(REQUEST("ACK", "1") RESPONSE("200 OK", "NOTIFY", "7")));
	client->is_ended = true;
	fake_run(f);
	fake_assert_closed(client, REASON_CLIENT_CLOSED);
	fake_end(f);
}

/* The 200 to an INVITE is repeated until the ACK comes; the count must not become a debt. */
static void repeated_answers_do_not_stand_for_those_of_later_requests(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("INVITE", "1")));
	for (unsigned i = 0; i < 4; i++)
		fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "INVITE", "1")));
	fake_queue(client, BYTES(REQUEST("BYE", "2")));
	client->is_ended = true;
	fake_run(f);
	assert_int_equal(fake_state(client), SESSION_HALF_CLOSED);
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "BYE", "2")));
	fake_assert_closed(client, REASON_ANSWERED);
	fake_end(f);
}

static void requests_of_the_server_still_reach_a_half_closed_client(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_queue(client, BYTES(REQUEST("INVITE", "1")));
	client->is_ended = true;
	fake_run(f);
	fake_say(fake_server(f, 0), BYTES(REQUEST("BYE", "7")));
	fake_assert_written(client, BYTES(REQUEST("BYE", "7")));
	assert_int_equal(fake_state(client), SESSION_HALF_CLOSED);
	fake_stop(f);
}

static void the_wait_for_answers_ends_at_half_closed(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER, "timeouts: { half_closed = \"5s\"; };"), 1);
	struct fake_stream *client = fake_client(f);
	fake_pass(f, 3000);
	fake_queue(client, BYTES(REQUEST("INVITE", "1")));
	client->is_ended = true;
	fake_run(f);
	fake_pass(f, 4900);
	fake_say(fake_server(f, 0),
		BYTES(RESPONSE("100 Trying", "INVITE", "1"))); /* moves nothing */
	assert_int_equal(fake_state(client), SESSION_HALF_CLOSED);
	fake_pass(f, 200);
	fake_assert_closed(client, REASON_HALF_CLOSED_TIMEOUT);
	fake_end(f);
}

static void a_server_that_ends_before_it_answers_is_the_reason(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	for (unsigned i = 0; i < 2; i++) {
		struct fake_stream *client = fake_client(f);
		fake_queue(client, BYTES(REQUEST("INVITE", "1")));
		client->is_ended = true;
		fake_run(f);
		if (i)
			fake_fail(fake_server(f, i), ECONNRESET);
		else
			fake_finish(fake_server(f, i));
		fake_assert_closed(client, i ? REASON_SERVER_RESET : REASON_SERVER_CLOSED);
	}
	fake_end(f);
}

/* What a dead server has not taken is owed to nobody. */
static void bytes_unsent_to_a_server_that_ends_are_not_kept(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_server(f, 0)->room = 3;
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	assert_true(memory_held(&f->shared.memory) > 0);
	fake_finish(fake_server(f, 0));
	assert_int_equal(fake_state(client), SESSION_DRAINING);
	assert_int_equal(memory_held(&f->shared.memory), 0);
	fake_finish(client);
	fake_assert_closed(client, REASON_SERVER_CLOSED);
	fake_end(f);
}

/* Half a keep-alive ping is the only thing that can be held for the server of a half-closed client. */
static void bytes_unsent_to_a_server_that_ends_are_not_waited_for(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("INVITE", "1")));
	fake_server(f, 0)->room = 1;
	fake_pass(f, 60100);
	fake_finish(client);
	assert_int_equal(fake_state(client), SESSION_HALF_CLOSED);
	fake_finish(fake_server(f, 0));
	fake_assert_closed(client, REASON_SERVER_CLOSED);
	fake_end(f);
}

/* --- a FIN that comes while something is held --- */

static void a_fin_behind_a_request_that_waits_for_a_connect_is_seen_after_it(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING};
	(void)state;
	struct fake *f = fake_new(plain, 1);
	fake_connects(f, script, 1);
	struct fake_stream *client = fake_client(f);
	fake_queue(client, BYTES(REQUEST("INVITE", "1")));
	client->is_ended = true;
	fake_run(f);
	assert_int_equal(fake_state(client), SESSION_PROVEN);
	fake_connected(fake_server(f, 0));
	fake_assert_written(fake_server(f, 0), BYTES(REQUEST("INVITE", "1")));
	assert_int_equal(fake_state(client), SESSION_HALF_CLOSED);
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "INVITE", "1")));
	fake_assert_closed(client, REASON_ANSWERED);
	fake_end(f);
}

static void a_fin_behind_a_request_that_nobody_takes_gets_its_503(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING};
	(void)state;
	struct fake *f = fake_new(plain, 1);
	fake_connects(f, script, 1);
	struct fake_stream *client = fake_client(f);
	fake_queue(client, BYTES(REQUEST("INVITE", "1")));
	client->is_ended = true;
	fake_run(f);
	fake_fail(fake_server(f, 0), ECONNREFUSED);
	assert_true(fake_wrote(client, "SIP/2.0 503 "));
	fake_assert_closed(client, REASON_CLIENT_CLOSED);
	fake_end(f);
}

static void what_the_server_has_not_taken_goes_before_both_close(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	struct fake_stream *server = fake_server(f, 0);
	fake_forget(server);
	server->room = 10;
	fake_queue(client, BYTES(RESPONSE("200 OK", "NOTIFY", "7")));
	client->is_ended = true;
	fake_run(f);
	assert_false(client->is_closed);
	fake_give_room(server, SIZE_MAX);
	fake_assert_written(server, BYTES(RESPONSE("200 OK", "NOTIFY", "7")));
	fake_assert_closed(client, REASON_CLIENT_CLOSED);
	assert_true(server->is_closed);
	fake_end(f);
}

static void what_the_client_has_not_taken_goes_before_both_close(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_queue(client, BYTES(REQUEST("INVITE", "1")));
	client->is_ended = true;
	fake_run(f);
	client->room = 12;
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "INVITE", "1")));
	assert_int_equal(fake_state(client), SESSION_HALF_CLOSED);
	fake_give_room(client, 100);
	assert_int_equal(fake_state(client), SESSION_HALF_CLOSED);
	fake_give_room(client, SIZE_MAX);
	fake_assert_written(client, BYTES(RESPONSE("200 OK", "INVITE", "1")));
	fake_assert_closed(client, REASON_ANSWERED);
	fake_end(f);
}

/* --- a FIN in the middle of a message --- */

static void a_torn_message_is_not_forwarded_and_is_the_reason(void **state)
{
	static const char message[] = REQUEST_BODY("MESSAGE", "2", "4", "abcd");
	(void)state;
	struct fake *f = fake_new(plain, 1);
	for (size_t length = 1; length < sizeof(message) - 1; length++) {
		struct fake_stream *early = fake_client(f);
		fake_say(early, message, length);
		fake_finish(early);
		fake_assert_closed(early, REASON_TRUNCATED);

		unsigned n = f->server_count;
		struct fake_stream *late = fake_client(f);
		fake_say(late, BYTES(REQUEST("ACK", "1")));
		fake_say(late, message, length);
		fake_finish(late);
		fake_assert_closed(late, REASON_TRUNCATED);
		fake_assert_written(fake_server(f, n), BYTES(REQUEST("ACK", "1")));
	}
	fake_end(f);
}

static void answers_to_what_came_before_a_torn_message_are_waited_for(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_queue(client, BYTES(REQUEST("INVITE", "1") "BYE sip:b"));
	client->is_ended = true;
	fake_run(f);
	assert_int_equal(fake_state(client), SESSION_HALF_CLOSED);
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "INVITE", "1")));
	assert_true(fake_wrote(client, "200 OK"));
	fake_assert_closed(client, REASON_TRUNCATED);
	fake_assert_written(fake_server(f, 0), BYTES(REQUEST("INVITE", "1")));
	fake_end(f);
}

static void pings_behind_the_last_message_make_it_no_torn_one(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("ACK", "1") "\r\n"));
	fake_finish(client);
	fake_assert_closed(client, REASON_CLIENT_CLOSED);
	fake_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_nothing_due_both_sides_close_at_once),
		cmocka_unit_test(a_final_answer_that_is_due_is_waited_for),
		cmocka_unit_test(all_answers_that_are_due_are_waited_for),
		cmocka_unit_test(an_ack_alone_is_not_waited_for),
		cmocka_unit_test(repeated_answers_do_not_stand_for_those_of_later_requests),
		cmocka_unit_test(requests_of_the_server_still_reach_a_half_closed_client),
		cmocka_unit_test(the_wait_for_answers_ends_at_half_closed),
		cmocka_unit_test(a_server_that_ends_before_it_answers_is_the_reason),
		cmocka_unit_test(bytes_unsent_to_a_server_that_ends_are_not_kept),
		cmocka_unit_test(bytes_unsent_to_a_server_that_ends_are_not_waited_for),
		cmocka_unit_test(a_fin_behind_a_request_that_waits_for_a_connect_is_seen_after_it),
		cmocka_unit_test(a_fin_behind_a_request_that_nobody_takes_gets_its_503),
		cmocka_unit_test(what_the_server_has_not_taken_goes_before_both_close),
		cmocka_unit_test(what_the_client_has_not_taken_goes_before_both_close),
		cmocka_unit_test(a_torn_message_is_not_forwarded_and_is_the_reason),
		cmocka_unit_test(answers_to_what_came_before_a_torn_message_are_waited_for),
		cmocka_unit_test(pings_behind_the_last_message_make_it_no_torn_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
