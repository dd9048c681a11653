/* SPDX-License-Identifier: BSD-2-Clause */
/* Each deadline: what it counts from, what moves it and what does not. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "OPTIONS sip:b@example.com SIP/2.0\r\n"

static void proxy_header_counts_from_accept_and_bytes_do_not_move_it(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER, "timeouts: { proxy_header = \"2s\"; };"), 1);
	struct fake_stream *client = fake_client_from(f, "10.9.0.1:1");
	for (unsigned i = 0; i < 19; i++) {
		fake_pass(f, 100);
		fake_say(client, &PROXY_V1[i], 1);
	}
	assert_int_equal(fake_state(client), SESSION_UNNAMED);
	fake_pass(f, 200);
	fake_assert_closed(client, REASON_HEADER_TIMEOUT);
	fake_end(f);
}

static void first_message_counts_from_admission_and_pings_do_not_move_it(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER, "timeouts: { first_message = \"5s\"; };"),
		1);
	struct fake_stream *client = fake_client_from(f, "10.9.0.1:1");
	fake_pass(f, 4000);
	fake_say(client, BYTES(PROXY_V1));
	for (unsigned i = 0; i < 4; i++) {
		fake_pass(f, 1200);
		fake_say(client, BYTES("\r\n\r\n"));
	}
	assert_int_equal(fake_state(client), SESSION_SECURED);
	fake_pass(f, 300);
	fake_assert_closed(client, REASON_FIRST_MESSAGE_TIMEOUT);
	fake_end(f);
}

/* --- message --- */

static void message_counts_from_its_first_byte_and_trickling_does_not_move_it(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER, "timeouts: { message = \"3s\"; };"), 1);
	for (unsigned is_proven = 0; is_proven < 2; is_proven++) {
		struct fake_stream *client = fake_client(f);
		if (is_proven)
			fake_say(client, BYTES(REQUEST("ACK", "1")));
		fake_pass(f, 7000);
		for (unsigned i = 0; i < 29; i++) {
			fake_say(client, &HEAD[i], 1);
			fake_pass(f, 100);
		}
		assert_false(client->is_closed);
		fake_pass(f, 300);
		fake_assert_closed(client, REASON_MESSAGE_TIMEOUT);
	}
	fake_end(f);
}

static void message_begins_anew_with_each_message(void **state)
{
	static const char message[] = REQUEST("ACK", "1");
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER, "timeouts: { message = \"3s\"; };"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, message, 10);
	for (unsigned i = 0; i < 5; i++) { /* the end of one and the beginning of the next */
		fake_pass(f, 2800);
		fake_queue(client, message + 10, sizeof(message) - 11);
		client->piece_count = 0;
		fake_say(client, message, 10);
		assert_false(client->is_closed);
	}
	fake_say(client, message + 10, sizeof(message) - 11);
	fake_pass(f, 60000);
	assert_int_equal(fake_state(client), SESSION_RELAYING);
	fake_stop(f);
}

/* Back-pressure is ours: while we do not read, the client cannot be late. */
static void message_stands_still_while_the_server_takes_nothing(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER, "timeouts: { message = \"3s\"; };"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_server(f, 0)->room = 1;
	fake_say(client, BYTES(REQUEST("OPTIONS", "2") HEAD));
	fake_pass(f, 20000);
	assert_false(client->is_closed);
	fake_give_room(fake_server(f, 0), SIZE_MAX);
	fake_pass(f, 2800);
	assert_false(client->is_closed);
	fake_pass(f, 400);
	fake_assert_closed(client, REASON_MESSAGE_TIMEOUT);
	fake_end(f);
}

static void message_stands_still_while_the_client_is_not_read_for_its_output(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER, "timeouts: { message = \"3s\"; };"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1") HEAD));
	client->room = 1;
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_pass(f, 20000);
	assert_false(client->is_closed);
	fake_give_room(client, SIZE_MAX);
	fake_pass(f, 2800);
	assert_false(client->is_closed);
	fake_pass(f, 400);
	fake_assert_closed(client, REASON_MESSAGE_TIMEOUT);
	fake_end(f);
}

static void message_stands_still_while_servers_are_tried(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING};
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", FAKE_ONE_SERVER,
					  "timeouts: { message = \"1s\"; connect = \"60s\"; };"),
		1);
	fake_connects(f, script, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1") HEAD));
	fake_pass(f, 30000);
	fake_connected(fake_server(f, 0));
	fake_say(client, BYTES(LINES("OPTIONS", "2") "Content-Length: 0\r\n\r\n"));
	fake_assert_written(
		fake_server(f, 0), BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "2")));
	fake_stop(f);
}

/* --- idle --- */

static void idle_counts_from_the_last_byte_and_a_ping_is_one(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER, "timeouts: { idle = \"100s\"; };"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("ACK", "1")));
	for (unsigned i = 0; i < 3; i++) {
		fake_pass(f, 99000);
		fake_say(client, BYTES("\r\n\r\n"));
	}
	fake_pass(f, 99800);
	assert_false(client->is_closed);
	fake_pass(f, 300);
	fake_assert_closed(client, REASON_IDLE);
	fake_end(f);
}

static void without_idle_silence_may_last(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", FAKE_ONE_SERVER, ""), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("ACK", "1")));
	fake_pass(f, 3600000);
	assert_int_equal(fake_state(client), SESSION_RELAYING);
	fake_stop(f);
}

/* TCP sees nothing wrong with it: each byte is acknowledged. */
static void a_client_that_trickles_what_is_held_for_it_is_gone_after_unacked(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER, "timeouts: { unacked = \"20s\"; };"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	client->room = 10;
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	for (unsigned i = 0; i < 19; i++) {
		fake_pass(f, 1000);
		fake_give_room(client, 1);
	}
	assert_false(client->is_closed);
	fake_pass(f, 1200);
	fake_assert_closed(client, REASON_SEND_TIMEOUT);
	fake_end(f);
}

static void a_client_that_empties_what_is_held_in_time_may_be_slow_again(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER, "timeouts: { unacked = \"20s\"; };"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	for (unsigned i = 0; i < 3; i++) {
		client->room = 10;
		fake_say(fake_server(f, 0), BYTES(RESPONSE("100 Trying", "OPTIONS", "1")));
		fake_pass(f, 19000);
		fake_give_room(client, SIZE_MAX);
	}
	assert_false(client->is_closed);
	fake_stop(f);
}

/* A client that is not read cannot show that it is not silent. */
static void idle_stands_still_while_the_client_is_not_read(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", FAKE_ONE_SERVER,
					  "timeouts: { idle = \"10s\"; ping_timeout = \"2x\"; };"),
		1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	for (unsigned i = 0; i < 3; i++) {
		fake_pass(f, 2000);
		fake_say(client, BYTES("\r\n\r\n"));
	}
	fake_server(f, 0)->room = 1;
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	fake_queue(client, BYTES("\r\n\r\n"));
	fake_pass(f, 30000);
	assert_false(client->is_closed);
	fake_give_room(fake_server(f, 0), SIZE_MAX);
	fake_pass(f, 3000);
	assert_false(client->is_closed);
	fake_pass(f, 1200);
	fake_assert_closed(client, REASON_PING_TIMEOUT);
	fake_end(f);
}

static void idle_goes_on_where_it_stood_when_the_client_is_read_again(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER, "timeouts: { idle = \"10s\"; };"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_pass(f, 4000);
	client->room = 1;
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_pass(f, 30000);
	fake_give_room(client, SIZE_MAX);
	fake_pass(f, 5800);
	assert_false(client->is_closed);
	fake_pass(f, 400);
	fake_assert_closed(client, REASON_IDLE);
	fake_end(f);
}

/* --- ping_timeout --- */

static const char pinging[] =
	FAKE_CONF("", FAKE_ONE_SERVER, "timeouts: { ping_timeout = \"3x\"; };");

static void ping_timeout_is_so_many_of_the_clients_own_intervals(void **state)
{
	(void)state;
	struct fake *f = fake_new(pinging, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("ACK", "1")));
	for (unsigned i = 0; i < 3; i++) {
		fake_pass(f, 20000);
		fake_say(client, BYTES("\r\n\r\n"));
	}
	fake_pass(f, 59800);
	assert_false(client->is_closed);
	fake_pass(f, 300);
	fake_assert_closed(client, REASON_PING_TIMEOUT);
	fake_end(f);
}

static void the_longest_of_its_intervals_counts(void **state)
{
	(void)state;
	struct fake *f = fake_new(pinging, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("ACK", "1") "\r\n\r\n"));
	fake_pass(f, 20000);
	fake_say(client, BYTES("\r\n\r\n"));
	fake_pass(f, 5000);
	fake_say(client, BYTES("\r\n\r\n"));
	fake_pass(f, 59800);
	assert_false(client->is_closed);
	fake_pass(f, 300);
	fake_assert_closed(client, REASON_PING_TIMEOUT);
	fake_end(f);
}

static void two_pings_are_no_habit(void **state)
{
	(void)state;
	struct fake *f = fake_new(pinging, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("ACK", "1")));
	fake_say(client, BYTES("\r\n\r\n"));
	fake_pass(f, 5000);
	fake_say(client, BYTES("\r\n\r\n"));
	fake_pass(f, 3600000);
	assert_false(client->is_closed);
	fake_stop(f);
}

static void messages_count_as_well_as_pings(void **state)
{
	(void)state;
	struct fake *f = fake_new(pinging, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("ACK", "1")));
	for (unsigned i = 0; i < 3; i++) {
		fake_pass(f, 20000);
		fake_say(client, BYTES("\r\n\r\n"));
	}
	for (unsigned i = 0; i < 4; i++) {
		fake_pass(f, 50000);
		fake_say(client, BYTES(REQUEST("ACK", "1")));
	}
	assert_false(client->is_closed);
	fake_stop(f);
}

/* A network that stood still delivers at once what was sent one by one. */
static void pings_pressed_together_are_no_interval(void **state)
{
	(void)state;
	struct fake *f = fake_new(pinging, 1);
	struct fake_stream *at_once = fake_client(f);
	fake_say(at_once, BYTES(REQUEST("ACK", "1")));
	fake_say(at_once, BYTES("\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"));
	struct fake_stream *in_a_row = fake_client(f);
	fake_say(in_a_row, BYTES(REQUEST("ACK", "1")));
	for (unsigned i = 0; i < 4; i++) {
		fake_say(in_a_row, BYTES("\r\n\r\n"));
		fake_pass(f, 200);
	}
	fake_pass(f, 20000);
	assert_false(at_once->is_closed || in_a_row->is_closed);
	for (unsigned i = 0; i < 2; i++) { /* and its habit is still learnt */
		fake_say(in_a_row, BYTES("\r\n\r\n"));
		fake_pass(f, 20000);
	}
	fake_pass(f, 39800);
	assert_false(in_a_row->is_closed);
	fake_pass(f, 3000);
	assert_true(in_a_row->is_closed);
	fake_stop(f);
}

/* --- all of them --- */

static void a_deadline_is_at_most_two_ticks_late_and_never_early(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF("", FAKE_ONE_SERVER, "timeouts: { first_message = \"777ms\"; };"), 1);
	for (unsigned i = 0; i < 30; i++) {
		struct fake_stream *client = fake_client(f);
		uint64_t opened_ms = f->now_ms;
		while (!client->is_closed)
			fake_pass(f, 7);
		assert_in_range(f->now_ms - opened_ms, 777, 777 + 2 * WHEEL_TICK_MS);
		fake_pass(f, 13 * i);
	}
	fake_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(proxy_header_counts_from_accept_and_bytes_do_not_move_it),
		cmocka_unit_test(first_message_counts_from_admission_and_pings_do_not_move_it),
		cmocka_unit_test(message_counts_from_its_first_byte_and_trickling_does_not_move_it),
		cmocka_unit_test(message_begins_anew_with_each_message),
		cmocka_unit_test(message_stands_still_while_the_server_takes_nothing),
		cmocka_unit_test(message_stands_still_while_the_client_is_not_read_for_its_output),
		cmocka_unit_test(message_stands_still_while_servers_are_tried),
		cmocka_unit_test(idle_counts_from_the_last_byte_and_a_ping_is_one),
		cmocka_unit_test(without_idle_silence_may_last),
		cmocka_unit_test(a_client_that_trickles_what_is_held_for_it_is_gone_after_unacked),
		cmocka_unit_test(a_client_that_empties_what_is_held_in_time_may_be_slow_again),
		cmocka_unit_test(idle_stands_still_while_the_client_is_not_read),
		cmocka_unit_test(idle_goes_on_where_it_stood_when_the_client_is_read_again),
		cmocka_unit_test(ping_timeout_is_so_many_of_the_clients_own_intervals),
		cmocka_unit_test(the_longest_of_its_intervals_counts),
		cmocka_unit_test(two_pings_are_no_habit),
		cmocka_unit_test(messages_count_as_well_as_pings),
		cmocka_unit_test(pings_pressed_together_are_no_interval),
		cmocka_unit_test(a_deadline_is_at_most_two_ticks_late_and_never_early),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
