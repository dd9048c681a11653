/* SPDX-License-Identifier: BSD-2-Clause */
/* Admission to TLS: who gets a place, when, and what is done in which order; see handshake.h. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX(n)	  "limits: { max_handshakes = " n "; };"
#define PROXY_TLS FAKE_TLS FAKE_PROXY

static const char plain_sailing[] = FAKE_CONF(FAKE_TLS, FAKE_ONE_SERVER, "");
static const char one_at_once[] = FAKE_CONF(FAKE_TLS, FAKE_ONE_SERVER, MAX("1"));
static const char two_at_once[] = FAKE_CONF(FAKE_TLS, FAKE_ONE_SERVER, MAX("2"));
static const char proxied[] = FAKE_CONF(PROXY_TLS, FAKE_ONE_SERVER, "");

static enum handshake_stage stage(const struct fake_stream *client)
{
	const struct session *s = client->stream.owner;
	assert_false(client->is_closed);
	assert_int_equal(s->state, SESSION_NAMED);
	return s->handshake.stage;
}

/* A client of this worker that has connected, and has said this. */
static struct fake_stream *client_of(struct fake *f, unsigned worker, const char *says)
{
	struct fake_stream *client = fake_stream_new(f);
	fake_accept(client, worker, 0, "192.0.2.10:40000");
	fake_say(client, says, strlen(says));
	return client;
}

static struct core *core_of(struct fake *f, unsigned worker)
{
	return &f->workers[worker]->core;
}

static unsigned taken(const struct fake *f)
{
	return places_taken(&f->shared.handshakes);
}

static unsigned waiting(const struct fake *f)
{
	return places_waiting(&f->shared.handshakes);
}

/* The place of this one is not lent to others for the next minute: what is looked at is another rule. */
static void let_it_keep_its_place(struct fake_stream *client)
{
	struct session *s = client->stream.owner;
	assert_true(s->handshake.has_place);
	s->handshake.began_ms += 60000;
}

/* --- the way from NAMED to SECURED --- */

static void who_gets_a_place_at_once_is_watched_under_tls_alone(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain_sailing, 1);
	struct fake_stream *client = fake_stream_new(f);
	fake_queue(client, BYTES(HELLO));
	fake_accept(client, 0, 0, "192.0.2.10:4000");
	assert_int_equal(client->wants, 1); /* direct: it is watched for its first byte */
	fake_run(f);
	assert_true(client->is_under_tls);
	assert_int_equal(client->wants, 2);
	fake_stop(f);
}

static void a_client_is_named_until_its_handshake_is_done(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain_sailing, 1);
	struct fake_stream *client = fake_client(f);
	assert_int_equal(fake_state(client), SESSION_NAMED);
	fake_say(client, BYTES(HELLO));
	assert_int_equal(fake_state(client), SESSION_NAMED);
	assert_int_equal(taken(f), 1);
	fake_say(client, BYTES(FINISHED));
	assert_int_equal(fake_state(client), SESSION_SECURED);
	assert_int_equal(taken(f), 0);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	assert_int_equal(fake_state(client), SESSION_RELAYING);
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	assert_true(fake_wrote(client, "200 OK"));
	fake_stop(f);
}

/* It is inside of TLS already, and the socket has nothing to tell. */
static void what_came_with_the_last_of_the_handshake_is_read(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain_sailing, 1);
	struct fake_stream *client = client_of(f, 0, HELLO);
	fake_say(client, BYTES(FINISHED REQUEST("OPTIONS", "1")));
	assert_int_equal(fake_state(client), SESSION_RELAYING);
	assert_true(fake_wrote(fake_server(f, 0), "CSeq: 1 OPTIONS"));
	fake_stop(f);
}

/* What stands in for the stream knows of nothing that the one below was told. */
static void one_that_is_paused_at_once_is_still_watched_for_its_end(void **state)
{
	static const enum fake_connect pending[] = {FAKE_PENDING};
	(void)state;
	struct fake *f = fake_new(plain_sailing, 1);
	fake_connects(f, pending, 1);
	struct fake_stream *client = client_of(f, 0, HELLO FINISHED REQUEST("OPTIONS", "1"));
	assert_int_equal(fake_state(client), SESSION_PROVEN);
	assert_int_equal(client->wanted, 0);
	fake_fail(client, ECONNRESET);
	fake_assert_closed(client, REASON_CLIENT_RESET);
	fake_end(f);
}

static void header_and_hello_may_come_in_any_pieces(void **state)
{
	static const char said[] = PROXY_V1 HELLO HELLO FINISHED REQUEST("OPTIONS", "1");
	const size_t length = sizeof(said) - 1;
	(void)state;
	for (size_t a = 1; a < length; a++) {
		size_t b = a + 1 + a * 7 % (length - a);
		struct fake *f = fake_new(proxied, 1);
		struct fake_stream *client = fake_stream_new(f);
		fake_queue(client, said, a);
		fake_accept(client, 0, 0, "10.9.0.1:1");
		fake_run(f);
		fake_queue(client, said + a, b - a);
		fake_queue(client, said + b, length - b);
		fake_run(f);
		assert_int_equal(fake_state(client), SESSION_RELAYING);
		fake_assert_written(fake_server(f, 0), BYTES(REQUEST("OPTIONS", "1")));
		fake_stop(f);
	}
}

static void where_the_header_is_optional_a_hello_may_come_without(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF(FAKE_TLS "proxy_protocol = \"optional\"; trusted = [ \"10.9.0.0/16\" ];",
			FAKE_ONE_SERVER, ""),
		1);
	struct fake_stream *client = fake_client_from(f, "10.9.0.1:1");
	fake_say(client, BYTES(HELLO));
	fake_say(client, BYTES(FINISHED));
	assert_int_equal(fake_state(client), SESSION_SECURED);
	fake_stop(f);
}

static void one_listener_may_be_tls_and_the_other_plain(void **state)
{
	(void)state;
	struct fake *f =
		fake_new("listeners = ( { name = \"a\"; address = \"192.0.2.99:5061\"; pool = "
			 "\"p\"; " FAKE_TLS
			 " }, { name = \"b\"; address = \"192.0.2.99:5060\"; pool = \"p\"; } );"
			 "pools = ( { name = \"p\"; " FAKE_ONE_SERVER " } );",
			1);
	struct fake_stream *clients[2];
	for (unsigned i = 0; i < 2; i++) {
		clients[i] = fake_stream_new(f);
		fake_accept(clients[i], 0, i, "192.0.2.10:1");
	}
	fake_run(f);
	assert_int_equal(fake_state(clients[0]), SESSION_NAMED);
	assert_int_equal(fake_state(clients[1]), SESSION_SECURED);
	fake_stop(f);
}

static void the_limits_are_asked_before_anything_is_paid(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF(FAKE_TLS, FAKE_ONE_SERVER, "limits: { connections = 1; };"), 1);
	struct fake_stream *first = client_of(f, 0, HELLO);
	struct fake_stream *second = client_of(f, 0, HELLO FINISHED);
	assert_int_equal(stage(first), HANDSHAKE_LISTENING);
	assert_true(second->is_closed);
	assert_false(second->is_under_tls);
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 1);
	fake_stop(f);
}

static void who_is_admitted_at_the_second_look_goes_on_with_tls(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF(FAKE_TLS, FAKE_ONE_SERVER, "limits: { connections = 1; };"), 1);
	f->holds_turns = true;
	struct fake_stream *first = client_of(f, 0, HELLO FINISHED);
	struct fake_stream *second = client_of(f, 0, HELLO);
	assert_false(second->is_under_tls);
	fake_finish(first);
	fake_turns_done(f, 0);
	fake_say(second, BYTES(FINISHED REQUEST("OPTIONS", "1")));
	assert_int_equal(fake_state(second), SESSION_RELAYING);
	fake_stop(f);
}

static void the_first_message_is_due_from_the_end_of_the_handshake(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain_sailing, 1);
	struct fake_stream *client = fake_client(f);
	fake_pass(f, 30000);
	fake_say(client, BYTES(HELLO FINISHED));
	fake_pass(f, 31000);
	assert_int_equal(fake_state(client), SESSION_SECURED);
	fake_pass(f, 1200);
	fake_assert_closed(client, REASON_FIRST_MESSAGE_TIMEOUT);
	fake_end(f);
}

/* --- places --- */

static void who_is_silent_asks_for_no_place(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_at_once, 1);
	struct fake_stream *silent = fake_client(f);
	assert_int_equal(taken(f), 0);
	assert_int_equal(waiting(f), 0);
	assert_int_equal(stage(silent), HANDSHAKE_QUIET);
	assert_int_equal(fake_state(client_of(f, 0, HELLO FINISHED)), SESSION_SECURED);
	fake_pass(f, 32200);
	assert_true(silent->is_closed);
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 0);
	fake_stop(f);
}

static void past_max_handshakes_the_rest_wait_unread(void **state)
{
	(void)state;
	struct fake *f = fake_new(two_at_once, 1);
	struct fake_stream *clients[5];
	for (unsigned i = 0; i < 5; i++)
		clients[i] = client_of(f, 0, HELLO);
	assert_int_equal(taken(f), 2);
	assert_int_equal(waiting(f), 3);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(clients[i]->is_under_tls, i < 2);
		assert_int_equal(clients[i]->wanted, i < 2 ? STREAM_READABLE : 0);
		assert_int_equal(clients[i]->taken, i < 2);
	}
	fake_stop(f);
}

static void by_default_there_are_200_places_for_each_worker(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF(FAKE_TLS, FAKE_ONE_SERVER,
			"max_connections = 500; limits: { max_handshakes = 0; unproven = 0; };"),
		2);
	for (unsigned i = 0; i < 410; i++) {
		struct fake_stream *client = fake_stream_new(f);
		fake_queue(client, BYTES(HELLO));
		fake_accept(client, i % 2, 0, "192.0.2.10:1");
	}
	fake_run(f);
	assert_int_equal(taken(f), 400);
	assert_int_equal(waiting(f), 10);
	fake_stop(f);
}

static void a_place_that_comes_free_goes_to_the_newest(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_at_once, 1);
	struct fake_stream *clients[4];
	for (unsigned i = 0; i < 4; i++)
		clients[i] = client_of(f, 0, HELLO);
	fake_say(clients[0], BYTES(FINISHED));
	assert_int_equal(stage(clients[3]), HANDSHAKE_LISTENING);
	assert_int_equal(stage(clients[1]), HANDSHAKE_WAITING);
	assert_int_equal(stage(clients[2]), HANDSHAKE_WAITING);
	fake_fail(clients[3], ECONNRESET);
	assert_int_equal(stage(clients[2]), HANDSHAKE_LISTENING);
	assert_int_equal(stage(clients[1]), HANDSHAKE_WAITING);
	fake_stop(f);
}

static void the_places_are_those_of_all_workers_together(void **state)
{
	(void)state;
	struct fake *f = fake_new(two_at_once, 2);
	struct fake_stream *clients[3];
	for (unsigned i = 0; i < 3; i++)
		clients[i] = client_of(f, i % 2, HELLO);
	assert_int_equal(taken(f), 2);
	assert_int_equal(stage(clients[2]), HANDSHAKE_WAITING);
	fake_stop(f);
}

static void a_place_wakes_the_worker_that_waits_for_it(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_at_once, 2);
	struct fake_stream *first = client_of(f, 0, HELLO);
	struct fake_stream *second = client_of(f, 1, HELLO);
	f->workers[1]->wakes = 0;
	fake_queue(first, BYTES(FINISHED));
	first->secured.on_ready(&first->secured, STREAM_READABLE);
	core_tend(core_of(f, 0));
	assert_int_equal(fake_state(first), SESSION_SECURED);
	assert_int_equal(f->workers[1]->wakes, 1);
	core_tend(core_of(f, 1));
	assert_int_equal(stage(second), HANDSHAKE_LISTENING);
	fake_stop(f);
}

/* Else the first worker to meet a storm would pass its places on to its own for as long as it lasts. */
static void a_worker_with_more_places_leaves_the_next_to_one_with_fewer(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF(FAKE_TLS, FAKE_ONE_SERVER, MAX("3")), 2);
	struct fake_stream *mine[5], *other;
	for (unsigned i = 0; i < 5; i++)
		mine[i] = client_of(f, 0, HELLO);
	other = client_of(f, 1, HELLO);
	fake_say(mine[0], BYTES(FINISHED));
	assert_int_equal(stage(other), HANDSHAKE_LISTENING);
	assert_int_equal(stage(mine[4]), HANDSHAKE_WAITING);
	fake_say(mine[1], BYTES(FINISHED));
	assert_int_equal(stage(mine[4]), HANDSHAKE_LISTENING);
	fake_stop(f);
}

static void a_new_max_counts_at_once(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_at_once, 1);
	struct fake_stream *clients[4];
	for (unsigned i = 0; i < 4; i++)
		clients[i] = client_of(f, 0, HELLO);
	f->conf->limits.max_handshakes = 3;
	fake_run(f);
	assert_int_equal(taken(f), 3);
	f->conf->limits.max_handshakes = 1;
	fake_say(clients[0], BYTES(FINISHED));
	assert_int_equal(taken(f), 2);
	assert_int_equal(stage(clients[1]), HANDSHAKE_WAITING);
	fake_stop(f);
}

/* --- places of those who say hello and then nothing --- */

static void who_stalls_for_a_second_goes_on_without_a_place_when_others_wait(void **state)
{
	(void)state;
	struct fake *f = fake_new(two_at_once, 1);
	struct fake_stream *stalled[2] = {client_of(f, 0, HELLO), client_of(f, 0, HELLO)};
	struct fake_stream *next = client_of(f, 0, HELLO);
	fake_pass(f, 900);
	assert_int_equal(stage(next), HANDSHAKE_WAITING);
	f->now_ms += 200;
	core_clock(core_of(f, 0), f->now_ms);
	core_tend(core_of(f, 0)); /* one turn: nothing may wait for another */
	assert_int_equal(stage(next), HANDSHAKE_LISTENING);
	assert_int_equal(taken(f), 2); /* one place was wanted, so one was taken back */
	for (unsigned i = 0; i < 2; i++)
		fake_say(stalled[i], BYTES(FINISHED));
	assert_int_equal(fake_state(stalled[0]), SESSION_SECURED);
	assert_int_equal(fake_state(stalled[1]), SESSION_SECURED);
	assert_int_equal(taken(f), 1);
	fake_say(next, BYTES(FINISHED));
	assert_int_equal(taken(f), 0);
	fake_stop(f);
}

static void who_stalls_keeps_its_place_while_nobody_wants_it(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_at_once, 1);
	struct fake_stream *stalled = client_of(f, 0, HELLO);
	fake_pass(f, 5000);
	assert_int_equal(taken(f), 1);
	fake_say(stalled, BYTES(FINISHED));
	assert_int_equal(taken(f), 0);
	fake_stop(f);
}

static void who_says_a_little_now_and_then_keeps_no_place_either(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_at_once, 1);
	struct fake_stream *slow = client_of(f, 0, HELLO);
	struct fake_stream *next = client_of(f, 0, HELLO);
	for (unsigned i = 0; i < 3; i++) {
		fake_pass(f, 400);
		fake_say(slow, BYTES(HELLO));
	}
	assert_int_equal(stage(next), HANDSHAKE_LISTENING);
	fake_say(slow, BYTES(HELLO));
	assert_int_equal(taken(f), 1); /* it does not get one again */
	assert_int_equal(stage(slow), HANDSHAKE_LISTENING);
	fake_stop(f);
}

static void who_waits_for_us_keeps_its_place(void **state)
{
	(void)state;
	struct fake *f = fake_new(two_at_once, 1);
	struct fake_stream *ours = client_of(f, 0, HELLO), *its_own = client_of(f, 0, HELLO);
	struct fake_stream *next = client_of(f, 0, HELLO);
	f->now_ms += 1500;
	core_clock(core_of(f, 0), f->now_ms);
	f->step_us = 5000;
	fake_queue(ours, BYTES(HELLO));
	ours->secured.on_ready(&ours->secured, STREAM_READABLE);
	core_tend(core_of(f, 0));
	const struct session *s = ours->stream.owner, *other = its_own->stream.owner;
	assert_true(s->handshake.has_place);
	assert_false(other->handshake.has_place);
	fake_run(f);
	assert_int_equal(stage(next), HANDSHAKE_LISTENING);
	fake_stop(f);
}

static void who_stalls_gives_way_to_another_workers_client_too(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_at_once, 2);
	client_of(f, 0, HELLO);
	struct fake_stream *next = client_of(f, 1, HELLO);
	f->workers[1]->wakes = 0;
	fake_pass(f, 1200);
	assert_int_equal(f->workers[1]->wakes, 1);
	assert_int_equal(stage(next), HANDSHAKE_LISTENING);
	fake_stop(f);
}

/* --- those that wait --- */

static void a_waiting_client_that_resets_goes_at_once(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_at_once, 1);
	client_of(f, 0, HELLO);
	struct fake_stream *second = client_of(f, 0, HELLO);
	fake_fail(second, ECONNRESET);
	fake_assert_closed(second, REASON_CLIENT_RESET);
	assert_int_equal(waiting(f), 0);
	fake_stop(f);
}

static void nothing_is_paid_for_one_that_has_hung_up(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_at_once, 1);
	struct fake_stream *first = client_of(f, 0, HELLO);
	struct fake_stream *second = client_of(f, 0, HELLO), *third = client_of(f, 0, HELLO);
	fake_finish(third);
	assert_false(third->is_closed); /* unread, it is not heard */
	fake_say(first, BYTES(FINISHED));
	fake_assert_closed(third, REASON_CLIENT_CLOSED);
	assert_false(third->is_under_tls);
	assert_int_equal(stage(second), HANDSHAKE_LISTENING);
	fake_stop(f);
}

/* Else a phone that gave up would be refused for its own past when it tries again. */
static void the_slot_of_one_that_hung_up_while_it_waited_is_free_a_second_later(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF(FAKE_TLS, FAKE_ONE_SERVER,
					  "limits: { max_handshakes = 1; connections = 2; };"),
		1);
	let_it_keep_its_place(client_of(f, 0, HELLO));
	struct fake_stream *second = client_of(f, 0, HELLO);
	fake_pass(f, 500);
	second->is_ended = true;
	fake_pass(f, 600);
	fake_assert_closed(second, REASON_CLIENT_CLOSED);
	assert_int_equal(stage(client_of(f, 0, HELLO)), HANDSHAKE_WAITING);
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 0);
	fake_stop(f);
}

static void who_waits_in_vain_is_refused_by_max_handshakes(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF(FAKE_TLS, FAKE_ONE_SERVER,
					  MAX("1") "timeouts: { first_message = \"3s\"; };"),
		1);
	let_it_keep_its_place(client_of(f, 0, HELLO));
	struct fake_stream *second = client_of(f, 0, HELLO);
	fake_pass(f, 2900);
	assert_int_equal(stage(second), HANDSHAKE_WAITING);
	fake_pass(f, 200);
	fake_assert_closed(second, REASON_LIMIT_MAX_HANDSHAKES);
	assert_int_equal(second->how, STREAM_CLOSE_RST);
	assert_false(second->is_under_tls);
	const struct record *r = fake_last(f, RECORD_LIMIT_REFUSED);
	assert_string_equal(r->limit, "max_handshakes");
	assert_int_equal(r->current, 1);
	assert_int_equal(r->max, 1);
	assert_true(r->has & RECORD_HAS_SOURCE);
	fake_stop(f);
}

static void at_max_connections_the_oldest_that_waits_makes_room(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF(FAKE_TLS, FAKE_ONE_SERVER,
					  "max_connections = 3; limits: { max_handshakes = 1; };"),
		1);
	struct fake_stream *first = client_of(f, 0, HELLO FINISHED REQUEST("OPTIONS", "1"));
	struct fake_stream *begun = client_of(f, 0, HELLO), *oldest = client_of(f, 0, HELLO);
	struct session *s = begun->stream.owner;
	list_remove(&s->order); /* as if it were the younger one: that it goes is no news */
	list_append(&core_of(f, 0)->unproven, &s->order);
	struct fake_stream *newest = client_of(f, 0, HELLO);
	assert_true(oldest->is_closed);
	assert_false(first->is_closed || newest->is_closed);
	assert_int_equal(waiting(f), 1);
	fake_stop(f);
}

/* --- work --- */

static void queue_hellos(struct fake *f, struct fake_stream **clients, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		clients[i] = fake_stream_new(f);
		fake_queue(clients[i], BYTES(PROXY_V1 HELLO));
		fake_accept(clients[i], 0, 0, "10.9.0.1:1");
	}
}

/* 64 at once would keep everybody else waiting for 13 to 25 ms. */
static void a_turn_does_no_more_steps_than_its_budget_allows(void **state)
{
	(void)state;
	struct fake *f = fake_new(proxied, 1);
	struct fake_stream *clients[40];
	f->step_us = 300;
	queue_hellos(f, clients, 40);
	assert_int_equal(f->steps, 0);
	core_tend(core_of(f, 0));
	assert_int_equal(f->steps, 4);
	assert_true(core_has_work(core_of(f, 0)));
	core_tend(core_of(f, 0));
	assert_int_equal(f->steps, 8);
	fake_run(f);
	assert_int_equal(f->steps, 40);
	assert_false(core_has_work(core_of(f, 0)));
	fake_stop(f);
}

static void a_turn_does_one_step_whatever_it_costs(void **state)
{
	(void)state;
	struct fake *f = fake_new(proxied, 1);
	struct fake_stream *clients[3];
	f->step_us = 50000;
	queue_hellos(f, clients, 3);
	core_tend(core_of(f, 0));
	assert_int_equal(f->steps, 1);
	fake_stop(f);
}

static void those_in_progress_are_served_in_the_order_in_which_they_spoke(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain_sailing, 1);
	static const unsigned order[] = {2, 0, 3, 1};
	struct fake_stream *clients[4];
	for (unsigned i = 0; i < 4; i++)
		clients[i] = client_of(f, 0, HELLO);
	f->step_us = 5000;
	for (unsigned i = 0; i < 4; i++) {
		struct fake_stream *client = clients[order[i]];
		fake_queue(client, BYTES(FINISHED));
		client->secured.on_ready(&client->secured, STREAM_READABLE);
	}
	for (unsigned i = 0; i < 4; i++) /* told again, nobody goes to the end of the queue */
		clients[i]->secured.on_ready(&clients[i]->secured, STREAM_READABLE);
	for (unsigned i = 0; i < 4; i++) {
		core_tend(core_of(f, 0));
		for (unsigned j = 0; j < 4; j++)
			assert_int_equal(fake_state(clients[order[j]]),
				j <= i ? SESSION_SECURED : SESSION_NAMED);
	}
	fake_stop(f);
}

/* Nobody would tell of it before the next tick. */
static void a_place_freed_by_the_last_step_of_a_budget_is_given_out_in_the_same_turn(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_at_once, 1);
	struct fake_stream *first = client_of(f, 0, HELLO), *second = client_of(f, 0, HELLO);
	f->step_us = 5000;
	fake_queue(first, BYTES(FINISHED));
	first->secured.on_ready(&first->secured, STREAM_READABLE);
	core_tend(core_of(f, 0));
	assert_int_equal(fake_state(first), SESSION_SECURED);
	assert_int_equal(stage(second), HANDSHAKE_CALLED);
	assert_true(core_has_work(core_of(f, 0)));
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_gets_a_place_at_once_is_watched_under_tls_alone),
		cmocka_unit_test(a_client_is_named_until_its_handshake_is_done),
		cmocka_unit_test(what_came_with_the_last_of_the_handshake_is_read),
		cmocka_unit_test(one_that_is_paused_at_once_is_still_watched_for_its_end),
		cmocka_unit_test(header_and_hello_may_come_in_any_pieces),
		cmocka_unit_test(where_the_header_is_optional_a_hello_may_come_without),
		cmocka_unit_test(one_listener_may_be_tls_and_the_other_plain),
		cmocka_unit_test(the_limits_are_asked_before_anything_is_paid),
		cmocka_unit_test(who_is_admitted_at_the_second_look_goes_on_with_tls),
		cmocka_unit_test(the_first_message_is_due_from_the_end_of_the_handshake),
		cmocka_unit_test(who_is_silent_asks_for_no_place),
		cmocka_unit_test(past_max_handshakes_the_rest_wait_unread),
		cmocka_unit_test(by_default_there_are_200_places_for_each_worker),
		cmocka_unit_test(a_place_that_comes_free_goes_to_the_newest),
		cmocka_unit_test(the_places_are_those_of_all_workers_together),
		cmocka_unit_test(a_place_wakes_the_worker_that_waits_for_it),
		cmocka_unit_test(a_worker_with_more_places_leaves_the_next_to_one_with_fewer),
		cmocka_unit_test(a_new_max_counts_at_once),
		cmocka_unit_test(who_stalls_for_a_second_goes_on_without_a_place_when_others_wait),
		cmocka_unit_test(who_stalls_keeps_its_place_while_nobody_wants_it),
		cmocka_unit_test(who_says_a_little_now_and_then_keeps_no_place_either),
		cmocka_unit_test(who_waits_for_us_keeps_its_place),
		cmocka_unit_test(who_stalls_gives_way_to_another_workers_client_too),
		cmocka_unit_test(a_waiting_client_that_resets_goes_at_once),
		cmocka_unit_test(nothing_is_paid_for_one_that_has_hung_up),
		cmocka_unit_test(
			the_slot_of_one_that_hung_up_while_it_waited_is_free_a_second_later),
		cmocka_unit_test(who_waits_in_vain_is_refused_by_max_handshakes),
		cmocka_unit_test(at_max_connections_the_oldest_that_waits_makes_room),
		cmocka_unit_test(a_turn_does_no_more_steps_than_its_budget_allows),
		cmocka_unit_test(a_turn_does_one_step_whatever_it_costs),
		cmocka_unit_test(those_in_progress_are_served_in_the_order_in_which_they_spoke),
		cmocka_unit_test(
			a_place_freed_by_the_last_step_of_a_budget_is_given_out_in_the_same_turn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
