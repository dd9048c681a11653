/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/log_lane.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

bool log_lane_init(struct log_lane *l)
{
	memset(l, 0, sizeof(*l));
	l->ring = calloc(LANE_RING, sizeof(*l->ring));
	return l->ring != NULL;
}

void log_lane_fini(struct log_lane *l)
{
	free(l->ring);
	l->ring = NULL;
}

static bool ring_put(struct log_lane *l, const struct record *r)
{
	unsigned head = atomic_load_explicit(&l->head, memory_order_relaxed);
	if (head - atomic_load_explicit(&l->tail, memory_order_acquire) == LANE_RING)
		return false;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	struct record *slot = &l->ring[head % LANE_RING];
	*slot = *r;
	slot->at_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	atomic_store_explicit(&l->head, head + 1, memory_order_release);
	l->has_news = true;
	return true;
}

static bool is_same(const struct record *a, const struct record *b)
{
	const struct addr *from_a = a->has & RECORD_HAS_SOURCE ? &a->source.addr : &a->peer.addr;
	const struct addr *from_b = b->has & RECORD_HAS_SOURCE ? &b->source.addr : &b->peer.addr;
	return a->event == b->event && a->listener == b->listener && a->limit == b->limit &&
	       a->reason == b->reason && a->server == b->server && addr_equal(from_a, from_b) &&
	       !strcmp(a->endpoint, b->endpoint);
}

static struct lane_tally *find_tally(struct log_lane *l, const struct record *r)
{
	const struct addr *from = r->has & RECORD_HAS_SOURCE ? &r->source.addr : &r->peer.addr;
	unsigned hash = (unsigned)r->event * 31;
	for (size_t i = 0; i < sizeof(from->bytes); i++)
		hash = hash * 31 + from->bytes[i];
	return &l->tallies[(hash ^ hash >> 11) % LANE_TALLIES];
}

static bool tell_tally(struct log_lane *l, struct lane_tally *t)
{
	if (!t->is_used || !t->untold)
		return true;
	t->first.count = t->untold;
	if (!ring_put(l, &t->first))
		return false;
	t->untold = 0;
	return true;
}

/* The first of its kind is queued at once, the next ones counted. A tally that another source needs is queued first. */
static void put_repeated(struct log_lane *l, const struct record *r)
{
	struct lane_tally *t = find_tally(l, r);
	if (t->is_used && is_same(&t->first, r)) {
		t->untold += r->count;
		return;
	}
	if (!tell_tally(l, t)) {
		atomic_fetch_add_explicit(&l->dropped, r->count, memory_order_relaxed);
		return;
	}
	t->is_used = true;
	t->first = *r;
	t->untold = ring_put(l, r) ? 0 : r->count;
}

void log_lane_put(struct log_lane *l, const struct record *r)
{
	if (record_volume(r->event) == RECORD_REPEATED)
		put_repeated(l, r);
	else if (!ring_put(l, r))
		atomic_fetch_add_explicit(&l->dropped, r->count, memory_order_relaxed);
}

bool log_lane_settle(struct log_lane *l)
{
	bool is_all = true;
	for (unsigned i = 0; i < LANE_TALLIES; i++)
		is_all &= tell_tally(l, &l->tallies[i]);
	return is_all;
}

unsigned log_lane_waiting(const struct log_lane *l)
{
	return atomic_load_explicit(&l->head, memory_order_acquire) -
	       atomic_load_explicit(&l->tail, memory_order_relaxed);
}

const struct record *log_lane_peek(struct log_lane *l)
{
	unsigned tail = atomic_load_explicit(&l->tail, memory_order_relaxed);
	if (tail == atomic_load_explicit(&l->head, memory_order_acquire))
		return NULL;
	return &l->ring[tail % LANE_RING];
}

void log_lane_pop(struct log_lane *l)
{
	unsigned tail = atomic_load_explicit(&l->tail, memory_order_relaxed);
	atomic_store_explicit(&l->tail, tail + 1, memory_order_release);
}
