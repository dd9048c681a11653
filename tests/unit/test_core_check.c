/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether a server works: what is asked, what is heard in the answer, and when. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ONE FAKE_ONE_SERVER
#define TLS_SERVER \
	"servers = ( { name = \"s1\"; address = \"10.0.0.1:5060\"; transport = \"tls\"; } );"
#define CHECKED "policy = \"round-robin\"; "

static const char plain[] = FAKE_CONF_CHECKED("", CHECKED ONE, "");
static const char without[] = FAKE_CONF("", ONE, "");
static const char v2_local[] = "\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";

enum { INTERVAL_MS = 5000, TIMEOUT_MS = 2000, PATIENCE_MS = 60000 };

static struct backend *backend_of(const struct fake *f, unsigned n)
{
	struct backend *b = settings_pool(f->settings, 0)->pool->backends;
	while (n--)
		b = b->next;
	return b;
}

static enum backend_health health(const struct fake *f)
{
	return backend_of(f, 0)->health;
}

static const char *why(const struct fake *f)
{
	return backend_of(f, 0)->why;
}

static void assert_begins(const struct fake_stream *s, size_t at, const char *text)
{
	assert_true(s->written_length >= at + strlen(text));
	assert_memory_equal(s->written + at, text, strlen(text));
}

/* The next stream that the core connects, whenever that is. */
static struct fake_stream *next_check(struct fake *f)
{
	unsigned before = f->server_count;
	for (unsigned ms = 0; ms < PATIENCE_MS && f->server_count == before; ms += 50)
		fake_pass(f, 50);
	return fake_server(f, before);
}

/* What the server says of such a status: what section 8.2.6.2 wants copied stands in the request. */
static void reply(struct fake_stream *s, const char *status)
{
	char text[2048];
	const char *copied = strstr(s->written, "\r\nVia: ");
	assert_non_null(copied);
	snprintf(text, sizeof(text), "SIP/2.0 %s%s", status, copied);
	fake_say(s, text, strlen(text));
}

static void succeed(struct fake *f)
{
	reply(next_check(f), "200 OK");
}

static void fall_silent(struct fake *f)
{
	struct fake_stream *s = next_check(f);
	fake_pass(f, TIMEOUT_MS + 200);
	assert_true(s->is_closed);
}

/* A server that has shown that it works. */
static struct fake *up(const char *conf)
{
	struct fake *f = fake_new(conf, 1);
	succeed(f);
	assert_int_equal(health(f), BACKEND_UP);
	return f;
}

static struct fake *down(const char *conf)
{
	struct fake *f = fake_new(conf, 1);
	fake_fail(next_check(f), ECONNRESET);
	assert_int_equal(health(f), BACKEND_DOWN);
	return f;
}

/* --- what is asked --- */

static void an_options_is_sent_that_names_both_ends(void **state)
{
	static const char begin[] = "OPTIONS sip:10.0.0.1:5060 SIP/2.0\r\n"
				    "Via: SIP/2.0/TCP 192.0.2.98:5061;branch=z9hG4bK";
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *s = next_check(f);
	assert_begins(s, 0, begin);
	assert_true(fake_wrote(s, "\r\nMax-Forwards: 70\r\n"));
	assert_true(fake_wrote(s, "\r\nFrom: <sip:sipweir@192.0.2.98:5061>;tag="));
	assert_true(fake_wrote(s, "\r\nTo: <sip:10.0.0.1:5060>\r\n"));
	assert_true(fake_wrote(s, "\r\nCSeq: 1 OPTIONS\r\n"));
	assert_true(fake_wrote(s, "\r\nContent-Length: 0\r\n\r\n"));
	fake_end(f);
}

static void the_uri_may_be_another(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF_CHECKED("", ONE "health: { uri = \"sip:ping@example.com\"; };", ""), 1);
	struct fake_stream *s = next_check(f);
	assert_true(fake_wrote(s, "OPTIONS sip:ping@example.com SIP/2.0\r\n"));
	assert_true(fake_wrote(s, "\r\nTo: <sip:ping@example.com>\r\n"));
	fake_end(f);
}

static void each_request_has_a_call_id_of_its_own(void **state)
{
	(void)state;
	struct fake *f = up(plain);
	const char *first = strstr(fake_server(f, 0)->written, "\r\nCall-ID: ");
	const char *second = strstr(next_check(f)->written, "\r\nCall-ID: ");
	assert_non_null(first);
	assert_memory_not_equal(first, second, 48);
	fake_end(f);
}

static void a_header_of_our_own_goes_first_where_the_pool_sends_one(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF_CHECKED("", ONE "proxy_protocol = \"v2\";", ""), 1);
	struct fake_stream *s = next_check(f);
	assert_memory_equal(s->written, v2_local, 16);
	assert_begins(s, 16, "OPTIONS sip:");
	fake_end(f);
	f = fake_new(FAKE_CONF_CHECKED("", ONE "proxy_protocol = \"v1\";", ""), 1);
	s = next_check(f);
	assert_begins(s, 0, "PROXY UNKNOWN\r\nOPTIONS sip:");
	fake_end(f);
}

static void with_tls_the_header_goes_before_the_handshake(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF_CHECKED("", TLS_SERVER "proxy_protocol = \"v2\";", ""), 1);
	struct fake_stream *s = next_check(f);
	assert_true(s->is_for_tls);
	assert_int_equal(s->preface_length, 16);
	assert_memory_equal(s->preface, v2_local, 16);
	assert_begins(s, 0, "OPTIONS sip:");
	assert_true(fake_wrote(s, "Via: SIP/2.0/TLS "));
	assert_true(memory_held(&f->shared.memory) >= MEMORY_PER_TLS);
	reply(s, "200 OK");
	assert_int_equal(memory_held(&f->shared.memory), 0);
	fake_end(f);
}

static void what_does_not_go_out_at_once_goes_later(void **state)
{
	static const enum fake_connect pending[] = {FAKE_PENDING};
	(void)state;
	struct fake *f = fake_new(plain, 1);
	fake_connects(f, pending, 1);
	struct fake_stream *s = next_check(f);
	s->room = 0;
	fake_connected(s);
	for (unsigned i = 0; i < 10; i++)
		fake_give_room(s, 20);
	assert_int_equal(s->written_length, 200);
	fake_give_room(s, SIZE_MAX);
	reply(s, "200 OK");
	assert_int_equal(health(f), BACKEND_UP);
	assert_int_equal(fake_wrote_times(s, "OPTIONS sip:"), 1);
	fake_end(f);
}

/* --- what is heard --- */

static void the_first_failure_ever_takes_it_down(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	assert_int_equal(health(f), BACKEND_UNKNOWN);
	fake_fail(next_check(f), ECONNRESET);
	assert_int_equal(health(f), BACKEND_DOWN);
	assert_int_equal(fake_count(f, RECORD_BACKEND_DOWN), 1);
	assert_string_equal(fake_last(f, RECORD_BACKEND_DOWN)->reason, "ECONNRESET");
	assert_string_equal(fake_last(f, RECORD_BACKEND_DOWN)->server, "s1");
	fake_end(f);
}

static void the_first_success_ever_is_enough(void **state)
{
	(void)state;
	struct fake *f = up(plain);
	assert_int_equal(fake_count(f, RECORD_BACKEND_UP), 0); /* it was never down */
	assert_true(fake_server(f, 0)->is_closed);
	assert_int_equal(fake_server(f, 0)->how, STREAM_CLOSE_FIN);
	fake_end(f);
}

static void then_so_many_in_a_row_have_to_fail(void **state)
{
	(void)state;
	struct fake *f = up(plain);
	for (unsigned i = 0; i < 2; i++) {
		fall_silent(f);
		fall_silent(f);
		succeed(f);
	}
	fall_silent(f);
	fall_silent(f);
	assert_int_equal(health(f), BACKEND_UP);
	fall_silent(f);
	assert_int_equal(health(f), BACKEND_DOWN);
	assert_int_equal(fake_count(f, RECORD_BACKEND_DOWN), 1);
	fake_end(f);
}

static void and_so_many_in_a_row_have_to_succeed(void **state)
{
	(void)state;
	struct fake *f = down(FAKE_CONF_CHECKED("", ONE "health: { rise = 3; };", ""));
	succeed(f);
	succeed(f);
	fall_silent(f);
	succeed(f);
	succeed(f);
	assert_int_equal(health(f), BACKEND_DOWN);
	succeed(f);
	assert_int_equal(health(f), BACKEND_UP);
	assert_int_equal(fake_count(f, RECORD_BACKEND_UP), 1);
	assert_int_equal(fake_count(f, RECORD_BACKEND_DOWN), 1);
	fake_end(f);
}

static void statuses_count_as_alive_says(void **state)
{
	static const struct {
		const char *status;
		bool is_alive;
	} cases[] = {{"200 OK", true}, {"404 Not Found", true}, {"407 Proxy Auth", true},
		{"408 Timeout", false}, {"499 Foo", true}, {"500 Error", false},
		{"501 Not Implemented", true}, {"503 Service Unavailable", false},
		{"603 Decline", true}};
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake *f = fake_new(plain, 1);
		reply(next_check(f), cases[i].status);
		assert_int_equal(health(f), cases[i].is_alive ? BACKEND_UP : BACKEND_DOWN);
		assert_string_equal(why(f), cases[i].is_alive ? "answered" : "status");
		assert_int_equal(backend_of(f, 0)->status, atoi(cases[i].status));
		fake_end(f);
	}
	struct fake *f =
		fake_new(FAKE_CONF_CHECKED("", ONE "health: { alive = \"200\"; };", ""), 1);
	reply(next_check(f), "404 Not Found");
	assert_int_equal(health(f), BACKEND_DOWN);
	fake_end(f);
}

static void an_answer_to_another_request_is_none(void **state)
{
	static const char *const others[] = {
		"SIP/2.0 200 OK\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
		("OPTIONS sip:a SIP/2.0\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: "
		 "0\r\n\r\n"),
		"\r\n\r\n", "\r\n"};
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *s = next_check(f);
	for (unsigned i = 0; i < 4; i++)
		fake_say(s, others[i], strlen(others[i]));
	assert_int_equal(health(f), BACKEND_UNKNOWN);
	assert_false(s->is_closed);
	reply(s, "200 OK");
	assert_int_equal(health(f), BACKEND_UP);
	fake_end(f);
}

static void a_provisional_answer_is_not_final(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *s = next_check(f);
	reply(s, "100 Trying");
	reply(s, "199 Early Dialog Terminated");
	assert_int_equal(health(f), BACKEND_UNKNOWN);
	fake_pass(f, TIMEOUT_MS + 200);
	assert_int_equal(health(f), BACKEND_DOWN);
	assert_string_equal(why(f), "timeout");
	fake_end(f);
}

static void an_answer_may_come_byte_by_byte(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *s = next_check(f);
	char text[2048];
	snprintf(text, sizeof(text), "\r\nSIP/2.0 200 OK%s", strstr(s->written, "\r\nVia: "));
	for (size_t i = 0; text[i]; i++) {
		assert_int_equal(health(f), BACKEND_UNKNOWN);
		fake_say(s, text + i, 1);
	}
	assert_int_equal(health(f), BACKEND_UP);
	assert_int_equal(memory_held(&f->shared.memory), 0);
	fake_end(f);
}

static void what_is_no_sip_or_never_ends_is_a_failure(void **state)
{
	static char endless[200 * 1024];
	(void)state;
	struct fake *f = fake_new(plain, 1);
	fake_say(next_check(f), BYTES("HTTP/1.1 200 OK\r\n\r\n"));
	assert_int_equal(health(f), BACKEND_DOWN);
	fake_end(f);
	f = fake_new(plain, 1);
	memset(endless, 'a', sizeof(endless));
	memcpy(endless, BYTES("SIP/2.0 200 OK\r\nSubject: "));
	struct fake_stream *s = next_check(f);
	fake_say(s, endless, sizeof(endless));
	assert_true(s->is_closed);
	assert_int_equal(health(f), BACKEND_DOWN);
	fake_end(f);
}

static void a_server_that_closes_or_refuses_has_failed(void **state)
{
	static const enum fake_connect ways[] = {FAKE_REFUSED, FAKE_FAILS};
	(void)state;
	struct fake *f = fake_new(plain, 1);
	fake_finish(next_check(f));
	assert_int_equal(health(f), BACKEND_DOWN);
	assert_string_equal(why(f), "closed");
	fake_end(f);
	for (unsigned i = 0; i < 2; i++) {
		f = fake_new(plain, 1);
		fake_connects(f, &ways[i], 1);
		fake_pass(f, 1200);
		assert_int_equal(health(f), BACKEND_DOWN);
		assert_string_equal(why(f), "ECONNREFUSED");
		fake_end(f);
	}
}

static void a_handshake_that_fails_is_called_by_its_name(void **state)
{
	static const enum fake_connect fails[] = {FAKE_FAILS};
	(void)state;
	struct fake *f = fake_new(FAKE_CONF_CHECKED("", TLS_SERVER, ""), 1);
	fake_connects(f, fails, 1);
	next_check(f);
	assert_int_equal(health(f), BACKEND_DOWN);
	assert_string_equal(why(f), "unknown_ca");
	assert_non_null(strstr(fake_last(f, RECORD_BACKEND_DOWN)->message, "signed by nobody"));
	fake_end(f);
}

static void with_connect_it_is_enough_that_the_connection_stands(void **state)
{
	static const enum fake_connect pending[] = {FAKE_PENDING};
	static const char conf[] =
		FAKE_CONF_CHECKED("", ONE "health: { method = \"connect\"; };", "");
	(void)state;
	struct fake *f = fake_new(conf, 1);
	fake_connects(f, pending, 1);
	struct fake_stream *s = next_check(f);
	assert_int_equal(health(f), BACKEND_UNKNOWN);
	fake_connected(s);
	assert_int_equal(health(f), BACKEND_UP);
	assert_true(s->is_closed);
	assert_false(fake_wrote(s, "OPTIONS"));
	s = next_check(f);
	fake_pass(f, TIMEOUT_MS + 200);
	assert_true(s->is_closed);
	assert_string_equal(why(f), "timeout");
	fake_end(f);
}

/* Of all servers at once, and of those that work as well: that is not what a check may say. */
static void a_want_of_our_own_says_nothing_about_a_server(void **state)
{
	static const int wants[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL, EAGAIN};
	static const enum fake_connect refused[] = {FAKE_REFUSED}, fine[] = {FAKE_UP};
	(void)state;
	for (unsigned i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
		struct fake *f = fake_new(plain, 1);
		fake_connects(f, refused, 1);
		f->refusal = wants[i];
		fake_pass(f, 20000);
		assert_int_equal(health(f), BACKEND_UNKNOWN);
		fake_connects(f, fine, 1);
		succeed(f);
		fake_connects(f, refused, 1);
		fake_pass(f, 30000);
		assert_int_equal(health(f), BACKEND_UP);
		fake_end(f);
	}
}

/* --- when --- */

static void the_interval_is_never_exceeded_and_spread_below_a_fifth(void **state)
{
	(void)state;
	struct fake *f = up(plain);
	uint64_t before = f->now_ms, least = UINT64_MAX, most = 0;
	reply(next_check(f), "200 OK");
	before = f->now_ms;
	for (unsigned i = 0; i < 200; i++) {
		reply(next_check(f), "200 OK");
		uint64_t passed = f->now_ms - before;
		before = f->now_ms;
		least = passed < least ? passed : least;
		most = passed > most ? passed : most;
	}
	assert_in_range(least, INTERVAL_MS * 4 / 5, INTERVAL_MS * 86 / 100);
	assert_in_range(most, INTERVAL_MS * 94 / 100, INTERVAL_MS + 2 * WHEEL_TICK_MS);
	fake_end(f);
}

static void a_check_that_fails_late_does_not_put_off_the_next(void **state)
{
	(void)state;
	struct fake *f = up(plain);
	for (unsigned i = 0; i < 3; i++) {
		next_check(f);
		uint64_t began = f->now_ms;
		next_check(f);
		assert_in_range(
			f->now_ms - began, INTERVAL_MS * 4 / 5, INTERVAL_MS + 2 * WHEEL_TICK_MS);
	}
	fake_end(f);
}

static void a_recovery_is_seen_within_rise_intervals_and_a_second(void **state)
{
	(void)state;
	for (unsigned after = 0; after < INTERVAL_MS; after += 700) {
		struct fake *f = down(plain);
		fake_pass(f, after);
		uint64_t began = f->now_ms;
		while (health(f) == BACKEND_DOWN) {
			struct fake_stream *s = next_check(f);
			reply(s, "200 OK");
		}
		assert_true(f->now_ms - began <= 2 * INTERVAL_MS + 1000);
		fake_end(f);
	}
}

static void first_checks_are_spread_over_a_second(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF_CHECKED("", FAKE_THREE_SERVERS, ""), 2);
	fake_pass(f, 1100);
	assert_int_equal(f->server_count, 3);
	fake_end(f);
}

/* --- clients' troubles --- */

#define SLOW "health: { interval = \"1h\"; };"
static const char slowly[] =
	FAKE_CONF_CHECKED("", CHECKED ONE "retries = 0; " SLOW, "limits: { connections = 0; };");

static void complain(struct fake *f, unsigned source)
{
	char peer[32];
	snprintf(peer, sizeof(peer), "192.0.2.%u:5060", source);
	struct fake_stream *client = fake_client_from(f, peer);
	unsigned before = f->server_count;
	f->otherwise = FAKE_FAILS;
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	f->otherwise = FAKE_UP;
	assert_int_equal(f->server_count, before + 1);
	fake_finish(client);
}

static void three_sources_in_trouble_start_a_check_at_once(void **state)
{
	(void)state;
	struct fake *f = up(slowly);
	fake_pass(f, 60000);
	complain(f, 1);
	complain(f, 2);
	unsigned before = f->server_count;
	fake_pass(f, 500);
	assert_int_equal(f->server_count, before);
	complain(f, 3);
	before = f->server_count;
	fake_pass(f, 200);
	assert_int_equal(f->server_count, before + 1);
	assert_true(fake_wrote(fake_server(f, before), "OPTIONS sip:10.0.0.1:5060"));
	assert_int_equal(health(f), BACKEND_UP); /* their word alone takes nobody down */
	fake_stop(f);
}

static void one_source_in_trouble_never_does(void **state)
{
	(void)state;
	struct fake *f = up(slowly);
	fake_pass(f, 60000);
	for (unsigned i = 0; i < 30; i++) {
		complain(f, 1);
		unsigned before = f->server_count;
		fake_pass(f, 500);
		assert_int_equal(f->server_count, before);
	}
	fake_stop(f);
}

static void three_sources_long_apart_do_not_either(void **state)
{
	(void)state;
	struct fake *f = up(slowly);
	fake_pass(f, 60000);
	for (unsigned i = 1; i < 10; i++) {
		complain(f, i);
		unsigned before = f->server_count;
		fake_pass(f, 10100);
		assert_int_equal(f->server_count, before);
	}
	fake_stop(f);
}

static void such_checks_come_once_in_a_second(void **state)
{
	(void)state;
	struct fake *f = up(slowly);
	fake_pass(f, 60000);
	unsigned checks = 0;
	for (unsigned tick = 0; tick < 100; tick++) {
		complain(f, tick % 5);
		unsigned before = f->server_count;
		fake_pass(f, 100);
		checks += f->server_count - before;
		if (f->server_count > before)
			reply(fake_server(f, before), "200 OK");
	}
	assert_in_range(checks, 8, 11);
	fake_stop(f);
}

/* --- reloads --- */

static void another_address_is_another_server(void **state)
{
	(void)state;
	struct fake *f = down(plain);
	struct fake_stream *old = next_check(f);
	fake_reload(f, FAKE_CONF_CHECKED("",
			       CHECKED "servers = ( { name = \"s1\"; address = "
				       "\"10.0.0.7:5060\"; } );",
			       ""));
	fake_pass(f, 100);
	assert_true(old->is_closed);
	assert_int_equal(health(f), BACKEND_UNKNOWN);
	struct fake_stream *s = next_check(f);
	assert_true(fake_wrote(s, "OPTIONS sip:10.0.0.7:5060"));
	reply(s, "200 OK");
	assert_int_equal(health(f), BACKEND_UP);
	fake_end(f);
}

static void the_same_server_goes_on_as_it_is(void **state)
{
	(void)state;
	struct fake *f = down(plain);
	struct fake_stream *s = next_check(f);
	fake_reload(f, plain);
	fake_pass(f, 100);
	assert_false(s->is_closed);
	assert_int_equal(health(f), BACKEND_DOWN);
	reply(s, "200 OK");
	succeed(f);
	assert_int_equal(health(f), BACKEND_UP);
	fake_end(f);
}

static void nobody_looks_at_what_is_gone_or_switched_off(void **state)
{
	static const char *const texts[] = {without,
		FAKE_CONF_CHECKED("",
			"servers = ( { name = \"x\"; address = \"10.0.0.9:5060\"; "
			"} ); health: { method = \"off\"; };",
			""),
		"listeners = ( { name = \"l\"; address = \"192.0.2.99:5060\"; pool = \"q\"; } );"
		"pools = ( { name = \"q\"; respond: { status = 200; }; } );"};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct fake *f = fake_new(plain, 1);
		struct backend *b = backend_of(f, 0);
		fake_fail(next_check(f), ECONNRESET);
		assert_int_equal(b->health, BACKEND_DOWN);
		struct fake_stream *s = next_check(f);
		fake_say(s, BYTES("SIP/2.0 200 "));
		fake_reload(f, texts[i]);
		assert_true(s->is_closed);
		assert_int_equal(b->health, BACKEND_UNKNOWN);
		assert_int_equal(memory_held(&f->shared.memory), 0);
		unsigned before = f->server_count;
		fake_pass(f, 30000);
		assert_int_equal(f->server_count, before);
		fake_reload(f, plain);
		fake_pass(f, 1200);
		assert_int_equal(f->server_count, before + 1);
		fake_end(f);
	}
}

static void a_shorter_interval_is_meant_at_once(void **state)
{
	(void)state;
	struct fake *f = up(FAKE_CONF_CHECKED("", CHECKED ONE SLOW, ""));
	fake_reload(f, plain);
	unsigned before = f->server_count;
	fake_pass(f, INTERVAL_MS + 200);
	assert_int_equal(f->server_count, before + 1);
	fake_end(f);
}

/* It has sent four bytes that nobody answers: what it was begun for is what it is judged by. */
static void a_check_ends_by_the_method_that_it_was_begun_with(void **state)
{
	static const enum fake_connect pending[] = {FAKE_PENDING};
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF_CHECKED("", CHECKED ONE "health: { method = \"connect\"; };", ""), 1);
	fake_connects(f, pending, 1);
	struct fake_stream *s = next_check(f);
	fake_reload(f, plain);
	fake_connected(s);
	assert_true(s->is_closed);
	assert_int_equal(health(f), BACKEND_UP);
	s = next_check(f);
	fake_reload(f, FAKE_CONF_CHECKED("", CHECKED ONE "health: { method = \"connect\"; };", ""));
	fake_connected(s);
	assert_false(s->is_closed);
	reply(s, "500 Error");
	assert_string_equal(why(f), "status");
	fake_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_options_is_sent_that_names_both_ends),
		cmocka_unit_test(the_uri_may_be_another),
		cmocka_unit_test(each_request_has_a_call_id_of_its_own),
		cmocka_unit_test(a_header_of_our_own_goes_first_where_the_pool_sends_one),
		cmocka_unit_test(with_tls_the_header_goes_before_the_handshake),
		cmocka_unit_test(what_does_not_go_out_at_once_goes_later),
		cmocka_unit_test(the_first_failure_ever_takes_it_down),
		cmocka_unit_test(the_first_success_ever_is_enough),
		cmocka_unit_test(then_so_many_in_a_row_have_to_fail),
		cmocka_unit_test(and_so_many_in_a_row_have_to_succeed),
		cmocka_unit_test(statuses_count_as_alive_says),
		cmocka_unit_test(an_answer_to_another_request_is_none),
		cmocka_unit_test(a_provisional_answer_is_not_final),
		cmocka_unit_test(an_answer_may_come_byte_by_byte),
		cmocka_unit_test(what_is_no_sip_or_never_ends_is_a_failure),
		cmocka_unit_test(a_server_that_closes_or_refuses_has_failed),
		cmocka_unit_test(a_handshake_that_fails_is_called_by_its_name),
		cmocka_unit_test(with_connect_it_is_enough_that_the_connection_stands),
		cmocka_unit_test(a_want_of_our_own_says_nothing_about_a_server),
		cmocka_unit_test(the_interval_is_never_exceeded_and_spread_below_a_fifth),
		cmocka_unit_test(a_check_that_fails_late_does_not_put_off_the_next),
		cmocka_unit_test(a_recovery_is_seen_within_rise_intervals_and_a_second),
		cmocka_unit_test(first_checks_are_spread_over_a_second),
		cmocka_unit_test(three_sources_in_trouble_start_a_check_at_once),
		cmocka_unit_test(one_source_in_trouble_never_does),
		cmocka_unit_test(three_sources_long_apart_do_not_either),
		cmocka_unit_test(such_checks_come_once_in_a_second),
		cmocka_unit_test(another_address_is_another_server),
		cmocka_unit_test(the_same_server_goes_on_as_it_is),
		cmocka_unit_test(nobody_looks_at_what_is_gone_or_switched_off),
		cmocka_unit_test(a_shorter_interval_is_meant_at_once),
		cmocka_unit_test(a_check_ends_by_the_method_that_it_was_begun_with),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
