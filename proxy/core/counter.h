/* SPDX-License-Identifier: BSD-2-Clause */
/* counter.h - one number that its owner's thread counts in and any other may read: no lock, no lost count. */
#ifndef SIPWEIR_PROXY_CORE_COUNTER_H
#define SIPWEIR_PROXY_CORE_COUNTER_H

#include <stdatomic.h>
#include <stdint.h>

struct counter {
	atomic_uint_fast64_t value;
};

/* The owner's thread alone. */
static inline void counter_add(struct counter *c, uint64_t n)
{
	uint64_t value = atomic_load_explicit(&c->value, memory_order_relaxed);
	atomic_store_explicit(&c->value, value + n, memory_order_relaxed);
}

static inline void counter_count(struct counter *c)
{
	counter_add(c, 1);
}

static inline void counter_uncount(struct counter *c)
{
	counter_add(c, UINT64_MAX);
}

static inline void counter_set(struct counter *c, uint64_t value)
{
	atomic_store_explicit(&c->value, value, memory_order_relaxed);
}

/* Any thread. */
static inline uint64_t counter_read(const struct counter *c)
{
	return atomic_load_explicit(&c->value, memory_order_relaxed);
}

#endif
