/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inspect.h - what those who show the proxy to its operators may look at: a copy of all counts, added up over the workers, and
 * whether it is well. Looking takes no lock that a worker ever waits for. Any thread.
 */
#ifndef SIPWEIR_PROXY_INSPECT_H
#define SIPWEIR_PROXY_INSPECT_H

#include "conf/conf.h"
#include "limits/addr.h"
#include "limits/bans.h"
#include "limits/limiter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inspector; /* of a running proxy: server_inspector() */

enum {
	INSPECT_NAME_MAX = 64,
	INSPECT_SERVER_MAX = 72,
	INSPECT_HOST_MAX = 256,
	INSPECT_LABELS = 3,
	INSPECT_BUCKETS = 13
};

/* A worker that has not turned for so long is stuck: it turns ten times a second when there is nothing to do. */
enum { INSPECT_STUCK_MS = 5000 };

/* A certificate that has less left is worth a word. */
enum { INSPECT_EXPIRING_S = 14 * 24 * 3600 };

struct inspect_count {
	const char *labels[INSPECT_LABELS]; /* constants; how many there are the list says */
	uint64_t value;
};

struct inspect_list {
	struct inspect_count *counts;
	size_t count;
};

/* How long something took. */
struct inspect_histogram {
	const char *bounds[INSPECT_BUCKETS]; /* in seconds, ascending, the last "+Inf"; constants */
	uint64_t counts[INSPECT_BUCKETS];    /* up to and with the bound */
	uint64_t sum_ms;
};

struct inspect_listener {
	char name[INSPECT_NAME_MAX];
	struct addr_port address; /* bound: the port is real */
	const char *transport;	  /* a word of the configuration */
	bool is_retired;	  /* a reload has removed it; what is open lives on */
	uint64_t accepted;
	uint64_t pings;
	uint64_t queue, queue_limit;	  /* of the kernel, at most a second old */
	struct inspect_list connections;  /* open now, by class and state */
	struct inspect_list messages;	  /* by direction, kind, method ("" for responses) */
	struct inspect_list closed;	  /* by reason */
	struct inspect_list refused;	  /* by class, limit and action */
	struct inspect_list would_refuse; /* by class and limit; what has never been is left out */
	struct inspect_list delayed;	  /* messages, by class */
	struct inspect_list headers; /* by version and outcome; what has never been is left out */
	struct inspect_list handshakes; /* by version, outcome, "true" if resumed; the same */
	struct inspect_list answers;	/* made here, by status and reason; the same */
	struct inspect_list sip_bad,
		sip_would_refuse;     /* messages of clients, by reason; the same */
	struct inspect_list scanners; /* connections of those, by how they are known */
};

struct inspect_server {
	char pool[INSPECT_NAME_MAX], name[INSPECT_SERVER_MAX];
	struct addr_port address; /* port 0: no longer known */
	const char *transport;	  /* "" then */
	bool is_retired;	  /* a reload has removed it; what is connected lives on */
	uint64_t connections;	  /* open now, those being made included */
	uint64_t queued;	  /* of these, those that wait for their turn to connect */
	uint32_t weight;
	bool is_backup;
	uint64_t up;		/* 1: it takes new clients */
	const char *state;	/* what is wanted of it: up, drain, down; "removed" */
	bool is_ordered;	/* by an administrator, whatever the file says */
	const char *health;	/* what the checks say: up, down, unknown */
	const char *reason;	/* what the last one found */
	uint32_t status;	/* of the answer to it; 0: there was none */
	uint64_t health_ms;	/* for how long; 0: always */
	bool is_lost;		/* down for pools.loss_after */
	uint64_t drain_left_ms; /* until the last of its clients is closed; 0: it is not drained */
	struct inspect_list responses;	 /* by status */
	struct inspect_histogram answer; /* from a client's request to its final answer */
};

struct inspect_pool {
	char name[INSPECT_NAME_MAX];
	uint64_t clients; /* connections that have sent it something and are open now */
	uint32_t answers; /* it has no servers and answers with this status; else 0 */
	bool is_retired;
	struct inspect_histogram
		connect; /* until a server could be sent to; empty without servers */
};

/* Of a listener in force; several with one name are one, the earliest. */
struct inspect_certificate {
	char listener[INSPECT_NAME_MAX];
	char name[INSPECT_HOST_MAX]; /* its first, cut; what is not printable ASCII is '?' */
	uint64_t left_s; /* until it, or one of its chain, expires; 0: that has happened */
};

struct inspection {
	const char *version;
	struct inspect_list build;	    /* by version: 1 */
	uint64_t memory_held, memory_total; /* bytes */
	uint64_t sources, sources_capacity;
	struct inspect_list sources_by_connections; /* how many hold up to so many */
	uint64_t bans;
	uint64_t refusing, tarpitted; /* connections that are kept to be refused */
	uint64_t log_dropped;
	uint64_t uptime_ms;
	uint64_t generation; /* of the settings in force: 1, and one more with each reload */
	struct inspect_list reloads; /* by outcome */
	unsigned workers;
	uint64_t open, max_connections; /* client connections, all listeners */
	uint64_t draining;		/* 1: it has been told to end */
	uint64_t accept_left_ms,
		drain_left_ms; /* then: until it accepts no more, and until it ends */
	struct inspect_listener *listeners;
	size_t listener_count;
	struct inspect_pool *pools;
	size_t pool_count;
	struct inspect_server *servers; /* of all pools */
	size_t server_count;
	struct inspect_certificate *certificates; /* of all listeners, one behind the other */
	size_t certificate_count;
	struct inspect_histogram admission; /* of clients, from accept to the first message */
	uint64_t handshakes_placed, handshakes_waiting; /* of TLS: that hold a place, or want one */
	struct inspect_count *counts;			/* what the lists point into */
};

/* Copy everything. Counts of one moment may differ by what happens meanwhile. NULL when memory is short. */
struct inspection *inspect_take(const struct inspector *i);
void inspect_free(struct inspection *all);

/* True while every worker turns: the process works. */
bool inspect_is_healthy(const struct inspector *i);

/* True when it should get traffic: it accepts, every worker turns, and it has not been told to stop. */
bool inspect_is_ready(const struct inspector *i);

/* True once it has been told to stop: why it is not ready. */
bool inspect_is_draining(const struct inspector *i);
/* --- sources --- */

/* What a list of sources is sorted by, the largest first. */
enum inspect_sort { INSPECT_BY_CONNECTIONS, INSPECT_BY_REFUSED, INSPECT_BY_POINTS };

struct inspect_sources {
	struct limit_view *views; /* from malloc, the caller's */
	size_t count;
	size_t all; /* of which these are the first */
};

/* The first `most` of all sources. False: memory is short. */
bool inspect_sources(const struct inspector *i, size_t most, enum inspect_sort sort,
	struct inspect_sources *out);

/* What applies to one source on one listener, and what is used of it. */
struct inspect_source {
	char listener[INSPECT_NAME_MAX], class[INSPECT_NAME_MAX]; /* "default": in none */
	struct limit_view source, subnet;
	bool is_denied, is_observing, is_banned;
	struct ban ban; /* if it is */
	uint32_t connections, unproven, unregistered,
		subnet_connections; /* the numbers; 0: no limit */
	struct conf_rate connection_rate, message_rate, connection_message_rate,
		subnet_connection_rate;
	uint32_t total_connections, total_open; /* of the class */
	const char *action;
};

/* On each listener; from malloc, the caller's. NULL: memory is short. `endpoint`: "" for none. */
struct inspect_source *inspect_source(
	const struct inspector *i, const struct addr *address, const char *endpoint, size_t *count);

/* All bans in force, those that end first in front; from malloc, the caller's. False: memory is short. */
bool inspect_bans(const struct inspector *i, struct ban **bans, size_t *count);

/* The source that an address belongs to. */
struct network inspect_network(const struct inspector *i, const struct addr *address);

#endif
