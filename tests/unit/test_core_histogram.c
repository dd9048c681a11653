/* SPDX-License-Identifier: BSD-2-Clause */
/* Buckets: each duration in the one whose bound it does not pass, and none lost. */
#include "proxy/core/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint32_t bounds_ms[] = {
#define MS(ms, seconds) ms,
	HISTOGRAM_BOUNDS(MS)
#undef MS
};

static void a_duration_is_counted_below_the_bound_that_it_does_not_pass(void **state)
{
	(void)state;
	for (unsigned b = 0; b + 1 < HISTOGRAM_BUCKETS; b++) {
		struct histogram h = {0};
		histogram_count(&h, bounds_ms[b]);
		histogram_count(&h, bounds_ms[b] + 1);
		assert_int_equal(counter_read(&h.buckets[b]), 1);
		assert_int_equal(counter_read(&h.buckets[b + 1]), 1);
		assert_int_equal(counter_read(&h.sum_ms), 2 * bounds_ms[b] + 1);
	}
}

static void nothing_is_too_short_or_too_long(void **state)
{
	(void)state;
	struct histogram h = {0};
	histogram_count(&h, 0);
	histogram_count(&h, UINT32_MAX * 5ull);
	assert_int_equal(counter_read(&h.buckets[0]), 1);
	assert_int_equal(counter_read(&h.buckets[HISTOGRAM_BUCKETS - 1]), 1);
	assert_true(counter_read(&h.sum_ms) == UINT32_MAX * 5ull);
}

static void labels_say_the_bounds_in_seconds_and_ascend(void **state)
{
	(void)state;
	for (unsigned b = 0; b + 1 < HISTOGRAM_BUCKETS; b++) {
		double seconds = strtod(histogram_bound(b), NULL);
		assert_true((uint32_t)(seconds * 1000 + 0.5) == bounds_ms[b]);
		assert_true(b == 0 || bounds_ms[b] > bounds_ms[b - 1]);
	}
	assert_string_equal(histogram_bound(HISTOGRAM_BUCKETS - 1), "+Inf");
}

static void histograms_add_up_bucket_by_bucket(void **state)
{
	(void)state;
	struct histogram a = {0}, b = {0};
	histogram_count(&a, 1);
	histogram_count(&b, 2);
	histogram_count(&b, 600);
	histogram_add(&a, &b);
	assert_int_equal(counter_read(&a.buckets[0]), 2);
	assert_int_equal(counter_read(&a.buckets[7]), 1);
	assert_int_equal(counter_read(&a.sum_ms), 603);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_duration_is_counted_below_the_bound_that_it_does_not_pass),
		cmocka_unit_test(nothing_is_too_short_or_too_long),
		cmocka_unit_test(labels_say_the_bounds_in_seconds_and_ascend),
		cmocka_unit_test(histograms_add_up_bucket_by_bucket),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
