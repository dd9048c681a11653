/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/histogram.h"

static const struct {
	uint32_t ms;
	const char *seconds;
} bounds[] = {
#define BOUND(ms, seconds) {ms, seconds},
	HISTOGRAM_BOUNDS(BOUND)
#undef BOUND
};

enum { BOUNDS = sizeof(bounds) / sizeof(bounds[0]) };

_Static_assert(HISTOGRAM_BUCKETS == BOUNDS + 1, "a bucket for each bound and one for the rest");

void histogram_count(struct histogram *h, uint64_t ms)
{
	unsigned bucket = 0;
	while (bucket < BOUNDS && ms > bounds[bucket].ms)
		bucket++;
	counter_count(&h->buckets[bucket]);
	counter_add(&h->sum_ms, ms);
}

void histogram_add(struct histogram *to, const struct histogram *from)
{
	for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++)
		counter_add(&to->buckets[b], counter_read(&from->buckets[b]));
	counter_add(&to->sum_ms, counter_read(&from->sum_ms));
}

const char *histogram_bound(unsigned bucket)
{
	return bucket < BOUNDS ? bounds[bucket].seconds : "+Inf";
}
