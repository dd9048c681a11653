/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * backend.h - a server of a pool as it is: what the checks say of it, what an administrator has told about it, and who is
 * connected to it.
 *
 * Found again by its name at a reload, and lives as long as the process. What all workers look at is atomic; a lane belongs to
 * its worker alone.
 */
#ifndef SIPWEIR_PROXY_CORE_BACKEND_H
#define SIPWEIR_PROXY_CORE_BACKEND_H

#include "conf/conf.h"
#include "limits/addr.h"
#include "proxy/core/counters.h"
#include "proxy/core/list.h"
#include "proxy/core/places.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	BACKEND_NAME_MAX = 72,	/* a name, and a number behind it */
	BACKEND_COMPLAINTS = 3, /* from so many sources make it worth a check */
	BACKEND_RETRIED_MS =
		900, /* a connect that took so long was dropped, and tried again after a second */
	BACKEND_TIGHT_MS = 10000,
};

/* What the checks say. */
enum backend_health {
	BACKEND_UNKNOWN, /* nothing yet, or nobody looks: it is used */
	BACKEND_UP,
	BACKEND_DOWN,
};

/* What one worker has of it. */
struct backend_lane {
	_Alignas(64) struct list
		links;	       /* connected, being connected or waiting for that; oldest first */
	struct list condemned; /* sessions that have lost it, and are to be closed in their turn */
	uint64_t lost_ms;      /* when the last of those was added */
	struct list queue;     /* of `links`, those that wait to be connected */
	bool is_paid;	       /* servers.connect_rate has let the first of these connect */
	struct list_node waiting; /* in core->queues while there are any */
	uint64_t removed_ms;	  /* when a reload has taken it out of the file; 0: it has not */
	uint64_t drained_ms;	  /* since when it has been drained here; 0: it is not */
	uint32_t drain_total, drain_gone;
};

struct check;

struct backend {
	struct backend *next;
	char name[BACKEND_NAME_MAX];
	uint16_t slot;			  /* in its pool */
	uint64_t hash;			  /* of the name: the same in every process */
	struct server_counters *counters; /* one per worker */
	struct backend_lane *lanes;	  /* the same */

	atomic_uint open;	       /* connections to it, those that are only wanted included */
	struct places connecting;      /* servers.max_connecting */
	atomic_uint_fast64_t tight_ms; /* when its backlog was seen to be full; 0: never */
	_Atomic uint64_t connects;     /* for servers.connect_rate */
	_Atomic uint64_t closes;       /* for pools.close_rate */
	int64_t credit;		       /* of weighted round robin; under the pool's lock */

	struct check *check; /* of the worker that checks it */

	/* Told by that worker. */
	atomic_uint health;	       /* enum backend_health */
	atomic_uint_fast64_t since_ms; /* when that began, of the workers' clock */
	atomic_uint_fast64_t
		recovered_ms;	   /* when it came back from being down; 0: it has never been */
	_Atomic(const char *) why; /* a constant: what the last check found */
	atomic_uint status;	   /* of the answer to it; 0: there was none */
	atomic_bool is_lost;	   /* down for pools.loss_after */

	/* What workers have seen, under the pool's lock: who has complained within one window of time. */
	uint64_t complained_ms;
	uint64_t complaints[BACKEND_COMPLAINTS];
	unsigned complaint_count;
	atomic_bool is_check_wanted;

	atomic_uint_fast64_t
		alive_ms; /* when a connection to it was made, or a check succeeded, last */

	/* Connections that have ended there within a second. */
	atomic_uint_fast64_t ended_s; /* which second, of the workers' clock */
	atomic_uint ended;

	atomic_uint_fast64_t
		drained_ms; /* since when its clients are closed because the file says so */

	/* Told by an administrator; outlives reloads. */
	atomic_uint order;	       /* 0: what the file says; else enum conf_server_state + 1 */
	atomic_uint_fast64_t order_ms; /* when */
	atomic_uint_fast64_t order_over_ms; /* of a drain */
};

/* Zeroed counts, unknown health. NULL when memory is short. Main thread. */
struct backend *backend_new(const char *name, uint16_t slot, unsigned workers);
void backend_free(struct backend *b);

/* For a server that is known by its address alone. Any thread. */
uint64_t backend_hash_address(const struct addr_port *a);

/* False for one that the checks have found to be down. Any thread. */
bool backend_is_up(const struct backend *b);

/* What is wanted of it: the order, or what the file says. Any thread. */
enum conf_server_state backend_state(const struct backend *b, const struct conf_server *conf);

/* Count one more connection unless there are `max` (0: no bound). Any thread. */
bool backend_take(struct backend *b, unsigned max);
void backend_give(struct backend *b);

/* The checks have found it to be like this: when it changes, since now. */
void backend_tell(struct backend *b, enum backend_health health, uint64_t now_ms);

/*
 * A connection has ended that the server should have kept. True: many have within this second, so that the server is gone
 * rather than one of its clients unwelcome.
 */
bool backend_ends(struct backend *b, uint64_t now_ms);

/*
 * A connect has taken so long. True: its backlog was full within the last seconds, so that it is not overrun again before it has
 * accepted what the kernel has connected.
 */
bool backend_connects(struct backend *b, uint64_t took_ms, uint64_t now_ms);

/* What is said about its health in logs and tables: a constant. */
const char *backend_health_name(enum backend_health health);

#endif
