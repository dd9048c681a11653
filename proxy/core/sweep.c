/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/sweep.h"
#include "proxy/core/session.h"

void sweep_begin(struct sweep *sweep, const struct core *c,
	void (*visit)(struct session *s, const struct sweep *sweep))
{
	sweep->visit = visit;
	sweep->next = 0;
	sweep->end = c->sessions.touched;
}

bool sweep_is_running(const struct sweep *sweep)
{
	return sweep->next < sweep->end;
}

/* A place that was given back still shows the state in which it was closed. */
static bool is_open(const struct session *s)
{
	return s->state < SESSION_CLOSED;
}

bool sweep_go_on(struct sweep *sweep, struct core *c)
{
	for (unsigned i = 0; i < SWEEP_PER_TURN && sweep->next < sweep->end; i++) {
		struct session *s = slab_at(&c->sessions, sweep->next++);
		if (is_open(s))
			sweep->visit(s, sweep);
	}
	return sweep_is_running(sweep);
}
