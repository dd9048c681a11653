/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * places.h - a bounded number of places that all workers share, and who waits for one. A worker that has its share, an equal
 * part, leaves what comes free to one that waits and has not, so that the first to meet a storm does not keep the others idle.
 *
 * Atomics alone. Each lane has one writer, its worker; whoever asks for another's may see it a moment late.
 */
#ifndef SIPWEIR_PROXY_CORE_PLACES_H
#define SIPWEIR_PROXY_CORE_PLACES_H

#include <stdatomic.h>
#include <stdbool.h>

/* What one worker tells the others, on a cache line of its own. */
struct places_lane {
	_Alignas(64) atomic_uint waiting; /* of its own, for a place */
	atomic_uint held;
};

struct places {
	_Alignas(64) atomic_uint taken; /* the sum over all workers, exact */
	atomic_uint last; /* the worker that took one last, where there is not one for each */
	unsigned workers;
	struct places_lane *lanes; /* one per worker */
};

/* False, holding nothing, when memory is short. */
bool places_init(struct places *p, unsigned workers);
void places_fini(struct places *p);

/* One of this worker's own waits for a place; or does so no longer, with a place or without. */
void places_begin_waiting(struct places *p, unsigned worker);
void places_end_waiting(struct places *p, unsigned worker);

/*
 * Take a place for one that waits, owed back to places_give() exactly once. False: `max` are taken, or what is free is due to
 * another worker.
 */
bool places_take(struct places *p, unsigned worker, unsigned max);

/* Give one back. Returns the worker that is to be woken for it; -1: nobody waits, or it is due to the giver itself. */
int places_give(struct places *p, unsigned worker, unsigned max);

/* How many more places those that wait could use than are free. */
unsigned places_wanted(const struct places *p, unsigned max);

/* Any thread; counts of one moment may differ by what happens meanwhile. */
unsigned places_taken(const struct places *p);
unsigned places_waiting(const struct places *p);

#endif
