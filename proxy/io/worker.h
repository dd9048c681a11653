/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker.h - a thread with an event base, its own listening sockets and its own connections.
 *
 * A turn is one pass of the event loop, then deadlines and mail, then the end of the turn, where closed connections are
 * freed. Nothing in it blocks. Other threads reach a worker through its mailbox alone.
 */
#ifndef SIPWEIR_PROXY_IO_WORKER_H
#define SIPWEIR_PROXY_IO_WORKER_H

#include "proxy/core/core.h"
#include "proxy/io/acceptor.h"
#include "proxy/io/log.h"
#include "proxy/io/mailbox.h"
#include "proxy/io/plan.h"
#include "proxy/io/tcp.h"
#include "proxy/io/tls_stream.h"

#include <pthread.h>
#include <stdatomic.h>

struct event_base;

/* A FIN may come behind data: read in one turn, seen in the next. */
enum { WORKER_TURNS_ASKED = 2 };

struct worker {
	struct core core;
	struct host host;
	struct tcp tcp;
	struct tls tls;
	struct mailbox mailbox;
	struct event mail, tick;
	struct event_base *base;
	const struct plan *plan;      /* in force here */
	const struct plan *next_plan; /* taken before the next turn; NULL for none */
	struct log *log;
	struct log_lane *lane;
	struct worker *workers; /* all of them, this one included */
	pthread_t thread;
	atomic_uint_fast64_t turned_ms; /* the end of its last turn */
	uint64_t sampled_ms;		/* when the queues of its sockets were last looked at */

	/* Who asked for two turns of this worker, and in how many turns that is done; its own thread's. */
	unsigned *turns_left; /* one per worker */
	unsigned turns_asked; /* of these, how many are not 0 */

	/* Its own question to all: whether it is out, the answers still due, and its own turns of it. */
	bool is_asking;
	unsigned turns_due;
	unsigned own_turns_left;
	bool is_leaving;
	uint64_t leave_over_ms;
	bool is_hurried; /* everything is closed at once */

	/* Told to the main thread, which reads one event per step. */
	int answers;			 /* eventfd, the main thread's */
	atomic_uint_fast64_t generation; /* of the settings in force here */
	atomic_bool has_ended;
};

/* What all workers are made from. */
struct worker_setup {
	struct shared *shared;
	struct worker *workers;
	struct log *log;
	int answers; /* an eventfd that workers make readable when they have done what they were told */
};

/*
 * Everything that can fail, in the main thread. The settings in force are those of sh->settings, without sockets until a plan
 * is given. False: said in `errors`; worker_fini() is then not called.
 */
bool worker_init(struct worker *w, const struct worker_setup *setup, unsigned index,
	struct conf_errors *errors);

/* False when the host starts no more threads. */
bool worker_start(struct worker *w, const struct plan *first);

/*
 * Take this plan between two turns: worker_generation() is that of its settings then. The one before may be freed after
 * that. One at a time.
 */
void worker_give_plan(struct worker *w, const struct plan *p);
uint64_t worker_generation(const struct worker *w);

/* For how long it has not ended a turn. Any thread. */
uint64_t worker_still_ms(const struct worker *w);

/* Ask it to stop accepting, to close what is open over so long, and to end. */
void worker_leave(struct worker *w, uint64_t over_ms);

/* Its last connection is closed: worker_join() does not wait. Any thread. */
bool worker_has_ended(const struct worker *w);
void worker_join(struct worker *w);

/* After worker_join(). */
void worker_fini(struct worker *w);

#endif
