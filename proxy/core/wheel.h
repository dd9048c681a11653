/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wheel.h - deadlines of many connections at constant cost: a ring of lists, one list per tick of 100 ms.
 *
 * A deadline further away than one turn of the ring is looked at once per turn. Activity is not the wheel's matter: an
 * owner whose deadline has moved on says so when it expires, by setting it again. One thread per wheel.
 */
#ifndef SIPWEIR_PROXY_CORE_WHEEL_H
#define SIPWEIR_PROXY_CORE_WHEEL_H

#include "proxy/core/list.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	WHEEL_TICK_MS = 100,
	WHEEL_SLOTS = 512, /* one turn: 51.2 s, so that the usual deadlines are looked at once */
};

struct deadline {
	struct list_node node; /* zeroed: not set */
	uint64_t at_ms;
	void (*on_expired)(struct deadline *d);
};

struct wheel {
	struct list slots[WHEEL_SLOTS];
	uint64_t tick; /* the last one that was looked at */
};

void wheel_init(struct wheel *w, uint64_t now_ms);

/* Expire at `at_ms` of the clock, at most one tick late; the past means the next tick. Set again: moved. */
void wheel_set(struct wheel *w, struct deadline *d, uint64_t at_ms);
void wheel_clear(struct deadline *d);
bool wheel_is_set(const struct deadline *d);

/* Call on_expired of each deadline that has passed. A callback may set or clear any deadline. */
void wheel_advance(struct wheel *w, uint64_t now_ms);

#endif
