/* SPDX-License-Identifier: BSD-2-Clause */
/* inspect_fill.h - the lists of counts of an inspection, which lie one behind the other in one piece of memory. Private to io/. */
#ifndef SIPWEIR_PROXY_IO_INSPECT_FILL_H
#define SIPWEIR_PROXY_IO_INSPECT_FILL_H

#include "proxy/core/settings.h"
#include "proxy/core/shared.h"
#include "proxy/inspect.h"

/* For each class of each listener there is room for so many. */
enum { COUNTS_PER_CLASS = COUNTERS_STATES + REASON_COUNT * COUNTERS_ACTIONS + REASON_COUNT + 1 };

struct filler {
	struct inspect_count *next;
};

/* A list begins behind the one before, and gets one more. */
static inline void inspect_begin(struct filler *f, struct inspect_list *list)
{
	list->counts = f->next;
	list->count = 0;
}

static inline void inspect_put(
	struct filler *f, struct inspect_list *list, struct inspect_count count)
{
	*f->next++ = count;
	list->count++;
}

/* What a listener counts by class. */
void inspect_fill_classes(struct filler *f, struct inspect_listener *to, const struct listener *l,
	const struct shared *sh);

/* How a server is, and what was ordered. */
void inspect_fill_health(struct inspect_server *to, const struct pool_settings *pool,
	const struct backend *b, uint64_t now_ms);

/* False: a pool has had no server that takes clients for a while, and admin.ready_when says that this matters. */
bool inspect_has_servers(const struct inspector *i);

#endif
