/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of the clients of a server that is gone, or that shall go. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CROWD "limits: { connections = 0; }; max_connections = 1000;"
#define TWO_SERVERS                                                    \
	"servers = ( { name = \"s1\"; address = \"10.0.0.1:5060\"; }," \
	"{ name = \"s2\"; address = \"10.0.0.2:5060\"; } );"
#define TWO(pool)  FAKE_CONF("", TWO_SERVERS pool, CROWD)
#define ONE(pool)  FAKE_CONF("", FAKE_ONE_SERVER pool, CROWD)
#define KEEP	   "on_server_loss = \"keep\";"
#define EARLY	   "retry_on = \"early-close\";"
#define PREFACE(s) "PROXY TCP4 192.0.2.10 192.0.2.98 40000 5061\r\n" s
#define PING	   "\r\n\r\n"

enum { MANY = 200, CROWDED = 900 };

static const char two[] = TWO("");
static struct fake_stream *clients[CROWDED];

static struct backend *backend_of(const struct fake *f, const char *name)
{
	struct backend *b = settings_pool(f->settings, 0)->pool->backends;
	while (strcmp(b->name, name) != 0)
		b = b->next;
	return b;
}

static void order(
	const struct fake *f, const char *name, enum conf_server_state state, uint64_t over_ms)
{
	struct backend *b = backend_of(f, name);
	atomic_store(&b->order_ms, f->now_ms);
	atomic_store(&b->order_over_ms, over_ms);
	atomic_store(&b->order, (unsigned)state + 1);
}

static bool has_gone(const struct fake_stream *client)
{
	return client->is_shut || client->is_closed;
}

/* Of the clients from this one on, every so many. */
static unsigned count_gone(unsigned from, unsigned to, unsigned step)
{
	unsigned gone = 0;
	for (unsigned i = from; i < to; i += step)
		gone += has_gone(clients[i]);
	return gone;
}

/* The i-th client talks to the i-th stream of the core, and they take turns between the servers. */
static void fill(struct fake *f, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		clients[i] = fake_client(f);
		fake_say(clients[i], BYTES(REQUEST("OPTIONS", "1")));
		fake_say(fake_server(f, i), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
		fake_forget(clients[i]);
	}
	fake_pass(f, 2000);
}

/* All of its connections end at once. */
static void crash(struct fake *f, const char *address)
{
	for (struct fake_stream *s = f->streams; s; s = s->next) {
		char to[ADDR_PORT_TEXT_MAX];
		if (!s->to.port || s->is_closed)
			continue;
		addr_port_format(&s->to, to);
		if (!strcmp(to, address))
			s->is_failing = ECONNRESET;
	}
	fake_run(f);
}

static void assert_goes_to(const struct fake_stream *server, const char *address)
{
	char to[ADDR_PORT_TEXT_MAX];
	addr_port_format(&server->to, to);
	assert_string_equal(to, address);
}

/* --- one connection --- */

static void one_that_a_server_closes_is_closed_at_once(void **state)
{
	(void)state;
	struct fake *f = fake_new(two, 1);
	fill(f, 4);
	fake_finish(fake_server(f, 0));
	assert_true(clients[0]->is_shut);
	assert_int_equal(count_gone(1, 4, 1), 0);
	fake_finish(clients[0]);
	fake_assert_closed(clients[0], REASON_SERVER_CLOSED);
	fake_stop(f);
}

static void with_keep_it_gets_another_connection_at_once(void **state)
{
	(void)state;
	struct fake *f = fake_new(TWO(KEEP "proxy_protocol = \"v1\";"), 1);
	fill(f, 1);
	fake_finish(fake_server(f, 0));
	assert_false(has_gone(clients[0]));
	assert_int_equal(f->server_count, 2);
	struct fake_stream *second = fake_server(f, 1);
	fake_assert_written(second, BYTES(PREFACE(PING)));
	fake_say(second, BYTES("\r\n")); /* the pong is ours */
	assert_null(clients[0]->written);
	assert_int_equal(fake_state(clients[0]), SESSION_RELAYING);
	fake_say(clients[0], BYTES(REQUEST("OPTIONS", "2")));
	fake_assert_written(second, BYTES(PREFACE(PING REQUEST("OPTIONS", "2"))));
	fake_say(second, BYTES(RESPONSE("200 OK", "OPTIONS", "2")));
	assert_int_equal(fake_wrote_times(clients[0], "SIP/2.0 200"), 1);
	fake_stop(f);
}

static void while_that_is_made_its_messages_wait(void **state)
{
	static const enum fake_connect script[] = {FAKE_UP, FAKE_PENDING};
	(void)state;
	struct fake *f = fake_new(TWO(KEEP), 1);
	fake_connects(f, script, 2);
	fill(f, 1);
	fake_finish(fake_server(f, 0));
	fake_say(clients[0], BYTES(REQUEST("OPTIONS", "2")));
	fake_say(clients[0], BYTES(REQUEST("OPTIONS", "3")));
	fake_connected(fake_server(f, 1));
	fake_assert_written(
		fake_server(f, 1), BYTES(PING REQUEST("OPTIONS", "2") REQUEST("OPTIONS", "3")));
	fake_stop(f);
}

static void with_keep_a_server_that_accepts_and_closes_is_no_loop(void **state)
{
	(void)state;
	struct fake *f = fake_new(ONE(KEEP), 1);
	fill(f, 1);
	for (unsigned i = 0; i < 20; i++) {
		struct fake_stream *last = fake_server(f, f->server_count - 1);
		if (!last->is_closed)
			fake_finish(last);
		fake_pass(f, 100);
	}
	assert_int_equal(f->server_count, 2);
	assert_false(has_gone(clients[0]));
	assert_int_equal(fake_state(clients[0]), SESSION_PROVEN);
	fake_say(clients[0], BYTES(REQUEST("OPTIONS", "2")));
	fake_assert_written(fake_server(f, 2), BYTES(REQUEST("OPTIONS", "2")));
	fake_stop(f);
}

static void what_was_sent_is_not_sent_again_and_gets_503(void **state)
{
	static const char *const pools[] = {KEEP, KEEP EARLY};
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		char text[1024];
		snprintf(text, sizeof(text), TWO("%s"), pools[i]);
		struct fake *f = fake_new(text, 1);
		fill(f, 1);
		fake_say(clients[0], BYTES(REQUEST("OPTIONS", "2") REQUEST("MESSAGE", "3")));
		fake_server(f, 0)->room = 7; /* and part of another */
		fake_say(clients[0], BYTES(REQUEST("INFO", "4")));
		fake_fail(fake_server(f, 0), ECONNRESET);
		assert_int_equal(fake_wrote_times(clients[0], "SIP/2.0 503"), 3);
		assert_int_equal(fake_wrote_times(clients[0], "\r\nCSeq: 2 OPTIONS\r\n"), 1);
		assert_int_equal(fake_wrote_times(clients[0], "\r\nCSeq: 3 MESSAGE\r\n"), 1);
		assert_int_equal(fake_wrote_times(clients[0], "\r\nCSeq: 4 INFO\r\n"), 1);
		fake_assert_written(fake_server(f, 1), BYTES(PING));
		/* An answer to it from wherever is no second one, and the next has its own. */
		fake_say(clients[0], BYTES(REQUEST("OPTIONS", "5")));
		fake_say(fake_server(f, 1), BYTES(RESPONSE("200 OK", "OPTIONS", "5")));
		assert_int_equal(fake_wrote_times(clients[0], "SIP/2.0 "), 4);
		assert_false(has_gone(clients[0]));
		fake_stop(f);
	}
}

static void with_close_what_was_due_gets_503_first(void **state)
{
	(void)state;
	struct fake *f = fake_new(two, 1);
	fill(f, 1);
	fake_say(clients[0], BYTES(REQUEST("OPTIONS", "2") REQUEST("OPTIONS", "3")));
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "2")));
	fake_finish(fake_server(f, 0));
	assert_int_equal(fake_wrote_times(clients[0], "SIP/2.0 503"), 1);
	assert_int_equal(fake_wrote_times(clients[0], "SIP/2.0 200"), 1);
	assert_true(clients[0]->is_shut);
	fake_stop(f);
}

static void who_cannot_be_told_hears_it_by_the_end(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", TWO_SERVERS KEEP, CROWD "sip: { max_pending = 0; };"), 1);
	fill(f, 2);
	fake_say(clients[0], BYTES(REQUEST("OPTIONS", "2")));
	fake_fail(fake_server(f, 0), ECONNRESET);
	fake_fail(fake_server(f, 1), ECONNRESET);
	assert_true(clients[0]->is_shut);
	assert_null(clients[0]->written);
	assert_false(has_gone(clients[1])); /* nothing was due */
	fake_stop(f);
}

/* --- failover --- */

static void with_early_close_what_was_not_sent_goes_elsewhere(void **state)
{
	(void)state;
	for (unsigned early = 0; early < 2; early++) {
		struct fake *f = fake_new(early ? TWO(KEEP EARLY) : TWO(KEEP), 1);
		fill(f, 1);
		fake_finish(fake_server(f, 0));
		assert_goes_to(fake_server(f, 1), "10.0.0.2:5060");
		fake_server(f, 1)->is_failing = ECONNRESET; /* found by the write */
		fake_queue(clients[0], BYTES(REQUEST("OPTIONS", "2")));
		fake_server(f, 1)->wanted = 0;
		fake_run(f);
		if (early) {
			assert_int_equal(f->server_count, 3);
			assert_goes_to(fake_server(f, 2), "10.0.0.1:5060");
			fake_assert_written(fake_server(f, 2), BYTES(REQUEST("OPTIONS", "2")));
			assert_null(clients[0]->written);
		} else {
			assert_int_equal(fake_wrote_times(clients[0], "SIP/2.0 503"), 1);
		}
		assert_false(has_gone(clients[0]));
		fake_stop(f);
	}
}

static void with_early_close_what_waits_behind_a_header_goes_elsewhere(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING, FAKE_UP};
	(void)state;
	for (unsigned early = 0; early < 2; early++) {
		struct fake *f = fake_new(early ? TWO(EARLY "proxy_protocol = \"v1\";")
						: TWO("proxy_protocol = \"v1\";"),
			1);
		fake_connects(f, script, 2);
		struct fake_stream *client = fake_client(f);
		fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
		fake_server(f, 0)->room = 20; /* less than the header */
		fake_connected(fake_server(f, 0));
		fake_finish(fake_server(f, 0));
		if (early)
			fake_assert_written(
				fake_server(f, 1), BYTES(PREFACE(REQUEST("OPTIONS", "1"))));
		assert_int_equal(f->server_count, 1 + early);
		assert_int_equal(fake_wrote_times(client, "SIP/2.0 503"), !early);
		assert_int_equal(has_gone(client), !early);
		fake_stop(f);
	}
}

static void early_closes_end_with_the_retries(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING};
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("",
					  FAKE_THREE_SERVERS EARLY "retries = 1; "
								   "proxy_protocol = \"v1\";",
					  CROWD),
		1);
	fake_connects(f, script, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	for (unsigned i = 0; i < 2; i++) {
		fake_server(f, i)->room = 20;
		fake_connected(fake_server(f, i));
		fake_finish(fake_server(f, i));
	}
	assert_int_equal(f->server_count, 2);
	assert_int_equal(fake_wrote_times(client, "SIP/2.0 503"), 1);
	assert_false(has_gone(client));
	fake_stop(f);
}

/* --- a server that is gone --- */

static void many_ends_within_a_second_are_paced(void **state)
{
	(void)state;
	struct fake *f = fake_new(TWO("close_rate = \"20/s\";"), 1);
	fill(f, 2 * MANY);
	crash(f, "10.0.0.1:5060");
	unsigned at_once = count_gone(0, 2 * MANY, 2);
	assert_in_range(at_once, 1, 64 + 3);
	fake_pass(f, 1000);
	assert_in_range(count_gone(0, 2 * MANY, 2) - at_once, 17, 23);
	fake_pass(f, 2000);
	assert_in_range(count_gone(0, 2 * MANY, 2) - at_once, 55, 64);
	assert_int_equal(count_gone(1, 2 * MANY, 2), 0);
	fake_pass(f, 10000);
	assert_int_equal(count_gone(0, 2 * MANY, 2), MANY);
	assert_int_equal(count_gone(1, 2 * MANY, 2), 0);
	fake_stop(f);
}

static void of_a_large_crowd_no_quarter_goes_at_once(void **state)
{
	(void)state;
	struct fake *f = fake_new(TWO("close_rate = \"1/m\";"), 1);
	fill(f, CROWDED);
	crash(f, "10.0.0.1:5060");
	assert_in_range(count_gone(0, CROWDED, 1), 8, 64 + 3);
	fake_stop(f);
}

static void few_ends_are_clients_that_were_unwelcome(void **state)
{
	(void)state;
	struct fake *f = fake_new(two, 1);
	fill(f, 14);
	crash(f, "10.0.0.1:5060");
	assert_int_equal(count_gone(0, 14, 2), 7);
	fake_stop(f);
}

static void with_keep_all_of_a_crashed_server_go_to_another(void **state)
{
	(void)state;
	struct fake *f = fake_new(TWO(KEEP), 1);
	fill(f, 100);
	crash(f, "10.0.0.1:5060");
	assert_int_equal(count_gone(0, 100, 1), 0);
	assert_int_equal(f->server_count, 150);
	assert_int_equal(
		atomic_load(&backend_of(f, "s1")->open) + atomic_load(&backend_of(f, "s2")->open),
		100);
	assert_in_range(atomic_load(&backend_of(f, "s1")->open), 0, 16);
	fake_stop(f);
}

/* Half of those who wait for their turn speak before. */
static void a_request_before_goes_to_a_server_that_lives_and_a_register_spares(void **state)
{
	(void)state;
	struct fake *f = fake_new(TWO("close_rate = \"10/s\";"), 1);
	fill(f, 80);
	order(f, "s1", CONF_SERVER_DOWN, 0);
	fake_pass(f, 100);
	for (unsigned i = 72; i < 80; i += 2) {
		const char *method = i % 4 ? "OPTIONS" : "REGISTER";
		char request[512], response[512];
		assert_false(has_gone(clients[i]));
		snprintf(request, sizeof(request), REQUEST("%s", "2"), method, method);
		snprintf(response, sizeof(response), RESPONSE("200 OK", "%s", "2"), method);
		fake_say(clients[i], request, strlen(request));
		struct fake_stream *server = fake_server(f, f->server_count - 1);
		assert_goes_to(server, "10.0.0.2:5060");
		fake_assert_written(server, request, strlen(request));
		fake_say(server, response, strlen(response));
	}
	fake_pass(f, 10000);
	assert_int_equal(count_gone(0, 80, 4) + has_gone(clients[76]) + has_gone(clients[72]), 18);
	assert_int_equal(count_gone(2, 80, 4), 20);
	assert_int_equal(count_gone(1, 80, 2), 0);
	fake_stop(f);
}

static void who_waits_for_an_answer_is_closed_behind_it(void **state)
{
	(void)state;
	struct fake *f = fake_new(two, 1);
	fill(f, 2);
	order(f, "s1", CONF_SERVER_DOWN, 0);
	fake_say(clients[0], BYTES(REQUEST("INVITE", "2")));
	fake_pass(f, 10000);
	assert_false(has_gone(clients[0]));
	fake_say(fake_server(f, 2), BYTES(RESPONSE("486 Busy Here", "INVITE", "2")));
	fake_pass(f, 200);
	assert_int_equal(fake_wrote_times(clients[0], "SIP/2.0 486"), 1);
	assert_true(clients[0]->is_shut);
	fake_stop(f);
}

static void nobody_is_closed_while_no_other_server_is_up(void **state)
{
	static const enum fake_connect refused[] = {FAKE_REFUSED};
	(void)state;
	struct fake *f = fake_new(ONE("close_rate = \"off\";"), 1);
	fill(f, 20);
	fake_connects(f, refused, 1);
	crash(f, "10.0.0.1:5060");
	unsigned at_once = count_gone(0, 20, 1);
	assert_in_range(at_once, 1, 8);
	backend_tell(backend_of(f, "s1"), BACKEND_DOWN, f->now_ms);
	fake_pass(f, 60000);
	assert_int_equal(count_gone(0, 20, 1), at_once);
	for (unsigned i = 0; i < 20; i++) {
		if (has_gone(clients[i]))
			continue;
		fake_say(clients[i], BYTES(REQUEST("OPTIONS", "2")));
		assert_int_equal(fake_wrote_times(clients[i], "SIP/2.0 503"), 1);
	}
	fake_pass(f, 5000);
	assert_int_equal(count_gone(0, 20, 1), at_once);
	fake_stop(f);
}

/* Whether it is up nobody has found out yet: that it has not been found down is not enough. */
static void nor_before_the_only_server_is_seen_again(void **state)
{
	static const enum fake_connect refused[] = {FAKE_REFUSED}, up[] = {FAKE_UP};
	(void)state;
	struct fake *f = fake_new(ONE("close_rate = \"off\";"), 1);
	fill(f, 20);
	fake_connects(f, refused, 1);
	crash(f, "10.0.0.1:5060");
	unsigned at_once = count_gone(0, 20, 1);
	fake_pass(f, 60000);
	assert_int_equal(count_gone(0, 20, 1), at_once);
	fake_connects(f, up, 1);
	fake_say(clients[19], BYTES(REQUEST("REGISTER", "2")));
	fake_say(fake_server(f, 20), BYTES(RESPONSE("200 OK", "REGISTER", "2")));
	fake_pass(f, 500);
	assert_int_equal(count_gone(0, 20, 1), 19);
	assert_false(has_gone(clients[19]));
	fake_stop(f);
}

/* The real course of it: checks fail, it is down, and it is lost. */
static void a_server_that_is_down_for_long_enough_is_lost(void **state)
{
	static const char conf[] = FAKE_CONF_CHECKED("",
		"policy = \"round-robin\";" TWO_SERVERS "health: { interval = \"1s\"; fall = 1; "
		"timeout = \"1s\"; }; loss_after = \"30s\"; close_rate = \"off\";",
		CROWD);
	(void)state;
	struct fake *f = fake_new(conf, 1);
	for (unsigned i = 0; i < 4; i++) {
		clients[i] = fake_client(f);
		fake_say(clients[i], BYTES(REQUEST("OPTIONS", "1")));
		fake_say(fake_server(f, i), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	}
	uint64_t lost_ms = 0;
	for (unsigned tick = 0; tick < 400 && !lost_ms; tick++) {
		for (struct fake_stream *s = f->streams; s; s = s->next) {
			char text[2048];
			if (!s->to.port || s->is_closed || s->piece_count ||
				!fake_wrote(s, "User-Agent: sipweir") ||
				!fake_wrote(s, "sip:10.0.0.2"))
				continue;
			snprintf(text, sizeof(text), "SIP/2.0 200 OK%s",
				strstr(s->written, "\r\nVia: "));
			fake_queue(s, text, strlen(text));
		}
		fake_pass(f, 100);
		if (atomic_load(&backend_of(f, "s1")->is_lost))
			lost_ms = f->now_ms;
	}
	assert_int_equal(fake_count(f, RECORD_BACKEND_LOST), 1);
	assert_in_range(lost_ms - atomic_load(&backend_of(f, "s1")->since_ms), 30000, 30200);
	fake_pass(f, 200);
	assert_true(has_gone(clients[0]) && has_gone(clients[2]));
	assert_false(has_gone(clients[1]) || has_gone(clients[3]));
	fake_stop(f);
}

static void an_answer_that_a_server_that_is_down_has_owed_for_20_s_will_not_come(void **state)
{
	(void)state;
	struct fake *f = fake_new(ONE(""), 1);
	fill(f, 2);
	fake_say(clients[0], BYTES(REQUEST("OPTIONS", "2")));
	backend_tell(backend_of(f, "s1"), BACKEND_DOWN, f->now_ms);
	fake_pass(f, 19800);
	assert_null(clients[0]->written);
	fake_pass(f, 400);
	assert_int_equal(fake_wrote_times(clients[0], "SIP/2.0 503"), 1);
	assert_true(fake_server(f, 0)->is_closed);
	assert_false(fake_server(f, 1)->is_closed);
	fake_pass(f, 30000);
	assert_int_equal(count_gone(0, 2, 1), 0);
	assert_int_equal(fake_wrote_times(clients[0], "SIP/2.0 503"), 1);
	fake_stop(f);
}

static void who_is_being_connected_to_a_lost_server_goes_on_to_another(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING, FAKE_UP};
	(void)state;
	struct fake *f = fake_new(two, 1);
	fake_connects(f, script, 2);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	order(f, "s1", CONF_SERVER_DOWN, 0);
	fake_pass(f, 200);
	assert_true(fake_server(f, 0)->is_closed);
	fake_assert_written(fake_server(f, 1), BYTES(REQUEST("OPTIONS", "1")));
	assert_null(client->written);
	fake_stop(f);
}

/* What is left of a connection that is given up for its server must not be used any more. */
static void who_is_slow_to_take_the_news_is_waited_for(void **state)
{
	(void)state;
	for (unsigned half_closed = 0; half_closed < 2; half_closed++) {
		struct fake *f = fake_new(FAKE_CONF("", TWO_SERVERS "keepalive_interval = \"1s\";",
						  CROWD "sip: { max_pending = 1; };"),
			1);
		fill(f, 2);
		clients[0]->room = 5;
		fake_say(clients[0], BYTES(REQUEST("OPTIONS", "2")));
		fake_say(clients[0], BYTES(REQUEST("OPTIONS", "3")));
		if (half_closed)
			fake_finish(clients[0]);
		order(f, "s1", CONF_SERVER_DOWN, 0);
		fake_pass(f, 5000);
		assert_true(fake_server(f, 0)->is_closed);
		assert_false(has_gone(clients[0]));
		fake_give_room(clients[0], SIZE_MAX);
		assert_int_equal(fake_wrote_times(clients[0], "SIP/2.0 503"), 1);
		assert_true(has_gone(clients[0]));
		fake_stop(f);
	}
}

/* --- drained --- */

static void a_drain_is_even_and_between_messages(void **state)
{
	static const char half[] = "OPTIONS sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/TCP h";
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", TWO_SERVERS,
					  CROWD "timeouts: { message = "
						"\"5m\"; };"),
		1);
	fill(f, MANY);
	fake_say(clients[0], BYTES(half));
	fake_say(clients[2], BYTES(REQUEST("INVITE", "2")));
	order(f, "s1", CONF_SERVER_DRAIN, 100000);
	for (unsigned tenth = 1; tenth <= 9; tenth++) {
		fake_pass(f, 10000);
		assert_in_range(count_gone(0, MANY, 2), tenth * 10 - 1, tenth * 10);
	}
	assert_false(has_gone(clients[0]) || has_gone(clients[2]));
	fake_pass(f, 10200);
	assert_int_equal(count_gone(0, MANY, 2), MANY / 2 - 2);
	fake_pass(f, 2000);
	assert_int_equal(count_gone(0, MANY, 2), MANY / 2);
	assert_int_equal(count_gone(1, MANY, 2), 0);
	/* What was still due is told. */
	assert_int_equal(fake_wrote_times(clients[2], "SIP/2.0 503"), 1);
	fake_stop(f);
}

static void those_with_a_dialog_go_last_however_many_they_are(void **state)
{
	enum { CALLS = 300, QUIET = 100 };
	(void)state;
	struct fake *f = fake_new(ONE(""), 1);
	fill(f, CALLS + QUIET);
	for (unsigned i = 0; i < CALLS; i++) {
		fake_say(clients[i], BYTES(REQUEST("INVITE", "2")));
		fake_say(fake_server(f, i), BYTES(RESPONSE("200 OK", "INVITE", "2")));
	}
	order(f, "s1", CONF_SERVER_DRAIN, 100000);
	fake_pass(f, 20100);
	assert_int_equal(count_gone(0, CALLS, 1), 0);
	assert_in_range(count_gone(CALLS, CALLS + QUIET, 1), 79, 81);
	fake_pass(f, 69500);
	assert_int_equal(count_gone(0, CALLS, 1), 0);
	assert_int_equal(count_gone(CALLS, CALLS + QUIET, 1), QUIET);
	fake_pass(f, 10600);
	assert_int_equal(count_gone(0, CALLS, 1), CALLS);
	fake_stop(f);
}

static void each_worker_drains_its_own(void **state)
{
	(void)state;
	struct fake *f = fake_new(two, 2);
	for (unsigned i = 0; i < 80; i++) {
		clients[i] = fake_stream_new(f);
		fake_accept(clients[i], i / 2 % 2, 0, "192.0.2.10:4000");
		fake_say(clients[i], BYTES(REQUEST("OPTIONS", "1")));
		fake_say(fake_server(f, i), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	}
	order(f, "s1", CONF_SERVER_DRAIN, 10000);
	fake_pass(f, 5000);
	assert_in_range(count_gone(0, 80, 4), 9, 11);
	assert_in_range(count_gone(2, 80, 4), 9, 11);
	fake_pass(f, 5200);
	assert_int_equal(count_gone(0, 80, 2), 40);
	assert_int_equal(count_gone(1, 80, 2), 0);
	fake_stop(f);
}

static void up_ends_a_drain(void **state)
{
	(void)state;
	struct fake *f = fake_new(two, 1);
	fill(f, 80);
	order(f, "s1", CONF_SERVER_DRAIN, 10000);
	fake_pass(f, 5000);
	unsigned gone = count_gone(0, 80, 2);
	order(f, "s1", CONF_SERVER_UP, 0);
	fake_pass(f, 60000);
	assert_int_equal(count_gone(0, 80, 2), gone);
	order(f, "s1", CONF_SERVER_DRAIN, 10000);
	fake_pass(f, 5000);
	assert_in_range(count_gone(0, 80, 2), gone + (40 - gone) / 2 - 1, gone + (40 - gone) / 2);
	fake_stop(f);
}

#define DRAINED                                                                              \
	"servers = ( { name = \"s1\"; address = \"10.0.0.1:5060\"; state = \"drain\"; }, { " \
	"name = \"s2\"; address = \"10.0.0.2:5060\"; } ); drain_over = \"10s\";"
#define REMOVED                                                           \
	"servers = ( { name = \"s2\"; address = \"10.0.0.2:5060\"; } ); " \
	"drain_over = \"10s\";"

/* An hour before an administrator had said "up", which was the file's own word. */
static void a_drain_by_the_file_begins_with_the_file(void **state)
{
	(void)state;
	struct fake *f = fake_new(two, 1);
	fill(f, 80);
	atomic_store(&backend_of(f, "s1")->order_ms, f->now_ms);
	fake_pass(f, 3600000);
	fake_reload(f, FAKE_CONF("", DRAINED, CROWD));
	fake_pass(f, 5000);
	assert_in_range(count_gone(0, 80, 2), 18, 20);
	fake_pass(f, 5200);
	assert_int_equal(count_gone(0, 80, 2), 40);
	fake_stop(f);
}

static void one_that_is_removed_is_drained_and_stays_when_it_comes_back(void **state)
{
	(void)state;
	struct fake *f = fake_new(two, 1);
	fill(f, 80);
	fake_reload(f, FAKE_CONF("", REMOVED, CROWD));
	fake_pass(f, 5000);
	assert_in_range(count_gone(0, 80, 2), 18, 21);
	unsigned gone = count_gone(0, 80, 2);
	fake_reload(f, two);
	fake_pass(f, 60000);
	assert_int_equal(count_gone(0, 80, 2), gone);
	fake_reload(f, FAKE_CONF("", REMOVED, CROWD));
	fake_pass(f, 5000);
	assert_in_range(count_gone(0, 80, 2), gone + (40 - gone) / 2 - 2, gone + (40 - gone) / 2);
	fake_pass(f, 5300);
	assert_int_equal(count_gone(0, 80, 2), 40);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_a_server_closes_is_closed_at_once),
		cmocka_unit_test(with_keep_it_gets_another_connection_at_once),
		cmocka_unit_test(while_that_is_made_its_messages_wait),
		cmocka_unit_test(with_keep_a_server_that_accepts_and_closes_is_no_loop),
		cmocka_unit_test(what_was_sent_is_not_sent_again_and_gets_503),
		cmocka_unit_test(with_close_what_was_due_gets_503_first),
		cmocka_unit_test(who_cannot_be_told_hears_it_by_the_end),
		cmocka_unit_test(with_early_close_what_was_not_sent_goes_elsewhere),
		cmocka_unit_test(with_early_close_what_waits_behind_a_header_goes_elsewhere),
		cmocka_unit_test(early_closes_end_with_the_retries),
		cmocka_unit_test(many_ends_within_a_second_are_paced),
		cmocka_unit_test(of_a_large_crowd_no_quarter_goes_at_once),
		cmocka_unit_test(few_ends_are_clients_that_were_unwelcome),
		cmocka_unit_test(with_keep_all_of_a_crashed_server_go_to_another),
		cmocka_unit_test(
			a_request_before_goes_to_a_server_that_lives_and_a_register_spares),
		cmocka_unit_test(who_waits_for_an_answer_is_closed_behind_it),
		cmocka_unit_test(nobody_is_closed_while_no_other_server_is_up),
		cmocka_unit_test(nor_before_the_only_server_is_seen_again),
		cmocka_unit_test(a_server_that_is_down_for_long_enough_is_lost),
		cmocka_unit_test(
			an_answer_that_a_server_that_is_down_has_owed_for_20_s_will_not_come),
		cmocka_unit_test(who_is_being_connected_to_a_lost_server_goes_on_to_another),
		cmocka_unit_test(who_is_slow_to_take_the_news_is_waited_for),
		cmocka_unit_test(a_drain_is_even_and_between_messages),
		cmocka_unit_test(those_with_a_dialog_go_last_however_many_they_are),
		cmocka_unit_test(each_worker_drains_its_own),
		cmocka_unit_test(up_ends_a_drain),
		cmocka_unit_test(a_drain_by_the_file_begins_with_the_file),
		cmocka_unit_test(one_that_is_removed_is_drained_and_stays_when_it_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
