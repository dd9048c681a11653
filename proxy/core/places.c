/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/places.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

/*
 * Sequentially consistent throughout: one worker says that it waits and then looks for a free place, another frees its place
 * and then looks for who waits. One of them must see the other. What a handshake costs makes the price of that nothing.
 */

bool places_init(struct places *p, unsigned workers)
{
	atomic_init(&p->taken, 0);
	atomic_init(&p->last, 0);
	p->workers = workers;
	p->lanes = aligned_alloc(_Alignof(struct places_lane), workers * sizeof(*p->lanes));
	for (unsigned w = 0; p->lanes && w < workers; w++) {
		atomic_init(&p->lanes[w].waiting, 0);
		atomic_init(&p->lanes[w].held, 0);
	}
	return p->lanes != NULL;
}

void places_fini(struct places *p)
{
	free(p->lanes);
	p->lanes = NULL;
}

void places_begin_waiting(struct places *p, unsigned worker)
{
	atomic_fetch_add(&p->lanes[worker].waiting, 1);
}

void places_end_waiting(struct places *p, unsigned worker)
{
	unsigned before = atomic_fetch_sub(&p->lanes[worker].waiting, 1);
	assert(before > 0);
	(void)before;
}

static bool waits(const struct places *p, unsigned worker)
{
	return atomic_load(&p->lanes[worker].waiting) > 0;
}

static unsigned held_by(const struct places *p, unsigned worker)
{
	return atomic_load(&p->lanes[worker].held);
}

/* Of the others that wait the one that holds the fewest, its equals in turn; -1: none does. */
static int neediest_other(const struct places *p, unsigned worker)
{
	int chosen = -1;
	unsigned fewest = UINT_MAX;
	for (unsigned i = 1; i < p->workers; i++) {
		unsigned w = (worker + i) % p->workers;
		if (held_by(p, w) >= fewest || !waits(p, w))
			continue;
		fewest = held_by(p, w);
		chosen = (int)w;
	}
	return chosen;
}

/*
 * Whom a free place is due to, in the eyes of `worker`: itself, if it waits, unless it has its share and another has not.
 * Equality below the share would have workers wait for each other, turn by turn. Where there is not one for each, the
 * last to take one lets another go first. -1: nobody waits.
 */
static int whose_turn(const struct places *p, unsigned worker, unsigned max)
{
	unsigned share = (max + p->workers - 1) / p->workers;
	int other = neediest_other(p, worker);
	if (other < 0 || !waits(p, worker))
		return waits(p, worker) ? (int)worker : other;
	if (max < p->workers)
		return atomic_load(&p->last) == worker ? other : (int)worker;
	bool is_due = held_by(p, worker) < share || held_by(p, (unsigned)other) >= share;
	return is_due ? (int)worker : other;
}

bool places_take(struct places *p, unsigned worker, unsigned max)
{
	unsigned taken = atomic_load(&p->taken);
	if (taken >= max || whose_turn(p, worker, max) != (int)worker)
		return false;
	/* Not counted and taken back: that would for a moment hide a free place from others. */
	while (!atomic_compare_exchange_weak(&p->taken, &taken, taken + 1))
		if (taken >= max)
			return false;
	atomic_fetch_add(&p->lanes[worker].held, 1);
	if (max < p->workers)
		atomic_store(&p->last, worker);
	return true;
}

int places_give(struct places *p, unsigned worker, unsigned max)
{
	unsigned before = atomic_fetch_sub(&p->lanes[worker].held, 1);
	assert(before > 0);
	(void)before;
	atomic_fetch_sub(&p->taken, 1);
	int due = whose_turn(p, worker, max);
	return due == (int)worker ? -1 : due;
}

unsigned places_wanted(const struct places *p, unsigned max)
{
	unsigned taken = places_taken(p);
	unsigned waiting = places_waiting(p);
	unsigned free_ones = taken < max ? max - taken : 0;
	return waiting > free_ones ? waiting - free_ones : 0;
}

unsigned places_taken(const struct places *p)
{
	return atomic_load(&p->taken);
}

unsigned places_waiting(const struct places *p)
{
	unsigned waiting = 0;
	for (unsigned w = 0; w < p->workers; w++)
		waiting += atomic_load(&p->lanes[w].waiting);
	return waiting;
}
