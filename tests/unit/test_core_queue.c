/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections that wait to be made. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define CROWD "limits: { connections = 0; }; max_connections = 6000;"
#define SERVER(more)                                                                             \
	FAKE_CONF("", "servers = ( { name = \"s1\"; address = \"10.0.0.1:5060\"; " more " } );", \
		CROWD "timeouts: { connect = \"60s\"; };")
#define TWO_SERVERS(first)                                                        \
	"servers = ( { name = \"s1\"; address = \"10.0.0.1:5060\"; " first " }, " \
	"{ name = \"s2\"; address = \"10.0.0.2:5060\"; } );"

enum { STORM = 5000 };

static const enum fake_connect pending[] = {FAKE_PENDING};
static struct fake_stream *clients[STORM];

static struct backend *backend_of(const struct fake *f)
{
	return settings_pool(f->settings, 0)->pool->backends;
}

static struct fake_stream *caller(struct fake *f, unsigned worker)
{
	struct fake_stream *client = fake_stream_new(f);
	fake_queue(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_accept(client, worker, 0, "192.0.2.10:40000");
	return client;
}

/* The server has not only been connected to: it has said something. */
static void accepted(struct fake_stream *server)
{
	fake_connected(server);
	fake_say(server, BYTES("\r\n"));
}

static unsigned waiting(const struct fake *f)
{
	return places_waiting(&backend_of(f)->connecting);
}

static unsigned connecting(const struct fake *f)
{
	return places_taken(&backend_of(f)->connecting);
}

/* A world whose connects stay pending, with so many callers. */
static struct fake *filled(const char *conf, unsigned count)
{
	struct fake *f = fake_new(conf, 1);
	fake_connects(f, pending, 1);
	for (unsigned i = 0; i < count; i++) {
		clients[i] = caller(f, 0);
		fake_run(f);
	}
	return f;
}

static void no_more_than_max_connecting_connect_at_once(void **state)
{
	(void)state;
	struct fake *f = filled(SERVER("max_connecting = 2;"), 5);
	assert_int_equal(f->server_count, 2);
	assert_int_equal(waiting(f), 3);
	assert_int_equal(atomic_load(&backend_of(f)->open), 5);
	accepted(fake_server(f, 1));
	assert_int_equal(f->server_count, 3);
	assert_int_equal(connecting(f), 2);
	fake_stop(f);
}

/* Else whoever sends what no server answers would make others wait. */
static void a_place_is_free_once_connected_while_no_connect_was_dropped(void **state)
{
	(void)state;
	struct fake *f = filled(SERVER("max_connecting = 1;"), 2);
	fake_connected(fake_server(f, 0));
	assert_int_equal(f->server_count, 2);
	fake_stop(f);
}

/* The kernel connects what the server has yet to accept: that is what its backlog is full of. */
static void
a_place_is_held_until_the_server_has_said_something_or_200_ms_long_when_its_backlog_was_full(
	void **state)
{
	(void)state;
	struct fake *f = filled(SERVER("max_connecting = 1;"), 3);
	fake_pass(f, 1000); /* the SYN was dropped, and sent again */
	fake_connected(fake_server(f, 0));
	assert_int_equal(f->server_count, 1);
	fake_say(fake_server(f, 0), BYTES("\r\n"));
	assert_int_equal(f->server_count, 2);
	fake_connected(fake_server(f, 1));
	fake_pass(f, 100);
	assert_int_equal(f->server_count, 2);
	fake_pass(f, 200);
	assert_int_equal(f->server_count, 3);
	/* It goes with its connection, too. */
	fake_connected(fake_server(f, 2));
	assert_int_equal(connecting(f), 1);
	fake_finish(fake_server(f, 2));
	assert_int_equal(connecting(f), 0);
	fake_stop(f);
}

static void who_came_first_is_connected_first(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("",
					  "proxy_protocol = \"v1\"; servers = ( { name = \"s1\"; "
					  "address = \"10.0.0.1:5060\"; max_connecting = 1; } );",
					  CROWD),
		1);
	fake_connects(f, pending, 1);
	for (unsigned i = 0; i < 8; i++) {
		char peer[32];
		snprintf(peer, sizeof(peer), "192.0.2.%u:5060", i + 1);
		clients[i] = fake_stream_new(f);
		fake_queue(clients[i], BYTES(REQUEST("OPTIONS", "1")));
		fake_accept(clients[i], 0, 0, peer);
	}
	fake_run(f);
	for (unsigned i = 0; i < 8; i++) {
		char header[64];
		assert_int_equal(f->server_count, i + 1);
		accepted(fake_server(f, i));
		snprintf(header, sizeof(header), "PROXY TCP4 192.0.2.%u ", i + 1);
		assert_memory_equal(fake_server(f, i)->written, header, strlen(header));
	}
	fake_stop(f);
}

/* Whatever ends the connect of the first, the second is begun. */
static void a_place_is_given_back_whatever_ends_a_connect(void **state)
{
	enum { SUCCESS, FAILURE, CLIENT_GONE, CLIENT_CLOSED, TIMEOUT, WAYS };
	(void)state;
	for (unsigned way = SUCCESS; way < WAYS; way++) {
		struct fake *f = filled(FAKE_CONF("",
						"servers = ( { name = \"s1\"; address = "
						"\"10.0.0.1:5060\"; max_connecting = 1; } );",
						CROWD),
			2);
		assert_int_equal(f->server_count, 1);
		switch (way) {
		case SUCCESS:
			accepted(fake_server(f, 0));
			break;
		case FAILURE:
			fake_fail(fake_server(f, 0), ECONNREFUSED);
			break;
		case CLIENT_GONE:
			fake_fail(clients[0], ECONNRESET);
			break;
		case CLIENT_CLOSED:
			session_close(clients[0]->stream.owner, REASON_SHUTDOWN);
			fake_run(f);
			break;
		default:
			fake_pass(f, 3200);
		}
		assert_int_equal(f->server_count, 2);
		assert_int_equal(connecting(f), 1);
		assert_int_equal(waiting(f), 0);
		fake_stop(f);
	}
}

static void who_goes_while_it_waits_leaves_the_queue(void **state)
{
	(void)state;
	struct fake *f = filled(SERVER("max_connecting = 1;"), 4);
	fake_fail(clients[1], ECONNRESET);
	session_close(clients[2]->stream.owner, REASON_SHUTDOWN);
	fake_run(f);
	assert_int_equal(waiting(f), 1);
	assert_int_equal(atomic_load(&backend_of(f)->open), 2);
	accepted(fake_server(f, 0));
	assert_int_equal(f->server_count, 2);
	accepted(fake_server(f, 1));
	assert_true(fake_wrote(fake_server(f, 1), "OPTIONS"));
	fake_stop(f);
}

static void who_has_waited_for_30_s_gets_503_and_may_come_again(void **state)
{
	(void)state;
	struct fake *f = filled(SERVER("max_connecting = 1;"), 2);
	fake_pass(f, 29800);
	assert_null(clients[1]->written);
	fake_pass(f, 400);
	assert_int_equal(fake_wrote_times(clients[1], "SIP/2.0 503"), 1);
	assert_int_equal(waiting(f), 0);
	assert_false(clients[1]->is_shut || clients[1]->is_closed);
	accepted(fake_server(f, 0));
	fake_say(clients[1], BYTES(REQUEST("OPTIONS", "2")));
	accepted(fake_server(f, 1));
	fake_assert_written(fake_server(f, 1), BYTES(REQUEST("OPTIONS", "2")));
	fake_stop(f);
}

/* With and without retries: it has not tried anything yet. */
static void who_waits_for_a_server_that_goes_is_connected_to_another(void **state)
{
	enum { ORDERED_DOWN, FOUND_DOWN, DRAINED, REMOVED, WAYS };
	(void)state;
	for (unsigned way = 0; way < WAYS; way++) {
		struct fake *f = filled(
			FAKE_CONF("", TWO_SERVERS("max_connecting = 1;") "retries = 0;", CROWD), 3);
		struct backend *b = backend_of(f);
		assert_int_equal(waiting(f), 1);
		switch (way) {
		case FOUND_DOWN:
			backend_tell(b, BACKEND_DOWN, f->now_ms);
			break;
		case REMOVED:
			fake_reload(f, FAKE_CONF("",
					       "servers = ( { name = \"s2\"; address = "
					       "\"10.0.0.2:5060\"; } ); retries = 0;",
					       CROWD));
			break;
		default:
			atomic_store(&b->order,
				way == DRAINED ? CONF_SERVER_DRAIN + 1 : CONF_SERVER_DOWN + 1);
		}
		fake_pass(f, 100);
		assert_int_equal(places_waiting(&b->connecting), 0);
		assert_null(clients[2]->written);
		char to[ADDR_PORT_TEXT_MAX];
		addr_port_format(&fake_server(f, 2)->to, to);
		assert_string_equal(to, "10.0.0.2:5060");
		fake_stop(f);
	}
}

/* --- a rate --- */

static void connects_come_no_faster_than_the_rate(void **state)
{
	(void)state;
	struct fake *f = filled(SERVER("connect_rate = \"10/s burst 1\";"), 60);
	assert_in_range(f->server_count, 1, 2);
	for (unsigned second = 1; second <= 4; second++) {
		fake_pass(f, 1000);
		assert_in_range(f->server_count, second * 10 - 1, second * 10 + 2);
	}
	fake_stop(f);
}

static void a_fast_rate_is_met_although_the_clock_ticks_slowly(void **state)
{
	(void)state;
	struct fake *f = fake_new(SERVER("connect_rate = \"200/s burst 1\";"), 1);
	for (unsigned i = 0; i < 1000; i++)
		clients[i] = caller(f, 0);
	fake_pass(f, 1000);
	assert_in_range(f->server_count, 180, 222);
	fake_pass(f, 2000);
	assert_in_range(f->server_count, 560, 622);
	fake_stop(f);
}

/* Who has given up does not count: else the server would be idle while those who come later wait for nobody. */
static void who_gave_up_does_not_make_others_wait(void **state)
{
	(void)state;
	struct fake *f = filled(SERVER("connect_rate = \"10/s\";"), 1000);
	for (unsigned i = 0; i < 1000; i++)
		clients[i]->is_failing = ECONNRESET;
	fake_run(f);
	fake_pass(f, 1000);
	unsigned before = f->server_count;
	struct fake_stream *client = caller(f, 0);
	fake_pass(f, 200);
	assert_int_equal(f->server_count, before + 1);
	assert_null(client->written);
	fake_stop(f);
}

/* --- storms --- */

/* Each connect takes a tick; the queue is passed on without one. */
static void all_of_a_storm_are_served(void **state)
{
	(void)state;
	for (unsigned workers = 1; workers <= 2; workers++) {
		struct fake *f = fake_new(SERVER("max_connecting = 5;"), workers);
		fake_connects(f, pending, 1);
		for (unsigned i = 0; i < STORM; i++)
			clients[i] = caller(f, i % workers);
		fake_run(f);
		for (unsigned served = 0, ms = 0; served < STORM; ms += 10) {
			assert_true(ms < 10000 + 10);
			assert_in_range(connecting(f), 1, 5);
			for (struct fake_stream *s = f->streams; s; s = s->next)
				if (s->is_pending) {
					s->is_pending = false;
					fake_queue(s, BYTES("\r\n"));
					served++;
				}
			fake_pass(f, 10);
		}
		assert_int_equal(f->server_count, STORM);
		for (unsigned i = 0; i < STORM; i++)
			assert_null(clients[i]->written);
		assert_int_equal(waiting(f), 0);
		fake_stop(f);
	}
}

static void workers_share_the_places_and_are_woken(void **state)
{
	(void)state;
	struct fake *f = fake_new(SERVER("max_connecting = 4;"), 2);
	fake_connects(f, pending, 1);
	for (unsigned i = 0; i < 20; i++)
		clients[i] = caller(f, 0);
	fake_run(f);
	assert_int_equal(backend_of(f)->connecting.lanes[0].held, 4);
	for (unsigned i = 20; i < 40; i++)
		clients[i] = caller(f, 1);
	fake_run(f);
	assert_int_equal(f->workers[1]->wakes, 0);
	for (unsigned i = 0; i < 2; i++)
		accepted(fake_server(f, i));
	assert_in_range(f->workers[1]->wakes, 2, 4);
	assert_int_equal(backend_of(f)->connecting.lanes[0].held, 2);
	assert_int_equal(backend_of(f)->connecting.lanes[1].held, 2);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_than_max_connecting_connect_at_once),
		cmocka_unit_test(a_place_is_free_once_connected_while_no_connect_was_dropped),
		cmocka_unit_test(
			a_place_is_held_until_the_server_has_said_something_or_200_ms_long_when_its_backlog_was_full),
		cmocka_unit_test(who_came_first_is_connected_first),
		cmocka_unit_test(a_place_is_given_back_whatever_ends_a_connect),
		cmocka_unit_test(who_goes_while_it_waits_leaves_the_queue),
		cmocka_unit_test(who_has_waited_for_30_s_gets_503_and_may_come_again),
		cmocka_unit_test(who_waits_for_a_server_that_goes_is_connected_to_another),
		cmocka_unit_test(connects_come_no_faster_than_the_rate),
		cmocka_unit_test(a_fast_rate_is_met_although_the_clock_ticks_slowly),
		cmocka_unit_test(who_gave_up_does_not_make_others_wait),
		cmocka_unit_test(all_of_a_storm_are_served),
		cmocka_unit_test(workers_share_the_places_and_are_woken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
