/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sweep.h - something that is to be done with many sessions of a worker, a few in each turn: a cursor over the places that
 * sessions have. One that is opened behind the cursor is not met; one that was there all the time is, once.
 */
#ifndef SIPWEIR_PROXY_CORE_SWEEP_H
#define SIPWEIR_PROXY_CORE_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

struct core;
struct session;

enum { SWEEP_PER_TURN = 512 };

/* Belongs to a core. Zeroed: nothing to do. */
struct sweep {
	/* Called for each open session; it may close it. */
	void (*visit)(struct session *s, const struct sweep *sweep);
	uint32_t next, end; /* places; end 0: not running */
};

/* From the beginning, also when it was on its way. */
void sweep_begin(struct sweep *sweep, const struct core *c,
	void (*visit)(struct session *s, const struct sweep *sweep));

/* The next few. True: there are more. */
bool sweep_go_on(struct sweep *sweep, struct core *c);

bool sweep_is_running(const struct sweep *sweep);

#endif
