/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * gcra.h - rates: one 64-bit word for each thing that is rated (the generic cell rate algorithm, ITU-T I.371).
 *
 * The word is the theoretical arrival time: when the next event would be due if all came evenly. Zeroed: nothing has
 * come yet. Times are microseconds of a clock that never goes back. No locks, no state of its own.
 */
#ifndef SIPWEIR_LIMITS_GCRA_H
#define SIPWEIR_LIMITS_GCRA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* interval_us 0: no limit. */
struct gcra_rate {
	uint64_t interval_us;  /* between two events that come evenly; at least 1 */
	uint64_t tolerance_us; /* how much earlier one may come: (burst - 1) intervals */
};

/* `count` per `period_ms`, and up to `burst` at once (at least 1). All 0: off. */
struct gcra_rate gcra_rate_of(uint32_t count, uint32_t period_ms, uint32_t burst);

/* Take one event now if it conforms. False: nothing was taken; it would conform at *at_us. */
bool gcra_take(
	_Atomic uint64_t *word, const struct gcra_rate *rate, uint64_t now_us, uint64_t *at_us);

/* The same for a word that nobody else changes meanwhile, because the caller holds its lock. */
bool gcra_take_locked(_Atomic uint64_t *word, const struct gcra_rate *rate, uint64_t now_us);

/* Would one conform now? */
bool gcra_conforms(const _Atomic uint64_t *word, const struct gcra_rate *rate, uint64_t now_us);

/* Take one event whatever the rate says. Returns when it conforms (at most now_us: at once): those who wait for it each
 * have a time of their own. */
uint64_t gcra_reserve(_Atomic uint64_t *word, const struct gcra_rate *rate, uint64_t now_us);

/* True when the past no longer matters: forgetting the word now changes nothing. */
bool gcra_is_idle(const _Atomic uint64_t *word, uint64_t now_us);

#endif
