/* SPDX-License-Identifier: BSD-2-Clause */
/* A session and its server: bytes that arrive whole, once and in order, and what the end of a server means. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char one[] = FAKE_CONF("", FAKE_ONE_SERVER, "");
static const char preface_v2[] =
	"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x0a\xc0\x00\x02\x62\x9c\x40\x13\xc5";

/* --- partial writes --- */

static const char batch[] =
	REQUEST("INVITE", "1") REQUEST_BODY("MESSAGE", "2", "9", "\r\n\r\nSIP/2");

/* The server takes `room` bytes first, then one at a time or the rest at once. */
static void assert_arrives(struct fake *f, size_t room, bool is_slow)
{
	struct fake_stream *client = fake_client(f);
	unsigned n = f->server_count;
	fake_say(client, BYTES(batch));
	fake_say(client, BYTES(REQUEST("OPTIONS", "3")));
	struct fake_stream *server = fake_server(f, n);
	assert_true(server->is_pending);
	server->room = room;
	fake_connected(server);
	for (unsigned i = 0; is_slow && i < sizeof(preface_v2) + sizeof(batch) + 600; i++)
		fake_give_room(server, 1);
	fake_give_room(server, SIZE_MAX);
	size_t header = sizeof(preface_v2) - 1;
	assert_int_equal(server->written_length,
		header + sizeof(batch) - 1 + sizeof(REQUEST("OPTIONS", "3")) - 1);
	assert_memory_equal(server->written, preface_v2, header);
	assert_string_equal(server->written + header + sizeof(batch) - 1, REQUEST("OPTIONS", "3"));
	assert_memory_equal(server->written + header, batch, sizeof(batch) - 1);
	fake_fail(client, ECONNRESET);
}

static void partial_writes_at_every_byte_arrive_complete_once_and_in_order(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING};
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", FAKE_ONE_SERVER "proxy_protocol = \"v2\";", ""), 1);
	fake_connects(f, script, 1);
	for (size_t room = 0; room < sizeof(preface_v2) + sizeof(batch); room++)
		assert_arrives(f, room, false);
	assert_arrives(f, 1, true);
	fake_end(f);
}

/* One write may take less than there is room for; what comes next must not overtake the rest. */
static void short_writes_are_not_overtaken(void **state)
{
	(void)state;
	for (size_t gulp = 1; gulp < 400; gulp += 7) {
		struct fake *f = fake_new(one, 1);
		struct fake_stream *client = fake_client(f);
		fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
		struct fake_stream *server = fake_server(f, 0);
		fake_forget(server);
		server->gulp = gulp;
		for (unsigned i = 0; i < 20; i++) { /* each a range of its own */
			fake_queue(client, BYTES(REQUEST("OPTIONS", "2") "\r\n"));
			client->piece_count = 0;
		}
		fake_say(client, BYTES(REQUEST("OPTIONS", "3")));
		assert_int_equal(fake_wrote_times(server, REQUEST("OPTIONS", "2")), 20);
		assert_int_equal(
			server->written_length, 20 * (sizeof(REQUEST("OPTIONS", "2")) - 1) +
							sizeof(REQUEST("OPTIONS", "3")) - 1);
		fake_stop(f);
	}
}

static void a_client_is_not_read_before_a_late_server_has_taken_all(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING};
	(void)state;
	struct fake *f = fake_new(one, 1);
	fake_connects(f, script, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("INVITE", "1")));
	fake_say(client, BYTES(REQUEST("CANCEL", "1")));
	fake_server(f, 0)->room = 20;
	fake_connected(fake_server(f, 0));
	assert_int_equal(client->input_length - client->taken, sizeof(REQUEST("CANCEL", "1")) - 1);
	fake_give_room(fake_server(f, 0), SIZE_MAX);
	fake_assert_written(
		fake_server(f, 0), BYTES(REQUEST("INVITE", "1") REQUEST("CANCEL", "1")));
	fake_stop(f);
}

static void a_server_up_at_once_that_takes_a_part_gets_the_rest(void **state)
{
	(void)state;
	struct fake *f = fake_new(one, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	struct fake_stream *server = fake_server(f, 0);
	fake_forget(server);
	server->room = 5;
	fake_say(client, BYTES(batch));
	fake_say(client, BYTES(REQUEST("OPTIONS", "3")));
	fake_assert_written(server, "INVIT", 5);
	fake_give_room(server, SIZE_MAX);
	assert_int_equal(
		server->written_length, sizeof(batch) - 1 + sizeof(REQUEST("OPTIONS", "3")) - 1);
	assert_memory_equal(server->written, batch, sizeof(batch) - 1);
	fake_stop(f);
}

/* More messages in one read than a batch has ranges, each apart from the next. */
static void many_messages_in_one_read_all_arrive(void **state)
{
	enum { MESSAGES = 100 };
	static char input[MESSAGES * 512], expected[MESSAGES * 512];
	(void)state;
	size_t in = 0, out = 0;
	for (unsigned i = 0; i < MESSAGES; i++) {
		char message[512];
		int length = snprintf(message, sizeof(message),
			"OPTIONS sip:b SIP/2.0\r\n" LINES(
				"OPTIONS", "1") "X: %u\r\nContent-Length: 0\r\n\r\n",
			i);
		in += (size_t)snprintf(
			input + in, sizeof(input) - in, "%s%s", i % 3 ? "\r\n" : "", message);
		memcpy(expected + out, message, (size_t)length);
		out += (size_t)length;
	}
	static const enum fake_connect ways[] = {FAKE_UP, FAKE_PENDING};
	for (unsigned i = 0; i < 2; i++) {
		struct fake *f = fake_new(one, 1);
		fake_connects(f, &ways[i], 1);
		struct fake_stream *client = fake_client(f);
		fake_say(client, input, in);
		fake_connected(fake_server(f, 0));
		fake_assert_written(fake_server(f, 0), expected, out);
		assert_int_equal(((struct session *)client->stream.owner)->pending, MESSAGES);
		fake_stop(f);
	}
}

/* --- the end of a server --- */

static void when_the_server_closes_the_client_gets_all_and_is_closed(void **state)
{
	(void)state;
	struct fake *f = fake_new(one, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	client->room = 7;
	fake_queue(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_server(f, 0)->is_ended = true;
	fake_run(f);
	assert_false(client->is_closed);
	fake_give_room(client, 20);
	assert_false(client->is_shut);
	fake_give_room(client, SIZE_MAX);
	fake_assert_written(client, BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	assert_true(client->is_shut);
	fake_finish(client);
	fake_assert_closed(client, REASON_SERVER_CLOSED);
	assert_int_equal(client->how, STREAM_CLOSE_FIN);
	fake_end(f);
}

static void a_client_that_does_not_take_the_rest_is_closed_at_half_closed(void **state)
{
	(void)state;
	struct fake *f = fake_new(one, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	client->room = 7;
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_finish(fake_server(f, 0));
	assert_false(client->is_closed);
	fake_give_room(client, SIZE_MAX);
	assert_true(client->is_shut);
	fake_pass(f, 2100);
	fake_assert_closed(client, REASON_SERVER_CLOSED);

	struct fake_stream *stuck = fake_client(f);
	fake_say(stuck, BYTES(REQUEST("OPTIONS", "1")));
	stuck->room = 1;
	fake_say(fake_server(f, 1), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_fail(fake_server(f, 1), ECONNRESET);
	assert_int_equal(fake_state(stuck), SESSION_DRAINING);
	fake_pass(f, 9900);
	assert_false(stuck->is_closed);
	fake_pass(f, 300);
	fake_assert_closed(stuck, REASON_SEND_TIMEOUT);
	fake_end(f);
}

static void a_server_that_resets_ends_the_client_too(void **state)
{
	(void)state;
	struct fake *f = fake_new(one, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_fail(fake_server(f, 0), ECONNRESET);
	fake_finish(client);
	fake_assert_closed(client, REASON_SERVER_RESET);
	fake_end(f);
}

static void what_a_server_sends_that_cannot_be_followed_ends_it_behind_what_could(void **state)
{
	(void)state;
	struct fake *f = fake_new(one, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1") "garbage\r\n\r\n"));
	fake_assert_written(client, BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	assert_true(fake_server(f, 0)->is_closed);
	fake_finish(client);
	fake_assert_closed(client, REASON_SERVER_BAD);
	assert_string_equal(fake_last(f, RECORD_SIP_BAD)->rule, "server");
	fake_end(f);
}

/* A server's answer in any split reaches the client whole; what stands between messages does not. */
static void answers_have_one_outcome_in_any_split(void **state)
{
	static const char stream[] = RESPONSE("100 Trying", "INVITE", "1") "\r\n" RESPONSE(
		"200 OK", "INVITE", "1") "\r\n\r\n" REQUEST_BODY("MESSAGE", "5", "4", "\r\n\r\n");
	static const char whole[] = RESPONSE("100 Trying", "INVITE", "1")
		RESPONSE("200 OK", "INVITE", "1") REQUEST_BODY("MESSAGE", "5", "4", "\r\n\r\n");
	(void)state;
	struct fake *f = fake_new(one, 1);
	for (size_t at = 0; at < sizeof(stream); at++) {
		struct fake_stream *client = fake_client(f);
		unsigned n = f->server_count;
		fake_say(client, BYTES(REQUEST("INVITE", "1")));
		fake_say(fake_server(f, n), stream, at);
		fake_say(fake_server(f, n), stream + at, sizeof(stream) - 1 - at);
		fake_assert_written(client, BYTES(whole));
		fake_finish(client);
		fake_assert_closed(client, REASON_CLIENT_CLOSED);
	}
	fake_end(f);
}

static void what_these_servers_do_not_take_is_told_513_and_the_rest_goes_on(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", FAKE_ONE_SERVER "max_message = \"1K\";", ""), 1);
	static char large[2000];
	int header = snprintf(large, sizeof(large),
		"MESSAGE sip:b SIP/2.0\r\n" LINES("MESSAGE", "2") "Content-Length: 1024\r\n\r\n");
	memset(large + header, 'x', 1024);
	struct fake_stream *client = fake_client(f);
	fake_queue(client, BYTES(REQUEST("OPTIONS", "1")));
	client->piece_count = 0;
	fake_queue(client, large, (size_t)header + 1024);
	client->piece_count = 0;
	fake_say(client, BYTES(REQUEST("OPTIONS", "3")));
	fake_assert_written(
		fake_server(f, 0), BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "3")));
	assert_int_equal(fake_wrote_times(client, "SIP/2.0 "), 1);
	assert_true(fake_wrote(client, "SIP/2.0 513 "));
	assert_int_equal(fake_state(client), SESSION_RELAYING);
	assert_int_equal(((struct session *)client->stream.owner)->pending, 2);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partial_writes_at_every_byte_arrive_complete_once_and_in_order),
		cmocka_unit_test(short_writes_are_not_overtaken),
		cmocka_unit_test(a_client_is_not_read_before_a_late_server_has_taken_all),
		cmocka_unit_test(a_server_up_at_once_that_takes_a_part_gets_the_rest),
		cmocka_unit_test(many_messages_in_one_read_all_arrive),
		cmocka_unit_test(when_the_server_closes_the_client_gets_all_and_is_closed),
		cmocka_unit_test(a_client_that_does_not_take_the_rest_is_closed_at_half_closed),
		cmocka_unit_test(a_server_that_resets_ends_the_client_too),
		cmocka_unit_test(
			what_a_server_sends_that_cannot_be_followed_ends_it_behind_what_could),
		cmocka_unit_test(answers_have_one_outcome_in_any_split),
		cmocka_unit_test(what_these_servers_do_not_take_is_told_513_and_the_rest_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
