/* SPDX-License-Identifier: BSD-2-Clause */
#include "limits/points.h"

#include <math.h>
#include <string.h>

enum { TICK_MS = 10, TICK_US = TICK_MS * 1000 }; /* half of 32 bits of these are 248 days */

/* Taken apart, at the later of the time it was stored at and now: the clock of another worker may be a little ahead. */
struct faded {
	float points;
	uint32_t tick;
};

static uint64_t pack(float points, uint32_t tick)
{
	uint32_t bits;
	memcpy(&bits, &points, sizeof(bits));
	return points > 0 ? (uint64_t)bits << 32 | tick : 0;
}

static struct faded unpack(uint64_t word, uint32_t half_life_ms, uint64_t now_us)
{
	uint32_t bits = (uint32_t)(word >> 32), then = (uint32_t)word;
	uint32_t now = (uint32_t)(now_us / TICK_US);
	struct faded f = {0, now};
	if (word == 0)
		return f;
	memcpy(&f.points, &bits, sizeof(f.points));
	if ((int32_t)(now - then) < 0)
		f.tick = then;
	else if (half_life_ms)
		f.points *= exp2f(-(float)(now - then) * TICK_MS / (float)half_life_ms);
	return f;
}

float points_add(_Atomic uint64_t *word, float points, uint32_t half_life_ms, uint64_t now_us)
{
	uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
	struct faded f;
	do {
		f = unpack(seen, half_life_ms, now_us);
		f.points += points;
		if (f.points < 0)
			f.points = 0;
	} while (!atomic_compare_exchange_weak_explicit(
		word, &seen, pack(f.points, f.tick), memory_order_relaxed, memory_order_relaxed));
	return f.points;
}

float points_left(const _Atomic uint64_t *word, uint32_t half_life_ms, uint64_t now_us)
{
	return unpack(atomic_load_explicit(word, memory_order_relaxed), half_life_ms, now_us)
		.points;
}
