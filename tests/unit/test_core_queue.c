/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections that wait to be made: servers.max_connecting and servers.connect_rate. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SERVER(name, address, more) \
	"{ name = \"" name "\"; address = \"" address ":5060\"; " more " }"
#define LIMITS	    "limits: { connections = 0; unproven = 0; }; timeouts: { connect = \"20s\"; };"
#define PACED(more) FAKE_CONF("", "servers = ( " SERVER("s1", "10.0.0.1", more) " );", LIMITS)
#define PACED2(more)                                                       \
	FAKE_CONF("",                                                      \
		"servers = ( " SERVER("s1", "10.0.0.1", more) ", " SERVER( \
			"s2", "10.0.0.2", more) " );",                     \
		LIMITS)

static const enum fake_connect pending[] = {FAKE_PENDING};

static struct backend *backend(const struct fake *f, unsigned i)
{
	return settings_pool(f->settings, 0)->servers[i].backend;
}

static void assert_quiet(const struct fake *f, unsigned i)
{
	struct places *p = &backend(f, i)->connecting;
	assert_int_equal(places_taken(p), 0);
	assert_int_equal(places_waiting(p), 0);
}

static struct fake_stream *ask(struct fake *f)
{
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	return client;
}

static void no_more_connect_at_once_and_the_first_to_come_is_the_first_to_go(void **state)
{
	(void)state;
	struct fake *f = fake_new(PACED("max_connecting = 2;"), 1);
	struct fake_stream *clients[5];
	f->otherwise = FAKE_PENDING;
	for (unsigned i = 0; i < 5; i++) {
		clients[i] = fake_client(f);
		char text[512];
		snprintf(text, sizeof(text), "%s", REQUEST("OPTIONS", "0"));
		strstr(text, "CSeq: 0 OPTIONS")[6] = (char)('1' + i);
		fake_say(clients[i], text, strlen(text));
	}
	assert_int_equal(f->server_count, 2);
	assert_int_equal(backend(f, 0)->open, 5);
	for (unsigned i = 0; i < 5; i++) {
		char expected[] = "CSeq: 0 OPTIONS";
		expected[6] = (char)('1' + i);
		fake_connected(fake_server(f, i));
		assert_true(fake_wrote(fake_server(f, i), expected));
		fake_pass(f, 100);
		assert_int_equal(f->server_count, i + 3 < 5 ? i + 3 : 5);
	}
	assert_quiet(f, 0);
	fake_stop(f);
}

static void a_place_comes_free_when_a_connect_fails_or_its_client_goes(void **state)
{
	(void)state;
	struct fake *f = fake_new(PACED("max_connecting = 1;"), 1);
	f->otherwise = FAKE_PENDING;
	struct fake_stream *first = ask(f), *second = ask(f), *third = ask(f);
	fake_fail(fake_server(f, 0), ECONNREFUSED);
	assert_int_equal(fake_wrote_times(first, "SIP/2.0 503"), 1);
	fake_pass(f, 100);
	assert_int_equal(f->server_count, 2);
	fake_fail(second, ECONNRESET);
	fake_pass(f, 100);
	assert_int_equal(f->server_count, 3);
	struct fake_stream *fourth = ask(f);
	fake_fail(fourth, ECONNRESET); /* while it waits */
	fake_connected(fake_server(f, 2));
	assert_int_equal(fake_state(third), SESSION_RELAYING);
	fake_pass(f, 1000);
	assert_int_equal(f->server_count, 3);
	assert_quiet(f, 0);
	fake_stop(f);
}

static void connects_keep_to_their_rate(void **state)
{
	(void)state;
	struct fake *f = fake_new(PACED("connect_rate = \"10/s burst 1\";"), 1);
	for (unsigned i = 0; i < 40; i++)
		ask(f);
	assert_int_equal(f->server_count, 1);
	for (unsigned s = 1; s <= 3; s++) {
		fake_pass(f, 1000);
		assert_in_range(f->server_count, 10 * s, 10 * s + 2);
	}
	fake_pass(f, 1000);
	assert_int_equal(f->server_count, 40);
	assert_quiet(f, 0);
	fake_stop(f);
}

static void who_has_waited_for_half_a_minute_hears_503_and_stays(void **state)
{
	(void)state;
	struct fake *f = fake_new(PACED("connect_rate = \"1/m burst 1\";"), 1);
	ask(f);
	struct fake_stream *client = ask(f);
	fake_pass(f, 29900);
	assert_int_equal(client->written_length, 0);
	fake_pass(f, 300);
	assert_int_equal(fake_wrote_times(client, "SIP/2.0 503"), 1);
	assert_false(client->is_shut);
	assert_quiet(f, 0);
	fake_stop(f);
}

static void who_waits_for_a_server_that_goes_waits_for_another(void **state)
{
	(void)state;
	for (unsigned way = 0; way < 3; way++) {
		struct fake *f = fake_new(PACED2("max_connecting = 1;"), 1);
		fake_connects(f, pending, 1);
		f->otherwise = FAKE_PENDING;
		for (unsigned i = 0; i < 6; i++)
			ask(f);
		assert_int_equal(f->server_count, 2);
		if (way == 0)
			backend_tell(backend(f, 0), BACKEND_DOWN, f->now_ms);
		else if (way == 1)
			atomic_store(&backend(f, 0)->order, CONF_SERVER_DRAIN + 1);
		else
			fake_reload(
				f, FAKE_CONF("", "servers = ( " SERVER("s2", "10.0.0.2", "") " );",
					   LIMITS));
		f->otherwise = FAKE_UP;
		fake_connected(fake_server(f, 1));
		fake_pass(f, 1000);
		/* All but the one whose connect is under way, in one case, and was told to look elsewhere in the others. */
		unsigned second = 0;
		for (unsigned i = 0; i < f->server_count; i++)
			second += fake_server(f, i)->to.addr.bytes[15] == 2;
		assert_true(second >= 5);
		fake_stop(f);
	}
}

static void a_batch_that_waits_is_held_and_goes_out_whole(void **state)
{
	(void)state;
	struct fake *f = fake_new(PACED("max_connecting = 1;"), 1);
	fake_connects(f, pending, 1);
	f->otherwise = FAKE_UP;
	ask(f);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "2")));
	fake_say(client, BYTES(REQUEST("OPTIONS", "3")));
	fake_connected(fake_server(f, 0));
	fake_pass(f, 100);
	fake_assert_written(fake_server(f, 1),
		BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "2") REQUEST("OPTIONS", "3")));
	fake_stop(f);
}

/* Workers share the places, and each is woken for its own. */
static void all_workers_get_their_turn(void **state)
{
	(void)state;
	struct fake *f = fake_new(PACED("max_connecting = 1;"), 2);
	f->otherwise = FAKE_PENDING;
	for (unsigned i = 0; i < 20; i++) {
		struct fake_stream *s = fake_stream_new(f);
		fake_accept(s, i % 2, 0, "192.0.2.10:4000");
		fake_say(s, BYTES(REQUEST("OPTIONS", "1")));
	}
	assert_int_equal(f->server_count, 1);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(f->server_count, i + 1);
		fake_connected(fake_server(f, i));
		fake_run(f);
	}
	unsigned first = 0;
	for (unsigned i = 0; i < 20; i++)
		first += fake_server(f, i)->worker == f->workers[0];
	assert_int_equal(first, 10);
	assert_quiet(f, 0);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_connect_at_once_and_the_first_to_come_is_the_first_to_go),
		cmocka_unit_test(a_place_comes_free_when_a_connect_fails_or_its_client_goes),
		cmocka_unit_test(connects_keep_to_their_rate),
		cmocka_unit_test(who_has_waited_for_half_a_minute_hears_503_and_stays),
		cmocka_unit_test(who_waits_for_a_server_that_goes_waits_for_another),
		cmocka_unit_test(a_batch_that_waits_is_held_and_goes_out_whole),
		cmocka_unit_test(all_workers_get_their_turn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
