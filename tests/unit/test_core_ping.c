/* SPDX-License-Identifier: BSD-2-Clause */
/* Keep-alives: the client's pings and their pongs, the server's, and our own to a silent server. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char plain[] = FAKE_CONF("", FAKE_ONE_SERVER, "");

/* A client whose server is up and has answered. */
static struct fake_stream *relaying_client(struct fake *f)
{
	unsigned n = f->server_count;
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("REGISTER", "1")));
	fake_say(fake_server(f, n), BYTES(RESPONSE("200 OK", "REGISTER", "1")));
	fake_forget(client);
	fake_forget(fake_server(f, n));
	return client;
}

/* --- the client's --- */

static void a_ping_is_answered_while_the_server_lives_and_not_forwarded(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = relaying_client(f);
	fake_say(client, BYTES("\r\n\r\n"));
	fake_assert_written(client, BYTES("\r\n"));
	fake_say(client, "\r\n", 2);
	fake_say(client, "\r", 1);
	fake_assert_written(client, BYTES("\r\n"));
	fake_say(client, "\n", 1);
	fake_assert_written(client, BYTES("\r\n\r\n"));
	fake_assert_written(fake_server(f, 0), BYTES(""));
	fake_stop(f);
}

static void as_many_pongs_as_pings(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = relaying_client(f);
	fake_say(client, BYTES("\r\n\r\n\r\n\r\n\r\n\r\n"));
	fake_assert_written(client, BYTES("\r\n\r\n\r\n"));
	fake_stop(f);
}

static void no_pong_without_a_living_server(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING, FAKE_REFUSED};
	(void)state;
	struct fake *f = fake_new(plain, 1);
	fake_connects(f, script, 2);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES("\r\n\r\n"));
	assert_null(client->written); /* nobody was asked for yet */
	fake_say(client, BYTES(REQUEST("OPTIONS", "1") "\r\n\r\n"));
	assert_null(client->written); /* connecting */
	fake_fail(fake_server(f, 0), ECONNREFUSED);
	assert_int_equal(fake_wrote_times(client, "SIP/2.0 503"), 1);
	fake_forget(client);
	fake_say(client, BYTES("\r\n\r\n"));
	assert_null(client->written); /* nobody there */
	fake_stop(f);
}

static void no_pong_behind_unsent_output(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = relaying_client(f);
	client->room = 5;
	client->wanted &= ~(unsigned)STREAM_READABLE; /* the server speaks first */
	fake_queue(client, BYTES("\r\n\r\n"));
	fake_say(fake_server(f, 0), BYTES(REQUEST("NOTIFY", "7")));
	fake_assert_written(client, "NOTIF", 5);
	assert_int_equal(client->taken, client->input_length - 4);
	fake_give_room(client, SIZE_MAX);
	fake_assert_written(client, BYTES(REQUEST("NOTIFY", "7") "\r\n"));
	fake_stop(f);
}

static void no_pong_behind_an_answer_that_is_still_unsent(void **state)
{
	static char large[2048];
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", FAKE_ONE_SERVER "max_message = \"1K\";", ""), 1);
	struct fake_stream *client = relaying_client(f);
	int head = snprintf(large, sizeof(large),
		"MESSAGE sip:b SIP/2.0\r\n" LINES("MESSAGE", "2") "Content-Length: 1024\r\n\r\n");
	memset(large + head, 'x', 1024);
	memcpy(large + head + 1024, "\r\n\r\n", 4);
	client->gulp = 10;
	fake_say(client, large, (size_t)head + 1028);
	assert_true(fake_wrote(client, "SIP/2.0 513 "));
	assert_string_equal(client->written + client->written_length - 5, "0\r\n\r\n");
	fake_stop(f);
}

static void no_pong_to_the_server_in_the_middle_of_a_message(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = relaying_client(f);
	struct fake_stream *server = fake_server(f, 0);
	server->gulp = 10;
	fake_queue(client, BYTES(REQUEST("OPTIONS", "2")));
	fake_queue(server, BYTES("\r\n\r\n"));
	fake_run(f);
	assert_true(fake_wrote(server, REQUEST("OPTIONS", "2")));
	fake_stop(f);
}

static void a_pong_that_is_cut_is_completed(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = relaying_client(f);
	client->room = 1;
	fake_say(client, BYTES("\r\n\r\n"));
	fake_assert_written(client, "\r", 1);
	fake_give_room(client, SIZE_MAX);
	fake_assert_written(client, BYTES("\r\n"));
	fake_stop(f);
}

static void sixteen_pings_at_once_pass_and_one_more_is_a_flood(void **state)
{
	static char pings[4 * 17];
	(void)state;
	for (unsigned i = 0; i < sizeof(pings); i++)
		pings[i] = i % 2 ? '\n' : '\r';
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = relaying_client(f);
	fake_say(client, pings, 4 * 16);
	assert_int_equal(client->written_length, 2 * 16);
	fake_say(client, pings, 4 * 17);
	fake_assert_closed(client, REASON_PING_FLOOD);
	assert_string_equal(fake_last(f, RECORD_SIP_BAD)->reason, "ping_flood");
	fake_end(f);
}

static void a_client_that_dies_of_its_pong_is_closed(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = relaying_client(f);
	fake_queue(client, BYTES("\r\n\r\n"));
	client->is_failing = EPIPE;
	fake_run(f);
	fake_assert_closed(client, REASON_CLIENT_RESET);
	fake_end(f);
}

/* --- ours --- */

static void a_silent_server_is_pinged_and_its_pong_swallowed(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER "keepalive_interval = \"30s\";", ""), 1);
	struct fake_stream *client = relaying_client(f);
	struct fake_stream *server = fake_server(f, 0);
	fake_pass(f, 29800);
	fake_assert_written(server, BYTES(""));
	fake_pass(f, 300);
	fake_assert_written(server, BYTES("\r\n\r\n"));
	fake_say(server, BYTES("\r\n"));
	fake_pass(f, 30000);
	fake_assert_written(server, BYTES("\r\n\r\n\r\n\r\n"));
	fake_assert_written(client, BYTES(""));
	fake_stop(f);
}

static void what_is_sent_to_the_server_puts_the_ping_off(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER "keepalive_interval = \"30s\";", ""), 1);
	struct fake_stream *client = relaying_client(f);
	fake_pass(f, 20000);
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	fake_forget(fake_server(f, 0));
	fake_pass(f, 29800);
	fake_assert_written(fake_server(f, 0), BYTES(""));
	fake_pass(f, 300);
	fake_assert_written(fake_server(f, 0), BYTES("\r\n\r\n"));
	fake_stop(f);
}

/* Two pongs in a row look like a ping to the framer; pongs to pongs would only confuse a server. */
static void pongs_are_not_taken_for_pings(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER "keepalive_interval = \"30s\";", ""), 1);
	relaying_client(f);
	struct fake_stream *server = fake_server(f, 0);
	for (unsigned i = 1; i <= 6; i++) {
		fake_pass(f, 30100);
		fake_say(server, BYTES("\r\n"));
		assert_int_equal(server->written_length, 4 * i);
	}
	fake_stop(f);
}

static void a_server_that_pings_is_answered_among_its_pongs_too(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER "keepalive_interval = \"30s\";", ""), 1);
	relaying_client(f);
	struct fake_stream *server = fake_server(f, 0);
	fake_say(server, BYTES("\r\n\r\n"));
	fake_assert_written(server, BYTES("\r\n"));
	fake_pass(f, 30100); /* our ping, its pong */
	fake_say(server, BYTES("\r\n"));
	fake_forget(server);
	fake_say(server, BYTES("\r\n\r\n"));
	fake_assert_written(server, BYTES("\r\n"));
	fake_pass(f, 30100);
	fake_say(server, BYTES("\r\n"));
	fake_forget(server);
	/* a message between them: halves that stood alone are gone */
	fake_pass(f, 30100);
	fake_say(server, BYTES("\r\n" RESPONSE("200 OK", "REGISTER", "1")));
	fake_pass(f, 30100);
	fake_say(server, BYTES("\r\n" RESPONSE("200 OK", "REGISTER", "1")));
	fake_pass(f, 30100);
	fake_say(server, BYTES("\r\n"));
	fake_forget(server);
	fake_say(server, BYTES("\r\n\r\n"));
	fake_assert_written(server, BYTES("\r\n"));
	fake_stop(f);
}

static void pings_of_the_server_are_answered_and_do_not_reach_the_client(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = relaying_client(f);
	fake_say(fake_server(f, 0), BYTES("\r\n\r\n" REQUEST("NOTIFY", "1") "\r\n\r\n"));
	fake_assert_written(client, BYTES(REQUEST("NOTIFY", "1")));
	fake_assert_written(fake_server(f, 0), BYTES("\r\n\r\n"));
	fake_stop(f);
}

/* The connect's deadline may fire after the connect has succeeded. */
static void without_keepalive_interval_the_server_is_never_pinged(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING};
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER "keepalive_interval = \"off\";", ""), 1);
	fake_connects(f, script, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_pass(f, 1000);
	fake_connected(fake_server(f, 0));
	fake_pass(f, 600000);
	fake_assert_written(fake_server(f, 0), BYTES(REQUEST("OPTIONS", "1")));
	fake_stop(f);
}

static void a_ping_that_is_cut_is_completed_before_the_next_message(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER "keepalive_interval = \"30s\";", ""), 1);
	struct fake_stream *client = relaying_client(f);
	struct fake_stream *server = fake_server(f, 0);
	server->room = 3;
	fake_pass(f, 30100);
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	fake_give_room(server, SIZE_MAX);
	fake_assert_written(server, BYTES("\r\n\r\n" REQUEST("OPTIONS", "2")));
	fake_stop(f);
}

/* With TLS it may be encrypted already: it cannot be taken back. */
static void a_ping_that_found_no_room_goes_before_the_next_message(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER "keepalive_interval = \"30s\";", ""), 1);
	struct fake_stream *client = relaying_client(f);
	struct fake_stream *server = fake_server(f, 0);
	server->room = 0;
	fake_pass(f, 30100);
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	fake_assert_written(server, BYTES(""));
	fake_give_room(server, SIZE_MAX);
	fake_assert_written(server, BYTES("\r\n\r\n" REQUEST("OPTIONS", "2")));
	fake_stop(f);
}

static void a_server_found_dead_by_a_ping_or_pong_ends_the_session(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER "keepalive_interval = \"30s\";", ""), 1);
	struct fake_stream *client = relaying_client(f);
	fake_server(f, 0)->has_wanted = false; /* the deadline comes before the event */
	fake_server(f, 0)->is_failing = EPIPE;
	fake_pass(f, 30100);
	assert_int_equal(fake_state(client), SESSION_DRAINING);
	fake_finish(client);
	fake_assert_closed(client, REASON_SERVER_RESET);

	client = relaying_client(f);
	fake_queue(fake_server(f, 1), BYTES("\r\n\r\n\r\n\r\n" REQUEST("BYE", "3")));
	fake_server(f, 1)->is_failing = EPIPE;
	fake_run(f);
	fake_assert_written(client, BYTES(REQUEST("BYE", "3")));
	fake_finish(client);
	fake_assert_closed(client, REASON_SERVER_RESET);
	fake_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ping_is_answered_while_the_server_lives_and_not_forwarded),
		cmocka_unit_test(as_many_pongs_as_pings),
		cmocka_unit_test(no_pong_without_a_living_server),
		cmocka_unit_test(no_pong_behind_unsent_output),
		cmocka_unit_test(no_pong_behind_an_answer_that_is_still_unsent),
		cmocka_unit_test(no_pong_to_the_server_in_the_middle_of_a_message),
		cmocka_unit_test(a_pong_that_is_cut_is_completed),
		cmocka_unit_test(sixteen_pings_at_once_pass_and_one_more_is_a_flood),
		cmocka_unit_test(a_client_that_dies_of_its_pong_is_closed),
		cmocka_unit_test(a_silent_server_is_pinged_and_its_pong_swallowed),
		cmocka_unit_test(what_is_sent_to_the_server_puts_the_ping_off),
		cmocka_unit_test(pongs_are_not_taken_for_pings),
		cmocka_unit_test(a_server_that_pings_is_answered_among_its_pongs_too),
		cmocka_unit_test(pings_of_the_server_are_answered_and_do_not_reach_the_client),
		cmocka_unit_test(without_keepalive_interval_the_server_is_never_pinged),
		cmocka_unit_test(a_ping_that_is_cut_is_completed_before_the_next_message),
		cmocka_unit_test(a_ping_that_found_no_room_goes_before_the_next_message),
		cmocka_unit_test(a_server_found_dead_by_a_ping_or_pong_ends_the_session),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
