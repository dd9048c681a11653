/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * points.h - points that fade: half of them are gone after each half-life. One 64-bit word, a number and the time it was true
 * at, changed by compare-and-swap. Private to limits/; any thread.
 */
#ifndef SIPWEIR_LIMITS_POINTS_H
#define SIPWEIR_LIMITS_POINTS_H

#include <stdatomic.h>
#include <stdint.h>

/* Add points (or take some back; never below 0). Returns how many there are then. */
float points_add(_Atomic uint64_t *word, float points, uint32_t half_life_ms, uint64_t now_us);

/* How many are left. */
float points_left(const _Atomic uint64_t *word, uint32_t half_life_ms, uint64_t now_us);

#endif
