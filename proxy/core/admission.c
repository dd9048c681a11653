/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * admission.c - may it come in? What is counted at accept, while there is no name, and once there is one; and that each count
 * is given back once.
 */
#include "proxy/core/session.h"

#include <assert.h>
#include <string.h>

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

/* Unproven connections make room for new ones; proven ones never do. */
static bool make_room_here(struct core *c)
{
	if (dismiss_leaving(c))
		return true;
	struct list_node *oldest = list_first(&c->unproven);
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
static bool make_room(struct core *c)
{
	if (make_room_here(c))
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
		make_room_here(c);
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
	if (open >= max && !make_room(s->core)) {
		s->current = open;
		s->limit_max = max;
		return REASON_LIMIT_MAX_CONNECTIONS;
	}
	admission_spare(s, true);
	return REASON_NONE;
}

void admission_leave(struct session *s)
{
	limiter_release(s->core->shared->limiter, &s->token);
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

/* --- with a name --- */

static struct limit_source source_of(const struct session *s)
{
	return (struct limit_source){
		.addr = s->source.addr,
		.endpoint = s->endpoint,
		.endpoint_length = strlen(s->endpoint),
	};
}

static enum limit_verdict ask_limiter(struct session *s)
{
	const struct conf_limits *limits = &s->core->conf->limits;
	const struct limit_rules rules = {
		.connections = limits->connections,
		.admit_when_full = limits->when_full == CONF_WHEN_FULL_ADMIT,
	};
	const struct limit_source source = source_of(s);
	enum limit_verdict verdict =
		limiter_admit(s->core->shared->limiter, &rules, &source, &s->token, &s->current);
	if (verdict != LIMIT_OK)
		s->limit_max = verdict == LIMIT_CONNECTIONS ? limits->connections
							    : limits->tracked_sources;
	return verdict;
}

void admission_name(struct session *s, const struct addr_port *source)
{
	if (list_has(&s->order))
		admission_end_unnamed(s);
	s->source = *source;
	list_append(&s->core->unproven, &s->order);
	session_enter(s, SESSION_NAMED);
	if (s->is_probe) {
		handshake_expect(s);
		return;
	}
	admission_judge(s, false);
}

/*
 * At its limit, a source may be refused because of a connection that it has closed already, whose FIN another worker (or
 * this one, later in this turn) has yet to read. So the first no is not the last: it waits until all workers have turned.
 * Meanwhile the session is read: one whose client has gone too must not take the place that comes free.
 */
void admission_judge(struct session *s, bool is_last)
{
	enum limit_verdict verdict = ask_limiter(s);
	if (verdict == LIMIT_OK) {
		s->admitted = true;
		if (!s->token.entry) {
			counter_count(&s->counters->uncounted);
			verdict_uncounted(s);
		}
		handshake_expect(s);
		if (s->state == SESSION_SECURED && s->in.length)
			intake_held(s);
	} else if (!is_last) {
		list_append(&s->core->recheck, &s->waiting);
	} else {
		const struct limit_source source = source_of(s);
		if (verdict == LIMIT_CONNECTIONS)
			probing_ask(s->core, &source);
		session_close(s, reason_of_limit(verdict));
	}
}

/*
 * A load balancer's own check needs no slot to connect. One that goes on to speak SIP is counted after all, under the
 * load balancer's address: a balancer that calls everybody LOCAL must not switch the limits off.
 */
bool admission_of_probe(struct session *s)
{
	if (!s->is_probe || s->admitted)
		return true;
	enum limit_verdict verdict = ask_limiter(s);
	if (verdict == LIMIT_OK) {
		s->admitted = true;
		return true;
	}
	session_close(s, reason_of_limit(verdict));
	return false;
}
