/* SPDX-License-Identifier: BSD-2-Clause */
/* The limits as a session meets them: when they are asked, what waits for whom, and what makes room. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char one_each[] = FAKE_CONF("", FAKE_ONE_SERVER, "limits: { connections = 1; };");
static const char proxied_one_each[] =
	FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER, "limits: { connections = 1; };");

static void refuses_one_more_than_the_limit_with_its_numbers(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER, "limits: { connections = 3; };"), 1);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(fake_state(fake_client(f)), SESSION_SECURED);
	struct fake_stream *fourth = fake_client(f);
	assert_true(fourth->is_closed);
	assert_int_equal(fourth->how, STREAM_CLOSE_RST);
	const struct record *r = fake_last(f, RECORD_LIMIT_REFUSED);
	assert_string_equal(r->limit, "connections");
	assert_string_equal(r->action, "reset");
	assert_int_equal(r->current, 3);
	assert_int_equal(r->max, 3);
	assert_true(r->has & RECORD_HAS_SOURCE);
	assert_int_equal(fake_state(fake_client_from(f, "192.0.2.11:1")), SESSION_SECURED);
	fake_stop(f);
}

static void the_limit_is_that_of_the_source_in_the_header(void **state)
{
	(void)state;
	struct fake *f = fake_new(proxied_one_each, 1);
	struct fake_stream *first = fake_client_from(f, "10.9.0.1:1");
	fake_say(first, BYTES("PROXY TCP4 198.51.100.7 192.0.2.99 1 2\r\n"));
	struct fake_stream *other = fake_client_from(f, "10.9.0.1:2");
	fake_say(other, BYTES("PROXY TCP4 198.51.100.8 192.0.2.99 1 2\r\n"));
	struct fake_stream *again = fake_client_from(f, "10.9.0.2:3");
	fake_say(again, BYTES("PROXY TCP4 198.51.100.7 192.0.2.99 3 4\r\n"));
	assert_int_equal(fake_state(first), SESSION_SECURED);
	assert_int_equal(fake_state(other), SESSION_SECURED);
	assert_true(again->is_closed);
	fake_stop(f);
}

static void close_is_a_fin(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF("", FAKE_ONE_SERVER, "limits: { connections = 1; action = \"close\"; };"),
		1);
	fake_client(f);
	struct fake_stream *second = fake_client(f);
	assert_true(second->is_closed);
	assert_int_equal(second->how, STREAM_CLOSE_FIN);
	assert_string_equal(fake_last(f, RECORD_LIMIT_REFUSED)->action, "close");
	fake_stop(f);
}

static void a_table_that_is_full_refuses_or_admits_as_configured(void **state)
{
	static const struct {
		const char *conf;
		bool is_admitted;
	} cases[] = {
		{FAKE_CONF("", FAKE_ONE_SERVER, "limits: { tracked_sources = 1; };"), false},
		{FAKE_CONF("", FAKE_ONE_SERVER,
			 "limits: { tracked_sources = 1; when_full = \"admit\"; };"),
			true},
	};
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct fake *f = fake_new(cases[i].conf, 1);
		fake_client(f);
		struct fake_stream *other = fake_client_from(f, "192.0.2.11:1");
		assert_int_equal(!other->is_closed, cases[i].is_admitted);
		if (!cases[i].is_admitted) {
			const struct record *r = fake_last(f, RECORD_LIMIT_REFUSED);
			assert_string_equal(r->limit, "tracked_sources");
			assert_int_equal(r->max, 1);
		}
		fake_stop(f);
	}
}

/* --- the first no is not the last --- */

static void at_the_limit_it_waits_for_the_turns_and_hands_nothing_on(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_each, 1);
	f->holds_turns = true;
	fake_client(f);
	struct fake_stream *second = fake_client(f);
	fake_say(second, BYTES(REQUEST("OPTIONS", "1")));
	assert_int_equal(fake_state(second), SESSION_NAMED);
	assert_int_equal(f->server_count, 0);
	assert_true(f->workers[0]->turns_asked);
	fake_turns_done(f, 0);
	assert_true(second->is_closed);
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 1);
	fake_stop(f);
}

static void whoever_hangs_up_while_it_waits_does_not_take_the_free_slot(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_each, 1);
	f->holds_turns = true;
	struct fake_stream *first = fake_client(f), *second = fake_client(f),
			   *third = fake_client(f);
	fake_say(second, BYTES(REQUEST("OPTIONS", "1")));
	fake_finish(second);
	assert_true(second->is_closed);
	fake_finish(first);
	fake_turns_done(f, 0);
	fake_turns_done(f, 0); /* the third came when the first question was out */
	assert_int_equal(fake_state(third), SESSION_SECURED);
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 0);
	fake_stop(f);
}

static void a_slot_freed_meanwhile_admits_and_no_byte_is_lost(void **state)
{
	(void)state;
	struct fake *f = fake_new(proxied_one_each, 1);
	f->holds_turns = true;
	struct fake_stream *first = fake_client_from(f, "10.9.0.1:1");
	fake_say(first, BYTES(PROXY_V1));
	struct fake_stream *second = fake_stream_new(f);
	fake_queue(second, BYTES(PROXY_V1 REQUEST("OPTIONS", "1") "OPTIONS sip:"));
	fake_queue(second, BYTES("b@example.com SIP/2.0\r\n" LINES(
				   "OPTIONS", "2") "Content-Length: 0\r\n\r\n"));
	fake_accept(second, 0, 0, "10.9.0.1:2");
	fake_run(f);
	assert_int_equal(fake_state(second), SESSION_NAMED);
	fake_finish(first);
	assert_true(first->is_closed);
	fake_turns_done(f, 0);
	fake_run(f);
	assert_int_equal(fake_state(second), SESSION_RELAYING);
	assert_true(fake_wrote(fake_server(f, 0), "CSeq: 1 OPTIONS"));
	assert_true(fake_wrote(
		fake_server(f, 0), "OPTIONS sip:b@example.com SIP/2.0\r\n" LINES("OPTIONS", "2")));
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 0);
	fake_stop(f);
}

static void those_that_wait_are_admitted_up_to_the_limit_oldest_first(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_each, 1);
	f->holds_turns = true;
	struct fake_stream *first = fake_client(f);
	struct fake_stream *second = fake_client(f);
	struct fake_stream *third = fake_client(f);
	fake_finish(first);
	fake_turns_done(
		f, 0); /* of the second alone: the third came after the turns were asked for */
	assert_int_equal(fake_state(second), SESSION_SECURED);
	assert_int_equal(fake_state(third), SESSION_NAMED);
	fake_turns_done(f, 0);
	assert_true(third->is_closed);
	fake_stop(f);
}

static void one_that_goes_while_it_waits_leaves_nothing(void **state)
{
	(void)state;
	struct fake *f = fake_new(proxied_one_each, 1);
	f->holds_turns = true;
	struct fake_stream *first = fake_client_from(f, "10.9.0.1:1");
	fake_say(first, BYTES(PROXY_V1));
	struct fake_stream *second = fake_client_from(f, "10.9.0.1:2");
	fake_say(second, BYTES(PROXY_V1));
	assert_int_equal(fake_state(second), SESSION_NAMED);
	fake_fail(second, ECONNRESET);
	fake_assert_closed(second, REASON_CLIENT_RESET);
	fake_turns_done(f, 0);
	fake_stop(f);
}

/* A worker answers once to two questions of another: a second one before the first answer would never be answered. */
static void turns_are_not_asked_for_while_they_are_awaited(void **state)
{
	(void)state;
	struct fake *f = fake_new(proxied_one_each, 1);
	f->holds_turns = true;
	struct fake_stream *first = fake_client_from(f, "10.9.0.1:1");
	fake_say(first, BYTES(PROXY_V1));
	struct fake_stream *second = fake_client_from(f, "10.9.0.1:2");
	fake_say(second, BYTES(PROXY_V1));
	fake_fail(second, ECONNRESET);
	struct fake_stream *third = fake_client_from(f, "10.9.0.1:3");
	fake_say(third, BYTES(PROXY_V1)); /* the fake fails the test when it is asked twice */
	fake_turns_done(f, 0);
	assert_int_equal(fake_state(third), SESSION_NAMED);
	fake_run(f);
	fake_turns_done(f, 0);
	assert_true(third->is_closed);
	fake_stop(f);
}

/* --- bounds that need no name --- */

static void a_listener_refuses_one_more_than_its_own_limit(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("max_connections = 2;", FAKE_ONE_SERVER, ""), 1);
	fake_client_from(f, "192.0.2.1:1");
	struct fake_stream *second = fake_client_from(f, "192.0.2.2:1");
	struct fake_stream *third = fake_client_from(f, "192.0.2.3:1");
	assert_true(third->is_closed);
	const struct record *r = fake_last(f, RECORD_LIMIT_REFUSED);
	assert_string_equal(r->limit, "listener.max_connections");
	assert_int_equal(r->current, 2);
	assert_int_equal(r->max, 2);
	fake_finish(second);
	assert_int_equal(fake_state(fake_client_from(f, "192.0.2.4:1")), SESSION_SECURED);
	fake_stop(f);
}

static void at_max_connections_the_oldest_unproven_makes_room(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", FAKE_ONE_SERVER, "max_connections = 3;"), 1);
	struct fake_stream *proven = fake_client_from(f, "192.0.2.1:1");
	fake_say(proven, BYTES(REQUEST("OPTIONS", "1")));
	struct fake_stream *older = fake_client_from(f, "192.0.2.2:1");
	struct fake_stream *newer = fake_client_from(f, "192.0.2.3:1");
	struct fake_stream *newest = fake_client_from(f, "192.0.2.4:1");
	assert_true(older->is_closed);
	assert_false(proven->is_closed || newer->is_closed || newest->is_closed);
	const struct record *r = fake_last(f, RECORD_LIMIT_REFUSED);
	assert_string_equal(r->limit, "max_connections");
	assert_int_equal(r->max, 3);
	fake_stop(f);
}

static void at_max_connections_proven_ones_stay_and_the_new_one_goes(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", FAKE_ONE_SERVER, "max_connections = 2;"), 1);
	struct fake_stream *proven[2] = {
		fake_client_from(f, "192.0.2.1:1"), fake_client_from(f, "192.0.2.2:1")};
	for (unsigned i = 0; i < 2; i++)
		fake_say(proven[i], BYTES(REQUEST("OPTIONS", "1")));
	struct fake_stream *third = fake_client_from(f, "192.0.2.3:1");
	assert_true(third->is_closed);
	assert_false(proven[0]->is_closed || proven[1]->is_closed);
	assert_int_equal(fake_last(f, RECORD_LIMIT_REFUSED)->current, 2);
	fake_stop(f);
}

static void at_max_connections_the_unnamed_make_room_when_no_unproven_is_left(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER, "max_connections = 2;"), 1);
	struct fake_stream *first = fake_client_from(f, "10.9.0.1:1");
	struct fake_stream *second = fake_client_from(f, "10.9.0.1:2");
	fake_client_from(f, "10.9.0.1:3");
	assert_true(first->is_closed);
	assert_false(second->is_closed);
	assert_int_equal(f->shared.open, 2);
	fake_stop(f);
}

/* --- max_unnamed --- */

static void past_max_unnamed_the_oldest_goes(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF(FAKE_PROXY "max_unnamed = 2;", FAKE_ONE_SERVER, ""), 1);
	struct fake_stream *clients[4];
	for (unsigned i = 0; i < 4; i++) {
		clients[i] = fake_client_from(f, "10.9.0.1:1");
		fake_pass(f, 1);
	}
	assert_true(clients[0]->is_closed && clients[1]->is_closed);
	assert_false(clients[2]->is_closed || clients[3]->is_closed);
	const struct record *r = fake_last(f, RECORD_LIMIT_REFUSED);
	assert_string_equal(r->limit, "max_unnamed");
	assert_int_equal(r->max, 2);
	fake_stop(f);
}

static void as_many_go_as_came_too_many(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF(FAKE_PROXY "max_unnamed = 2;", FAKE_ONE_SERVER, ""), 1);
	struct fake_stream *clients[6];
	for (unsigned i = 0; i < 6; i++) {
		clients[i] = fake_stream_new(f);
		fake_accept(clients[i], 0, 0, "10.9.0.1:1");
	}
	assert_int_equal(fake_listener(f, 0)->unnamed, 6);
	core_tend(&f->workers[0]->core);
	assert_int_equal(fake_listener(f, 0)->unnamed, 2);
	assert_false(clients[4]->is_closed || clients[5]->is_closed);
	fake_stop(f);
}

static void one_that_was_named_is_not_counted_as_unnamed(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF(FAKE_PROXY "max_unnamed = 1;", FAKE_ONE_SERVER, ""), 1);
	struct fake_stream *named = fake_client_from(f, "10.9.0.1:1");
	fake_say(named, BYTES(PROXY_V1));
	struct fake_stream *second = fake_client_from(f, "10.9.0.1:2");
	assert_false(named->is_closed || second->is_closed);
	fake_stop(f);
}

static void the_oldest_unnamed_goes_even_if_another_worker_has_it(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF(FAKE_PROXY "max_unnamed = 2;", FAKE_ONE_SERVER, ""), 2);
	struct fake_stream *clients[4];
	static const unsigned workers[] = {1, 0, 0, 0};
	for (unsigned i = 0; i < 3; i++) {
		clients[i] = fake_stream_new(f);
		fake_accept(clients[i], workers[i], 0, "10.9.0.1:1");
		f->now_ms++;
		core_clock(&f->workers[0]->core, f->now_ms);
		core_clock(&f->workers[1]->core, f->now_ms);
	}
	assert_int_equal(f->workers[1]->wakes, 1);
	assert_false(clients[0]->is_closed); /* only its own worker may touch it */
	fake_run(f);
	assert_true(clients[0]->is_closed);
	assert_false(clients[1]->is_closed || clients[2]->is_closed);
	assert_int_equal(fake_listener(f, 0)->unnamed, 2);
	fake_stop(f);
}

static void at_max_connections_unproven_ones_of_another_worker_make_room(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", FAKE_ONE_SERVER, "max_connections = 2;"), 2);
	struct fake_stream *clients[5];
	static const unsigned workers[] = {0, 0, 1, 1, 1};
	for (unsigned i = 0; i < 4; i++) {
		clients[i] = fake_stream_new(f);
		fake_accept(clients[i], workers[i], 0, "192.0.2.1:1");
		if (i >= 2)
			fake_say(clients[i], BYTES(REQUEST("OPTIONS", "1")));
	}
	fake_run(f);
	assert_true(clients[0]->is_closed && clients[1]->is_closed);
	assert_int_equal(fake_state(clients[2]), SESSION_RELAYING);
	assert_int_equal(fake_state(clients[3]), SESSION_RELAYING);
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 2);
	clients[4] = fake_stream_new(f);
	fake_accept(clients[4], workers[4], 0, "192.0.2.1:1");
	assert_true(clients[4]->is_closed);
	assert_int_equal(f->shared.open, 2);
	for (unsigned w = 0; w < 2; w++)
		assert_int_equal(f->shared.rooms[w].spare, 0);
	fake_stop(f);
}

static void the_limit_holds_over_all_workers(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER, "limits: { connections = 2; };"), 2);
	struct fake_stream *clients[3];
	for (unsigned i = 0; i < 3; i++) {
		clients[i] = fake_stream_new(f);
		fake_accept(clients[i], i % 2, 0, "192.0.2.1:1");
		fake_run(f);
	}
	assert_false(clients[0]->is_closed || clients[1]->is_closed);
	assert_true(clients[2]->is_closed);
	fake_finish(clients[1]);
	struct fake_stream *next = fake_stream_new(f);
	fake_accept(next, 0, 0, "192.0.2.1:2");
	fake_run(f);
	assert_int_equal(fake_state(next), SESSION_SECURED);
	fake_stop(f);
}

/* A phone that closes and comes back at its limit, with both events in one turn and the new connection first. */
static void a_phone_that_comes_back_is_not_refused_because_of_its_own_past(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_each, 2);
	struct fake_stream *old = fake_stream_new(f);
	fake_accept(old, 1, 0, "192.0.2.1:1");
	fake_run(f);
	fake_say(old, BYTES(REQUEST("REGISTER", "1")));
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "REGISTER", "1")));
	struct fake_stream *new = fake_stream_new(f);
	fake_queue(new, BYTES(REQUEST("REGISTER", "2")));
	old->is_ended = true;
	fake_accept(new, 0, 0, "192.0.2.1:2");
	fake_run(f);
	assert_true(old->is_closed);
	assert_int_equal(fake_state(new), SESSION_RELAYING);
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 0);
	fake_stop(f);
}

/* Told no in SIP, a client holds no slot any more. */
static void a_refused_or_abandoned_client_holds_no_slot(void **state)
{
	(void)state;
	struct fake *f = fake_new(one_each, 1);
	struct fake_stream *refused = fake_client(f);
	fake_say(refused, BYTES("OPTIONS sip:b SIP/3.0\r\n" LINES(
				  "OPTIONS", "1") "Content-Length: 0\r\n\r\n"));
	assert_int_equal(fake_state(refused), SESSION_REFUSING);
	struct fake_stream *next = fake_client(f);
	fake_say(next, BYTES(REQUEST("OPTIONS", "1")));
	fake_finish(fake_server(f, 0));
	assert_int_equal(fake_state(next), SESSION_DRAINING);
	assert_int_equal(fake_state(fake_client(f)), SESSION_SECURED);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_one_more_than_the_limit_with_its_numbers),
		cmocka_unit_test(the_limit_is_that_of_the_source_in_the_header),
		cmocka_unit_test(close_is_a_fin),
		cmocka_unit_test(a_table_that_is_full_refuses_or_admits_as_configured),
		cmocka_unit_test(at_the_limit_it_waits_for_the_turns_and_hands_nothing_on),
		cmocka_unit_test(whoever_hangs_up_while_it_waits_does_not_take_the_free_slot),
		cmocka_unit_test(a_slot_freed_meanwhile_admits_and_no_byte_is_lost),
		cmocka_unit_test(those_that_wait_are_admitted_up_to_the_limit_oldest_first),
		cmocka_unit_test(one_that_goes_while_it_waits_leaves_nothing),
		cmocka_unit_test(turns_are_not_asked_for_while_they_are_awaited),
		cmocka_unit_test(a_listener_refuses_one_more_than_its_own_limit),
		cmocka_unit_test(at_max_connections_the_oldest_unproven_makes_room),
		cmocka_unit_test(at_max_connections_proven_ones_stay_and_the_new_one_goes),
		cmocka_unit_test(at_max_connections_the_unnamed_make_room_when_no_unproven_is_left),
		cmocka_unit_test(past_max_unnamed_the_oldest_goes),
		cmocka_unit_test(as_many_go_as_came_too_many),
		cmocka_unit_test(one_that_was_named_is_not_counted_as_unnamed),
		cmocka_unit_test(the_oldest_unnamed_goes_even_if_another_worker_has_it),
		cmocka_unit_test(at_max_connections_unproven_ones_of_another_worker_make_room),
		cmocka_unit_test(the_limit_holds_over_all_workers),
		cmocka_unit_test(a_phone_that_comes_back_is_not_refused_because_of_its_own_past),
		cmocka_unit_test(a_refused_or_abandoned_client_holds_no_slot),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
