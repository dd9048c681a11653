/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * admission.c - may it come in? What is counted at accept and while there is no name, and that each count is given back once.
 */
#include "proxy/core/session.h"

/* --- at accept --- */

/* Whoever was told all holds no slot any more: without this one source could fill the process with those. */
static bool dismiss_leaving(struct core *c)
{
	struct list_node *oldest = list_first(&c->leaving);
	if (!oldest)
		return false;
	struct session *s = LIST_OBJECT(oldest, struct session, order);
	session_close(s, s->reason);
	return true;
}

/* Unproven connections make room for new ones; proven ones never do. `for_whom` is not asked to go itself. */
static bool make_room_here(struct core *c, const struct session *for_whom)
{
	if (dismiss_leaving(c))
		return true;
	struct list_node *oldest = list_first(&c->unproven);
	if (for_whom && oldest == &for_whom->order)
		oldest = list_next(&c->unproven, oldest);
	for (size_t i = 0; !oldest && i < c->settings->listener_count; i++)
		oldest = list_first(&c->settings->listeners[i].listener->lanes[c->index].unnamed);
	if (!oldest)
		return false;
	struct session *s = LIST_OBJECT(oldest, struct session, order);
	s->current = s->limit_max = c->settings->max_connections;
	session_close(s, REASON_LIMIT_MAX_CONNECTIONS);
	return true;
}

/* Another worker's session can only be asked to go: the newcomer comes in on the strength of that. */
static bool make_room(struct core *c, const struct session *for_whom)
{
	if (make_room_here(c, for_whom))
		return true;
	int worker = shared_ask_for_room(c->shared);
	if (worker >= 0)
		c->host->wake(c->host, (unsigned)worker);
	return worker >= 0;
}

void admission_make_room(struct core *c)
{
	struct room_lane *lane = &c->shared->rooms[c->index];
	if (!atomic_load_explicit(&lane->evict, memory_order_relaxed))
		return;
	unsigned wanted = atomic_exchange_explicit(&lane->evict, 0, memory_order_acquire);
	for (; wanted; wanted--) {
		atomic_fetch_add_explicit(&lane->spare, 1, memory_order_relaxed);
		make_room_here(c, NULL);
	}
}

void admission_spare(struct session *s, bool is_spare)
{
	if (s->is_spare == is_spare)
		return;
	s->is_spare = is_spare;
	atomic_fetch_add_explicit(&s->core->shared->rooms[s->core->index].spare, is_spare ? 1 : -1,
		memory_order_relaxed);
}

/* The bounds that need no name. Counted first: two workers must not both see the last place free. */
enum reason admission_count(struct session *s)
{
	struct shared *sh = s->core->shared;
	struct listener *l = s->listener;
	uint32_t max = s->core->settings->max_connections;
	uint32_t max_here = session_listener(s)->conf->max_connections;
	uint32_t open = atomic_fetch_add_explicit(&sh->open, 1, memory_order_relaxed);
	uint32_t here = atomic_fetch_add_explicit(&l->open, 1, memory_order_relaxed);
	s->counted = s->counted_here = true;
	if (max_here && here >= max_here) {
		s->current = here;
		s->limit_max = max_here;
		return REASON_LIMIT_LISTENER;
	}
	if (open >= max && !make_room(s->core, NULL)) {
		s->current = open;
		s->limit_max = max;
		return REASON_LIMIT_MAX_CONNECTIONS;
	}
	admission_spare(s, true);
	return REASON_NONE;
}

/*
 * Places that a class has reserved and does not use are nobody else's. Whoever has no name yet may stand in them: it makes
 * room as all unproven do.
 */
bool admission_has_place(struct session *s)
{
	const struct settings *settings = s->core->settings;
	const struct class_settings *own = session_class(s);
	uint32_t open = atomic_load_explicit(&s->core->shared->open, memory_order_relaxed);
	uint64_t unused = 0;
	if (!settings->reserved || open + settings->reserved <= settings->max_connections)
		return true;
	for (size_t i = 0; i < settings->class_count; i++) {
		const struct class_settings *c = &settings->classes[i];
		uint32_t held = atomic_load_explicit(&c->object->total.open, memory_order_relaxed);
		if (c == own && held < c->reserved)
			return true;
		unused += held < c->reserved ? c->reserved - held : 0;
	}
	return open + unused <= settings->max_connections || make_room(s->core, s);
}

void admission_leave(struct session *s)
{
	limiter_release(s->core->shared->limiter, &s->token, s->core->now_ms * 1000);
	if (s->counted_here)
		atomic_fetch_sub_explicit(&s->listener->open, 1, memory_order_relaxed);
	s->counted_here = false;
}

void admission_uncount(struct session *s)
{
	if (s->state == SESSION_UNNAMED && list_has(&s->order))
		admission_end_unnamed(s);
	admission_leave(s);
	admission_spare(s, false);
	if (s->counted)
		atomic_fetch_sub_explicit(&s->core->shared->open, 1, memory_order_relaxed);
	s->counted = false;
}

/* --- without a name --- */

static void unnamed_publish(struct unnamed_lane *lane)
{
	struct list_node *n = list_first(&lane->unnamed);
	uint64_t oldest_ms = n ? LIST_OBJECT(n, struct session, order)->opened_ms : UINT64_MAX;
	atomic_store_explicit(&lane->oldest_ms, oldest_ms, memory_order_relaxed);
}

void admission_begin_unnamed(struct session *s)
{
	struct core *c = s->core;
	struct listener *l = s->listener;
	struct unnamed_lane *lane = &l->lanes[c->index];
	uint32_t max = session_listener(s)->conf->max_unnamed;
	list_append(&lane->unnamed, &s->order);
	unnamed_publish(lane);
	if (atomic_fetch_add_explicit(&l->unnamed, 1, memory_order_relaxed) < max)
		return;
	int worker = listener_evict_oldest(l, c->shared->workers);
	if (worker >= 0)
		c->host->wake(c->host, (unsigned)worker);
}

void admission_end_unnamed(struct session *s)
{
	list_remove(&s->order);
	atomic_fetch_sub_explicit(&s->listener->unnamed, 1, memory_order_relaxed);
	unnamed_publish(&s->listener->lanes[s->core->index]);
}
