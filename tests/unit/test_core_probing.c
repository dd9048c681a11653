/* SPDX-License-Identifier: BSD-2-Clause */
/* A source at its limit: its silent connections are probed, and nobody else's. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const char conf[] = FAKE_CONF("", FAKE_ONE_SERVER,
	"limits: { connections = 3; }; timeouts: { first_message = \"1h\"; }; max_connections = "
	"3000;");
static const char office[] = "192.0.2.10:4000", stranger[] = "192.0.2.11:4000";

static void fill(struct fake *f, struct fake_stream *ghosts[3], unsigned workers)
{
	for (unsigned i = 0; i < 3; i++) {
		ghosts[i] = fake_stream_new(f);
		fake_accept(ghosts[i], i % workers, 0, office);
	}
	fake_run(f);
}

/* One worker, and an office at its limit that has been silent for so long. */
static struct fake *office_silent_for(uint64_t ms, struct fake_stream *ghosts[3])
{
	struct fake *f = fake_new(conf, 1);
	fill(f, ghosts, 1);
	fake_pass(f, ms);
	return f;
}

static void assert_all_probed(struct fake_stream *const ghosts[3], bool is_probed)
{
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ghosts[i]->is_probed, is_probed);
}

static void a_source_refused_at_its_limit_gets_its_silent_connections_probed_on_all_workers(
	void **state)
{
	(void)state;
	struct fake *f = fake_new(conf, 2);
	struct fake_stream *ghosts[3], *other = fake_client_from(f, stranger);
	fill(f, ghosts, 2);
	fake_pass(f, 5000);
	assert_int_equal(fake_count(f, RECORD_LIMIT_PROBING), 0);
	fake_assert_closed(fake_client_from(f, office), REASON_LIMIT_CONNECTIONS);
	fake_pass(f, 200);
	assert_all_probed(ghosts, true);
	assert_false(other->is_probed);
	assert_int_equal(fake_count(f, RECORD_LIMIT_PROBING), 3);
	assert_int_equal(fake_last(f, RECORD_LIMIT_PROBING)->current, 3);
	assert_int_equal(fake_last(f, RECORD_LIMIT_PROBING)->max, 3);
	for (unsigned i = 0; i < 3; i++)
		fake_fail(ghosts[i], ETIMEDOUT);
	assert_int_equal(fake_state(fake_client_from(f, office)), SESSION_SECURED);
	fake_stop(f);
}

static void who_was_heard_a_moment_ago_is_not_probed(void **state)
{
	(void)state;
	struct fake_stream *ghosts[3];
	struct fake *f = office_silent_for(5000, ghosts);
	fake_say(ghosts[1], BYTES(REQUEST("OPTIONS", "1")));
	fake_client_from(f, office);
	fake_pass(f, 200);
	assert_true(ghosts[0]->is_probed);
	assert_false(ghosts[1]->is_probed);
	fake_stop(f);
}

static void who_falls_silent_a_moment_later_is_probed_then(void **state)
{
	(void)state;
	struct fake_stream *ghosts[3];
	struct fake *f = office_silent_for(100, ghosts);
	fake_assert_closed(fake_client_from(f, office), REASON_LIMIT_CONNECTIONS);
	fake_pass(f, 500);
	assert_false(ghosts[0]->is_probed);
	fake_pass(f, 1000);
	assert_all_probed(ghosts, true);
	fake_stop(f);
}

/* A worker whose phones are all silent turns ten times a second: the mark would not live to see the last of so many. */
static void however_many_connections_there_are_the_search_does_not_wait_for_events(void **state)
{
	(void)state;
	struct fake *f = fake_new(conf, 1);
	struct core *c = &f->workers[0]->core;
	struct fake_stream *ghosts[3];
	for (unsigned i = 0; i < 2000; i++) {
		char peer[32];
		snprintf(peer, sizeof(peer), "10.1.%u.%u:4000", i / 250, i % 250);
		fake_accept(fake_stream_new(f), 0, 0, peer);
	}
	fill(f, ghosts, 1);
	fake_pass(f, 5000);
	f->holds_turns = true;
	fake_client_from(f, office);
	fake_turns_done(f, 0);
	core_tend(c);
	assert_false(ghosts[2]->is_probed);
	for (unsigned turns = 0; turns < 10 && core_has_work(c); turns++)
		core_tend(c);
	assert_all_probed(ghosts, true);
	assert_false(core_has_work(c));
	f->holds_turns = false;
	fake_stop(f);
}

static void the_living_are_left_in_peace_after_a_while(void **state)
{
	(void)state;
	struct fake_stream *ghosts[3];
	struct fake *f = office_silent_for(5000, ghosts);
	fake_client_from(f, office);
	fake_pass(f, 7000);
	assert_true(ghosts[0]->is_probed);
	fake_pass(f, 2000);
	assert_all_probed(ghosts, false);
	fake_stop(f);
}

static void a_flood_at_the_limit_begins_no_second_probing_within_ten_seconds(void **state)
{
	(void)state;
	struct fake_stream *ghosts[3];
	struct fake *f = office_silent_for(5000, ghosts);
	for (unsigned i = 0; i < 9; i++) {
		fake_client_from(f, office);
		fake_pass(f, 1000);
	}
	assert_int_equal(f->shared.probes, 1);
	fake_pass(f, 2000);
	fake_client_from(f, office);
	fake_pass(f, 200);
	assert_int_equal(f->shared.probes, 2);
	assert_int_equal(fake_count(f, RECORD_LIMIT_PROBING), 6);
	fake_stop(f);
}

static void a_probed_connection_that_ends_leaves_nothing_behind(void **state)
{
	(void)state;
	struct fake_stream *ghosts[3];
	struct fake *f = office_silent_for(5000, ghosts);
	fake_client_from(f, office);
	fake_pass(f, 200);
	fake_finish(ghosts[0]);
	assert_int_equal(fake_state(fake_client_from(f, office)), SESSION_SECURED);
	fake_pass(f, 10000);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_source_refused_at_its_limit_gets_its_silent_connections_probed_on_all_workers),
		cmocka_unit_test(who_was_heard_a_moment_ago_is_not_probed),
		cmocka_unit_test(who_falls_silent_a_moment_later_is_probed_then),
		cmocka_unit_test(
			however_many_connections_there_are_the_search_does_not_wait_for_events),
		cmocka_unit_test(the_living_are_left_in_peace_after_a_while),
		cmocka_unit_test(a_flood_at_the_limit_begins_no_second_probing_within_ten_seconds),
		cmocka_unit_test(a_probed_connection_that_ends_leaves_nothing_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
