/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tally.h - what one run counted: operations, faults by kind, latencies; printed as one JSON line.
 *
 * Thread: one thread per tally; nothing here locks.
 */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A fault is anything that a correct peer does not do; one is enough to fail the run. */
#define TALLY_FAULTS(X)                                                                          \
	X(CONNECT, connect_failed) /* no connection, or no descriptor or port for one */         \
	X(SHORT, short_answer)	   /* the connection ended inside a message */                   \
	X(WRONG, wrong_answer)	   /* not SIP, not the expected status, or not to our request */ \
	X(CLOSED, closed)	   /* FIN where none was due */                                  \
	X(RESET, reset)		   /* RST where none was due */                                  \
	X(TIMEOUT, timed_out)

enum tally_fault {
#define X(name, text) TALLY_##name,
	TALLY_FAULTS(X)
#undef X
		TALLY_FAULT_KINDS
};

/* 32 steps per power of two: a percentile is at most 3.2 % above the true value. */
#define TALLY_STEPS   32
#define TALLY_BUCKETS (64 * TALLY_STEPS)

struct tally {
	uint64_t operations;
	uint64_t resets; /* expected ones: `refuse` counts how it was turned away */
	uint64_t closes;
	uint64_t tickets; /* of TLS */
	uint64_t faults[TALLY_FAULT_KINDS];
	uint64_t begin_ns;
	uint64_t end_ns; /* 0 until tally_stop() */
	uint64_t latency[TALLY_BUCKETS];
};

/* The monotonic clock in nanoseconds. */
uint64_t tally_now_ns(void);

/* Forget everything and start the clock. */
void tally_start(struct tally *tally);

/* Stop the clock: rate and seconds are those between start and stop. */
void tally_stop(struct tally *tally);

/* Record the latency of one operation, in nanoseconds. Does not count the operation. */
void tally_record_latency(struct tally *tally, uint64_t ns);

/* Count one fault. */
void tally_count_fault(struct tally *tally, enum tally_fault fault);

/* All faults together. */
uint64_t tally_sum_faults(const struct tally *tally);

/*
 * The latency in nanoseconds that `share` (0..1) of the recorded ones did not exceed; 0 if there is
 * none.
 */
uint64_t tally_find_percentile(const struct tally *tally, double share);

/* Print the JSON line and flush `out`. `command` is printed as it is: a plain word. */
void tally_print_json(const struct tally *tally, const char *command, FILE *out);

#endif
