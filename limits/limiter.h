/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limiter.h - may this source open one more connection, and send one more message?
 *
 * Pure bookkeeping: no sockets, no clock, no log. Two tables for the whole process, one of sources and one of the subnets around
 * them, both preallocated; an admission costs the same whatever is open. Counts are exact across threads: every function but
 * limiter_new() and limiter_free() may be called from any thread at any time; a lock covers one cache line of a hash and
 * is never held across anything that can block.
 *
 * Numbers that a reload may change are passed with each call; what is counted outlives them. Times are microseconds of a clock
 * that never goes back.
 */
#ifndef SIPWEIR_LIMITS_LIMITER_H
#define SIPWEIR_LIMITS_LIMITER_H

#include "limits/addr.h"
#include "limits/gcra.h"
#include "limits/source_key.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LIMIT_CAPACITY_MAX = 1 << 25,
	LIMIT_ENDPOINT_MAX = 128, /* bytes of an endpoint id that are shown, and its NUL */
	LIMIT_SUBNET_SHARE = 16,  /* no subnet has more than this part of all sources for itself */
};

struct limiter;
struct limit_entry;
struct limit_memory;

/*
 * What identifies a caller: its address, and the VPC endpoint it came through, because PrivateLink
 * addresses of different consumers overlap.
 */
struct limit_source {
	struct addr addr;     /* whole; the limiter cuts it to its prefixes */
	const char *endpoint; /* "" for none; not NUL-terminated beyond endpoint_length */
	size_t endpoint_length;
};

/* Where a source is to be looked for: limiter_aim(). Good as long as the source's endpoint is. */
struct limit_aim {
	struct limit_source of;
	struct source_key source, subnet;
	bool is_ahead; /* limiter_look_ahead() was called */
};

struct limit_setup {
	uint32_t capacity; /* sources that can be told apart at once, 1..LIMIT_CAPACITY_MAX */
	unsigned ipv4_prefix, ipv6_prefix; /* 1..32 and 1..128: what counts as one source */
	unsigned subnet_ipv4_prefix, subnet_ipv6_prefix; /* one level up; at most those above */
	uint8_t hash_key[16]; /* random, so that nobody can aim at one line of a table */
};

/* A count of something beyond one source: all connections of a class. Zeroed: none. */
struct limit_total {
	_Atomic uint32_t open;
};

/* The numbers for one connection. 0, and a rate with interval 0: no limit (still counted). */
struct limit_rules {
	uint32_t connections, unproven;
	struct gcra_rate connection_rate;
	uint32_t subnet_connections;
	struct gcra_rate subnet_connection_rate;
	struct limit_total *total; /* NULL: there is none */
	uint32_t total_connections;
	bool admit_when_full; /* what happens to a new source when the table is full */
	bool is_observing;    /* whatever is decided, the connection is admitted and counted */
};

enum limit_verdict {
	LIMIT_OK,
	LIMIT_CONNECTIONS,	      /* the source holds as many as it may */
	LIMIT_CONNECTION_RATE,	      /* it opens them too fast */
	LIMIT_UNPROVEN,		      /* too many of them have not shown yet that they speak SIP */
	LIMIT_SUBNET_CONNECTIONS,     /* its subnet holds as many as it may */
	LIMIT_SUBNET_CONNECTION_RATE, /* its subnet opens them too fast */
	LIMIT_TOTAL_CONNECTIONS,      /* the total is reached */
	LIMIT_TRACKED_SOURCES,	      /* a new source, and the table is full */
	LIMIT_UNREGISTERED,	      /* limiter_prove() only */
};

/* What was decided, and on what grounds. */
struct limit_result {
	enum limit_verdict verdict; /* the first limit that said no, in that order; LIMIT_OK */
	uint32_t current,
		max; /* of that limit, else of `connections`; 0 for rates and a full table */
	bool is_near; /* with this one the source holds 80 % of `connections`, for the first time since it
			 held less than 60 % */
};

/* One admitted connection, owed back to limiter_release() exactly once. Zeroed it holds nothing. */
struct limit_token {
	struct limit_entry *entry;	   /* NULL: it is not counted by source */
	struct limit_memory *memory;	   /* the entry's */
	struct limit_total *total;	   /* it is counted there */
	bool is_unproven, is_unregistered; /* what else it is counted as */
};

/*
 * NULL when memory is short or the setup is out of range. Reserves everything it will ever use: 105 bytes for each source of
 * the capacity, and 73 for the subnet that it may be alone in; of that the system gives what is touched.
 * limiter_free() takes NULL; no other thread may be inside, and no token may be released behind it.
 */
struct limiter *limiter_new(const struct limit_setup *setup);
void limiter_free(struct limiter *l);

/*
 * An admission waits for two places in memory, one behind the other, and for little else. Whoever knows the source a little
 * before the admission can have them fetched meanwhile: limiter_aim() asks for the first, and limiter_look_ahead(), some 200 ns
 * later, for the second. Neither waits or locks; without the second the admission is the same, and slower.
 */
void limiter_aim(const struct limiter *l, const struct limit_source *source, struct limit_aim *aim);
void limiter_look_ahead(const struct limiter *l, struct limit_aim *aim);

/*
 * Take one slot for what was aimed at, at all levels: both lines are locked, all limits checked, then all counted; nothing is taken and
 * given back. The connection is unproven until limiter_prove().
 *
 * `token` must be zeroed; it holds something only if the connection is admitted: after LIMIT_OK, and whatever the verdict with
 * is_observing. A source that finds no room is admitted with admit_when_full (LIMIT_OK) or is_observing: then the token has no
 * entry. A refusal leaves no trace but a count of refusals in the entry of a source that has one.
 *
 * A subnet that has its share of the table cannot push others out of it: its new sources are counted as one from then on.
 */
void limiter_admit(struct limiter *l, const struct limit_rules *rules, const struct limit_aim *aim,
	uint64_t now_us, struct limit_token *token, struct limit_result *result);

/*
 * It has shown that it speaks SIP: unregistered from here on, no longer unproven. With `unregistered` != 0 and as many counted
 * already LIMIT_UNREGISTERED; nothing has changed then, unless is_observing. No lock, no look-up.
 */
void limiter_prove(struct limit_token *token, uint32_t unregistered, bool is_observing,
	struct limit_result *result);

/* It has had a 2xx to a REGISTER or INVITE: no longer unregistered. Idempotent. No lock, no look-up. */
void limiter_register(struct limit_token *token);

/*
 * It belongs to another total from here on (NULL: to none). With `max` != 0 and as many there already LIMIT_TOTAL_CONNECTIONS;
 * nothing has changed then, unless is_observing.
 */
void limiter_join(struct limit_token *token, struct limit_total *total, uint32_t max,
	bool is_observing, struct limit_result *result);

/*
 * Give the slot back and empty the token; fine when it is. The entry of a source without slots stays as long as something
 * about it has to be remembered.
 */
void limiter_release(struct limiter *l, struct limit_token *token, uint64_t now_us);

/* One message of the token's source: gcra_take() and gcra_reserve() of its rate. A token without entry always conforms. */
bool limiter_take_message(
	struct limit_token *token, const struct gcra_rate *rate, uint64_t now_us, uint64_t *at_us);
uint64_t limiter_reserve_message(
	struct limit_token *token, const struct gcra_rate *rate, uint64_t now_us);

/* --- penalties: points that fade --- */

/*
 * Add points; returns what the source has then. The second is for a source that may have no entry: it gets one, which goes
 * when the points have faded; 0 when there is no room for it.
 */
float limiter_punish(
	struct limit_token *token, float points, uint32_t half_life_ms, uint64_t now_us);
float limiter_punish_source(struct limiter *l, const struct limit_source *source, float points,
	uint32_t half_life_ms, uint64_t now_us);

/* Take points back. Nothing happens to a source without entry. */
void limiter_absolve(struct limiter *l, const struct limit_source *source, float points,
	uint32_t half_life_ms, uint64_t now_us);

/* Neither points nor rates nor refusals are remembered of it. False: it has no entry. */
bool limiter_forget(struct limiter *l, const struct limit_source *source);

/*
 * Look at up to `most` entries of each table: those that count nothing and of which nothing needs to be remembered go. Waits
 * for no lock. Called now and then; an admission that finds its table full looks at a few itself, and then also takes one
 * whose rates or points are not forgotten yet, but never one with slots.
 */
void limiter_reclaim(struct limiter *l, uint32_t half_life_ms, uint64_t now_us, unsigned most);

/* --- marks --- */

/*
 * Mark a source for whoever holds a token of it: something is to be done about it from `now_s` on (seconds of a clock that
 * never shows 0). False, with nothing changed, when it was marked less than `interval_s` ago or holds nothing.
 */
bool limiter_mark(
	struct limiter *l, const struct limit_source *source, uint32_t now_s, uint32_t interval_s);

/* When the token's source was marked; 0 for never, or for an empty token. No lock is taken. */
uint32_t limiter_marked_s(const struct limit_token *token);

/* How many slots the token's source holds; 0 for an empty token. No lock is taken. */
uint32_t limiter_held(const struct limit_token *token);

/* --- looking --- */

struct limit_view {
	struct network network; /* what counts as this source, or subnet */
	char endpoint
		[LIMIT_ENDPOINT_MAX]; /* its text; "?" when more are in use than are remembered */
	bool is_shared; /* of a subnet that has its share of the table: its later sources together */
	uint32_t connections, unproven, unregistered, refused;
	uint32_t sources; /* of a subnet: how many are tracked in it */
	float points;
};

/* One source and its subnet; what has no entry is empty. False: neither has one. */
bool limiter_look(struct limiter *l, const struct limit_source *source, uint32_t half_life_ms,
	uint64_t now_us, struct limit_view *of_source, struct limit_view *of_subnet);

/*
 * Each source, in no order, until `visit` returns false. Those that come and go meanwhile may be missed. No lock is held while
 * it is called.
 */
void limiter_walk(struct limiter *l, uint32_t half_life_ms, uint64_t now_us,
	bool (*visit)(void *context, const struct limit_view *v), void *context);

/*
 * Sources and subnets in the tables, and slots held in all; exact when nothing is being admitted or released.
 * limiter_slots() walks over as many entries as were ever in use at once: for status and tests.
 */
uint32_t limiter_sources(const struct limiter *l);
uint32_t limiter_subnets(const struct limiter *l);
uint32_t limiter_capacity(const struct limiter *l);
uint64_t limiter_slots(const struct limiter *l);

/* How many sources hold up to bounds[i] connections, and at least one, for ascending bounds. Walks as above. */
void limiter_spread(
	const struct limiter *l, const uint32_t *bounds, uint32_t *sources, size_t count);

#endif
