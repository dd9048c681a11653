/* SPDX-License-Identifier: BSD-2-Clause */
/* Health checks: what they ask, what they take for an answer, and when a server goes down and comes back. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEALTH(more) FAKE_ONE_SERVER "health: { interval = \"5s\"; timeout = \"2s\"; " more " };"
#define CONF(pool)   FAKE_CONF_CHECKED("", pool, "")

static struct backend *backend(const struct fake *f, unsigned i)
{
	return settings_pool(f->settings, 0)->servers[i].backend;
}

static enum backend_health health(const struct fake *f)
{
	return atomic_load(&backend(f, 0)->health);
}

/* The n-th check has begun. */
static struct fake_stream *wait_check(struct fake *f, unsigned n)
{
	for (unsigned ms = 0; f->server_count <= n && ms < 6000; ms += 100)
		fake_pass(f, 100);
	assert_int_equal(f->server_count, n + 1);
	return fake_server(f, n);
}

/* What stands behind `name` in what was asked, up to the end of the line. */
static const char *line_of(const struct fake_stream *s, const char *name)
{
	static char line[256];
	const char *found = strstr(s->written, name);
	assert_non_null(found);
	size_t length = strcspn(found, "\r");
	memcpy(line, found, length);
	line[length] = '\0';
	return line;
}

static const char *response(const struct fake_stream *s, const char *status, const char *call_id)
{
	static char text[512];
	snprintf(text, sizeof(text),
		"SIP/2.0 %s\r\nVia: SIP/2.0/TCP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: "
		"<sip:a@b>;tag=2\r\n%s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
		status, call_id ? call_id : line_of(s, "Call-ID: "));
	return text;
}

static void answer(struct fake_stream *s, const char *status)
{
	const char *text = response(s, status, NULL);
	fake_say(s, text, strlen(text));
}

static void a_server_is_asked_and_its_answer_shows_that_it_works(void **state)
{
	(void)state;
	struct fake *f = fake_new(CONF(HEALTH("")), 1);
	struct fake_stream *s = wait_check(f, 0);
	assert_int_equal(strncmp(s->written, "OPTIONS sip:10.0.0.1:5060 SIP/2.0\r\n", 35), 0);
	assert_non_null(strstr(s->written, "Via: SIP/2.0/TCP 192.0.2.98:5061;branch=z9hG4bK"));
	assert_int_equal(health(f), BACKEND_UNKNOWN);
	answer(s, "200 OK");
	assert_int_equal(health(f), BACKEND_UP);
	assert_true(s->is_closed);
	assert_int_equal(memory_held(&f->shared.memory), 0);
	assert_int_equal(fake_count(f, RECORD_BACKEND_UP), 0); /* nothing has changed */
	fake_end(f);
}

static void the_header_of_a_check_says_that_it_is_nobodys(void **state)
{
	static const char v2[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0OPTIONS ";
	static const char v1[] = "PROXY UNKNOWN\r\nOPTIONS ";
	static const struct {
		const char *conf, *begin;
		size_t length;
	} cases[] = {
		{CONF(HEALTH("") "proxy_protocol = \"v2\";"), BYTES(v2)},
		{CONF(HEALTH("") "proxy_protocol = \"v1\";"), BYTES(v1)},
	};
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct fake *f = fake_new(cases[i].conf, 1);
		struct fake_stream *s = wait_check(f, 0);
		assert_memory_equal(s->written, cases[i].begin, cases[i].length);
		fake_end(f);
	}
}

/* With TLS the header goes out in clear before the handshake, whose failure has a name. */
static void a_check_over_tls_has_its_header_before_and_tells_what_fails(void **state)
{
	static const char conf[] =
		CONF("servers = ( { name = \"s1\"; address = \"10.0.0.1:5061\"; transport = "
		     "\"tls\"; } ); proxy_protocol = \"v2\";");
	static const enum fake_connect fails[] = {FAKE_FAILS};
	(void)state;
	struct fake *f = fake_new(conf, 1);
	struct fake_stream *s = wait_check(f, 0);
	assert_true(s->is_for_tls);
	assert_int_equal(s->preface_length, 16);
	assert_non_null(strstr(s->written, "Via: SIP/2.0/TLS "));
	answer(s, "200 OK");
	fake_connects(f, fails, 1);
	fake_pass(f, 5100);
	assert_string_equal(backend(f, 0)->why, "unknown_ca");
	assert_int_equal(memory_held(&f->shared.memory), 0);
	fake_end(f);
}

static void statuses_are_judged_by_alive(void **state)
{
	static const struct {
		const char *status;
		bool is_alive;
	} cases[] = {{"200 OK", true}, {"404 Not Found", true}, {"483 Too Many Hops", true},
		{"407 Who", true}, {"501 No", true}, {"603 No", true}, {"408 Timeout", false},
		{"500 Broken", false}, {"503 Full", false}};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake *f = fake_new(CONF(HEALTH("")), 1);
		answer(wait_check(f, 0), cases[i].status);
		assert_int_equal(health(f), cases[i].is_alive ? BACKEND_UP : BACKEND_DOWN);
		assert_int_equal(fake_count(f, RECORD_BACKEND_DOWN), cases[i].is_alive ? 0 : 1);
		fake_end(f);
	}
}

static void what_is_no_answer_to_it_is_none(void **state)
{
	(void)state;
	struct fake *f = fake_new(CONF(HEALTH("")), 1);
	struct fake_stream *s = wait_check(f, 0);
	answer(s, "100 Trying");
	assert_int_equal(health(f), BACKEND_UNKNOWN);
	const char *other = response(s, "200 OK", "Call-ID: other");
	fake_say(s, other, strlen(other));
	fake_say(s, BYTES(REQUEST("OPTIONS", "7")));
	fake_say(s, BYTES("\r\n\r\n"));
	assert_int_equal(health(f), BACKEND_UNKNOWN);
	assert_false(s->is_closed);
	const char *own = response(s, "200 OK", NULL);
	for (size_t i = 0; i < strlen(own); i++)
		fake_say(s, own + i, 1);
	assert_int_equal(health(f), BACKEND_UP);
	fake_end(f);
}

static void fail_in_some_way(struct fake *f, struct fake_stream *s, unsigned way)
{
	static char long_line[70000];
	memset(long_line, 'a', sizeof(long_line));
	switch (way) {
	case 0:
		fake_pass(f, 2100);
		break;
	case 1:
		fake_finish(s);
		break;
	case 2:
		fake_fail(s, ECONNRESET);
		break;
	case 3:
		fake_say(s, BYTES("HTTP/1.1 200 OK\r\n\r\n"));
		break;
	default:
		fake_say(s, long_line, sizeof(long_line));
		break;
	}
}

static void whatever_is_no_answer_in_time_has_failed_for_a_reason(void **state)
{
	static const char *const reasons[] = {"timeout", "closed", "ECONNRESET", "http", NULL};
	(void)state;
	for (unsigned way = 0; way < 5; way++) {
		struct fake *f = fake_new(CONF(HEALTH("")), 1);
		struct fake_stream *s = wait_check(f, 0);
		fail_in_some_way(f, s, way);
		assert_int_equal(health(f), BACKEND_DOWN); /* the first ever is enough */
		if (reasons[way])
			assert_string_equal(
				fake_last(f, RECORD_BACKEND_DOWN)->reason, reasons[way]);
		assert_true(s->is_closed);
		assert_int_equal(memory_held(&f->shared.memory), 0);
		fake_end(f);
	}
}

static void a_connect_that_fails_at_once_is_a_failure(void **state)
{
	static const enum fake_connect ways[] = {FAKE_REFUSED, FAKE_FAILS};
	(void)state;
	for (unsigned way = 0; way < 2; way++) {
		struct fake *f = fake_new(CONF(HEALTH("")), 1);
		fake_connects(f, &ways[way], 1);
		fake_pass(f, 1200);
		assert_int_equal(health(f), BACKEND_DOWN);
		assert_string_equal(fake_last(f, RECORD_BACKEND_DOWN)->reason, "ECONNREFUSED");
		fake_end(f);
	}
}

static void as_many_in_a_row_as_fall_and_rise_say_change_it(void **state)
{
	static const bool checks[] = {
		true, false, false, true, false, false, false, true, false, true, true};
	static const enum backend_health expected[] = {BACKEND_UP, BACKEND_UP, BACKEND_UP,
		BACKEND_UP, BACKEND_UP, BACKEND_UP, BACKEND_DOWN, BACKEND_DOWN, BACKEND_DOWN,
		BACKEND_DOWN, BACKEND_UP};
	(void)state;
	struct fake *f = fake_new(CONF(HEALTH("fall = 3; rise = 2;")), 1);
	for (unsigned i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		answer(wait_check(f, i), checks[i] ? "200 OK" : "503 No");
		assert_int_equal(health(f), expected[i]);
	}
	assert_int_equal(fake_count(f, RECORD_BACKEND_DOWN), 1);
	assert_int_equal(fake_count(f, RECORD_BACKEND_UP), 1);
	fake_end(f);
}

static void the_next_comes_within_the_interval_and_not_always_at_its_end(void **state)
{
	uint64_t least = UINT64_MAX, most = 0, before = 0;
	(void)state;
	struct fake *f = fake_new(CONF(HEALTH("")), 1);
	for (unsigned i = 0; i < 40; i++) {
		struct fake_stream *s = wait_check(f, i);
		uint64_t passed = f->now_ms - before;
		before = f->now_ms;
		if (i) {
			least = passed < least ? passed : least;
			most = passed > most ? passed : most;
		}
		answer(s, "200 OK");
	}
	assert_in_range(least, 3900, 4600);
	assert_in_range(most, 4600, 5100);
	fake_end(f);
}

static void with_connect_nothing_is_asked(void **state)
{
	(void)state;
	struct fake *f = fake_new(CONF(HEALTH("method = \"connect\";")), 1);
	struct fake_stream *s = wait_check(f, 0);
	assert_int_equal(health(f), BACKEND_UP);
	assert_true(s->is_closed);
	fake_assert_written(s, BYTES("\r\n\r\n"));
	fake_end(f);
}

/* --- what clients meet --- */

static void ask_from(struct fake *f, const char *peer)
{
	fake_say(fake_client_from(f, peer), BYTES(REQUEST("OPTIONS", "1")));
}

/* Complaints of one source say more about it than about the server. */
static void three_sources_that_cannot_connect_make_it_be_checked_at_once_and_one_never(void **state)
{
	static const enum fake_connect up[] = {FAKE_UP};
	(void)state;
	struct fake *f = fake_new(CONF(HEALTH("")), 1);
	answer(wait_check(f, 0), "200 OK");
	fake_pass(f, 1500);
	f->otherwise = FAKE_REFUSED;
	for (unsigned i = 0; i < 5; i++)
		ask_from(f, "192.0.2.1:4000");
	fake_pass(f, 300);
	assert_false(backend(f, 0)->is_check_wanted);
	unsigned checks = backend(f, 0)->status;
	assert_int_equal(checks, 200);
	ask_from(f, "192.0.2.2:4000");
	ask_from(f, "192.0.2.3:4000");
	assert_int_equal(health(f), BACKEND_UP); /* not by themselves */
	fake_connects(f, up, 1);
	unsigned before = f->server_count;
	fake_pass(f, 200);
	assert_int_equal(f->server_count, before + 1);
	answer(fake_server(f, before), "200 OK");
	/* At most one a second. */
	fake_connects(f, up, 1);
	ask_from(f, "192.0.2.4:4000");
	f->otherwise = FAKE_UP;
	fake_pass(f, 600);
	assert_int_equal(backend(f, 0)->status, 200);
	fake_stop(f);
}

static void new_clients_go_where_the_checks_succeed(void **state)
{
	static const char conf[] = CONF(FAKE_THREE_SERVERS "policy = \"round-robin\";");
	(void)state;
	struct fake *f = fake_new(conf, 1);
	fake_pass(f, 1100);
	assert_int_equal(f->server_count, 3);
	for (unsigned i = 0; i < 3; i++) {
		struct fake_stream *s = fake_server(f, i);
		bool is_second = s->to.addr.bytes[15] == 2;
		answer(s, is_second ? "503 No" : "200 OK");
	}
	for (unsigned i = 0; i < 8; i++) {
		fake_say(fake_client(f), BYTES(REQUEST("OPTIONS", "1")));
		assert_int_not_equal(fake_server(f, 3 + i)->to.addr.bytes[15], 2);
	}
	fake_stop(f);
}

/* --- reloads --- */

static void what_a_reload_changes_is_checked_anew_or_no_more(void **state)
{
	static const char *const other[] = {
		CONF("servers = ( { name = \"s1\"; address = \"10.0.0.9:5060\"; } );"),
		CONF("servers = ( { name = \"s2\"; address = \"10.0.0.1:5060\"; } );"),
		CONF(HEALTH("method = \"off\";")),
		FAKE_CONF_CHECKED("", "respond: { };", ""),
	};
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		for (unsigned is_under_way = 0; is_under_way < 2; is_under_way++) {
			struct fake *f = fake_new(CONF(HEALTH("")), 2);
			struct fake_stream *s = wait_check(f, 0);
			struct backend *b = backend(f, 0);
			if (!is_under_way)
				answer(s, "503 No");
			fake_reload(f, other[i]);
			fake_pass(f, 100);
			assert_true(s->is_closed);
			assert_int_equal(atomic_load(&b->health), BACKEND_UNKNOWN);
			fake_pass(f, 1000);
			assert_int_equal(f->server_count, i < 2 ? 2 : 1);
			fake_pass(f, 10000);
			fake_end(f);
		}
}

static void a_server_down_for_long_is_lost_and_found_when_it_is_back(void **state)
{
	(void)state;
	struct fake *f = fake_new(CONF(HEALTH("rise = 1;") "loss_after = \"12s\";"), 1);
	unsigned n = 0;
	answer(wait_check(f, n++), "503 No");
	uint64_t down_ms = f->now_ms;
	while (!fake_count(f, RECORD_BACKEND_LOST) && f->now_ms < down_ms + 20000)
		answer(wait_check(f, n++), "503 No");
	assert_in_range(f->now_ms - down_ms, 12000, 17100);
	assert_true(atomic_load(&backend(f, 0)->is_lost));
	answer(wait_check(f, n++), "200 OK");
	assert_false(atomic_load(&backend(f, 0)->is_lost));
	assert_int_equal(fake_count(f, RECORD_BACKEND_LOST), 1);
	fake_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_is_asked_and_its_answer_shows_that_it_works),
		cmocka_unit_test(the_header_of_a_check_says_that_it_is_nobodys),
		cmocka_unit_test(a_check_over_tls_has_its_header_before_and_tells_what_fails),
		cmocka_unit_test(statuses_are_judged_by_alive),
		cmocka_unit_test(what_is_no_answer_to_it_is_none),
		cmocka_unit_test(whatever_is_no_answer_in_time_has_failed_for_a_reason),
		cmocka_unit_test(
			a_connect_that_fails_at_once_is_a_failure),
		cmocka_unit_test(as_many_in_a_row_as_fall_and_rise_say_change_it),
		cmocka_unit_test(the_next_comes_within_the_interval_and_not_always_at_its_end),
		cmocka_unit_test(with_connect_nothing_is_asked),
		cmocka_unit_test(
			three_sources_that_cannot_connect_make_it_be_checked_at_once_and_one_never),
		cmocka_unit_test(new_clients_go_where_the_checks_succeed),
		cmocka_unit_test(what_a_reload_changes_is_checked_anew_or_no_more),
		cmocka_unit_test(a_server_down_for_long_is_lost_and_found_when_it_is_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
