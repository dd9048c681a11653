/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of all connections, over a time. */
#include "tests/unit/core_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CROWD "limits: { connections = 0; }; max_connections = 1000;"

static const char crowd[] = FAKE_CONF("", FAKE_ONE_SERVER, CROWD);
static const char answering[] = FAKE_CONF("", "respond: { status = 200; };", CROWD);

enum { MANY = 200, OVER_MS = 100000 };

static void drain(struct fake *f, uint64_t over_ms)
{
	for (unsigned i = 0; i < f->shared.workers; i++)
		drain_begin(&f->workers[i]->core, over_ms);
}

static unsigned count_shut(struct fake_stream *const *clients, unsigned count)
{
	unsigned shut = 0;
	for (unsigned i = 0; i < count; i++)
		shut += clients[i]->is_shut || clients[i]->is_closed;
	return shut;
}

/* So many clients that have had their answer. */
static void fill(struct fake *f, struct fake_stream **clients, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		clients[i] = fake_client(f);
		fake_say(clients[i], BYTES(REQUEST("OPTIONS", "1")));
	}
}

static void after_each_tenth_of_the_time_about_a_tenth_of_the_connections_has_gone(void **state)
{
	(void)state;
	struct fake *f = fake_new(answering, 1);
	struct fake_stream *clients[MANY];
	fill(f, clients, MANY);
	drain(f, OVER_MS);
	for (unsigned tenth = 1; tenth <= 10; tenth++) {
		fake_pass(f, OVER_MS / 10);
		assert_in_range(
			count_shut(clients, MANY), (tenth - 1) * MANY / 10, tenth * MANY / 10 + 1);
		assert_true(tenth < 2 || count_shut(clients, MANY) > (tenth - 1) * MANY / 10);
	}
	assert_int_equal(count_shut(clients, MANY), MANY);
	assert_int_equal(drain_left(&f->workers[0]->core), 0);
	fake_stop(f);
}

static void each_worker_drains_its_own(void **state)
{
	(void)state;
	struct fake *f = fake_new(answering, 2);
	struct fake_stream *clients[40];
	for (unsigned i = 0; i < 40; i++) {
		clients[i] = fake_stream_new(f);
		fake_accept(clients[i], i % 2, 0, "192.0.2.10:4000");
	}
	fake_run(f);
	drain(f, 10000);
	fake_pass(f, 5000);
	assert_in_range(count_shut(clients, 40), 19, 21);
	fake_pass(f, 5100);
	assert_int_equal(count_shut(clients, 40), 40);
	fake_stop(f);
}

static void who_has_not_sent_a_message_goes_first(void **state)
{
	(void)state;
	struct fake *f = fake_new(answering, 1);
	struct fake_stream *proven[10], *mute[10];
	fill(f, proven, 10);
	for (unsigned i = 0; i < 10; i++)
		mute[i] = fake_client(f);
	drain(f, 10000);
	fake_pass(f, 5000);
	assert_int_equal(count_shut(mute, 10), 10);
	assert_int_equal(count_shut(proven, 10), 0);
	fake_pass(f, 6000);
	assert_int_equal(count_shut(proven, 10), 10);
	fake_stop(f);
}

static void those_with_an_open_dialog_go_last(void **state)
{
	(void)state;
	struct fake *f = fake_new(crowd, 1);
	static struct fake_stream *clients[MANY];
	struct fake_stream *calling[20], *quiet[MANY - 20];
	for (unsigned i = 0; i < MANY; i++) {
		clients[i] = fake_client(f);
		fake_say(clients[i], BYTES(REQUEST("INVITE", "1")));
		fake_say(fake_server(f, i), BYTES(RESPONSE("200 OK", "INVITE", "1")));
		if (i % 10)
			fake_say(clients[i], BYTES(REQUEST("BYE", "2")));
		if (i % 10)
			fake_say(fake_server(f, i), BYTES(RESPONSE("200 OK", "BYE", "2")));
		if (i % 10)
			quiet[i - i / 10 - 1] = clients[i];
		else
			calling[i / 10] = clients[i];
	}
	drain(f, OVER_MS);
	for (unsigned tenth = 1; tenth <= 9; tenth++) {
		fake_pass(f, OVER_MS / 10);
		assert_in_range(count_shut(quiet, MANY - 20), tenth * 20 - 2, tenth * 20);
		assert_int_equal(count_shut(calling, 20), 0);
	}
	fake_pass(f, OVER_MS / 20);
	assert_in_range(count_shut(calling, 20), 9, 11);
	fake_pass(f, OVER_MS / 20 + 200);
	assert_int_equal(count_shut(calling, 20), 20);
	fake_stop(f);
}

/* It is the n-th who speaks, and in a call from now on: answered, and not ended. */
static void call(struct fake_stream *client, unsigned n)
{
	fake_say(client, BYTES(REQUEST("INVITE", "1")));
	fake_say(fake_server(client->fake, n), BYTES(RESPONSE("200 OK", "INVITE", "1")));
}

/* So many are in a call, as many others await an answer. */
static void fill_callers_and_busy(
	struct fake *f, struct fake_stream **calling, struct fake_stream **busy, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		calling[i] = fake_client(f);
		call(calling[i], i);
	}
	fill(f, busy, count);
}

static void a_call_does_not_go_because_the_others_are_busy_for_a_moment(void **state)
{
	(void)state;
	struct fake *f = fake_new(crowd, 1);
	struct fake_stream *calling[20], *busy[20];
	fill_callers_and_busy(f, calling, busy, 20);
	drain(f, 100000);
	fake_pass(f, 7000);
	assert_int_equal(count_shut(calling, 20) + count_shut(busy, 20), 0);
	for (unsigned i = 0; i < 20; i++)
		fake_say(fake_server(f, 20 + i), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_pass(f, 100);
	assert_int_equal(count_shut(busy, 20), 2);
	fake_pass(f, 43000);
	assert_int_equal(count_shut(busy, 20), 20);
	assert_int_equal(count_shut(calling, 20), 0);
	fake_stop(f);
}

static void calls_do_not_wait_for_the_busy_for_ever(void **state)
{
	(void)state;
	struct fake *f = fake_new(crowd, 1);
	struct fake_stream *calling[20], *busy[20];
	fill_callers_and_busy(f, calling, busy, 20);
	drain(f, 100000);
	for (unsigned tenth = 1; tenth <= 5; tenth++) {
		fake_pass(f, 10000);
		assert_in_range(count_shut(calling, 20), tenth * 4 - 4, tenth * 4);
	}
	assert_int_equal(count_shut(busy, 20), 0);
	fake_stop(f);
}

/* Who was passed over is marked with a number that grows each turn: it must not mean anything when it comes round again. */
static void a_call_is_looked_at_anew_however_many_turns_have_passed(void **state)
{
	static const char first[] = "ACK sip:b@example.com SIP/2.0\r\n",
			  rest[] = LINES("ACK", "1") "Content-Length: 0\r\n\r\n";
	(void)state;
	for (unsigned turns = 0; turns < 260; turns++) {
		struct fake *f = fake_new(crowd, 1);
		struct fake_stream *caller = fake_client(f), *quiet = fake_client(f);
		call(caller, 0);
		fake_say(quiet, BYTES(REQUEST("ACK", "1")));
		struct fake_stream *late = fake_client(f);
		fake_say(late, BYTES(first));
		drain(f, 3000);
		fake_pass(f, 1100);
		assert_true(quiet->is_shut);
		fake_say(late, BYTES(rest));
		for (unsigned i = 0; i < turns; i++)
			core_tend(&f->workers[0]->core);
		fake_pass(f, 1000);
		if (!late->is_shut || caller->is_shut)
			fail_msg("after %u more turns the call goes first", turns);
		fake_stop(f);
	}
}

static void those_that_end_by_themselves_count(void **state)
{
	(void)state;
	struct fake *f = fake_new(answering, 1);
	struct fake_stream *clients[20];
	fill(f, clients, 20);
	drain(f, 10000);
	for (unsigned i = 10; i < 20; i++)
		fake_finish(clients[i]);
	fake_pass(f, 4900);
	assert_int_equal(count_shut(clients, 10), 0);
	fake_pass(f, 2600);
	assert_in_range(count_shut(clients, 10), 4, 5);
	fake_stop(f);
}

static void nobody_goes_in_the_middle_of_a_message_of_either_side(void **state)
{
	static const char half[] = "OPTIONS sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/TCP h";
	(void)state;
	struct fake *f = fake_new(crowd, 1);
	struct fake_stream *clients[2];
	fill(f, clients, 2);
	for (unsigned i = 0; i < 2; i++)
		fake_say(fake_server(f, i), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_say(clients[0], BYTES(half));
	fake_say(fake_server(f, 1), BYTES("SIP/2.0 200 OK\r\nVia: S"));
	drain(f, 8000);
	fake_pass(f, 7000);
	assert_int_equal(count_shut(clients, 2), 0);
	fake_say(fake_server(f, 1), BYTES("IP/2.0/TCP h\r\nContent-Length: 0\r\n\r\n"));
	fake_pass(f, 200);
	assert_true(clients[1]->is_shut);
	assert_false(clients[0]->is_shut);
	fake_pass(f, 900);
	assert_true(clients[0]->is_shut);
	fake_stop(f);
}

static void an_answer_that_is_due_is_waited_for_while_there_is_time(void **state)
{
	(void)state;
	struct fake *f = fake_new(crowd, 1);
	struct fake_stream *clients[2];
	fill(f, clients, 2);
	fake_say(fake_server(f, 1), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_say(fake_server(f, 1),
		BYTES(REQUEST("INVITE", "7"))); /* and one is due from the phone */
	drain(f, 10000);
	fake_pass(f, 8000);
	assert_int_equal(count_shut(clients, 2), 0);
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_say(clients[1], BYTES(RESPONSE("486 Busy Here", "INVITE", "7")));
	fake_pass(f, 200);
	assert_int_equal(count_shut(clients, 2), 1); /* at 82 % of the time */
	assert_true(fake_wrote(clients[0], "SIP/2.0 200 OK"));
	assert_true(fake_wrote(fake_server(f, 1), "SIP/2.0 486"));
	fake_stop(f);
}

/* Pings of a server that half of the phones ignore: nobody is waiting for those answers any more. */
static void who_never_answers_is_not_kept_until_the_end(void **state)
{
	(void)state;
	struct fake *f = fake_new(crowd, 1);
	static struct fake_stream *clients[100];
	fill(f, clients, 100);
	for (unsigned i = 0; i < 100; i++)
		fake_say(fake_server(f, i), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	for (unsigned minute = 0; minute < 5; minute++) {
		for (unsigned i = 0; i < 100; i += 2)
			fake_say(fake_server(f, i), BYTES(REQUEST("OPTIONS", "2")));
		fake_pass(f, 60000);
	}
	drain(f, OVER_MS);
	for (unsigned tenth = 1; tenth <= 10; tenth++) {
		fake_pass(f, OVER_MS / 10);
		assert_in_range(count_shut(clients, 100), tenth * 10 - 1, tenth * 10);
	}
	fake_stop(f);
}

static void a_phone_that_rings_is_waited_for_whatever_it_left_unanswered(void **state)
{
	(void)state;
	struct fake *f = fake_new(crowd, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_say(fake_server(f, 0), BYTES(REQUEST("OPTIONS", "2")));
	fake_pass(f, 300000);
	fake_say(fake_server(f, 0), BYTES(REQUEST("INVITE", "3")));
	drain(f, 10000);
	fake_pass(f, 9900);
	assert_false(client->is_shut);
	fake_stop(f);
}

static void at_the_end_of_the_time_whoever_is_left_goes(void **state)
{
	(void)state;
	struct fake *f = fake_new(crowd, 1);
	struct fake_stream *clients[3];
	fill(f, clients, 3); /* none is ever answered */
	drain(f, 3000);
	fake_pass(f, 2900);
	assert_int_equal(count_shut(clients, 3), 0);
	fake_pass(f, 300);
	assert_int_equal(count_shut(clients, 3), 3);
	fake_pass(f, 2200); /* whose FIN does not come is not waited for */
	for (unsigned i = 0; i < 3; i++)
		fake_assert_closed(clients[i], REASON_SHUTDOWN);
	fake_end(f);
}

static void who_never_stops_sending_is_closed_at_the_end_too(void **state)
{
	(void)state;
	struct fake *f = fake_new(crowd, 1);
	struct fake_stream *client = fake_client(f);
	drain(f, 3000);
	for (unsigned i = 0; i < 40 && !client->is_closed; i++) {
		if (!client->is_shut)
			fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
		fake_pass(f, 100);
	}
	assert_true(client->is_shut);
	fake_finish(client);
	fake_assert_closed(client, REASON_SHUTDOWN);
	fake_end(f);
}

static void what_is_unsent_at_the_end_of_the_time_is_still_sent(void **state)
{
	(void)state;
	struct fake *f = fake_new(answering, 1);
	struct fake_stream *client = fake_client(f);
	client->room = 10;
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	drain(f, 1000);
	fake_pass(f, 1500);
	assert_false(client->is_shut);
	fake_give_room(client, SIZE_MAX);
	assert_true(fake_wrote(client, "Content-Length: 0\r\n\r\n"));
	assert_true(client->is_shut);
	fake_finish(client);
	fake_end(f);
}

static void a_server_gets_the_rest_of_a_message_at_the_end_of_the_time(void **state)
{
	(void)state;
	struct fake *f = fake_new(crowd, 1);
	struct fake_stream *clients[2];
	fill(f, clients, 2);
	for (unsigned i = 0; i < 2; i++) {
		fake_forget(fake_server(f, i));
		fake_server(f, i)->room = 10;
		fake_say(clients[i], BYTES(REQUEST("OPTIONS", "2")));
	}
	drain(f, 1000);
	fake_pass(f, 2000);
	assert_int_equal(count_shut(clients, 2), 0);
	fake_give_room(fake_server(f, 0), SIZE_MAX);
	fake_pass(f, 100);
	fake_assert_written(fake_server(f, 0), BYTES(REQUEST("OPTIONS", "2")));
	assert_true(clients[0]->is_shut);
	assert_false(clients[1]->is_shut);
	fake_pass(f, 1500); /* the other takes nothing: it is not waited for any longer */
	assert_true(clients[1]->is_shut);
	fake_stop(f);
}

/* With no event in between: what is left over the budget of a turn is not left to the next tick. */
static void all_go_at_once_in_turns_that_do_not_wait(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", "respond: { status = 200; };",
					  "limits: { connections = 0; }; max_connections = 1000;"),
		1);
	static struct fake_stream *clients[600];
	struct core *c = &f->workers[0]->core;
	fill(f, clients, 600);
	drain(f, 0);
	core_tend(c);
	assert_in_range(count_shut(clients, 600), 100, 500);
	for (unsigned turns = 0; turns < 6 && core_has_work(c); turns++)
		core_tend(c);
	assert_int_equal(count_shut(clients, 600), 600);
	assert_false(core_has_work(c));
	fake_stop(f);
}

static void more_than_one_turn_looks_at_are_all_looked_at(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("",
				 "servers = ( { name = \"s1\"; address = \"10.0.0.1:5060\"; "
				 "max_connecting = 2500; } );",
				 "limits: { connections = 0; }; max_connections = 3000;"),
			1);
	static struct fake_stream *clients[2500];
	fill(f, clients, 2500); /* owed an answer, all but the youngest */
	fake_say(fake_server(f, 2499), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	drain(f, 100000);
	fake_pass(f, 1000);
	assert_int_equal(count_shut(clients, 2500), 1);
	assert_true(clients[2499]->is_shut);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			after_each_tenth_of_the_time_about_a_tenth_of_the_connections_has_gone),
		cmocka_unit_test(each_worker_drains_its_own),
		cmocka_unit_test(who_has_not_sent_a_message_goes_first),
		cmocka_unit_test(those_with_an_open_dialog_go_last),
		cmocka_unit_test(a_call_does_not_go_because_the_others_are_busy_for_a_moment),
		cmocka_unit_test(calls_do_not_wait_for_the_busy_for_ever),
		cmocka_unit_test(a_call_is_looked_at_anew_however_many_turns_have_passed),
		cmocka_unit_test(those_that_end_by_themselves_count),
		cmocka_unit_test(nobody_goes_in_the_middle_of_a_message_of_either_side),
		cmocka_unit_test(an_answer_that_is_due_is_waited_for_while_there_is_time),
		cmocka_unit_test(who_never_answers_is_not_kept_until_the_end),
		cmocka_unit_test(a_phone_that_rings_is_waited_for_whatever_it_left_unanswered),
		cmocka_unit_test(at_the_end_of_the_time_whoever_is_left_goes),
		cmocka_unit_test(who_never_stops_sending_is_closed_at_the_end_too),
		cmocka_unit_test(what_is_unsent_at_the_end_of_the_time_is_still_sent),
		cmocka_unit_test(a_server_gets_the_rest_of_a_message_at_the_end_of_the_time),
		cmocka_unit_test(all_go_at_once_in_turns_that_do_not_wait),
		cmocka_unit_test(more_than_one_turn_looks_at_are_all_looked_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
