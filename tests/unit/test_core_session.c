/* SPDX-License-Identifier: BSD-2-Clause */
/* The gate: who gets a server, and what becomes of those who do not. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char plain[] = FAKE_CONF("", FAKE_ONE_SERVER, "");

static void a_first_message_opens_one_connection_and_goes_unchanged(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	assert_int_equal(fake_state(client), SESSION_SECURED);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	assert_int_equal(f->server_count, 1);
	assert_int_equal(fake_state(client), SESSION_RELAYING);
	fake_assert_written(fake_server(f, 0), BYTES(REQUEST("OPTIONS", "1")));
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_assert_written(client, BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_finish(client);
	fake_assert_closed(client, REASON_CLIENT_CLOSED);
	fake_end(f);
}

static void who_has_not_sent_a_whole_understood_message_gets_no_server(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} cases[] = {
		{BYTES("")},
		{BYTES("\r\n\r\n")},
		{BYTES("\r\n\r\n\r\n\r\n\r\n")},
		{BYTES("O")},
		{BYTES("OPTIONS sip:b@example.com SIP/2.0\r\n" LINES("OPTIONS", "1"))},
		{BYTES(REQUEST_BODY("MESSAGE", "1", "5", "1234"))},
		{BYTES("GET / HTTP/1.1\r\nHost: a\r\n\r\n")},
		{BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")},
		{BYTES(PROXY_V1 REQUEST("OPTIONS", "1"))},
		{BYTES("\0\0\0\0\0\0\0\0")},
		{BYTES("hello\r\n\r\n")},
		{BYTES("OPTIONS sip:b@example.com SIP/2.0\r\n\r\n")},
		{BYTES("OPTIONS sip:b@example.com SIP/2.0\r\nContent-Length: 0\r\n\r\n")},
		{BYTES("OPTIONS sip:b@example.com SIP/3.0\r\n" LINES(
			"OPTIONS", "1") "Content-Length: 0\r\n\r\n")},
		{BYTES("OPTIONS sip:b@example.com SIP/2.0\r\n" LINES(
			"INVITE", "1") "Content-Length: 0\r\n\r\n")},
		{BYTES("SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n")},
	};
	(void)state;
	struct fake *f = fake_new(plain, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_stream *client = fake_client(f);
		fake_say(client, cases[i].bytes, cases[i].length);
		fake_finish(client);
		fake_pass(f, 5000);
		assert_true(client->is_closed);
		assert_int_equal(f->server_count, 0);
	}
	fake_end(f);
}

/* --- any split --- */

static const char proxied[] = FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER, "");
static const char stream_v1[] = PROXY_V1
	"\r\n\r\n" REQUEST("REGISTER", "1") "\r\n" REQUEST_BODY("MESSAGE", "2", "4", "\r\n\r\n");
static const char stream_v2[] =
	"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc6\x33\x64\x07\xc0\x00\x02\x63\x9c\x40\x13"
	"\xc4" REQUEST("REGISTER", "1") "\r\n\r\n" REQUEST_BODY(
		"MESSAGE", "2", "4", "\r\n\r\n") "\r\n";
static const char expected[] =
	REQUEST("REGISTER", "1") REQUEST_BODY("MESSAGE", "2", "4", "\r\n\r\n");

/* The outcome of one split is that of all: who was named, what the server saw, how it ended. */
static void assert_same_outcome(struct fake *f, struct fake_stream *client)
{
	unsigned before = f->server_count;
	struct session *s = fake_accept(client, 0, 0, "10.9.0.1:1234");
	fake_run(f);
	assert_int_equal(fake_state(client), SESSION_RELAYING);
	char source[ADDR_PORT_TEXT_MAX];
	addr_port_format(&s->source, source);
	assert_string_equal(source, "198.51.100.7:40000");
	assert_int_equal(f->server_count, before + 1);
	fake_assert_written(fake_server(f, before), BYTES(expected));
	assert_int_equal(s->pending, 2);
	assert_int_equal(s->in.length, 0);
	fake_say(fake_server(f, before), BYTES(RESPONSE("200 OK", "REGISTER", "1")));
	fake_say(fake_server(f, before), BYTES(RESPONSE("200 OK", "MESSAGE", "2")));
	fake_finish(client);
	fake_assert_closed(client, REASON_CLIENT_CLOSED);
}

static void try_all_splits(const char *stream, size_t length)
{
	struct fake *f = fake_new(proxied, 1);
	for (size_t at = 0; at <= length; at++) {
		struct fake_stream *client = fake_stream_new(f);
		fake_queue(client, stream, at);
		fake_queue(client, stream + at, length - at);
		assert_same_outcome(f, client);
	}
	struct fake_stream *client = fake_stream_new(f);
	for (size_t i = 0; i < length; i++)
		fake_queue(client, stream + i, 1);
	assert_same_outcome(f, client);
	fake_end(f);
}

static void header_and_messages_have_one_outcome_in_any_split(void **state)
{
	(void)state;
	try_all_splits(BYTES(stream_v1));
	try_all_splits(BYTES(stream_v2));
}

/* What stands between messages is no part of them: neither judged with the next one nor forwarded. */
static void line_ends_before_a_message_are_not_part_of_it(void **state)
{
	static const char *const before[] = {"\r\n", "\r\n\r\n", "\r\n\r\n\r\n"};
	(void)state;
	struct fake *f = fake_new(plain, 1);
	for (unsigned i = 0; i < 3; i++) {
		struct fake_stream *client = fake_stream_new(f);
		fake_queue(client, before[i], strlen(before[i]));
		client->piece_count = 0; /* one piece with what follows */
		fake_queue(client, BYTES(REQUEST("OPTIONS", "1")));
		fake_accept(client, 0, 0, "192.0.2.10:40000");
		fake_run(f);
		fake_assert_written(fake_server(f, i), BYTES(REQUEST("OPTIONS", "1")));
	}
	fake_stop(f);
}

/* --- refusals in SIP --- */

#define NOT_UNDERSTOOD \
	"OPTIONS sip:b@example.com SIP/2.0\r\n" LINES("INVITE", "1") "Content-Length: 0\r\n\r\n"

static void what_is_framed_but_not_understood_is_answered_and_the_next_may_be_good(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(NOT_UNDERSTOOD));
	assert_int_equal(fake_state(client), SESSION_SECURED);
	assert_true(fake_wrote(client, "SIP/2.0 400 Bad CSeq\r\n"));
	assert_int_equal(f->server_count, 0);
	fake_say(client, BYTES(NOT_UNDERSTOOD REQUEST("OPTIONS", "2")));
	assert_int_equal(fake_state(client), SESSION_RELAYING);
	assert_int_equal(fake_count(f, RECORD_SIP_BAD), 2);
	fake_stop(f);
}

static void the_eighth_message_that_is_not_understood_ends_it_and_the_rest_is_thrown_away(
	void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	for (unsigned i = 0; i < 7; i++)
		fake_say(client, BYTES(NOT_UNDERSTOOD));
	assert_int_equal(fake_state(client), SESSION_SECURED);
	fake_say(client, BYTES(NOT_UNDERSTOOD REQUEST("OPTIONS", "2")));
	assert_int_equal(fake_state(client), SESSION_REFUSING);
	assert_int_equal(fake_wrote_times(client, "SIP/2.0 "), 8);
	assert_true(client->is_shut);
	fake_say(client, BYTES(REQUEST("OPTIONS", "3")));
	assert_int_equal(client->taken, client->input_length);
	fake_finish(client);
	fake_assert_closed(client, REASON_SIP_BAD);
	assert_false(client->was_unread);
	assert_int_equal(f->server_count, 0);
	fake_end(f);
}

static void a_refusal_is_shut_down_only_behind_its_whole_answer(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	client->room = 10;
	fake_say(client, BYTES("OPTIONS sip:b SIP/3.0\r\n" LINES(
				 "OPTIONS", "1") "Content-Length: 0\r\n\r\n"));
	assert_int_equal(fake_state(client), SESSION_REFUSING);
	assert_false(client->is_shut);
	fake_give_room(client, 10);
	assert_false(client->is_shut);
	fake_give_room(client, SIZE_MAX);
	assert_true(client->is_shut);
	assert_true(fake_wrote(client, "SIP/2.0 505 "));
	assert_true(fake_wrote(client, "Content-Length: 0\r\n\r\n"));
	fake_finish(client);
	fake_assert_closed(client, REASON_SIP_BAD);
	fake_end(f);
}

static void a_refused_client_that_does_not_go_is_closed_after_two_seconds(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES("OPTIONS sip:b SIP/3.0\r\n" LINES(
				 "OPTIONS", "1") "Content-Length: 0\r\n\r\n"));
	fake_pass(f, 1900);
	assert_int_equal(fake_state(client), SESSION_REFUSING);
	fake_pass(f, 200);
	fake_assert_closed(client, REASON_SIP_BAD);
	assert_int_equal(client->how, STREAM_CLOSE_FIN);
	fake_end(f);
}

/* A refusal that comes behind good messages: they are forwarded, the client hears of the bad one, the server loses it. */
static void good_messages_before_a_bad_one_are_forwarded(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")
					 REQUEST("OPTIONS", "2") "OPTIONS sip:b SIP/3.0\r\n" LINES(
						 "OPTIONS", "3") "Content-Length: 0\r\n\r\n"));
	fake_assert_written(
		fake_server(f, 0), BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "2")));
	assert_true(fake_server(f, 0)->is_closed);
	assert_true(fake_wrote(client, "SIP/2.0 505 "));
	fake_finish(client);
	fake_assert_closed(client, REASON_SIP_BAD);
	fake_end(f);
}

/* The server is found dead by the write of what stood before the bad message: the session is ending already. */
static void a_bad_message_behind_one_that_finds_the_server_dead_ends_it_once(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_server(f, 0)->is_failing = EPIPE;
	fake_server(f, 0)->wanted = 0;
	fake_server(f, 0)->has_gone = true; /* the client comes first */
	fake_say(client, BYTES(REQUEST("OPTIONS", "2") "OPTIONS sip:b SIP/3.0\r\n" LINES(
				 "OPTIONS", "3") "Content-Length: 0\r\n\r\n"));
	assert_int_equal(fake_state(client), SESSION_DRAINING);
	fake_finish(client);
	fake_assert_closed(client, REASON_SERVER_RESET);
	fake_end(f);
}

static void garbage_is_closed_without_an_answer(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES("GET / HTTP/1.1\r\n"));
	fake_assert_closed(client, REASON_SIP_BAD);
	fake_assert_written(client, BYTES(""));
	const struct record *bad = fake_last(f, RECORD_SIP_BAD);
	assert_string_equal(bad->reason, "http");
	assert_string_equal(bad->rule, "frame");
	assert_memory_equal(bad->sample, "GET / HTTP/1.1", 14);
	fake_end(f);
}

static void the_sample_of_a_bad_message_begins_with_it(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES("\r\nGET / HTTP/1.1\r\n"));
	assert_memory_equal(fake_last(f, RECORD_SIP_BAD)->sample, "GET / HTTP/1.1", 14);
	fake_end(f);
}

/* --- ends --- */

static void a_client_that_resets_is_closed_wherever_it_is(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *early = fake_client(f);
	fake_fail(early, ECONNRESET);
	fake_assert_closed(early, REASON_CLIENT_RESET);

	struct fake_stream *late = fake_client(f);
	fake_say(late, BYTES(REQUEST("INVITE", "1")));
	fake_fail(late, ECONNRESET);
	fake_assert_closed(late, REASON_CLIENT_RESET);
	assert_true(fake_server(f, 0)->is_closed);

	struct fake_stream *half = fake_client(f);
	fake_say(half, BYTES(REQUEST("INVITE", "1")));
	fake_finish(half);
	assert_int_equal(fake_state(half), SESSION_HALF_CLOSED);
	fake_fail(half, ECONNRESET);
	fake_assert_closed(half, REASON_CLIENT_RESET);
	fake_end(f);
}

static void a_stop_closes_every_state_with_its_reason(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER, "limits: { connections = 2; };"), 1);
	f->holds_turns = true;
	fake_client_from(f, "10.9.0.1:1");
	struct fake_stream *secured = fake_client_from(f, "10.9.0.1:2");
	fake_say(secured, BYTES(PROXY_V1));
	struct fake_stream *relaying = fake_client_from(f, "10.9.0.1:3");
	fake_say(relaying, BYTES(PROXY_V1 REQUEST("INVITE", "1")));
	struct fake_stream *named = fake_client_from(f, "10.9.0.1:4");
	fake_say(named, BYTES(PROXY_V1));
	assert_int_equal(fake_state(secured), SESSION_SECURED);
	assert_int_equal(fake_state(relaying), SESSION_RELAYING);
	assert_int_equal(fake_state(named), SESSION_NAMED);
	while (core_sweep(&f->workers[0]->core, REASON_SHUTDOWN, 1))
		core_end_turn(&f->workers[0]->core);
	f->holds_turns = false;
	assert_int_equal(fake_count(f, RECORD_CONNECTION_CLOSED), 4);
	for (size_t i = 0; i < f->record_count; i++)
		if (f->records[i].event == RECORD_CONNECTION_CLOSED)
			assert_string_equal(f->records[i].reason, "shutdown");
	fake_end(f);
}

static void a_refused_client_that_goes_on_sending_is_not_read_for_ever(void **state)
{
	static char flood[40 * 1024];
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES("OPTIONS sip:b SIP/3.0\r\n" LINES(
				 "OPTIONS", "1") "Content-Length: 0\r\n\r\n"));
	fake_say(client, flood, sizeof(flood));
	assert_false(client->is_closed);
	fake_say(client, flood, sizeof(flood));
	fake_assert_closed(client, REASON_SIP_BAD);
	fake_end(f);
}

/* Closing with unread input would be a RST, which destroys what the server has not read yet. */
static void a_server_is_read_empty_before_it_is_closed(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("BYE", "1")));
	fake_queue(fake_server(f, 0), BYTES(RESPONSE("200 OK", "BYE", "1")));
	client->is_failing = ECONNRESET; /* both at once, the client first */
	fake_run(f);
	assert_true(fake_server(f, 0)->is_closed);
	assert_false(fake_server(f, 0)->was_unread);
	fake_end(f);
}

static void what_is_told_follows_the_log_options(void **state)
{
	static const struct {
		const char *conf;
		unsigned closed;
	} cases[] = {
		{"listeners = ( { name = \"l\"; address = \"192.0.2.99:5060\"; pool = "
		 "\"p\"; " FAKE_PROXY " } ); pools = ( { name = \"p\"; " FAKE_ONE_SERVER " } );",
			1},
		{"log: { connections = false; }; listeners = ( { name = \"l\"; address = "
		 "\"192.0.2.99:5060\"; "
		 "pool = \"p\"; " FAKE_PROXY " } ); pools = ( { name = \"p\"; " FAKE_ONE_SERVER
		 " } );",
			0},
		{"log: { level = \"notice\"; }; listeners = ( { name = \"l\"; address = "
		 "\"192.0.2.99:5060\"; "
		 "pool = \"p\"; " FAKE_PROXY " } ); pools = ( { name = \"p\"; " FAKE_ONE_SERVER
		 " } );",
			0},
	};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct fake *f = fake_new(cases[i].conf, 1);
		fake_finish(fake_client_from(f, "10.9.0.1:1")); /* a probe */
		struct fake_stream *client = fake_client_from(f, "10.9.0.1:2");
		fake_say(client, BYTES(PROXY_V1));
		fake_finish(client);
		assert_int_equal(fake_count(f, RECORD_CONNECTION_CLOSED), cases[i].closed);
		fake_end(f);
	}
}

static void no_place_for_a_session_is_a_reset_and_nothing_else(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	f->workers[0]->core.sessions.capacity = 0;
	struct fake_stream *client = fake_stream_new(f);
	session_open(&f->workers[0]->core, fake_listener(f, 0),
		&(struct newcomer){.client = &client->stream});
	assert_true(client->is_closed);
	assert_int_equal(client->how, STREAM_CLOSE_RST);
	fake_end(f);
}

static void no_place_for_a_link_is_a_503(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	f->workers[0]->core.links.capacity = 0;
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	assert_true(fake_wrote(client, "SIP/2.0 503 "));
	assert_int_equal(fake_state(client), SESSION_PROVEN);
	fake_finish(client);
	fake_assert_closed(client, REASON_CLIENT_CLOSED);
	fake_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_first_message_opens_one_connection_and_goes_unchanged),
		cmocka_unit_test(who_has_not_sent_a_whole_understood_message_gets_no_server),
		cmocka_unit_test(header_and_messages_have_one_outcome_in_any_split),
		cmocka_unit_test(line_ends_before_a_message_are_not_part_of_it),
		cmocka_unit_test(
			what_is_framed_but_not_understood_is_answered_and_the_next_may_be_good),
		cmocka_unit_test(
			the_eighth_message_that_is_not_understood_ends_it_and_the_rest_is_thrown_away),
		cmocka_unit_test(a_refusal_is_shut_down_only_behind_its_whole_answer),
		cmocka_unit_test(a_refused_client_that_does_not_go_is_closed_after_two_seconds),
		cmocka_unit_test(good_messages_before_a_bad_one_are_forwarded),
		cmocka_unit_test(a_bad_message_behind_one_that_finds_the_server_dead_ends_it_once),
		cmocka_unit_test(garbage_is_closed_without_an_answer),
		cmocka_unit_test(the_sample_of_a_bad_message_begins_with_it),
		cmocka_unit_test(a_client_that_resets_is_closed_wherever_it_is),
		cmocka_unit_test(a_stop_closes_every_state_with_its_reason),
		cmocka_unit_test(a_refused_client_that_goes_on_sending_is_not_read_for_ever),
		cmocka_unit_test(a_server_is_read_empty_before_it_is_closed),
		cmocka_unit_test(what_is_told_follows_the_log_options),
		cmocka_unit_test(no_place_for_a_session_is_a_reset_and_nothing_else),
		cmocka_unit_test(no_place_for_a_link_is_a_503),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
