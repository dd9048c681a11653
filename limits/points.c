/* SPDX-License-Identifier: BSD-2-Clause */
#include "limits/points.h"

#include <math.h>
#include <string.h>

enum { TICK_US = 10000 }; /* 32 bits of these are more than a year */

static uint64_t pack(float points, uint64_t now_us)
{
	uint32_t bits;
	memcpy(&bits, &points, sizeof(bits));
	return points > 0 ? (uint64_t)bits << 32 | (uint32_t)(now_us / TICK_US) : 0;
}

static float unpack(uint64_t word, uint32_t half_life_ms, uint64_t now_us)
{
	uint32_t bits = (uint32_t)(word >> 32),
		 ticks = (uint32_t)(now_us / TICK_US) - (uint32_t)word;
	float points;
	memcpy(&points, &bits, sizeof(points));
	return half_life_ms ? points * exp2f(-(float)ticks * (TICK_US / 1000) / (float)half_life_ms)
			    : points;
}

float points_add(_Atomic uint64_t *word, float points, uint32_t half_life_ms, uint64_t now_us)
{
	uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
	float sum;
	do {
		sum = (seen ? unpack(seen, half_life_ms, now_us) : 0) + points;
		if (sum < 0)
			sum = 0;
	} while (!atomic_compare_exchange_weak_explicit(
		word, &seen, pack(sum, now_us), memory_order_relaxed, memory_order_relaxed));
	return sum;
}

float points_left(const _Atomic uint64_t *word, uint32_t half_life_ms, uint64_t now_us)
{
	uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
	return seen ? unpack(seen, half_life_ms, now_us) : 0;
}
