/* SPDX-License-Identifier: BSD-2-Clause */
/* Back-pressure and memory: who cannot be written stops the other, and what may be held is bounded. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Nothing is remembered of requests: what is held is what peers do not take. */
static const char plain[] = FAKE_CONF("", FAKE_ONE_SERVER, "sip: { max_pending = 0; };");
#define SMALL                                                         \
	"sip: { max_message = \"16K\"; max_header_bytes = \"4K\"; };" \
	"memory: { per_connection = \"64K\"; };"
/* As short as a request can be that libosip2 understands. */
#define TINY                                                                              \
	"OPTIONS sip:b SIP/2.0\r\nv:SIP/2.0/TCP a\r\nf:<sip:aa>\r\nt:<sip:bb>\r\ni:1\r\n" \
	"CSeq:1 OPTIONS\r\nl:0\r\n\r\n"
#define TEN	"0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static const char small[] = FAKE_CONF("", FAKE_ONE_SERVER, SMALL);
static const char proxied[] = FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER, "");

enum { TOTAL = 512 * 1024 * 1024 };

/* As many messages as fit into `size` bytes. Returns their length. */
static size_t fill_with(char *to, size_t size, const char *message)
{
	size_t length = strlen(message), at = 0;
	for (; at + length <= size; at += length)
		memcpy(to + at, message, length);
	return at;
}

/* --- back-pressure --- */

static void a_server_that_takes_nothing_stops_the_client(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	struct fake_stream *server = fake_server(f, 0);
	server->room = 0;
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	fake_say(client, BYTES(REQUEST("OPTIONS", "3")));
	assert_int_equal(client->input_length - client->taken, sizeof(REQUEST("OPTIONS", "3")) - 1);
	fake_give_room(server, sizeof(REQUEST("OPTIONS", "2")) - 2);
	assert_true(client->taken < client->input_length);
	fake_give_room(server, 1);
	assert_int_equal(client->taken, client->input_length);
	fake_give_room(server, SIZE_MAX);
	fake_assert_written(server,
		BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "2") REQUEST("OPTIONS", "3")));
	fake_stop(f);
}

static void a_client_that_takes_nothing_stops_its_server_and_itself(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	struct fake_stream *server = fake_server(f, 0);
	client->room = 0;
	fake_say(server, BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_say(server, BYTES(REQUEST("NOTIFY", "2")));
	fake_say(client, BYTES(REQUEST("OPTIONS", "3")));
	assert_int_equal(server->input_length - server->taken, sizeof(REQUEST("NOTIFY", "2")) - 1);
	assert_int_equal(client->input_length - client->taken, sizeof(REQUEST("OPTIONS", "3")) - 1);
	fake_give_room(client, SIZE_MAX);
	fake_assert_written(
		client, BYTES(RESPONSE("200 OK", "OPTIONS", "1") REQUEST("NOTIFY", "2")));
	assert_true(fake_wrote(server, "CSeq: 3 OPTIONS"));
	assert_int_equal(memory_held(&f->shared.memory), 0);
	fake_stop(f);
}

static void a_stream_that_is_stopped_is_still_seen_to_die(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	for (unsigned i = 0; i < 2; i++) {
		struct fake_stream *client = fake_client(f);
		fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
		struct fake_stream *server = fake_server(f, i);
		client->room = 0;
		fake_say(server, BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
		fake_fail(i ? server : client, ECONNRESET);
		fake_give_room(client, SIZE_MAX);
		fake_finish(client);
		fake_assert_closed(client, i ? REASON_SERVER_RESET : REASON_CLIENT_RESET);
	}
	fake_end(f);
}

/* --- memory.per_connection --- */

/* With nobody to take them, requests are answered here: a client that reads no answer is not read, and not for ever. */
static void what_is_held_for_one_client_is_bounded(void **state)
{
	static const enum fake_connect script[] = {FAKE_REFUSED};
	static char requests[32 * 1024];
	(void)state;
	size_t length = fill_with(requests, sizeof(requests), TINY);
	struct fake *f = fake_new(small, 1);
	fake_connects(f, script, 1);
	struct fake_stream *client = fake_client(f);
	client->room = 0;
	fake_say(client, requests, length);
	fake_say(client, requests, length);
	assert_true(memory_held(&f->shared.memory) <= 2 * 64 * 1024);
	assert_true(client->is_closed || client->taken == length);
	fake_stop(f);
}

static void answers_made_here_are_bounded_too(void **state)
{
	static char requests[30 * 1024];
	(void)state;
	size_t length = fill_with(requests, sizeof(requests), TINY);
	struct fake *f =
		fake_new(FAKE_CONF("", "respond: { reason = \"" HUNDRED "\"; };", SMALL), 1);
	struct fake_stream *client = fake_client(f);
	client->room = 0;
	fake_say(client, requests, length);
	fake_assert_closed(client, REASON_LIMIT_MEMORY);
	assert_string_equal(fake_last(f, RECORD_LIMIT_REFUSED)->limit, "memory");
	fake_end(f);
}

/* The bound is on what is held, not on what one read may bring. */
static void a_full_read_behind_half_a_message_is_no_excess(void **state)
{
	static char messages[128 * 1024];
	(void)state;
	size_t length = fill_with(messages, sizeof(messages), REQUEST("ACK", "1"));
	struct fake *f = fake_new(small, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, messages, 100);
	fake_say(client, messages + 100, length - 100);
	assert_int_equal(fake_state(client), SESSION_RELAYING);
	fake_assert_written(fake_server(f, 0), messages, length);
	fake_stop(f);
}

static void a_full_read_from_the_server_is_no_excess_of_a_slow_client(void **state)
{
	static char messages[128 * 1024];
	static char body[12 * 1024];
	(void)state;
	memset(body, 'x', sizeof(body));
	size_t length = fill_with(messages, sizeof(messages), REQUEST("ACK", "1"));
	struct fake *f = fake_new(small, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	struct fake_stream *server = fake_server(f, 0);
	client->room = 0;
	fake_say(server, BYTES("MESSAGE sip:b SIP/2.0\r\n" LINES(
				 "MESSAGE", "2") "Content-Length: 12288\r\n\r\n"));
	fake_queue(server, body, sizeof(body) - 1);
	fake_run(f);
	fake_queue(server, body, 1);
	server->piece_count -= 1;
	fake_say(server, messages, length);
	assert_false(client->is_closed);
	fake_give_room(client, SIZE_MAX);
	assert_int_equal(server->taken, server->input_length);
	assert_int_equal(client->written_length, server->input_length);
	assert_memory_equal(client->written, server->input, server->input_length);
	fake_stop(f);
}

/* --- memory.total --- */

static void a_proven_client_is_not_read_until_a_tenth_is_free(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_fill_memory(f, TOTAL);
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	fake_pass(f, 1000);
	assert_true(client->taken < client->input_length);
	fake_fill_memory(f, TOTAL / 10 * 9 + 1);
	fake_pass(f, 1000);
	assert_true(client->taken < client->input_length);
	fake_fill_memory(f, TOTAL / 10 * 9);
	fake_pass(f, 100);
	assert_int_equal(client->taken, client->input_length);
	fake_assert_written(
		fake_server(f, 0), BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "2")));
	fake_fill_memory(f, 0);
	fake_stop(f);
}

static void its_server_is_not_read_either(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_queue(client, BYTES(REQUEST("OPTIONS", "1")));
	client->is_ended = true;
	fake_run(f);
	assert_int_equal(fake_state(client), SESSION_HALF_CLOSED);
	fake_fill_memory(f, TOTAL);
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_pass(f, 5000);
	assert_int_equal(fake_server(f, 0)->taken, 0);
	fake_fill_memory(f, 0);
	fake_pass(f, 100);
	fake_assert_written(client, BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_assert_closed(client, REASON_ANSWERED);
	fake_end(f);
}

static void memory_that_comes_free_does_not_undo_back_pressure(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	struct fake_stream *server = fake_server(f, 0);
	fake_fill_memory(f, TOTAL);
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	fake_fill_memory(f, TOTAL / 20 * 19); /* enough for the server, not yet for the client */
	client->room = 1;
	fake_say(server, BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_say(server, BYTES(RESPONSE("200 OK", "OPTIONS", "2")));
	size_t taken = server->taken;
	fake_fill_memory(f, 0);
	fake_pass(f, 100);
	assert_int_equal(server->taken, taken);
	fake_give_room(client, SIZE_MAX);
	assert_int_equal(server->taken, server->input_length);
	fake_stop(f);
}

static void silence_does_not_count_while_memory_is_short(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER, "timeouts: { idle = \"10s\"; };"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_fill_memory(f, TOTAL);
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	fake_pass(f, 60000);
	assert_false(client->is_closed);
	fake_fill_memory(f, 0);
	fake_pass(f, 9000);
	assert_false(client->is_closed);
	fake_pass(f, 1300);
	fake_assert_closed(client, REASON_IDLE);
	fake_end(f);
}

static void the_message_deadline_goes_on_for_who_is_not_read(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1") "OPTIONS sip:"));
	fake_fill_memory(f, TOTAL);
	fake_say(client, BYTES("b"));
	fake_pass(f, 9900);
	assert_false(client->is_closed);
	fake_pass(f, 300);
	fake_assert_closed(client, REASON_MESSAGE_TIMEOUT);
	fake_fill_memory(f, 0);
	fake_end(f);
}

static void one_not_yet_proven_that_must_grow_is_closed(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *growing = fake_client(f);
	struct fake_stream *whole = fake_client(f);
	fake_say(growing, "O", 1);
	fake_fill_memory(f, TOTAL);
	fake_say(growing, "P", 1);
	fake_assert_closed(growing, REASON_LIMIT_MEMORY);
	assert_int_equal(growing->how, STREAM_CLOSE_RST);
	assert_string_equal(fake_last(f, RECORD_LIMIT_REFUSED)->limit, "memory");
	assert_false(fake_last(f, RECORD_LIMIT_REFUSED)->has &
		     RECORD_HAS_CURRENT);		 /* bytes, not numbers */
	fake_say(whole, BYTES(REQUEST("OPTIONS", "1"))); /* needs nothing */
	assert_int_equal(fake_state(whole), SESSION_RELAYING);
	fake_fill_memory(f, 0);
	fake_stop(f);
}

static void one_without_a_name_that_must_grow_is_closed(void **state)
{
	(void)state;
	struct fake *f = fake_new(proxied, 1);
	struct fake_stream *begun = fake_client_from(f, "10.9.0.1:1");
	struct fake_stream *fresh = fake_client_from(f, "10.9.0.1:2");
	struct fake_stream *whole = fake_client_from(f, "10.9.0.1:3");
	fake_say(begun, "P", 1);
	fake_fill_memory(f, TOTAL);
	fake_say(begun, "R", 1);
	fake_assert_closed(begun, REASON_LIMIT_MEMORY);
	fake_say(fresh, "P", 1);
	fake_assert_closed(fresh, REASON_LIMIT_MEMORY);
	fake_say(whole, BYTES(PROXY_V1));
	assert_int_equal(fake_state(whole), SESSION_SECURED);
	fake_fill_memory(f, 0);
	fake_stop(f);
}

static void one_at_its_limit_that_must_grow_is_closed(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER, "limits: { connections = 1; };"), 1);
	f->holds_turns = true;
	struct fake_stream *first = fake_client_from(f, "10.9.0.1:1");
	fake_say(first, BYTES(PROXY_V1));
	fake_fill_memory(f, TOTAL);
	struct fake_stream *second = fake_client_from(f, "10.9.0.1:2");
	fake_say(second, BYTES(PROXY_V1 REQUEST("OPTIONS", "1")));
	fake_assert_closed(second, REASON_LIMIT_MEMORY);
	fake_fill_memory(f, 0);
	f->holds_turns = false;
	fake_stop(f);
}

static void one_at_its_limit_is_read_only_as_far_as_the_bound_goes(void **state)
{
	static char messages[256 * 1024];
	(void)state;
	size_t length = fill_with(messages, sizeof(messages), REQUEST("ACK", "1"));
	struct fake *f = fake_new(FAKE_CONF("", FAKE_ONE_SERVER,
					  "limits: { connections = 1; }; sip: { max_message = "
					  "\"2K\"; max_header_bytes = \"1K\"; };"
					  "memory: { per_connection = \"8K\"; };"),
		1);
	f->holds_turns = true;
	struct fake_stream *first = fake_client(f);
	struct fake_stream *second = fake_client(f);
	fake_say(second, messages, length);
	assert_int_equal(fake_state(second), SESSION_NAMED);
	assert_true(memory_held(&f->shared.memory) <= 8 * 1024);
	fake_finish(first);
	fake_turns_done(f, 0);
	fake_run(f);
	fake_assert_written(fake_server(f, 0), messages, length);
	f->holds_turns = false;
	fake_stop(f);
}

static void one_that_goes_while_it_is_not_read_leaves_nothing(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_fill_memory(f, TOTAL);
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	client->taken = client->input_length;
	fake_fail(client, ECONNRESET);
	fake_assert_closed(client, REASON_CLIENT_RESET);
	fake_fill_memory(f, 0);
	fake_end(f);
}

/* --- all together: a slow pipe in both directions --- */

static void everything_passes_through_the_narrowest_pipe(void **state)
{
	enum { LENGTH = 20 * 1024 };
	static char requests[LENGTH], answers[LENGTH];
	(void)state;
	size_t asked = fill_with(requests, LENGTH, REQUEST("OPTIONS", "1"));
	size_t answered = fill_with(answers, LENGTH, RESPONSE("200 OK", "OPTIONS", "1"));
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	client->room = 0;
	for (size_t at = 0; at < asked; at += 701)
		fake_queue(client, requests + at, asked - at < 701 ? asked - at : 701);
	fake_run(f);
	struct fake_stream *server = fake_server(f, 0);
	server->room = 0;
	for (size_t at = 0; at < answered; at += 1009)
		fake_queue(server, answers + at, answered - at < 1009 ? answered - at : 1009);
	for (unsigned i = 0;
		i < 20000 && (client->written_length < answered || server->written_length < asked);
		i++) {
		fake_give_room(i % 3 ? client : server, 1 + i % 17);
		assert_true(memory_held(&f->shared.memory) < 16 * 1024);
	}
	fake_assert_written(server, requests, asked);
	fake_assert_written(client, answers, answered);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_that_takes_nothing_stops_the_client),
		cmocka_unit_test(a_client_that_takes_nothing_stops_its_server_and_itself),
		cmocka_unit_test(a_stream_that_is_stopped_is_still_seen_to_die),
		cmocka_unit_test(what_is_held_for_one_client_is_bounded),
		cmocka_unit_test(answers_made_here_are_bounded_too),
		cmocka_unit_test(a_full_read_behind_half_a_message_is_no_excess),
		cmocka_unit_test(a_full_read_from_the_server_is_no_excess_of_a_slow_client),
		cmocka_unit_test(a_proven_client_is_not_read_until_a_tenth_is_free),
		cmocka_unit_test(its_server_is_not_read_either),
		cmocka_unit_test(memory_that_comes_free_does_not_undo_back_pressure),
		cmocka_unit_test(silence_does_not_count_while_memory_is_short),
		cmocka_unit_test(the_message_deadline_goes_on_for_who_is_not_read),
		cmocka_unit_test(one_not_yet_proven_that_must_grow_is_closed),
		cmocka_unit_test(one_without_a_name_that_must_grow_is_closed),
		cmocka_unit_test(one_at_its_limit_that_must_grow_is_closed),
		cmocka_unit_test(one_at_its_limit_is_read_only_as_far_as_the_bound_goes),
		cmocka_unit_test(one_that_goes_while_it_is_not_read_leaves_nothing),
		cmocka_unit_test(everything_passes_through_the_narrowest_pipe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
