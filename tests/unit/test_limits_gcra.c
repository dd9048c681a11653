/* SPDX-License-Identifier: BSD-2-Clause */
/* test_limits_gcra.c - rates against an exact bucket, and points against what a half-life means. */
#include "limits/gcra.h"
#include "limits/points.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint64_t state_of_random = 0x9e3779b97f4a7c15;

static uint64_t draw(uint64_t below)
{
	state_of_random ^= state_of_random << 13;
	state_of_random ^= state_of_random >> 7;
	state_of_random ^= state_of_random << 17;
	return (state_of_random >> 16) % below;
}

static void off_conforms_always_and_keeps_nothing(void **state)
{
	struct gcra_rate off = gcra_rate_of(0, 1000, 5);
	_Atomic uint64_t word = 0;
	uint64_t at_us;
	(void)state;
	for (int i = 0; i < 100; i++)
		assert_true(gcra_take(&word, &off, 7, &at_us));
	assert_int_equal(word, 0);
	assert_int_equal(gcra_reserve(&word, &off, 9), 9);
	assert_true(gcra_conforms(&word, &off, 9));
}

static void a_burst_passes_at_once_and_then_one_each_interval(void **state)
{
	struct gcra_rate rate = gcra_rate_of(20, 1000, 5);
	_Atomic uint64_t word = 0;
	uint64_t now = 1000000, at_us;
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(gcra_take(&word, &rate, now, &at_us));
	assert_false(gcra_take(&word, &rate, now, &at_us));
	assert_int_equal(at_us, now + 50000);
	assert_false(gcra_take(&word, &rate, now + 49999, &at_us));
	assert_true(gcra_take(&word, &rate, now + 50000, &at_us));
	assert_false(gcra_take(&word, &rate, now + 50000, &at_us));
	assert_false(gcra_is_idle(&word, now + 299999));
	assert_true(gcra_is_idle(&word, now + 300000));
}

/* So many seconds of credit as one could have at most, in units of 1/count periods: no rounding. */
struct bucket {
	uint64_t level, at_us;
};

static bool bucket_take(struct bucket *b, uint64_t now_us, uint64_t interval_us, uint64_t burst)
{
	uint64_t most = burst * interval_us;
	b->level += now_us - b->at_us;
	b->at_us = now_us;
	if (b->level > most)
		b->level = most;
	if (b->level < interval_us)
		return false;
	b->level -= interval_us;
	return true;
}

static void agrees_with_a_token_bucket_over_millions_of_events(void **state)
{
	(void)state;
	for (int round = 0; round < 40; round++) {
		uint32_t count = (uint32_t)draw(1000) + 1;
		uint32_t period_ms = (uint32_t)draw(5000) + 1, burst = (uint32_t)draw(40) + 1;
		struct gcra_rate rate = gcra_rate_of(count, period_ms, burst);
		_Atomic uint64_t word = 0;
		uint64_t now = 1, at_us, interval = rate.interval_us;
		struct bucket bucket = {.level = burst * interval, .at_us = now};
		for (int i = 0; i < 50000; i++) {
			now += draw(3) ? draw(interval + 1) : draw(3 * interval);
			bool takes = bucket_take(&bucket, now, interval, burst);
			assert_int_equal(gcra_conforms(&word, &rate, now), takes);
			assert_int_equal(gcra_take(&word, &rate, now, &at_us), takes);
			assert_true(takes ? at_us == now : at_us > now);
		}
	}
}

/* They wait one behind the other; nobody's time is another's. */
static void reservations_are_an_interval_apart(void **state)
{
	struct gcra_rate rate = gcra_rate_of(10, 1000, 3);
	_Atomic uint64_t word = 0;
	uint64_t now = 5000000;
	(void)state;
	for (uint64_t i = 0; i < 20; i++) {
		uint64_t at_us = gcra_reserve(&word, &rate, now);
		assert_int_equal(at_us, i < 3 ? now : now + (i - 2) * 100000);
	}
}

static void half_of_the_points_are_left_after_a_half_life(void **state)
{
	_Atomic uint64_t word = 0;
	(void)state;
	assert_true(points_add(&word, 64, 1000, 1000000) == 64);
	assert_true(fabsf(points_left(&word, 1000, 2000000) - 32) < 0.1F);
	assert_true(fabsf(points_left(&word, 1000, 4000000) - 8) < 0.1F);
	assert_true(fabsf(points_add(&word, 10, 1000, 3000000) - 26) < 0.1F);
	assert_true(points_add(&word, -100, 1000, 3000000) == 0);
	assert_int_equal(word, 0);
	assert_true(points_left(&word, 1000, 9000000) == 0);
}

/* Workers have their time from before their turn: one may be a little behind another. */
static void no_points_are_lost_to_a_clock_that_is_behind(void **state)
{
	_Atomic uint64_t word = 0;
	(void)state;
	points_add(&word, 64, 1000, 2000000);
	assert_true(points_left(&word, 1000, 1980000) == 64);
	assert_true(points_add(&word, 16, 1000, 1980000) == 80);
	assert_true(points_left(&word, 1000, 2000000) == 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_conforms_always_and_keeps_nothing),
		cmocka_unit_test(a_burst_passes_at_once_and_then_one_each_interval),
		cmocka_unit_test(agrees_with_a_token_bucket_over_millions_of_events),
		cmocka_unit_test(reservations_are_an_interval_apart),
		cmocka_unit_test(half_of_the_points_are_left_after_a_half_life),
		cmocka_unit_test(no_points_are_lost_to_a_clock_that_is_behind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
