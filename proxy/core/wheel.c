/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/wheel.h"

void wheel_init(struct wheel *w, uint64_t now_ms)
{
	for (unsigned i = 0; i < WHEEL_SLOTS; i++)
		list_init(&w->slots[i]);
	w->tick = now_ms / WHEEL_TICK_MS;
}

void wheel_set(struct wheel *w, struct deadline *d, uint64_t at_ms)
{
	uint64_t tick = (at_ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;
	if (tick <= w->tick)
		tick = w->tick + 1;
	list_remove(&d->node);
	d->at_ms = at_ms;
	list_append(&w->slots[tick % WHEEL_SLOTS], &d->node);
}

void wheel_clear(struct deadline *d)
{
	list_remove(&d->node);
}

bool wheel_is_set(const struct deadline *d)
{
	return list_has(&d->node);
}

/* The slot is emptied into a list of its own first, so that what a callback sets again waits for the next turn. */
static void advance_one(struct wheel *w, uint64_t now_ms)
{
	struct list due;
	list_init(&due);
	list_splice(&due, &w->slots[w->tick % WHEEL_SLOTS]);

	struct list_node *n;
	while ((n = list_pop(&due))) {
		struct deadline *d = LIST_OBJECT(n, struct deadline, node);
		if (d->at_ms > now_ms)
			wheel_set(w, d, d->at_ms);
		else
			d->on_expired(d);
	}
}

void wheel_advance(struct wheel *w, uint64_t now_ms)
{
	uint64_t target = now_ms / WHEEL_TICK_MS;
	if (target > w->tick + WHEEL_SLOTS)
		w->tick = target -
			  WHEEL_SLOTS; /* asleep for over a turn: one look at each slot is enough */
	while (w->tick < target) {
		w->tick++;
		advance_one(w, now_ms);
	}
}
