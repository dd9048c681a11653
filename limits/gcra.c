/* SPDX-License-Identifier: BSD-2-Clause */
#include "limits/gcra.h"

struct gcra_rate gcra_rate_of(uint32_t count, uint32_t period_ms, uint32_t burst)
{
	if (count == 0)
		return (struct gcra_rate){0};
	uint64_t interval_us = (uint64_t)period_ms * 1000 / count;
	if (interval_us == 0)
		interval_us = 1;
	return (struct gcra_rate){interval_us, (burst > 1 ? burst - 1 : 0) * interval_us};
}

/* When the next one would be due if it came now: the past does not count for more than the burst. */
static uint64_t due_at(uint64_t word, uint64_t now_us)
{
	return word > now_us ? word : now_us;
}

static bool is_early(uint64_t due_us, const struct gcra_rate *rate, uint64_t now_us)
{
	return due_us - now_us > rate->tolerance_us;
}

bool gcra_conforms(const _Atomic uint64_t *word, const struct gcra_rate *rate, uint64_t now_us)
{
	uint64_t due_us = due_at(atomic_load_explicit(word, memory_order_relaxed), now_us);
	return rate->interval_us == 0 || !is_early(due_us, rate, now_us);
}

bool gcra_take(
	_Atomic uint64_t *word, const struct gcra_rate *rate, uint64_t now_us, uint64_t *at_us)
{
	*at_us = now_us;
	if (rate->interval_us == 0)
		return true;
	uint64_t seen = atomic_load_explicit(word, memory_order_relaxed), due_us;
	do {
		due_us = due_at(seen, now_us);
		if (is_early(due_us, rate, now_us)) {
			*at_us = due_us - rate->tolerance_us;
			return false;
		}
	} while (!atomic_compare_exchange_weak_explicit(word, &seen, due_us + rate->interval_us,
		memory_order_relaxed, memory_order_relaxed));
	return true;
}

bool gcra_take_locked(_Atomic uint64_t *word, const struct gcra_rate *rate, uint64_t now_us)
{
	if (rate->interval_us == 0)
		return true;
	uint64_t due_us = due_at(atomic_load_explicit(word, memory_order_relaxed), now_us);
	if (is_early(due_us, rate, now_us))
		return false;
	atomic_store_explicit(word, due_us + rate->interval_us, memory_order_relaxed);
	return true;
}

uint64_t gcra_reserve(_Atomic uint64_t *word, const struct gcra_rate *rate, uint64_t now_us)
{
	if (rate->interval_us == 0)
		return now_us;
	uint64_t seen = atomic_load_explicit(word, memory_order_relaxed), due_us;
	do {
		due_us = due_at(seen, now_us);
	} while (!atomic_compare_exchange_weak_explicit(word, &seen, due_us + rate->interval_us,
		memory_order_relaxed, memory_order_relaxed));
	return is_early(due_us, rate, now_us) ? due_us - rate->tolerance_us : now_us;
}

bool gcra_is_idle(const _Atomic uint64_t *word, uint64_t now_us)
{
	return atomic_load_explicit(word, memory_order_relaxed) <= now_us;
}
