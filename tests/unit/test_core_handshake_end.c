/* SPDX-License-Identifier: BSD-2-Clause */
/* How handshakes end, what is told of it and counted; and that nothing is left behind, wherever they were. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char plain_sailing[] = FAKE_CONF(FAKE_TLS, FAKE_ONE_SERVER, "");
static const char one_at_once[] =
	FAKE_CONF(FAKE_TLS, FAKE_ONE_SERVER, "limits: { max_handshakes = 1; };");
static const char proxied[] = FAKE_CONF(FAKE_TLS FAKE_PROXY, FAKE_ONE_SERVER, "");

/* Version 2, command LOCAL, no address. */
#define LOCAL "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"

static struct fake_stream *client_that_says(struct fake *f, const char *says)
{
	struct fake_stream *client = fake_client(f);
	fake_say(client, says, strlen(says));
	return client;
}

static struct fake_stream *probe_that_says(struct fake *f, const void *says, size_t length)
{
	struct fake_stream *probe = fake_client_from(f, "10.9.0.1:1");
	fake_say(probe, BYTES(LOCAL));
	fake_say(probe, says, length);
	return probe;
}

static uint64_t counted(
	const struct fake *f, const char *version, enum tls_outcome outcome, bool is_resumed)
{
	const struct listener_counters *c = f->shared.listeners->counters;
	return counter_read(&c->handshakes[counters_tls_version(version)][outcome][is_resumed]);
}

static uint64_t counted_in_all(const struct fake *f)
{
	const struct listener_counters *c = f->shared.listeners->counters;
	uint64_t all = 0;
	for (unsigned v = 0; v < TLS_VERSIONS; v++)
		for (unsigned o = 0; o < TLS_OUTCOMES; o++)
			for (unsigned r = 0; r < 2; r++)
				all += counter_read(&c->handshakes[v][o][r]);
	return all;
}

/* --- failure --- */

static void a_failed_handshake_is_told_with_what_is_known(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain_sailing, 1);
	struct fake_stream *client = fake_client(f);
	client->security = (struct stream_security){.version = "1.1", .sni = "sip.example.com"};
	client->fault = "unsupported_version";
	client->detail = "it speaks 1.1, and tls.min_version is 1.2";
	fake_say(client, BYTES("x"));
	fake_assert_closed(client, REASON_TLS_FAILED);
	assert_int_equal(client->how, STREAM_CLOSE_FIN);
	const struct record *r = fake_last(f, RECORD_TLS_FAILED);
	assert_int_equal(r->level, CONF_LOG_INFO);
	assert_string_equal(r->reason, "unsupported_version");
	assert_string_equal(r->version, "1.1");
	assert_string_equal(r->sni, "sip.example.com");
	assert_string_equal(r->message, "it speaks 1.1, and tls.min_version is 1.2");
	assert_string_equal(r->state, "named");
	assert_true(r->has & RECORD_HAS_SOURCE);
	assert_int_equal(counted(f, "1.1", TLS_FAILED, false), 1);
	fake_end(f);
}

static void what_goes_wrong_behind_the_handshake_is_told_too(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain_sailing, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(HELLO FINISHED REQUEST("OPTIONS", "1")));
	fake_fail_tls(client, "bad_record", "it could not be decrypted");
	fake_run(f);
	fake_assert_closed(client, REASON_TLS_FAILED);
	const struct record *r = fake_last(f, RECORD_TLS_FAILED);
	assert_non_null(r);
	assert_string_equal(r->reason, "bad_record");
	assert_string_equal(r->message, "it could not be decrypted");
	assert_int_equal(fake_count(f, RECORD_TLS_FAILED), 1);
	assert_int_equal(counted_in_all(f), 1); /* the handshake was a good one */
	fake_end(f);
}

static void what_is_not_known_is_not_told(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain_sailing, 1);
	struct fake_stream *client = fake_client(f);
	client->security = (struct stream_security){0};
	client->detail = NULL;
	fake_say(client, BYTES("x"));
	const struct record *r = fake_last(f, RECORD_TLS_FAILED);
	assert_null(r->version);
	assert_string_equal(r->sni, "");
	assert_string_equal(r->message, "");
	assert_int_equal(counted(f, NULL, TLS_FAILED, false), 1);
	fake_end(f);
}

static void names_and_sentences_that_are_too_long_are_cut(void **state)
{
	(void)state;
	char name[256] = {0}, sentence[1000] = {0};
	memset(name, 'n', 255);
	memset(sentence, 's', 999);
	struct fake *f = fake_new(plain_sailing, 1);
	struct fake_stream *client = fake_client(f);
	client->security.sni = name;
	client->detail = sentence;
	fake_say(client, BYTES("x"));
	const struct record *r = fake_last(f, RECORD_TLS_FAILED);
	assert_int_equal(strlen(r->sni), RECORD_SNI_MAX - 1);
	assert_int_equal(strlen(r->message), RECORD_MESSAGE_MAX - 1);
	fake_end(f);
}

static void nothing_is_told_that_nobody_reads(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain_sailing, 1);
	f->conf->log.level = CONF_LOG_NOTICE;
	client_that_says(f, "x");
	assert_int_equal(fake_count(f, RECORD_TLS_FAILED), 0);
	fake_end(f);
}

static void a_client_that_goes_has_not_failed(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain_sailing, 1);
	struct fake_stream *client = client_that_says(f, HELLO);
	fake_finish(client);
	fake_assert_closed(client, REASON_CLIENT_CLOSED);
	client = client_that_says(f, HELLO);
	fake_fail(client, ECONNRESET);
	fake_assert_closed(client, REASON_CLIENT_RESET);
	assert_int_equal(fake_count(f, RECORD_TLS_FAILED), 0);
	assert_int_equal(counted(f, "1.3", TLS_CLIENT_CLOSED, false), 2);
	fake_end(f);
}

static void a_client_that_says_nothing_and_goes_costs_no_handshake(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain_sailing, 1);
	struct fake_stream *client = fake_client(f);
	fake_finish(client);
	fake_assert_closed(client, REASON_CLIENT_CLOSED);
	assert_false(client->is_under_tls);
	client = fake_client(f);
	fake_fail(client, ECONNRESET);
	assert_true(client->is_closed && !client->is_under_tls);
	assert_int_equal(counted_in_all(f), 0);
	fake_end(f);
}

/* --- time --- */

static void a_handshake_is_timed_from_its_first_step(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_at_once, 1);
	struct fake_stream *first = client_that_says(f, HELLO);
	struct session *s = first->stream.owner;
	s->handshake.began_ms += 60000; /* it keeps its place */
	struct fake_stream *second = client_that_says(f, HELLO);
	fake_pass(f, 5000);
	assert_int_equal(second->steps, 0);
	fake_say(first, BYTES(FINISHED));
	assert_int_equal(second->steps, 1);
	fake_pass(f, 9900);
	assert_int_equal(fake_state(second), SESSION_NAMED);
	fake_pass(f, 200);
	fake_assert_closed(second, REASON_HANDSHAKE_TIMEOUT);
	assert_int_equal(counted(f, "1.3", TLS_TIMEOUT, false), 1);
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 0);
	fake_stop(f);
}

static void a_byte_now_and_then_does_not_prolong_it(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain_sailing, 1);
	struct fake_stream *client = client_that_says(f, HELLO);
	for (unsigned i = 0; i < 11 && !client->is_closed; i++) {
		fake_say(client, BYTES(HELLO));
		fake_pass(f, 1000);
	}
	fake_assert_closed(client, REASON_HANDSHAKE_TIMEOUT);
	fake_end(f);
}

static void a_handshake_that_began_late_may_end_behind_first_message(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain_sailing, 1);
	struct fake_stream *client = fake_client(f);
	fake_pass(f, 31000);
	fake_say(client, BYTES(HELLO));
	fake_pass(f, 5000);
	fake_say(client, BYTES(FINISHED));
	assert_int_equal(fake_state(client), SESSION_SECURED);
	fake_stop(f);
}

/* --- what we have not --- */

static void without_memory_for_tls_it_ends(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain_sailing, 1);
	f->has_no_memory_for_tls = true;
	struct fake_stream *client = client_that_says(f, HELLO);
	fake_assert_closed(client, REASON_NO_RESOURCES);
	fake_end(f);
}

static void no_handshake_begins_while_memory_is_short(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain_sailing, 1);
	struct fake_stream *begun = client_that_says(f, HELLO);
	fake_fill_memory(f, f->conf->memory.total);
	struct fake_stream *client = client_that_says(f, HELLO);
	fake_assert_closed(client, REASON_LIMIT_MEMORY);
	assert_false(client->is_under_tls);
	fake_say(begun, BYTES(FINISHED));
	assert_int_equal(fake_state(begun), SESSION_SECURED);
	fake_fill_memory(f, 0);
	fake_stop(f);
}

static void tls_alone_never_uses_up_the_last_tenth_of_the_memory(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF(FAKE_TLS, FAKE_ONE_SERVER,
					  "memory: { total = \"1M\"; }; max_connections = 100; "
					  "limits: { connections = 0; };"),
		1);
	const unsigned most = 1024 * 1024 / 10 * 9 / MEMORY_PER_TLS;
	struct fake_stream *clients[60];
	for (unsigned i = 0; i < most; i++) {
		clients[i] = client_that_says(f, HELLO FINISHED);
		assert_int_equal(fake_state(clients[i]), SESSION_SECURED);
	}
	assert_int_equal(memory_held(&f->shared.memory), most * MEMORY_PER_TLS);
	fake_assert_closed(client_that_says(f, HELLO), REASON_LIMIT_MEMORY);
	fake_finish(clients[0]);
	assert_int_equal(fake_state(client_that_says(f, HELLO FINISHED)), SESSION_SECURED);
	fake_stop(f);
}

/* --- load balancers --- */

static void a_probe_that_only_connects_is_closed_quietly(void **state)
{
	(void)state;
	struct fake *f = fake_new(proxied, 1);
	struct fake_stream *probe = probe_that_says(f, "", 0);
	assert_int_equal(fake_state(probe), SESSION_NAMED);
	fake_finish(probe);
	fake_assert_closed(probe, REASON_NO_DATA);
	assert_int_equal(fake_last(f, RECORD_CONNECTION_CLOSED)->level, CONF_LOG_DEBUG);
	fake_end(f);
}

static void a_probe_may_speak_tls_and_needs_no_slot_for_it(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF(FAKE_TLS FAKE_PROXY, FAKE_ONE_SERVER, "limits: { connections = 1; };"),
		1);
	struct fake_stream *probes[2];
	for (unsigned i = 0; i < 2; i++) {
		probes[i] = probe_that_says(f, BYTES(HELLO FINISHED));
		assert_int_equal(fake_state(probes[i]), SESSION_SECURED);
	}
	assert_int_equal(limiter_slots(f->shared.limiter), 0);
	fake_finish(probes[0]);
	fake_assert_closed(probes[0], REASON_NO_DATA);
	assert_int_equal(fake_last(f, RECORD_CONNECTION_CLOSED)->level, CONF_LOG_DEBUG);
	fake_say(probes[1], BYTES(REQUEST("OPTIONS", "1")));
	assert_int_equal(fake_state(probes[1]), SESSION_RELAYING);
	assert_int_equal(limiter_slots(f->shared.limiter), 1);
	fake_stop(f);
}

static void a_probe_that_waits_for_a_place_and_goes_is_no_event(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF(FAKE_TLS FAKE_PROXY, FAKE_ONE_SERVER, "limits: { max_handshakes = 1; };"),
		1);
	struct fake_stream *first = probe_that_says(f, BYTES(HELLO));
	struct fake_stream *second = probe_that_says(f, BYTES(HELLO));
	fake_finish(second);
	fake_finish(first);
	fake_assert_closed(first, REASON_NO_DATA);
	fake_assert_closed(second, REASON_NO_DATA);
	assert_int_equal(fake_last(f, RECORD_CONNECTION_CLOSED)->level, CONF_LOG_DEBUG);
	fake_end(f);
}

/* A check that speaks SIP or HTTP in clear, and one of version 1 that names the load balancer itself. */
static void the_failure_of_a_probe_is_told_at_debug(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		size_t length;
	} cases[] = {{BYTES(LOCAL)}, {BYTES("PROXY TCP4 10.9.0.1 192.0.2.99 1 5061\r\n")}};
	for (unsigned i = 0; i < 2; i++) {
		struct fake *f = fake_new(proxied, 1);
		struct fake_stream *probe = fake_client_from(f, "10.9.0.1:1");
		fake_say(probe, cases[i].header, cases[i].length);
		assert_int_equal(fake_state(probe), SESSION_NAMED);
		fake_say(probe, BYTES("GET / HTTP/1.1\r\n\r\n"));
		fake_assert_closed(probe, REASON_TLS_FAILED);
		assert_int_equal(fake_last(f, RECORD_TLS_FAILED)->level, CONF_LOG_DEBUG);
		assert_int_equal(fake_last(f, RECORD_CONNECTION_CLOSED)->level, CONF_LOG_DEBUG);
		fake_end(f);
	}
}

/* --- counts --- */

static void handshakes_are_counted_by_version_outcome_and_resumption(void **state)
{
	(void)state;
	static const struct {
		const char *version;
		bool is_resumed;
	} cases[] = {{"1.0", false}, {"1.1", true}, {"1.2", true}, {"1.3", false}, {NULL, true}};
	struct fake *f = fake_new(plain_sailing, 1);
	for (unsigned i = 0; i < 5; i++) {
		struct fake_stream *client = fake_client(f);
		client->security = (struct stream_security){
			.version = cases[i].version, .is_resumed = cases[i].is_resumed};
		fake_say(client, BYTES(HELLO));
		fake_say(client, BYTES(FINISHED));
		assert_int_equal(counted(f, cases[i].version, TLS_OK, cases[i].is_resumed), 1);
	}
	assert_int_equal(counted_in_all(f), 5);
	fake_stop(f);
}

static void each_version_has_a_place_of_its_own_and_its_name(void **state)
{
	static const char *const names[] = {"1.0", "1.1", "1.2", "1.3"};
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_string_equal(
			counters_tls_version_name(counters_tls_version(names[i])), names[i]);
	assert_string_equal(counters_tls_version_name(counters_tls_version(NULL)), "unknown");
	assert_string_equal(counters_tls_version_name(counters_tls_version("9.9")), "unknown");
}

/* What we end ourselves is neither a failure nor the client's doing. */
static void a_stop_leaves_nothing_wherever_a_handshake_is(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_at_once, 1);
	struct fake_stream *begun = client_that_says(f, HELLO);
	struct session *s = begun->stream.owner;
	fake_client(f);
	client_that_says(f, HELLO);
	client_that_says(f, HELLO);
	assert_int_equal(places_waiting(&f->shared.handshakes), 2);
	fake_queue(begun, BYTES(HELLO));
	begun->secured.on_ready(&begun->secured, STREAM_READABLE);
	assert_int_equal(s->handshake.stage, HANDSHAKE_STEPPING);
	while (core_sweep(&f->workers[0]->core, REASON_SHUTDOWN, 1))
		;
	assert_int_equal(places_waiting(&f->shared.handshakes), 0);
	assert_int_equal(places_taken(&f->shared.handshakes), 0);
	assert_false(core_has_work(&f->workers[0]->core));
	assert_int_equal(counted(f, "1.3", TLS_ENDED, false), 1);
	assert_int_equal(counted_in_all(f), 1);
	fake_end(f);
}

static void one_that_was_called_and_is_closed_gives_its_place_back(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_at_once, 1);
	struct fake_stream *first = client_that_says(f, HELLO);
	struct fake_stream *second = client_that_says(f, HELLO);
	f->step_us = 5000;
	fake_queue(first, BYTES(FINISHED));
	first->secured.on_ready(&first->secured, STREAM_READABLE);
	core_tend(&f->workers[0]->core);
	const struct session *s = second->stream.owner;
	assert_int_equal(s->handshake.stage, HANDSHAKE_CALLED);
	second->is_failing = ECONNRESET;
	second->stream.on_ready(&second->stream, STREAM_GONE);
	assert_true(second->is_closed);
	assert_int_equal(places_taken(&f->shared.handshakes), 0);
	assert_int_equal(counted_in_all(f), 1);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_handshake_is_told_with_what_is_known),
		cmocka_unit_test(what_goes_wrong_behind_the_handshake_is_told_too),
		cmocka_unit_test(what_is_not_known_is_not_told),
		cmocka_unit_test(names_and_sentences_that_are_too_long_are_cut),
		cmocka_unit_test(nothing_is_told_that_nobody_reads),
		cmocka_unit_test(a_client_that_goes_has_not_failed),
		cmocka_unit_test(a_client_that_says_nothing_and_goes_costs_no_handshake),
		cmocka_unit_test(a_handshake_is_timed_from_its_first_step),
		cmocka_unit_test(a_byte_now_and_then_does_not_prolong_it),
		cmocka_unit_test(a_handshake_that_began_late_may_end_behind_first_message),
		cmocka_unit_test(without_memory_for_tls_it_ends),
		cmocka_unit_test(no_handshake_begins_while_memory_is_short),
		cmocka_unit_test(tls_alone_never_uses_up_the_last_tenth_of_the_memory),
		cmocka_unit_test(a_probe_that_only_connects_is_closed_quietly),
		cmocka_unit_test(a_probe_may_speak_tls_and_needs_no_slot_for_it),
		cmocka_unit_test(a_probe_that_waits_for_a_place_and_goes_is_no_event),
		cmocka_unit_test(the_failure_of_a_probe_is_told_at_debug),
		cmocka_unit_test(handshakes_are_counted_by_version_outcome_and_resumption),
		cmocka_unit_test(each_version_has_a_place_of_its_own_and_its_name),
		cmocka_unit_test(a_stop_leaves_nothing_wherever_a_handshake_is),
		cmocka_unit_test(one_that_was_called_and_is_closed_gives_its_place_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
