/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * swarm.h - many client connections: opened, asked, their answers checked, closed.
 *
 *   member_open ─► OPEN ── answers checked, on_answer ──► (asks more, finishes, or just stays)
 *                    │                      swarm_finish ─► CLOSING ─► on_end(STREAM_END)
 *                    └── FIN, RST, time-out ─► on_end ─► slot free
 *
 * What a command does with its connections is its two callbacks. Thread: one thread per swarm.
 */
#ifndef BENCH_SWARM_H
#define BENCH_SWARM_H

#include "tests/bench/options.h"
#include "tests/bench/stream.h"
#include "tests/bench/tally.h"

#include <stdbool.h>
#include <stdint.h>

/* Past so many faults a run says nothing any more and ends early. */
#define SWARM_FAULTS_MAX 1000

enum swarm_state { SWARM_FREE, SWARM_OPEN, SWARM_CLOSING };

struct swarm_member {
	struct stream stream;
	enum swarm_state state;
	uint32_t number;   /* of the connection, never used twice: its messages carry it */
	uint32_t sent;	   /* requests */
	uint32_t answered; /* of them */
	uint32_t owed;	   /* requests to send at the end of this event, in one write */
	uint64_t moved_ns; /* opened, sent or closed last: the time-out counts from here */
	uint64_t sent_ns[OPTIONS_IN_FLIGHT_MAX];
};

struct swarm;

struct swarm_rules {
	/*
	 * A correct answer came; its latency is `ns`. The member may be asked again (owed) or
	 * finished.
	 */
	void (*on_answer)(struct swarm *swarm, struct swarm_member *member, uint64_t ns);
	/*
	 * The connection ended with FIN (STREAM_END) or RST (STREAM_RESET); it is closed behind
	 * this.
	 */
	void (*on_end)(
		struct swarm *swarm, const struct swarm_member *member, enum stream_status how);
	/*
	 * The time-out has passed: the connection is closed behind this, and its slot is free for
	 * another. NULL: that is a fault.
	 */
	void (*on_late)(struct swarm *swarm, const struct swarm_member *member);
};

struct swarm {
	const struct options *options;
	const struct swarm_rules *rules;
	void *context; /* of the command */
	struct tally tally;
	struct secure_client *client; /* NULL in clear */
	int epoll_fd;
	struct swarm_member *members; /* options->connections of them */
	uint32_t *free_slots;	      /* a stack */
	uint32_t free_count;
	uint32_t opening;     /* open and not yet answered once */
	uint32_t opening_max; /* of them at once: no more than a listen queue holds */
	uint32_t next_number;
	bool is_filling;      /* open connections while there are free slots */
	bool has_input_ended; /* standard input, once swarm_watch_input() was called */
	uint64_t now_ns;      /* taken once per turn */
	uint64_t next_sweep_ns;
	struct stream_scratch scratch;
};

/*
 * A swarm with no connection yet, the clock of its tally running. Returns NULL when memory or
 * descriptors lack.
 */
struct swarm *swarm_new(const struct options *options, const struct swarm_rules *rules);

/* Close what is open and free all. */
void swarm_free(struct swarm *swarm);

/*
 * Open what may be opened, wait up to `wait_ms`, handle what happened. False: too many faults, give
 * up.
 */
bool swarm_turn(struct swarm *swarm, int wait_ms);

/* Connections that are not closed yet. */
uint32_t swarm_count_open(const struct swarm *swarm);

/* Send `count` requests in one write; no more than options->in_flight may be unanswered. */
void swarm_ask(struct swarm *swarm, struct swarm_member *member, uint32_t count);

/* Send FIN and wait for the peer's, which on_end() reports. */
void swarm_finish(struct swarm *swarm, struct swarm_member *member);

/* Close at once, without on_end(). */
void swarm_drop(struct swarm *swarm, struct swarm_member *member);

/* Count the end of a connection that should have lived as the fault it is. */
void swarm_count_end(
	struct swarm *swarm, const struct swarm_member *member, enum stream_status how);

/*
 * Set has_input_ended when standard input has (a file has at once). Nothing is done with what comes
 * before.
 */
void swarm_watch_input(struct swarm *swarm);

#endif
