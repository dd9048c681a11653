/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * probing.h - ghosts. When an office's router restarts, its phones come back from one address while their old connections
 * still count, and their own past would lock them out until TCP finds it dead. So a source that is refused at its limit
 * gets its silent connections probed, by each worker its own: a dead one is gone in seconds, a living one answers and notices
 * nothing.
 */
#ifndef SIPWEIR_PROXY_CORE_PROBING_H
#define SIPWEIR_PROXY_CORE_PROBING_H

#include "limits/limiter.h"
#include "proxy/core/sweep.h"

struct core;

/* Belongs to a core. Zeroed: nothing to do. */
struct probing {
	struct sweep sweep;
	unsigned seen;	   /* of shared->probes */
	uint64_t next_ms;  /* not before: a sweep is no answer to each of a flood of marks */
	uint64_t again_ms; /* when the next is to be left in peace, or fell silent; 0: none */
};

/* A connection of this source was refused because of those that it holds. */
void probing_ask(struct core *c, const struct limit_source *source);

/* Part of core_tend(). */
void probing_tend(struct core *c);

#endif
