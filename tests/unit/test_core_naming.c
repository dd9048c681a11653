/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is really calling: the PROXY header of a connection, and those that have none. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char require[] = FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER, "");
static const char optional[] = FAKE_CONF(
	"proxy_protocol = \"optional\"; trusted = [ \"10.9.0.0/16\" ];", FAKE_ONE_SERVER, "");

#define V2(command_family) "\r\n\r\n\0\r\nQUIT\n" command_family
#define LOCAL_OF_AN_NLB	   V2("\x20\x11\x00\x00")
#define WITH_ENDPOINT                                                                             \
	V2("\x21\x11\x00\x15\xc6\x33\x64\x07\xc0\x00\x02\x63\x9c\x40\x13\xc4\xea\x00\x06\x01vpce" \
	   "-")

static void assert_source(const struct session *s, const char *expected)
{
	char source[ADDR_PORT_TEXT_MAX];
	addr_port_format(&s->source, source);
	assert_string_equal(source, expected);
}

static void a_header_names_the_source_and_its_endpoint(void **state)
{
	(void)state;
	struct fake *f = fake_new(require, 1);
	struct fake_stream *client = fake_client_from(f, "10.9.0.1:1");
	assert_int_equal(fake_state(client), SESSION_UNNAMED);
	fake_say(client, BYTES(WITH_ENDPOINT));
	const struct session *s = client->stream.owner;
	assert_int_equal(s->state, SESSION_SECURED);
	assert_source(s, "198.51.100.7:40000");
	assert_string_equal(s->endpoint, "vpce-");
	fake_finish(client);
	const struct record *closed = fake_last(f, RECORD_CONNECTION_CLOSED);
	assert_string_equal(closed->endpoint, "vpce-");
	assert_int_equal(closed->source.port, 40000);
	assert_int_equal(closed->level, CONF_LOG_INFO);
	fake_end(f);
}

static void the_endpoint_is_part_of_the_source(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER, "limits: { connections = 1; };"), 1);
	struct fake_stream *with = fake_client_from(f, "10.9.0.1:1");
	fake_say(with, BYTES(WITH_ENDPOINT));
	struct fake_stream *without = fake_client_from(f, "10.9.0.1:2");
	fake_say(without, BYTES(PROXY_V1));
	assert_int_equal(fake_state(with), SESSION_SECURED);
	assert_int_equal(fake_state(without), SESSION_SECURED);
	fake_stop(f);
}

static void a_peer_that_is_not_trusted_is_closed(void **state)
{
	(void)state;
	struct fake *f = fake_new(require, 1);
	struct fake_stream *client = fake_stream_new(f);
	fake_queue(client, BYTES(PROXY_V1 REQUEST("OPTIONS", "1")));
	fake_accept(client, 0, 0, "10.10.0.1:1");
	fake_run(f);
	assert_true(client->is_closed);
	const struct record *bad = fake_last(f, RECORD_PROXY_HEADER_BAD);
	assert_string_equal(bad->reason, "untrusted_peer");
	assert_true(bad->has & RECORD_HAS_PEER);
	assert_false(bad->has & RECORD_HAS_SOURCE);
	fake_end(f);
}

static void a_bad_header_is_refused_with_its_fault(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *fault;
	} cases[] = {
		{BYTES("OPTIONS sip:b SIP/2.0\r\n"), "not_a_proxy_header"},
		{BYTES("PROXY TCP4 1.2.3.4\r\n"), "fields"},
		{BYTES(V2("\x31")), "version"},
		{BYTES(V2("\x21\x00\x00\x00")), "unspec"},
	};
	(void)state;
	struct fake *f = fake_new(require, 1);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (unsigned split = 0; split < 2; split++) {
			struct fake_stream *client = fake_client_from(f, "10.9.0.1:1");
			if (split)
				fake_say(client, cases[i].bytes, 1);
			fake_say(client, cases[i].bytes + split, cases[i].length - split);
			assert_true(client->is_closed);
			assert_int_equal(client->how, STREAM_CLOSE_FIN);
			assert_string_equal(
				fake_last(f, RECORD_PROXY_HEADER_BAD)->reason, cases[i].fault);
		}
	}
	assert_int_equal(f->server_count, 0);
	fake_end(f);
}

static void a_header_that_does_not_come_is_refused(void **state)
{
	(void)state;
	struct fake *f = fake_new(require, 1);
	struct fake_stream *client = fake_client_from(f, "10.9.0.1:1");
	fake_say(client, BYTES("PROXY "));
	fake_pass(f, 10200);
	assert_true(client->is_closed);
	const struct record *bad = fake_last(f, RECORD_PROXY_HEADER_BAD);
	assert_string_equal(bad->reason, "header_timeout");
	assert_int_equal(bad->sample_length, 6);
	fake_end(f);
}

/* --- load balancers --- */

static void who_connects_and_closes_is_a_probe_told_at_debug_alone(void **state)
{
	(void)state;
	struct fake *f = fake_new(require, 1);
	struct fake_stream *silent = fake_client_from(f, "10.9.0.1:1");
	fake_finish(silent);
	fake_assert_closed(silent, REASON_NO_DATA);
	struct fake_stream *cut = fake_client_from(f, "10.9.0.1:1");
	fake_say(cut, BYTES("PROXY TC"));
	fake_finish(cut);
	fake_assert_closed(cut, REASON_HEADER_TRUNCATED);
	for (size_t i = 0; i < f->record_count; i++)
		assert_int_equal(f->records[i].level, CONF_LOG_DEBUG);
	fake_end(f);
}

static void a_local_header_is_a_probe_that_takes_no_slot(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} cases[] = {
		{BYTES(LOCAL_OF_AN_NLB)},
		{BYTES(LOCAL_OF_AN_NLB "GET /health HTTP/1.1\r\n\r\n")},
		{BYTES(LOCAL_OF_AN_NLB "\r\n\r\n")},
	};
	(void)state;
	struct fake *f = fake_new(require, 1);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake_stream *client = fake_client_from(f, "10.9.0.1:1");
		fake_say(client, cases[i].bytes, cases[i].length);
		assert_int_equal(limiter_slots(f->shared.limiter), 0);
		fake_finish(client);
		fake_assert_closed(client, REASON_NO_DATA);
	}
	for (size_t i = 0; i < f->record_count; i++)
		assert_int_equal(f->records[i].level, CONF_LOG_DEBUG);
	fake_end(f);
}

static void a_probe_in_sip_is_answered_by_a_server(void **state)
{
	(void)state;
	struct fake *f = fake_new(require, 1);
	struct fake_stream *client = fake_client_from(f, "10.9.0.1:1");
	fake_say(client, BYTES(LOCAL_OF_AN_NLB REQUEST("OPTIONS", "1")));
	assert_source(client->stream.owner, "10.9.0.1:1");
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	assert_true(fake_wrote(client, "200 OK"));
	fake_finish(client);
	assert_int_equal(fake_last(f, RECORD_CONNECTION_CLOSED)->level, CONF_LOG_DEBUG);
	fake_end(f);
}

static void a_probe_that_speaks_sip_counts_as_its_peer(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER, "limits: { connections = 1; };"), 1);
	struct fake_stream *first = fake_client_from(f, "10.9.0.1:1"),
			   *second = fake_client_from(f, "10.9.0.1:2");
	fake_say(first, BYTES(LOCAL_OF_AN_NLB REQUEST("OPTIONS", "1")));
	assert_int_equal(limiter_slots(f->shared.limiter), 1);
	fake_say(second, BYTES(LOCAL_OF_AN_NLB REQUEST("OPTIONS", "1")));
	fake_assert_closed(second, REASON_LIMIT_CONNECTIONS);
	assert_int_equal(f->server_count, 1);
	fake_stop(f);
}

static void unknown_may_be_anybody_and_counts_as_its_peer(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER, "limits: { connections = 1; };"), 1);
	struct fake_stream *first = fake_client_from(f, "10.9.0.1:1"),
			   *second = fake_client_from(f, "10.9.0.1:2");
	fake_say(first, BYTES("PROXY UNKNOWN\r\n"));
	assert_source(first->stream.owner, "10.9.0.1:1");
	fake_say(second, BYTES("PROXY UNKNOWN ffff::1 ffff::1 1 1\r\n"));
	fake_assert_closed(second, REASON_LIMIT_CONNECTIONS);
	fake_stop(f);
}

static void a_second_header_is_refused(void **state)
{
	(void)state;
	struct fake *f = fake_new(require, 1);
	struct fake_stream *v1 = fake_client_from(f, "10.9.0.1:1");
	fake_say(v1, BYTES(PROXY_V1 PROXY_V1 REQUEST("OPTIONS", "1")));
	fake_assert_closed(v1, REASON_SIP_BAD);
	assert_string_equal(fake_last(f, RECORD_SIP_BAD)->reason, "proxy_header_unexpected");
	struct fake_stream *v2 = fake_client_from(f, "10.9.0.1:1");
	fake_say(v2, BYTES(WITH_ENDPOINT WITH_ENDPOINT));
	fake_assert_closed(v2, REASON_SIP_BAD);
	assert_string_equal(fake_last(f, RECORD_SIP_BAD)->reason, "proxy_header_unexpected");
	fake_end(f);
}

/* --- optional --- */

static void where_it_is_optional_a_message_names_the_peer(void **state)
{
	(void)state;
	struct fake *f = fake_new(optional, 1);
	struct fake_stream *client = fake_client_from(f, "10.9.0.1:77");
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	assert_source(client->stream.owner, "10.9.0.1:77");
	fake_assert_written(fake_server(f, 0), BYTES(REQUEST("OPTIONS", "1")));
	fake_stop(f);
}

/* PUBLISH begins like PROXY; its header is one only at the second byte. */
static void where_it_is_optional_what_began_like_a_header_is_kept(void **state)
{
	static const char message[] = REQUEST("PUBLISH", "1");
	(void)state;
	struct fake *f = fake_new(optional, 1);
	for (size_t at = 1; at < sizeof(message) - 1; at++) {
		struct fake_stream *client = fake_client_from(f, "10.9.0.1:77");
		fake_say(client, message, at);
		fake_say(client, message + at, sizeof(message) - 1 - at);
		fake_assert_written(fake_server(f, (unsigned)at - 1), BYTES(message));
		fake_finish(client);
		fake_fail(client, ECONNRESET);
	}
	fake_end(f);
}

static void where_it_is_optional_a_bad_header_is_still_refused(void **state)
{
	(void)state;
	struct fake *f = fake_new(optional, 1);
	struct fake_stream *client = fake_client_from(f, "10.9.0.1:77");
	fake_say(client, BYTES("PROXY TCP4 1.2.3.4\r\n"));
	assert_true(client->is_closed);
	assert_string_equal(fake_last(f, RECORD_PROXY_HEADER_BAD)->reason, "fields");
	fake_end(f);
}

static void where_it_is_optional_silence_names_the_peer_in_the_end(void **state)
{
	(void)state;
	struct fake *f = fake_new(optional, 1);
	struct fake_stream *silent = fake_client_from(f, "10.9.0.1:77");
	struct fake_stream *pinging = fake_client_from(f, "10.9.0.1:78");
	fake_say(pinging, BYTES("\r\n\r\n"));
	fake_pass(f, 9900);
	assert_int_equal(fake_state(silent), SESSION_UNNAMED);
	assert_int_equal(fake_state(pinging), SESSION_UNNAMED);
	fake_pass(f, 300);
	assert_int_equal(fake_state(silent), SESSION_SECURED);
	assert_int_equal(fake_state(pinging), SESSION_SECURED);
	fake_say(pinging, BYTES(REQUEST("OPTIONS", "1")));
	fake_assert_written(fake_server(f, 0), BYTES(REQUEST("OPTIONS", "1")));
	fake_stop(f);
}

static void where_it_is_optional_a_header_from_anyone_else_is_refused(void **state)
{
	(void)state;
	struct fake *f = fake_new(optional, 1);
	struct fake_stream *client = fake_client_from(f, "10.10.0.1:1");
	assert_int_equal(fake_state(client), SESSION_SECURED);
	fake_say(client, BYTES(PROXY_V1 REQUEST("OPTIONS", "1")));
	fake_assert_closed(client, REASON_SIP_BAD);
	assert_string_equal(fake_last(f, RECORD_SIP_BAD)->reason, "proxy_header_unexpected");
	struct fake_stream *plain = fake_client_from(f, "10.10.0.1:2");
	fake_say(plain, BYTES(REQUEST("OPTIONS", "1")));
	assert_source(plain->stream.owner, "10.10.0.1:2");
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_names_the_source_and_its_endpoint),
		cmocka_unit_test(the_endpoint_is_part_of_the_source),
		cmocka_unit_test(a_peer_that_is_not_trusted_is_closed),
		cmocka_unit_test(a_bad_header_is_refused_with_its_fault),
		cmocka_unit_test(a_header_that_does_not_come_is_refused),
		cmocka_unit_test(who_connects_and_closes_is_a_probe_told_at_debug_alone),
		cmocka_unit_test(a_local_header_is_a_probe_that_takes_no_slot),
		cmocka_unit_test(a_probe_in_sip_is_answered_by_a_server),
		cmocka_unit_test(a_probe_that_speaks_sip_counts_as_its_peer),
		cmocka_unit_test(unknown_may_be_anybody_and_counts_as_its_peer),
		cmocka_unit_test(a_second_header_is_refused),
		cmocka_unit_test(where_it_is_optional_a_message_names_the_peer),
		cmocka_unit_test(where_it_is_optional_what_began_like_a_header_is_kept),
		cmocka_unit_test(where_it_is_optional_a_bad_header_is_still_refused),
		cmocka_unit_test(where_it_is_optional_silence_names_the_peer_in_the_end),
		cmocka_unit_test(where_it_is_optional_a_header_from_anyone_else_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
