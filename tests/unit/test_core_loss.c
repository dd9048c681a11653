/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of the clients of a server that is gone, or that shall go. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TWO_SERVERS                                                    \
	"servers = ( { name = \"s1\"; address = \"10.0.0.1:5060\"; }," \
	"{ name = \"s2\"; address = \"10.0.0.2:5060\"; } );"
#define TWO(more) FAKE_CONF("", TWO_SERVERS more, "limits: { connections = 0; unproven = 0; };")
#define ONE(more) FAKE_CONF("", FAKE_ONE_SERVER more, "limits: { connections = 0; unproven = 0; };")

enum { CLIENTS_MAX = 64 };

static struct backend *backend(const struct fake *f, unsigned i)
{
	return settings_pool(f->settings, 0)->servers[i].backend;
}

static void order(const struct fake *f, unsigned i, enum conf_server_state state, uint64_t over_ms)
{
	struct backend *b = backend(f, i);
	atomic_store(&b->order_ms, f->now_ms);
	atomic_store(&b->order_over_ms, over_ms);
	atomic_store(&b->order, (unsigned)state + 1);
}

/* A client whose request has been answered; *server: its connection there. */
static struct fake_stream *settled(struct fake *f, struct fake_stream **server)
{
	struct fake_stream *client = fake_client(f);
	unsigned n = f->server_count;
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	*server = fake_server(f, n);
	fake_say(*server, BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_forget(client);
	fake_forget(*server);
	return client;
}

struct crowd {
	struct fake_stream *clients[CLIENTS_MAX], *servers[CLIENTS_MAX];
	unsigned count;
};

/* So many whose server is the first one. */
static void settle_at_first(struct fake *f, struct crowd *c, unsigned count)
{
	order(f, 1, CONF_SERVER_DRAIN, 3600000);
	for (c->count = 0; c->count < count; c->count++)
		c->clients[c->count] = settled(f, &c->servers[c->count]);
	atomic_store(&backend(f, 1)->order, 0);
}

static unsigned count_open(const struct crowd *c)
{
	unsigned open = 0;
	for (unsigned i = 0; i < c->count; i++)
		open += !c->clients[i]->is_shut && !c->clients[i]->is_closed;
	return open;
}

/* Their server closes all connections at once, as one that is killed does. */
static void kill_server(struct fake *f, struct crowd *c)
{
	for (unsigned i = 0; i < c->count; i++)
		c->servers[i]->is_ended = true;
	fake_run(f);
}

/* --- one connection --- */

static void one_connection_that_a_server_closes_costs_its_own_client_alone(void **state)
{
	(void)state;
	struct fake *f = fake_new(ONE(""), 1);
	struct fake_stream *servers[2];
	struct fake_stream *one = settled(f, &servers[0]), *other = settled(f, &servers[1]);
	fake_finish(servers[0]);
	assert_int_equal(fake_state(one), SESSION_DRAINING);
	assert_int_equal(fake_state(other), SESSION_RELAYING);
	fake_finish(one);
	fake_assert_closed(one, REASON_SERVER_CLOSED);
	fake_stop(f);
}

static void with_keep_it_gets_another_and_does_not_notice(void **state)
{
	static const char conf[] = ONE("on_server_loss = \"keep\"; proxy_protocol = \"v1\";");
	static const char header[] = "PROXY TCP4 192.0.2.10 192.0.2.98 40000 5061\r\n";
	(void)state;
	struct fake *f = fake_new(conf, 1);
	struct fake_stream *server;
	struct fake_stream *client = settled(f, &server);
	fake_pass(f, 1100);
	fake_finish(server);
	assert_int_equal(f->server_count, 2);
	struct fake_stream *next = fake_server(f, 1);
	assert_int_equal(strncmp(next->written, header, 11), 0);
	assert_string_equal(strstr(next->written, "\r\n") + 2, "\r\n\r\n"); /* a ping */
	fake_say(next, BYTES("\r\n"));					    /* its pong is ours */
	assert_null(client->written_length ? client->written : NULL);
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	assert_non_null(strstr(next->written, "CSeq: 2 OPTIONS"));
	assert_int_equal(fake_state(client), SESSION_RELAYING);
	fake_stop(f);
}

static void a_server_that_accepts_and_closes_is_not_run_against(void **state)
{
	(void)state;
	struct fake *f = fake_new(ONE("on_server_loss = \"keep\";"), 1);
	struct fake_stream *server;
	struct fake_stream *client = settled(f, &server);
	fake_finish(server);
	assert_int_equal(f->server_count, 1);
	assert_int_equal(fake_state(client), SESSION_PROVEN);
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	assert_int_equal(f->server_count, 2);
	assert_int_equal(fake_state(client), SESSION_RELAYING);
	fake_stop(f);
}

/* --- what was due --- */

static void requests_whose_answer_is_due_hear_503_once(void **state)
{
	static const char close_it[] = ONE("on_server_loss = \"close\";");
	static const char keep_it[] = ONE("on_server_loss = \"keep\";");
	(void)state;
	for (unsigned way = 0; way < 2; way++) {
		struct fake *f = fake_new(way ? keep_it : close_it, 1);
		struct fake_stream *server;
		struct fake_stream *client = settled(f, &server);
		fake_say(client,
			BYTES(REQUEST("INVITE", "2") REQUEST("OPTIONS", "3") REQUEST("ACK", "4")));
		fake_say(server, BYTES(RESPONSE("180 Ringing", "INVITE", "2")));
		fake_finish(server);
		assert_int_equal(fake_wrote_times(client, "SIP/2.0 503 Service Unavailable"), 2);
		assert_int_equal(fake_wrote_times(client, "CSeq: 2 INVITE"), 2); /* 180, 503 */
		assert_int_equal(fake_wrote_times(client, "CSeq: 3 OPTIONS"), 1);
		assert_int_equal(fake_wrote_times(client, "ACK"), 0);
		assert_int_equal(memory_held(&f->shared.memory), 0);
		fake_stop(f);
	}
}

/* What is not remembered cannot be answered; the client hears of it by the end of its connection. */
static void a_request_that_cannot_be_told_ends_its_connection(void **state)
{
	static const char conf[] = FAKE_CONF(
		"", FAKE_ONE_SERVER "on_server_loss = \"keep\";", "sip: { max_pending = 1; };");
	(void)state;
	struct fake *f = fake_new(conf, 1);
	struct fake_stream *server;
	struct fake_stream *client = settled(f, &server);
	fake_say(client, BYTES(REQUEST("OPTIONS", "2") REQUEST("OPTIONS", "3")));
	fake_finish(server);
	assert_int_equal(fake_wrote_times(client, "SIP/2.0 503"), 1);
	assert_int_equal(fake_state(client), SESSION_DRAINING);
	fake_stop(f);
}

/* Its link is kept until the client has taken what it is owed, and must not be taken for one that stands. */
static void a_lost_connection_is_not_pinged_while_its_client_takes_its_time(void **state)
{
	static const char conf[] = FAKE_CONF(
		"", TWO_SERVERS "keepalive_interval = \"1s\";", "sip: { max_pending = 1; };");
	(void)state;
	struct fake *f = fake_new(conf, 1);
	struct crowd c;
	settle_at_first(f, &c, 1);
	fake_say(c.clients[0], BYTES(REQUEST("OPTIONS", "2") REQUEST("OPTIONS", "3")));
	c.clients[0]->room = 10;
	order(f, 0, CONF_SERVER_DOWN, 0);
	fake_pass(f, 5000);
	assert_int_equal(fake_state(c.clients[0]), SESSION_DRAINING);
	fake_stop(f);
}

static void what_no_server_got_anything_of_goes_to_the_next_with_early_close(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 2; way++) {
		struct fake *f =
			fake_new(way ? TWO("proxy_protocol = \"v1\"; retry_on = \"early-close\";")
				     : TWO("proxy_protocol = \"v1\"; retry_on = \"connect\";"),
				1);
		static const enum fake_connect script[] = {FAKE_PENDING, FAKE_UP};
		fake_connects(f, script, 2);
		struct fake_stream *client = fake_client(f);
		fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
		struct fake_stream *first = fake_server(f, 0);
		first->room = 10; /* less than the header */
		fake_connected(first);
		fake_finish(first);
		if (way) {
			assert_int_equal(f->server_count, 2);
			assert_int_equal(fake_wrote_times(fake_server(f, 1), "CSeq: 1 OPTIONS"), 1);
			assert_int_equal(strncmp(fake_server(f, 1)->written, "PROXY TCP4", 10), 0);
			assert_int_equal(fake_state(client), SESSION_RELAYING);
		} else {
			assert_int_equal(f->server_count, 1);
			assert_int_equal(fake_wrote_times(client, "SIP/2.0 503"), 1);
		}
		fake_stop(f);
	}
}

/* --- a server that is gone --- */

static void many_ends_within_a_second_are_closed_at_the_rate(void **state)
{
	(void)state;
	struct fake *f = fake_new(TWO("close_rate = \"10/s\";"), 1);
	struct crowd c;
	settle_at_first(f, &c, 40);
	kill_server(f, &c);
	/* The first few looked like clients that were unwelcome one by one. */
	unsigned before = count_open(&c);
	assert_in_range(before, 30, 36);
	for (unsigned s = 1; s <= 3; s++) {
		fake_pass(f, 1000);
		assert_in_range(before - count_open(&c), 10 * s - 1, 10 * s + 2);
	}
	fake_pass(f, 2000);
	assert_int_equal(count_open(&c), 0);
	fake_stop(f);
}

static void a_request_that_comes_before_goes_to_a_server_that_lives(void **state)
{
	(void)state;
	struct fake *f = fake_new(TWO("close_rate = \"1/s\";"), 1);
	struct crowd c;
	settle_at_first(f, &c, 40);
	kill_server(f, &c);
	order(f, 0, CONF_SERVER_DOWN, 0);
	unsigned n = f->server_count;
	struct fake_stream *registers = c.clients[38], *asks = c.clients[39];
	fake_say(registers, BYTES(REQUEST("REGISTER", "2")));
	fake_say(asks, BYTES(REQUEST("OPTIONS", "2")));
	assert_int_equal(f->server_count, n + 2);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(fake_server(f, n + i)->to.addr.bytes[15], 2);
	fake_say(fake_server(f, n), BYTES(RESPONSE("200 OK", "REGISTER", "2")));
	fake_say(fake_server(f, n + 1), BYTES(RESPONSE("200 OK", "OPTIONS", "2")));
	fake_pass(f, 60000);
	/* Who has registered again stays; who has only asked is still to learn that it cannot be called. */
	assert_int_equal(fake_state(registers), SESSION_RELAYING);
	assert_true(asks->is_shut || asks->is_closed);
	assert_int_equal(count_open(&c), 1);
	fake_stop(f);
}

static void nobody_is_closed_while_no_other_server_is_up(void **state)
{
	static const char conf[] = TWO("all_down = \"refuse\";");
	(void)state;
	struct fake *f = fake_new(conf, 1);
	struct crowd c;
	settle_at_first(f, &c, 40);
	backend_tell(backend(f, 0), BACKEND_DOWN, f->now_ms);
	backend_tell(backend(f, 1), BACKEND_DOWN, f->now_ms);
	kill_server(f, &c);
	unsigned before = count_open(&c);
	fake_pass(f, 60000);
	assert_int_equal(count_open(&c), before);
	fake_say(c.clients[39], BYTES(REQUEST("OPTIONS", "2")));
	assert_int_equal(fake_wrote_times(c.clients[39], "SIP/2.0 503"), 1);
	assert_false(c.clients[39]->is_shut);
	backend_tell(backend(f, 1), BACKEND_UP, f->now_ms);
	fake_pass(f, 1000);
	assert_int_equal(count_open(&c), 0);
	fake_stop(f);
}

/* Down for loss_after, or told so: those whose connections still stand are its clients too. */
static void clients_of_a_lost_server_are_told_and_closed_or_moved(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 4; way++) {
		bool is_keep = way & 1;
		struct fake *f = fake_new(is_keep ? TWO("on_server_loss = \"keep\";") : TWO(""), 1);
		struct crowd c;
		settle_at_first(f, &c, 10);
		fake_say(c.clients[0], BYTES(REQUEST("OPTIONS", "2")));
		fake_pass(f, 1100);
		backend_tell(backend(f, 0), BACKEND_DOWN, f->now_ms);
		fake_pass(f, 1000);
		assert_int_equal(count_open(&c), 10);
		assert_false(c.servers[0]->is_closed); /* down is not lost */
		if (way & 2)
			order(f, 0, CONF_SERVER_DOWN, 0);
		else
			atomic_store(&backend(f, 0)->is_lost, true);
		fake_pass(f, 1000);
		assert_int_equal(fake_wrote_times(c.clients[0], "SIP/2.0 503"), 1);
		assert_true(c.servers[0]->is_closed && c.servers[9]->is_closed);
		assert_int_equal(count_open(&c), is_keep ? 10 : 0);
		if (is_keep)
			assert_int_equal(backend(f, 1)->open, 10);
		assert_int_equal(backend(f, 0)->open, 0);
		fake_stop(f);
	}
}

static void an_answer_that_a_server_that_is_down_has_owed_for_long_is_given_up(void **state)
{
	(void)state;
	struct fake *f = fake_new(ONE(""), 1);
	struct fake_stream *server;
	struct fake_stream *client = settled(f, &server);
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	fake_pass(f, 60000);
	assert_int_equal(client->written_length, 0); /* a server that is up may take its time */
	backend_tell(backend(f, 0), BACKEND_DOWN, f->now_ms);
	fake_pass(f, 200);
	assert_int_equal(fake_wrote_times(client, "SIP/2.0 503"), 1);
	assert_true(server->is_closed);
	assert_int_equal(fake_state(client), SESSION_PROVEN);
	fake_pass(f, 30000);
	assert_false(client->is_shut);
	fake_stop(f);
}

/* --- draining one --- */

static void a_drained_server_loses_its_clients_evenly_and_gets_no_new_ones(void **state)
{
	(void)state;
	struct fake *f = fake_new(TWO(""), 1);
	struct crowd c;
	struct fake_stream *other;
	settle_at_first(f, &c, 20);
	order(f, 0, CONF_SERVER_DRAIN, 10000);
	settled(f, &other);
	assert_int_equal(other->to.addr.bytes[15], 2);
	for (unsigned s = 1; s <= 10; s++) {
		fake_pass(f, 1000);
		assert_in_range(20 - count_open(&c), 2 * s - 1, 2 * s);
	}
	fake_pass(f, 500);
	assert_int_equal(count_open(&c), 0);
	fake_stop(f);
}

static void who_is_owed_an_answer_goes_behind_it_and_who_has_a_call_goes_last(void **state)
{
	(void)state;
	struct fake *f = fake_new(TWO(""), 1);
	struct crowd c;
	settle_at_first(f, &c, 3);
	fake_say(c.clients[0], BYTES(REQUEST("INVITE", "2")));
	fake_say(c.servers[0],
		BYTES("SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP a\r\nFrom: "
		      "<sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>;tag=2\r\n"
		      "Call-ID: call\r\nCSeq: 2 INVITE\r\nContent-Length: 0\r\n\r\n"));
	fake_say(c.clients[1], BYTES(REQUEST("OPTIONS", "2")));
	order(f, 0, CONF_SERVER_DRAIN, 10000);
	fake_pass(f, 8500);
	assert_true(c.clients[2]->is_shut || c.clients[2]->is_closed);
	assert_false(c.clients[1]->is_shut || c.clients[0]->is_shut);
	fake_say(c.servers[1], BYTES(RESPONSE("200 OK", "OPTIONS", "2")));
	fake_pass(f, 200);
	assert_true(c.clients[1]->is_shut || c.clients[1]->is_closed);
	assert_false(c.clients[0]->is_shut);
	fake_pass(f, 2000);
	assert_true(c.clients[0]->is_shut || c.clients[0]->is_closed);
	fake_stop(f);
}

static void a_server_that_a_reload_removes_is_drained_and_one_that_it_brings_back_is_not(
	void **state)
{
	static const char both[] = TWO("drain_over = \"10s\";");
	static const char second[] = FAKE_CONF("",
		"servers = ( { name = \"s2\"; address = \"10.0.0.2:5060\"; } ); drain_over = "
		"\"10s\";",
		"limits: { connections = 0; unproven = 0; };");
	(void)state;
	struct fake *f = fake_new(both, 1);
	struct crowd c;
	settle_at_first(f, &c, 20);
	fake_reload(f, second);
	fake_pass(f, 5000);
	assert_in_range(count_open(&c), 10, 11);
	fake_reload(f, both);
	fake_pass(f, 20000);
	assert_in_range(count_open(&c), 10, 11);
	fake_reload(f, second);
	fake_pass(f, 10500);
	assert_int_equal(count_open(&c), 0);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_connection_that_a_server_closes_costs_its_own_client_alone),
		cmocka_unit_test(with_keep_it_gets_another_and_does_not_notice),
		cmocka_unit_test(a_server_that_accepts_and_closes_is_not_run_against),
		cmocka_unit_test(requests_whose_answer_is_due_hear_503_once),
		cmocka_unit_test(a_request_that_cannot_be_told_ends_its_connection),
		cmocka_unit_test(a_lost_connection_is_not_pinged_while_its_client_takes_its_time),
		cmocka_unit_test(what_no_server_got_anything_of_goes_to_the_next_with_early_close),
		cmocka_unit_test(many_ends_within_a_second_are_closed_at_the_rate),
		cmocka_unit_test(a_request_that_comes_before_goes_to_a_server_that_lives),
		cmocka_unit_test(nobody_is_closed_while_no_other_server_is_up),
		cmocka_unit_test(clients_of_a_lost_server_are_told_and_closed_or_moved),
		cmocka_unit_test(
			an_answer_that_a_server_that_is_down_has_owed_for_long_is_given_up),
		cmocka_unit_test(a_drained_server_loses_its_clients_evenly_and_gets_no_new_ones),
		cmocka_unit_test(who_is_owed_an_answer_goes_behind_it_and_who_has_a_call_goes_last),
		cmocka_unit_test(
			a_server_that_a_reload_removes_is_drained_and_one_that_it_brings_back_is_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
