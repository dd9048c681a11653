/* SPDX-License-Identifier: BSD-2-Clause */
/* limiter_state.h - the parts of a limiter, for the files that it is made of. Private to limits/. */
#ifndef SIPWEIR_LIMITS_LIMITER_STATE_H
#define SIPWEIR_LIMITS_LIMITER_STATE_H

#include "limits/limiter.h"
#include "limits/source_table.h"
#include "limits/spin.h"

enum { ENDPOINTS = 1024 }; /* ids whose text is remembered; a power of two */

/* What is kept of a source beside its entry, and touched when messages come or something goes wrong. */
struct limit_memory {
	_Atomic uint64_t message_rate;
	_Atomic uint64_t points;
	_Atomic uint32_t refused;
	_Atomic uint32_t marked_s; /* 0: never */
	uint64_t unused;	   /* so that none lies across two cache lines */
};

struct endpoint {
	_Atomic uint64_t hash; /* 0: free; written last */
	char text[LIMIT_ENDPOINT_MAX];
};

struct limiter {
	struct source_table sources, subnets;
	struct limit_memory *memories; /* of the sources, by index */
	uint32_t capacity;
	uint32_t share; /* sources that one subnet may have for itself */
	unsigned ipv4_prefix, ipv6_prefix;
	unsigned subnet_ipv4_prefix, subnet_ipv6_prefix;
	uint8_t hash_key[16];
	_Atomic uint32_t source_hand, subnet_hand; /* of the clocks that reclaim */
	struct spin endpoint_lock;
	struct endpoint endpoints[ENDPOINTS];
};

/* The keys alone of limiter_aim(). */
void limiter_keys(
	const struct limiter *l, const struct limit_source *source, struct limit_aim *aim);

/* The key of all later sources of a subnet that has its share. */
struct source_key limiter_shared_key(const struct limiter *l, const struct source_key *subnet);

/* A source and its subnet, each with its line locked; an entry may be missing. */
struct limit_place {
	const struct limit_aim *aim;
	const struct source_key *source_key; /* the aim's, or `shared` */
	struct source_key shared;	     /* of a subnet that has its share */
	struct source_line *subnet_line, *source_line;
	struct limit_entry *subnet, *source;
	bool is_new_subnet, is_new_source;
};

/* Lock both lines, the subnet's first, and look for the entries; unlock them. */
void limiter_lock_place(struct limiter *l, const struct limit_aim *aim, struct limit_place *p);
void limiter_unlock_place(const struct limit_place *p);

/* Make the entries that are missing. False: there is no room, and nothing has changed. */
bool limiter_fill_place(struct limiter *l, struct limit_place *p, uint64_t now_us);

/* As if limiter_fill_place() had not been called. */
void limiter_empty_place(struct limiter *l, struct limit_place *p);

static inline uint32_t limiter_count(const _Atomic uint32_t *count)
{
	return atomic_load_explicit(count, memory_order_relaxed);
}

static inline struct limit_memory *limiter_memory(
	const struct limiter *l, const struct limit_entry *entry)
{
	return &l->memories[entry_pool_index(&l->sources.pool, entry)];
}

static inline struct limit_entry *limiter_subnet(
	const struct limiter *l, const struct limit_entry *source)
{
	uint32_t parent = atomic_load_explicit(&source->parent, memory_order_relaxed);
	return entry_pool_at(&l->subnets.pool, parent & ~(uint32_t)ENTRY_IS_NEAR);
}

/* Take a source out of its locked line. What becomes of its subnet is the caller's matter, or that of the clock. */
void limiter_remove_source(struct limiter *l, struct source_line *line, struct limit_entry *entry);

/* Nothing is counted in it and nothing remembered of it. */
bool limiter_is_idle_subnet(const struct limit_entry *subnet, uint64_t now_us);

/*
 * Some entry that holds no slot goes, of a table that is full; `held` is the line of it that is locked. False: none of those that
 * were looked at.
 */
bool limiter_evict_source(struct limiter *l, struct source_line *held, uint64_t now_us);
bool limiter_evict_subnet(struct limiter *l, struct source_line *held, uint64_t now_us);

/* The text of an endpoint id. */
void limiter_remember_endpoint(struct limiter *l, uint64_t hash, const struct limit_source *source);
void limiter_endpoint_text(const struct limiter *l, uint64_t hash, char out[LIMIT_ENDPOINT_MAX]);

#endif
