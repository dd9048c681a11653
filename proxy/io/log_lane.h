/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log_lane.h - one thread's way to the log: a bounded ring that only it fills and only the log thread empties. In front of the
 * ring, what one source repeats is counted instead of queued, so that a flood costs its worker a few comparisons an event and
 * no count is lost when the ring is full.
 */
#ifndef SIPWEIR_PROXY_IO_LOG_LANE_H
#define SIPWEIR_PROXY_IO_LOG_LANE_H

#include "proxy/core/record.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { LANE_RING = 512, LANE_TALLIES = 64 };

struct lane_tally {
	struct record first;
	uint32_t untold;
	bool is_used;
};

struct log_lane {
	struct record *ring;
	_Alignas(64) atomic_uint head; /* next to fill; the owner's */
	_Alignas(64) atomic_uint tail; /* next to empty; the log thread's */
	atomic_uint_fast64_t dropped;  /* events that found the ring full */
	bool has_news; /* something was queued since the log thread was last called */
	struct lane_tally tallies[LANE_TALLIES];
};

/* False, holding nothing, when memory is short. */
bool log_lane_init(struct log_lane *l);
void log_lane_fini(struct log_lane *l);

/* The owner: tell an event. The time is set here. */
void log_lane_put(struct log_lane *l, const struct record *r);

/* The owner: queue what was counted. At least every 100 ms, and before it ends. False: the ring has no room for all. */
bool log_lane_settle(struct log_lane *l);

/* The log thread: how many records wait. */
unsigned log_lane_waiting(const struct log_lane *l);

/* The log thread: the oldest record, or NULL; it stays valid until log_lane_pop(). */
const struct record *log_lane_peek(struct log_lane *l);
void log_lane_pop(struct log_lane *l);

#endif
