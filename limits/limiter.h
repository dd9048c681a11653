/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limiter.h - may this source open one more connection?
 *
 * Pure bookkeeping: no sockets, no clock, no log. One table for the whole process, preallocated; an
 * admission costs the same whatever is open. Counts are exact across threads: every function but
 * limiter_new() and limiter_free() may be called from any thread at any time; a lock covers one
 * cache line of the hash and is never held across anything that can block.
 *
 * Numbers that a reload may change are passed with each call; what is counted outlives them.
 */
#ifndef SIPWEIR_LIMITS_LIMITER_H
#define SIPWEIR_LIMITS_LIMITER_H

#include "limits/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIMIT_CAPACITY_MAX = 1 << 25 };

struct limiter;
struct limit_entry;

/*
 * What identifies a caller: its address, and the VPC endpoint it came through, because PrivateLink
 * addresses of different consumers overlap.
 */
struct limit_source {
	struct addr addr;     /* whole; the limiter cuts it to its prefix */
	const char *endpoint; /* "" for none; not NUL-terminated beyond endpoint_length */
	size_t endpoint_length;
};

struct limit_setup {
	uint32_t capacity;    /* sources that can be told apart at once, 1..LIMIT_CAPACITY_MAX */
	unsigned ipv4_prefix; /* 1..32: what counts as one source */
	unsigned ipv6_prefix; /* 1..128 */
	uint8_t hash_key[16]; /* random, so that nobody can aim at one line of the table */
};

struct limit_rules {
	uint32_t connections; /* at once per source; 0 = no limit (still counted) */
	bool admit_when_full; /* what happens to a new source when the table is full */
};

enum limit_verdict {
	LIMIT_OK,
	LIMIT_CONNECTIONS,     /* the source holds as many as it may */
	LIMIT_TRACKED_SOURCES, /* a new source, and the table is full */
};

/* One admitted connection, owed back to limiter_release() exactly once. Zeroed it holds nothing. */
struct limit_token {
	struct limit_entry *entry;
};

/*
 * NULL when memory is short or the setup is out of range. Reserves everything it will ever use:
 * about 73 bytes per source of the capacity, of which the system gives what is touched.
 * limiter_free() takes NULL; no other thread may be inside, and no token may be released behind it.
 */
struct limiter *limiter_new(const struct limit_setup *setup);
void limiter_free(struct limiter *l);

/*
 * Take one slot for `source`.
 *
 *   token    must be zeroed; holds the slot only after LIMIT_OK. With admit_when_full a source
 *            that found no room is admitted with an empty token: it is not counted, and releasing
 *            it does nothing.
 *   current  always set: what the source held before this call (0 for LIMIT_TRACKED_SOURCES)
 *
 * A refusal holds nothing and leaves no trace in the table.
 */
enum limit_verdict limiter_admit(struct limiter *l, const struct limit_rules *rules,
	const struct limit_source *source, struct limit_token *token, uint32_t *current);

/* Give the slot back and empty the token; fine when it is. A source's last slot frees its entry. */
void limiter_release(struct limiter *l, struct limit_token *token);

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

/*
 * Sources in the table, and slots held in all; exact when nothing is being admitted or released.
 * limiter_slots() walks over as many entries as were ever in use at once: for status and tests.
 */
uint32_t limiter_sources(const struct limiter *l);
uint64_t limiter_slots(const struct limiter *l);

#endif
