/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shared.h - the little that all workers share: the limiter, counts, and the runtime side of listeners, pools and servers.
 *
 * Settings (settings.h) say what should be; runtime objects count what is. A runtime object is found again by its name at a
 * reload, so that its counts go on, and lives as long as the process: what was told about it may still lie in the log's
 * queues. Made by the main thread; the workers reach them through their settings and change nothing but atomics, and their
 * own lanes.
 */
#ifndef SIPWEIR_PROXY_CORE_SHARED_H
#define SIPWEIR_PROXY_CORE_SHARED_H

#include "conf/conf.h"
#include "limits/bans.h"
#include "limits/limiter.h"
#include "proxy/core/backend.h"
#include "proxy/core/classes.h"
#include "proxy/core/counters.h"
#include "proxy/core/list.h"
#include "proxy/core/memory.h"
#include "proxy/core/name_book.h"
#include "proxy/core/places.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pool_ops;
struct settings;

enum { SHARED_NAME_MAX = 64, SHARED_BACKENDS_MAX = UINT16_MAX }; /* of a pool, ever */

/* What one worker tells the others about its unnamed connections of a listener, on cache lines of its own. */
struct unnamed_lane {
	_Alignas(64) atomic_uint_fast64_t
		oldest_ms;   /* when its oldest was opened; UINT64_MAX for none */
	atomic_uint evict;   /* how many of its oldest it is asked to close */
	struct list unnamed; /* the worker's own: the sessions, the oldest first */
};

/* What one worker tells the others about sessions that may make room at max_connections: all that are not proven. */
struct room_lane {
	_Alignas(64) atomic_int
		spare; /* less those that were asked for already; below 0 for a moment at most */
	atomic_uint evict; /* how many of them it is asked to close */
};

struct listener {
	struct listener *next;
	size_t slot; /* in settings->listeners */
	char name[SHARED_NAME_MAX];
	atomic_uint open;
	atomic_uint unnamed;
	struct unnamed_lane *lanes;	    /* one per worker */
	struct listener_counters *counters; /* the same */
	struct class_counters *classes
		[CLASSES_MAX]; /* by slot; NULL: that class never applied here; one set per worker */
	atomic_uint_fast64_t hinted_ms; /* when limit.hint was told of it last; 0: never */
	atomic_bool has_suspect;	/* see hint.h */
};

struct pool_lane {
	_Alignas(64) struct counter sessions; /* that have chosen it */
};

struct pool {
	struct pool *next;
	size_t slot; /* in settings->pools */
	char name[SHARED_NAME_MAX];
	const struct pool_ops
		*ops; /* a pool that answers by itself is not the one of that name with servers */
	pthread_mutex_t
		lock; /* of the credit and the complaints of its servers; never held over a syscall */
	atomic_uint turn;	  /* where least-connections begins to look */
	struct backend *backends; /* that have ever been, in the order of their slots */
	uint16_t backend_count;
	struct pool_lane *lanes; /* one per worker */
};

struct shared {
	struct limiter *limiter;
	struct memory_gauge memory;
	atomic_uint open; /* client connections, all listeners */
	uint32_t
		capacity; /* the most connections that there is room for, whatever the settings say */
	unsigned workers;
	struct room_lane *rooms;  /* one per worker */
	struct places handshakes; /* limits.max_handshakes */
	uint64_t tag_key;	  /* of the To tags made here */
	uint64_t instance;	  /* of this process, beside all others */
	uint32_t
		ports; /* that connects may come from, of each address of ours to each server; 0: unknown */
	struct bans *bans;
	atomic_uint
		banned; /* how often somebody was banned whose open connections are to be looked at */
	atomic_int_fast64_t wall_offset_ms; /* from the workers' clock to the epoch */
	atomic_uint refusing;		    /* connections that are kept to be told no in SIP */
	atomic_uint tarpitted;
	atomic_uint
		probes; /* how often a source was marked whose silent connections are to be probed */

	/*
	 * The main thread changes these under the lock, and others who are no workers read them under it: the objects that
	 * there are, and the settings in force.
	 */
	pthread_mutex_t lock;
	struct listener *listeners;
	size_t listener_count;
	struct source_class *classes[CLASSES_MAX]; /* by slot; the first is CLASS_NONE */
	size_t class_count;
	struct pool *pools;
	size_t pool_count;
	const struct settings *settings; /* NULL before the first */

	struct name_book names; /* the main thread's alone */
};

/* What a process is made for, and no reload changes. */
struct shared_setup {
	const struct conf_limits *limits; /* of the first configuration */
	uint32_t capacity;		  /* at least 1 */
	unsigned workers;		  /* at least 1 */
};

/* False, holding nothing, when memory is short. Main thread. */
bool shared_init(struct shared *sh, const struct shared_setup *setup);

/* Nobody uses it or any of its objects any more. */
void shared_fini(struct shared *sh);

/*
 * The object of this name, made when there is none. A pool is another when it is of the other kind; a backend belongs to a
 * pool. NULL when memory is short. Main thread.
 */
struct listener *shared_listener(struct shared *sh, const char *name);
struct pool *shared_pool(struct shared *sh, const char *name, const struct pool_ops *ops);
struct backend *shared_backend(struct shared *sh, struct pool *p, const char *name);

/* The slot of the class of this name, made when there is none. -1: memory is short, or CLASSES_MAX names have been used. */
int shared_class(struct shared *sh, const char *name);

/* The class of a configuration for whose name there is no slot left; NULL: there are enough. Main thread. */
const struct conf_class *shared_class_too_many(const struct shared *sh, const struct conf *conf);

/* Where that class is counted on this listener, made when there is none. False: memory is short. Main thread. */
bool shared_count_class(struct shared *sh, struct listener *l, size_t slot);

/* Somebody is still connected through it; only its counts tell, so ask when nobody new can come. Main thread. */
bool listener_is_used(const struct listener *l, unsigned workers);
bool pool_is_used(const struct pool *p, unsigned workers);

/* Ask a worker that has sessions to spare to close one. Returns that worker, or -1: all are proven. */
int shared_ask_for_room(struct shared *sh);

/* Ask the worker with the oldest unnamed connection of this listener to close it. Returns that worker, or -1. */
int listener_evict_oldest(struct listener *l, unsigned workers);

#endif
