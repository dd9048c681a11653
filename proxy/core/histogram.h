/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * histogram.h - how long something took, how often: fixed buckets of milliseconds, as Prometheus wants them. Counters and
 * nothing else, so that histograms of several threads are added up as such.
 */
#ifndef SIPWEIR_PROXY_CORE_HISTOGRAM_H
#define SIPWEIR_PROXY_CORE_HISTOGRAM_H

#include "proxy/core/counter.h"

/*
 * X(bound in ms, the same in seconds as labels have it). The clock of the core is as coarse as the kernel's tick: below
 * 5 ms there would be nothing to tell apart.
 */
#define HISTOGRAM_BOUNDS(X) \
	X(5, "0.005")       \
	X(10, "0.01")       \
	X(25, "0.025")      \
	X(50, "0.05")       \
	X(100, "0.1")       \
	X(250, "0.25")      \
	X(500, "0.5")       \
	X(1000, "1")        \
	X(2500, "2.5")      \
	X(5000, "5")        \
	X(10000, "10")      \
	X(30000, "30")

enum {
	HISTOGRAM_BUCKETS = 13 /* one behind the last bound */
};

struct histogram {
	struct counter buckets[HISTOGRAM_BUCKETS]; /* each alone, not added up */
	struct counter sum_ms;
};

/* It took so long. The owner's thread alone. */
void histogram_count(struct histogram *h, uint64_t ms);

/* Add `from`, which others may be counting in, to `to`, which is the caller's own. */
void histogram_add(struct histogram *to, const struct histogram *from);

/* The upper bound of a bucket in seconds; the last is "+Inf". */
const char *histogram_bound(unsigned bucket);

#endif
