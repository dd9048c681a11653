/* SPDX-License-Identifier: BSD-2-Clause */
/* The way to a server: whose turn it is, the header that goes first, and the next one when a connect fails. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char one[] = FAKE_CONF("", FAKE_ONE_SERVER, "");
static const char three[] = FAKE_CONF("", FAKE_THREE_SERVERS, "");
static const char preface_v1[] = "PROXY TCP4 192.0.2.10 192.0.2.98 40000 5061\r\n";
static const char preface_v2[] =
	"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x0a\xc0\x00\x02\x62\x9c\x40\x13\xc5";

static void servers_take_turns(void **state)
{
	(void)state;
	struct fake *f = fake_new(three, 1);
	for (unsigned i = 0; i < 6; i++) {
		char expected[ADDR_PORT_TEXT_MAX], to[ADDR_PORT_TEXT_MAX];
		fake_say(fake_client(f), BYTES(REQUEST("OPTIONS", "1")));
		snprintf(expected, sizeof(expected), "10.0.0.%u:5060", i % 3 + 1);
		addr_port_format(&fake_server(f, i)->to, to);
		assert_string_equal(to, expected);
	}
	fake_stop(f);
}

/* --- the header to the server --- */

static void a_header_of_the_configured_version_goes_first(void **state)
{
	static const struct {
		const char *conf, *header;
		size_t length;
	} cases[] = {
		{FAKE_CONF("", FAKE_ONE_SERVER "proxy_protocol = \"v1\";", ""), BYTES(preface_v1)},
		{FAKE_CONF("", FAKE_ONE_SERVER "proxy_protocol = \"v2\";", ""), BYTES(preface_v2)},
	};
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct fake *f = fake_new(cases[i].conf, 1);
		fake_say(fake_client(f), BYTES(REQUEST("OPTIONS", "1")));
		struct fake_stream *server = fake_server(f, 0);
		assert_memory_equal(server->written, cases[i].header, cases[i].length);
		assert_string_equal(server->written + cases[i].length, REQUEST("OPTIONS", "1"));
		fake_stop(f);
	}
}

static void the_header_names_what_the_header_of_the_client_named(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER "proxy_protocol = \"v1\";", ""), 1);
	fake_say(fake_client_from(f, "10.9.0.1:1"), BYTES(PROXY_V1 REQUEST("OPTIONS", "1")));
	fake_assert_written(fake_server(f, 0), BYTES(PROXY_V1 REQUEST("OPTIONS", "1")));
	fake_stop(f);
}

static void without_a_local_address_the_listener_stands_for_it(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", FAKE_ONE_SERVER "proxy_protocol = \"v1\";", ""), 1);
	f->knows_no_local_address = true;
	fake_say(fake_client(f), BYTES(REQUEST("OPTIONS", "1")));
	assert_true(
		fake_wrote(fake_server(f, 0), "PROXY TCP4 192.0.2.10 192.0.2.99 40000 5060\r\n"));
	fake_stop(f);
}

/* --- a connect that fails --- */

/* Three servers, each of which fails in its own way; the fourth message finds one. */
static void a_connect_that_fails_goes_on_with_the_same_bytes(void **state)
{
	static const enum fake_connect ways[] = {FAKE_REFUSED, FAKE_FAILS, FAKE_PENDING};
	(void)state;
	for (unsigned first = 0; first < 3; first++)
		for (unsigned second = 0; second < 3; second++) {
			const enum fake_connect script[] = {ways[first], ways[second], FAKE_UP};
			struct fake *f = fake_new(three, 1);
			fake_connects(f, script, 3);
			struct fake_stream *client = fake_client(f);
			fake_say(client, BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "2")));
			for (struct fake_stream *s = f->streams; s; s = s->next)
				if (s->is_pending)
					fake_fail(s, ECONNREFUSED);
			assert_int_equal(fake_state(client), SESSION_RELAYING);
			struct fake_stream *last = fake_server(f, f->server_count - 1);
			fake_assert_written(
				last, BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "2")));
			assert_int_equal(fake_count(f, RECORD_BACKEND_FAILED), 2);
			assert_string_equal(
				fake_last(f, RECORD_BACKEND_FAILED)->reason, "ECONNREFUSED");
			assert_null(client->written);
			fake_stop(f);
		}
}

static void a_connect_that_takes_too_long_goes_on_too(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING, FAKE_UP};
	(void)state;
	struct fake *f = fake_new(three, 1);
	fake_connects(f, script, 2);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_pass(f, 2900);
	assert_int_equal(f->server_count, 1);
	fake_pass(f, 200);
	assert_int_equal(f->server_count, 2);
	assert_true(fake_server(f, 0)->is_closed);
	fake_assert_written(fake_server(f, 1), BYTES(REQUEST("OPTIONS", "1")));
	assert_string_equal(fake_last(f, RECORD_BACKEND_FAILED)->reason, "connect_timeout");
	assert_int_equal(fake_state(client), SESSION_RELAYING);
	fake_stop(f);
}

static void each_server_has_the_whole_connect_timeout(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING};
	(void)state;
	struct fake *f = fake_new(three, 1);
	fake_connects(f, script, 1);
	fake_say(fake_client(f), BYTES(REQUEST("OPTIONS", "1")));
	fake_pass(f, 3100);
	assert_int_equal(f->server_count, 2);
	fake_pass(f, 2800);
	assert_int_equal(f->server_count, 2);
	fake_connected(fake_server(f, 1));
	fake_assert_written(fake_server(f, 1), BYTES(REQUEST("OPTIONS", "1")));
	fake_stop(f);
}

static void a_connect_that_succeeds_late_sends_all_that_was_held(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING};
	(void)state;
	struct fake *f = fake_new(one, 1);
	fake_connects(f, script, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("INVITE", "1")));
	fake_say(client, BYTES(REQUEST("CANCEL", "1")));
	assert_int_equal(fake_state(client), SESSION_PROVEN);
	assert_true(client->taken < client->input_length); /* not read meanwhile */
	fake_connected(fake_server(f, 0));
	fake_assert_written(
		fake_server(f, 0), BYTES(REQUEST("INVITE", "1") REQUEST("CANCEL", "1")));
	assert_int_equal(fake_state(client), SESSION_RELAYING);
	fake_stop(f);
}

static void no_more_servers_are_tried_than_retries_allow(void **state)
{
	static const enum fake_connect script[] = {FAKE_REFUSED};
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", FAKE_THREE_SERVERS "retries = 1;", ""), 1);
	fake_connects(f, script, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	assert_int_equal(fake_count(f, RECORD_BACKEND_FAILED), 2);
	assert_true(fake_wrote(client, "SIP/2.0 503 "));
	fake_stop(f);
}

/* --- nobody is left --- */

static void assert_told_unavailable(struct fake_stream *client)
{
	assert_int_equal(fake_wrote_times(client, "SIP/2.0 "), 2);
	assert_int_equal(fake_wrote_times(client, "SIP/2.0 503 Service Unavailable\r\n"), 2);
	assert_true(fake_wrote(client, "CSeq: 1 INVITE\r\n"));
	assert_true(fake_wrote(client, "CSeq: 2 OPTIONS\r\n"));
	const struct session *s = client->stream.owner;
	assert_int_equal(s->state, SESSION_PROVEN);
	assert_int_equal(s->pending, 0);
}

static void each_request_but_ack_is_told_503_and_the_client_stays(void **state)
{
	static const enum fake_connect ways[] = {FAKE_REFUSED, FAKE_FAILS, FAKE_PENDING};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct fake *f = fake_new(three, 1);
		fake_connects(f, &ways[i], 1);
		struct fake_stream *client = fake_client(f);
		fake_say(client, BYTES(REQUEST("INVITE", "1") REQUEST("ACK", "1") RESPONSE(
					 "200 OK", "NOTIFY", "9") REQUEST("OPTIONS", "2")));
		fake_pass(f, 10000); /* three connects that time out */
		assert_told_unavailable(client);
		assert_int_equal(fake_count(f, RECORD_BACKEND_FAILED), 3);

		fake_forget(client);
		f->otherwise = FAKE_UP;
		f->script_length = 0;
		fake_say(client, BYTES(REQUEST("OPTIONS", "3")));
		assert_int_equal(fake_state(client), SESSION_RELAYING);
		fake_assert_written(
			fake_server(f, f->server_count - 1), BYTES(REQUEST("OPTIONS", "3")));
		fake_stop(f);
	}
}

static void what_comes_while_servers_are_tried_is_not_lost(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING};
	(void)state;
	struct fake *f = fake_new(one, 1);
	fake_connects(f, script, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	fake_fail(fake_server(f, 0), ECONNREFUSED);
	assert_true(fake_wrote(client, "SIP/2.0 503 "));
	assert_int_equal(f->server_count, 2); /* the second message tries again */
	fake_connected(fake_server(f, 1));
	fake_assert_written(fake_server(f, 1), BYTES(REQUEST("OPTIONS", "2")));
	fake_stop(f);
}

static void a_client_that_goes_while_servers_are_tried_takes_the_attempt_along(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING};
	(void)state;
	struct fake *f = fake_new(one, 1);
	fake_connects(f, script, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_fail(client, ECONNRESET);
	assert_true(fake_server(f, 0)->is_closed);
	fake_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_take_turns),
		cmocka_unit_test(a_header_of_the_configured_version_goes_first),
		cmocka_unit_test(the_header_names_what_the_header_of_the_client_named),
		cmocka_unit_test(without_a_local_address_the_listener_stands_for_it),
		cmocka_unit_test(a_connect_that_fails_goes_on_with_the_same_bytes),
		cmocka_unit_test(a_connect_that_takes_too_long_goes_on_too),
		cmocka_unit_test(each_server_has_the_whole_connect_timeout),
		cmocka_unit_test(a_connect_that_succeeds_late_sends_all_that_was_held),
		cmocka_unit_test(no_more_servers_are_tried_than_retries_allow),
		cmocka_unit_test(each_request_but_ack_is_told_503_and_the_client_stays),
		cmocka_unit_test(what_comes_while_servers_are_tried_is_not_lost),
		cmocka_unit_test(
			a_client_that_goes_while_servers_are_tried_takes_the_attempt_along),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
