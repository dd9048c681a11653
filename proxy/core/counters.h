/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * counters.h - what happened, counted where it happens: arrays by listener and by server, one set for each worker.
 *
 * A counter has one writer, the worker whose set it is in, and any number of readers, who add up the sets. So counting is a
 * load and a store, no locked instruction, and no cache line is shared between writers. What goes down again (open
 * connections) may wrap in one set; the sum over all sets does not, as it is taken modulo 2^64 too.
 */
#ifndef SIPWEIR_PROXY_CORE_COUNTERS_H
#define SIPWEIR_PROXY_CORE_COUNTERS_H

#include "conf/choice.h"
#include "proxy/core/histogram.h"
#include "proxy/core/proxy_header.h"
#include "proxy/core/reason.h"
#include "proxy/core/refusal.h"
#include "sip/request.h"

#include <stddef.h>

enum direction { DIRECTION_IN, DIRECTION_OUT, DIRECTIONS }; /* from clients, to clients */

enum {
	COUNTERS_RESPONSE = METHODS, /* the kind behind the methods of requests */
	COUNTERS_KINDS,
	COUNTERS_STATES = 8,  /* of a session that is not closed */
	COUNTERS_ACTIONS = 4, /* enum conf_action */
	COUNTERS_VERSIONS = 3,
	COUNTERS_STATUS_MIN = 200, /* what a pool without servers may answer */
	COUNTERS_STATUSES = 500,
};

/* What became of the PROXY header that was due: one of these, or HEADER_FAULTY and a proxy_fault. */
enum header_outcome {
	HEADER_ACCEPTED,
	HEADER_LOCAL,	/* a load balancer's own */
	HEADER_OMITTED, /* where it is optional */
	HEADER_TIMEOUT,
	HEADER_UNTRUSTED,
	HEADER_FAULTY,
	HEADER_OUTCOMES = HEADER_FAULTY + PROXY_FAULT_COUNT
};

/* How TLS with a client has ended; the last by us: a limit, or because sipweir stops. */
enum tls_outcome { TLS_OK, TLS_FAILED, TLS_TIMEOUT, TLS_CLIENT_CLOSED, TLS_ENDED, TLS_OUTCOMES };

enum { TLS_VERSIONS = 5 };

/* Responses of servers: the classes 1xx to 6xx, and exact those that an operator acts on. */
enum { STATUS_CLASSES = 6, STATUS_SLOTS = STATUS_CLASSES + 6 };

/* Of one listener, in one worker. Nothing but counters: counters_add_set() adds it up as an array. */
struct listener_counters {
	_Alignas(64) struct counter accepted;
	struct counter pings;
	struct counter queue, queue_limit;
	struct counter messages[DIRECTIONS][COUNTERS_KINDS];
	struct counter closed[REASON_COUNT];
	struct counter headers[COUNTERS_VERSIONS][HEADER_OUTCOMES];
	struct counter handshakes[TLS_VERSIONS][TLS_OUTCOMES]
				 [2]; /* that were begun; resumed or not */
	struct counter refusals[REFUSAL_COUNT];
	struct counter sip_bad[REFUSAL_COUNT];	 /* messages of clients */
	struct counter sip_would[REFUSAL_COUNT]; /* that passed in observe mode */
	struct counter scanners[SCANNERS];
	struct counter responded[COUNTERS_STATUSES]; /* by a pool without servers */
	struct counter limited[COUNTERS_STATUSES];   /* where a limit refuses in SIP */
	struct histogram admission;		     /* accept to PROVEN */
};

/* Of one class of sources on one listener, in one worker. Nothing but counters, as above. */
struct class_counters {
	_Alignas(64) struct counter connections[COUNTERS_STATES];
	struct counter refused[REASON_COUNT][COUNTERS_ACTIONS]; /* by limits */
	struct counter would_refuse[REASON_COUNT];
	struct counter delayed; /* messages that had to wait for a rate */
};

/* Of one server of a pool, in one worker. */
struct server_counters {
	_Alignas(64) struct counter connections; /* those being made included */
	struct counter responses[STATUS_SLOTS];
	struct histogram connect; /* until the first bytes could be sent */
	struct histogram answer;  /* from a request of a client until its final answer */
};

/* Where in `messages` one is counted. */
static inline unsigned counters_kind(const struct frame *frame)
{
	return frame->kind == FRAME_RESPONSE ? COUNTERS_RESPONSE : frame->method;
}

/* Zeroed sets, each on cache lines of its own, for free(). NULL when memory is short. */
struct listener_counters *counters_new_listener(size_t sets);
struct class_counters *counters_new_class(size_t sets);
struct server_counters *counters_new_server(size_t sets);

/* Add the set `from`, which others may be counting in, to `to`, which is the caller's own. */
void counters_add_listener(struct listener_counters *to, const struct listener_counters *from);
void counters_add_class(struct class_counters *to, const struct class_counters *from);
void counters_add_server(struct server_counters *to, const struct server_counters *from);

/* Where a response with this status (100..699) is counted, and what labels call that. */
unsigned counters_status_slot(unsigned status);
const char *counters_status_name(unsigned slot);

/* Where a version of TLS is counted ("1.3"; NULL: not known), and what labels call that, and an outcome. */
unsigned counters_tls_version(const char *name);
const char *counters_tls_version_name(unsigned version);
const char *counters_tls_outcome_name(enum tls_outcome outcome);

/* What labels call an outcome, HEADER_FAULTY + a fault included; NULL for one that cannot be. */
const char *counters_header_name(unsigned outcome);

#endif
