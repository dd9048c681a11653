/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread's way to the log: repetitions are counted, a full ring costs lines and never a count, one reader beside. */
#include "proxy/io/log_lane.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { EVENTS = 200000 };

static struct log_lane *lane;

static int set_up(void **state)
{
	(void)state;
	lane = aligned_alloc(_Alignof(struct log_lane), sizeof(*lane));
	return lane && log_lane_init(lane) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	log_lane_fini(lane);
	free(lane);
	return 0;
}

static struct record refusal(unsigned source)
{
	struct record r;
	record_init(&r, RECORD_LIMIT_REFUSED);
	r.listener = "l";
	r.limit = "connections";
	r.has = RECORD_HAS_SOURCE;
	addr_set_ipv4(&r.source.addr, (uint8_t[]){10, 0, (uint8_t)(source >> 8), (uint8_t)source});
	return r;
}

static struct record closed(void)
{
	struct record r;
	record_init(&r, RECORD_CONNECTION_CLOSED);
	return r;
}

/* Take all that is queued; returns the events it stands for. */
static uint64_t read_all(unsigned *lines)
{
	const struct record *r;
	uint64_t events = 0;
	for (*lines = 0; (r = log_lane_peek(lane)); ++*lines) {
		events += r->count;
		log_lane_pop(lane);
	}
	return events;
}

static void each_event_that_is_not_repeated_is_a_record(void **state)
{
	unsigned lines;
	(void)state;
	assert_null(log_lane_peek(lane));
	for (unsigned i = 0; i < 10; i++) {
		struct record r = closed();
		r.messages = i;
		log_lane_put(lane, &r);
	}
	assert_int_equal(log_lane_peek(lane)->messages, 0);
	assert_true(log_lane_peek(lane)->at_ms > 1600000000000);
	assert_int_equal(read_all(&lines), 10);
	assert_int_equal(lines, 10);
}

static void what_repeats_is_told_at_once_and_then_counted(void **state)
{
	struct record r = refusal(1);
	unsigned lines;
	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		log_lane_put(lane, &r);
	assert_int_equal(read_all(&lines), 1);
	assert_int_equal(lines, 1);
	assert_true(log_lane_settle(lane));
	assert_int_equal(read_all(&lines), 999);
	assert_int_equal(lines, 1);
	assert_true(log_lane_settle(lane));
	assert_int_equal(read_all(&lines), 0);
}

static void a_record_that_stands_for_many_counts_as_many(void **state)
{
	struct record r = refusal(1);
	unsigned lines;
	uint64_t events;
	(void)state;
	r.count = 5;
	log_lane_put(lane, &r);
	log_lane_put(lane, &r);
	r.count = 7;
	log_lane_put(lane, &r);
	log_lane_settle(lane);
	events = read_all(&lines);
	assert_int_equal(events, 17);
}

static void sources_limits_reasons_and_endpoints_are_told_apart(void **state)
{
	struct record records[5];
	unsigned lines;
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		records[i] = refusal(1);
	records[1] = refusal(2);
	records[2].limit = "max_connections";
	records[3].listener = "m";
	strcpy(records[4].endpoint, "vpce-1");
	for (unsigned i = 0; i < 5; i++)
		log_lane_put(lane, &records[i]);
	assert_int_equal(read_all(&lines), 5);
	assert_int_equal(lines, 5);
}

/* More sources than tallies: one that is displaced is queued with its count. */
static void no_count_is_lost_when_sources_share_a_tally(void **state)
{
	unsigned lines;
	uint64_t events = 0;
	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		struct record r = refusal(i % (3 * LANE_TALLIES));
		log_lane_put(lane, &r);
		if (i % 200 == 0)
			events += read_all(&lines);
	}
	log_lane_settle(lane);
	events += read_all(&lines);
	assert_int_equal(events + lane->dropped, 10000);
	assert_int_equal(lane->dropped, 0);
}

static void a_full_ring_drops_what_cannot_be_counted_and_says_how_much(void **state)
{
	struct record r = closed();
	unsigned lines;
	(void)state;
	for (unsigned i = 0; i < LANE_RING + 100; i++)
		log_lane_put(lane, &r);
	assert_int_equal(lane->dropped, 100);
	assert_int_equal(read_all(&lines), LANE_RING);
}

static void a_full_ring_loses_no_count_of_what_repeats(void **state)
{
	struct record r = closed(), repeated = refusal(1);
	unsigned lines;
	(void)state;
	for (unsigned i = 0; i < LANE_RING; i++)
		log_lane_put(lane, &r);
	for (unsigned i = 0; i < 100000; i++)
		log_lane_put(lane, &repeated);
	assert_false(log_lane_settle(lane));
	assert_int_equal(lane->dropped, 0);
	read_all(&lines);
	assert_true(log_lane_settle(lane));
	assert_int_equal(read_all(&lines), 100000);
	assert_int_equal(lines, 1);
}

/* --- threads --- */

static atomic_bool is_over;

static void *fill(void *argument)
{
	uint64_t *put = argument;
	for (unsigned i = 0; i < EVENTS; i++) {
		struct record r = i % 3 ? refusal(i % 7) : closed();
		r.messages = i;
		log_lane_put(lane, &r);
		*put += r.count;
		if (i % 1000 == 0)
			log_lane_settle(lane);
	}
	while (!log_lane_settle(lane))
		sched_yield();
	atomic_store(&is_over, true);
	return NULL;
}

static void counts_are_exact_between_two_threads(void **state)
{
	pthread_t thread;
	uint64_t put = 0, read = 0, last = 0;
	bool is_last = false;
	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, fill, &put), 0);
	while (!is_last) {
		const struct record *r;
		is_last = atomic_load(&is_over);
		while ((r = log_lane_peek(lane))) {
			if (r->event == RECORD_CONNECTION_CLOSED) {
				assert_true(r->messages >= last); /* in order */
				last = r->messages;
			}
			read += r->count;
			log_lane_pop(lane);
		}
	}
	pthread_join(thread, NULL);
	assert_int_equal(read + lane->dropped, put);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_event_that_is_not_repeated_is_a_record, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_repeats_is_told_at_once_and_then_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_record_that_stands_for_many_counts_as_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			sources_limits_reasons_and_endpoints_are_told_apart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			no_count_is_lost_when_sources_share_a_tally, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_full_ring_drops_what_cannot_be_counted_and_says_how_much, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_full_ring_loses_no_count_of_what_repeats, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			counts_are_exact_between_two_threads, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
