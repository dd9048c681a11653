/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spin.h - a lock of four bytes, so that it fits into the cache line it guards.
 *
 * For critical sections of a few dozen instructions that call nothing that can block. Zeroed memory
 * is unlocked.
 */
#ifndef SIPWEIR_LIMITS_SPIN_H
#define SIPWEIR_LIMITS_SPIN_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* After so many the processor is offered to others: who holds the lock may be waiting for it. */
enum { SPIN_TURNS = 100 };

struct spin {
	_Atomic uint32_t held;
};

static inline void spin_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* Wait until the lock is free and take it. Not recursive. */
static inline void spin_lock(struct spin *s)
{
	while (atomic_exchange_explicit(&s->held, 1, memory_order_acquire) != 0) {
		for (int turns = 0; atomic_load_explicit(&s->held, memory_order_relaxed) != 0;
			turns++) {
			if (turns < SPIN_TURNS)
				spin_pause();
			else
				sched_yield();
		}
	}
}

/* Take it if it is free. */
static inline bool spin_try_lock(struct spin *s)
{
	return atomic_load_explicit(&s->held, memory_order_relaxed) == 0 &&
	       atomic_exchange_explicit(&s->held, 1, memory_order_acquire) == 0;
}

/* By the thread that took it. */
static inline void spin_unlock(struct spin *s)
{
	atomic_store_explicit(&s->held, 0, memory_order_release);
}

#endif
