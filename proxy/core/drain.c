/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/drain.h"
#include "proxy/core/session.h"

enum {
	LOOKS_PER_TURN = 1024, /* at sessions that may not be closed yet */
	CLOSES_PER_TURN = 256,
	ANSWER_MS = 200000, /* longer than a phone may ring (RFC 3261 section 16.6, Timer C) */
	FLUSH_MS = 2000,    /* behind the end, for what is half written to a server */
	LAST_LAG = 20,	    /* so many parts of all may be late before calls are not waited for */
};

/* --- who may go --- */

/* Some requests are never answered: who has sent or got one must not stay until the end for it. */
static bool is_owed_answer(const struct session *s)
{
	return (s->pending || s->asked) && s->core->now_ms - s->due_ms < ANSWER_MS;
}

bool drain_is_quiet(const struct session *s)
{
	if (s->state == SESSION_UNNAMED || s->state == SESSION_NAMED)
		return true;
	return !frame_is_open(&s->framer) && !s->in.length && !s->out.length && !s->paused &&
	       !s->starved && !is_owed_answer(s) && pool_is_quiet(s);
}

/* How long the time has been over; 0: it is not. */
static uint64_t late_ms(const struct core *c)
{
	uint64_t passed_ms = c->now_ms - c->drain.began_ms;
	return passed_ms < c->drain.over_ms ? 0 : passed_ms - c->drain.over_ms + 1;
}

/* What is unsent to the client it is sent on its way out. A server gets the rest of a message first, or not for long. */
static bool may_go_late(const struct session *s)
{
	return s->state < SESSION_REFUSING && (pool_is_idle(s) || late_ms(s->core) > FLUSH_MS);
}

/* From half_closed on it is about to end by itself, within a deadline. */
static bool may_go(const struct session *s)
{
	const struct drain *d = &s->core->drain;
	if (late_ms(s->core))
		return may_go_late(s);
	return s->state < SESSION_HALF_CLOSED && drain_is_quiet(s) &&
	       dialogs_any(&s->dialogs) == d->is_last;
}

/*
 * The first of the list that may go, the oldest first. Who may not is put behind the others, so that it costs nothing to come
 * back to those who have not been looked at. NULL: nobody in this pass.
 */
static struct session *find(struct drain *d, struct list *l, unsigned *looks)
{
	struct list_node *n;
	while (*looks && (n = list_first(l))) {
		struct session *s = LIST_OBJECT(n, struct session, order);
		if (s->drain_pass == d->pass)
			return NULL;
		if (may_go(s))
			return s;
		s->drain_pass = d->pass;
		d->is_awaiting |= !dialogs_any(&s->dialogs);
		list_remove(n);
		list_append(l, n);
		--*looks;
	}
	return NULL;
}

static struct session *find_unnamed(struct core *c, unsigned *looks)
{
	for (size_t i = 0; i < c->settings->listener_count; i++) {
		struct listener *l = c->settings->listeners[i].listener;
		struct session *s = find(&c->drain, &l->lanes[c->index].unnamed, looks);
		if (s)
			return s;
	}
	return NULL;
}

static void next_pass(struct drain *d, bool is_last)
{
	d->is_last = is_last;
	d->is_awaiting = false;
	d->pass++;
}

/* How many should have gone by now. */
static uint32_t due(const struct core *c)
{
	const struct drain *d = &c->drain;
	if (late_ms(c))
		return d->total;
	return (uint32_t)(d->total * (c->now_ms - d->began_ms) / d->over_ms);
}

/* Nobody else may go now: is it the turn of those with a call? Who is only busy comes first, unless that takes too long. */
static bool is_turn_of_last(const struct core *c)
{
	const struct drain *d = &c->drain;
	return !d->is_awaiting || due(c) - d->gone > d->total / LAST_LAG + 1;
}

static struct session *find_next(struct core *c, unsigned *looks)
{
	struct drain *d = &c->drain;
	if (!d->is_last) {
		struct session *s = find_unnamed(c, looks);
		if (!s)
			s = find(d, &c->unproven, looks);
		if (!s)
			s = find(d, &c->proven, looks);
		if (s || !*looks || !is_turn_of_last(c))
			return s;
		next_pass(d, true);
	}
	return find(d, &c->proven, looks);
}

/* --- going --- */

void drain_dismiss(struct session *s, enum reason reason)
{
	if (s->state == SESSION_UNNAMED || s->state == SESSION_NAMED) {
		session_close(s, reason);
		return;
	}
	answers_lose(s);
	pool_leave(s);
	s->reason = (uint8_t)reason;
	session_enter(s, SESSION_DRAINING);
	session_settle(s);
}

/* --- the course of it --- */

static uint32_t count_list(const struct list *l)
{
	uint32_t count = 0;
	for (const struct list_node *n = list_first(l); n; n = list_next(l, n))
		count++;
	return count;
}

static uint32_t count_open(const struct core *c)
{
	uint32_t count = count_list(&c->unproven) + count_list(&c->proven);
	for (size_t i = 0; i < c->settings->listener_count; i++)
		count += count_list(&c->settings->listeners[i].listener->lanes[c->index].unnamed);
	return count;
}

void drain_begin(struct core *c, uint64_t over_ms)
{
	c->drain = (struct drain){
		.began_ms = c->now_ms,
		.over_ms = over_ms,
		.total = count_open(c),
		.pass = 1,
		.is_on = true,
	};
}

uint32_t drain_left(const struct core *c)
{
	return c->drain.total - c->drain.gone;
}

bool drain_is_hurried(const struct core *c)
{
	return c->drain.is_hurried;
}

void drain_tend(struct core *c)
{
	struct drain *d = &c->drain;
	unsigned looks = LOOKS_PER_TURN, closes = CLOSES_PER_TURN;
	d->is_hurried = false;
	if (!d->is_on || d->gone == d->total)
		return;
	if (late_ms(c))
		next_pass(d, false);
	uint32_t wanted = due(c);
	for (; d->gone < wanted && closes; closes--) {
		struct session *s = find_next(c, &looks);
		if (!s)
			break;
		drain_dismiss(s, REASON_SHUTDOWN);
	}
	d->is_hurried = !closes && d->gone < wanted;
	/* All have been looked at: again in the next turn, when some may be quiet. */
	if (looks)
		next_pass(d, false);
}
