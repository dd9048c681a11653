/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shared.h - the little that all workers share: the limiter, counts, and the runtime side of listeners and pools.
 *
 * Settings (struct conf) say what should be; runtime objects count what is. Made before the workers start and freed
 * after they have ended; in between only atomics change.
 */
#ifndef SIPWEIR_PROXY_CORE_SHARED_H
#define SIPWEIR_PROXY_CORE_SHARED_H

#include "conf/conf.h"
#include "limits/limiter.h"
#include "proxy/core/counters.h"
#include "proxy/core/memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pool_ops;

/* What one worker tells the others about its unnamed connections of a listener, a cache line of its own. */
struct unnamed_lane {
	_Alignas(64) atomic_uint_fast64_t
		oldest_ms; /* when its oldest was opened; UINT64_MAX for none */
	atomic_uint evict; /* how many of its oldest it is asked to close */
};

/* What one worker tells the others about sessions that may make room at max_connections: all that are not proven. */
struct room_lane {
	_Alignas(64) atomic_int
		spare; /* less those that were asked for already; below 0 for a moment at most */
	atomic_uint evict; /* how many of them it is asked to close */
};

struct listener {
	const struct conf_listener *conf;
	struct addr_port address; /* bound; the port is real */
	atomic_uint open;
	atomic_uint unnamed;
	struct unnamed_lane *lanes;	    /* one per worker */
	struct listener_counters *counters; /* the same */
};

struct pool {
	const struct conf_pool *conf;
	const struct pool_ops *ops;
	atomic_uint next;		  /* round robin over the servers */
	struct server_counters *counters; /* see pool_counters(); NULL without servers */
};

struct shared {
	const struct conf *conf;
	struct limiter *limiter;
	struct memory_gauge memory;
	atomic_uint open; /* client connections, all listeners */
	uint32_t max_connections;
	unsigned workers;
	struct room_lane *rooms;    /* one per worker */
	struct listener *listeners; /* as many as conf->listener_count */
	struct pool *pools;	    /* as many as conf->pool_count */
	uint64_t tag_key;	    /* of the To tags made here */
};

/*
 * Make the runtime side of `conf`, which must outlive it. max_connections and workers are what the host allows, at least
 * 1. False, holding nothing, when memory is short. Main thread.
 */
bool shared_init(
	struct shared *sh, const struct conf *conf, uint32_t max_connections, unsigned workers);
void shared_fini(struct shared *sh);

/* The set of this worker for the pool's server of that index. */
struct server_counters *pool_counters(const struct pool *p, unsigned worker, size_t server);

/* True when `peer` may send a PROXY header to this listener. */
bool listener_trusts(const struct listener *l, const struct addr *peer);

/* Ask a worker that has sessions to spare to close one. Returns that worker, or -1: all are proven. */
int shared_ask_for_room(struct shared *sh);

/* Ask the worker with the oldest unnamed connection of this listener to close it. Returns that worker, or -1. */
int listener_evict_oldest(struct listener *l, unsigned workers);

#endif
