/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/drain.h"
#include "proxy/core/session.h"

enum {
	LOOKS_PER_TURN = 1024, /* at sessions that may not be closed yet */
	CLOSES_PER_TURN = 256,
};

/* --- who may go --- */

/* Between two messages in both directions, nothing unsent, nobody waiting for an answer. */
static bool is_quiet(const struct session *s)
{
	if (s->state == SESSION_UNNAMED || s->state == SESSION_NAMED)
		return true;
	return !frame_is_open(&s->framer) && !s->in.length && !s->out.length && !s->paused &&
	       !s->pending && !s->asked && pool_is_quiet(s);
}

/* In these states it is about to end by itself, within a deadline. */
static bool is_ending(const struct session *s)
{
	return s->state >= SESSION_HALF_CLOSED;
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
		if (!is_ending(s) && is_quiet(s) && dialogs_any(&s->dialogs) == d->is_last)
			return s;
		s->drain_pass = d->pass;
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
	d->pass = d->pass == UINT8_MAX ? 1 : (uint8_t)(d->pass + 1);
}

/* Those with a call that was answered and not ended come when nobody else may go. */
static struct session *find_next(struct core *c, unsigned *looks)
{
	struct drain *d = &c->drain;
	struct session *s = find_unnamed(c, looks);
	if (!s)
		s = find(d, &c->unproven, looks);
	if (!s)
		s = find(d, &c->proven, looks);
	if (!s && *looks && !d->is_last) {
		next_pass(d, true);
		s = find(d, &c->proven, looks);
	}
	return s;
}

/* --- going --- */

/* Our FIN goes first, and what the client still sends is read and thrown away, so that no RST destroys what it was sent. */
static void dismiss(struct session *s)
{
	if (s->state == SESSION_UNNAMED || s->state == SESSION_NAMED) {
		session_close(s, REASON_SHUTDOWN);
		return;
	}
	pool_leave(s);
	s->reason = REASON_SHUTDOWN;
	session_enter(s, SESSION_DRAINING);
	session_settle(s);
}

/* The time is over: what is unsent to the client has as long as such states have, the rest nothing. */
static void dismiss_list(struct list *l)
{
	struct list_node *n, *next;
	for (n = list_first(l); n; n = next) {
		struct session *s = LIST_OBJECT(n, struct session, order);
		next = list_next(l, n);
		if (s->state != SESSION_DRAINING && s->state != SESSION_REFUSING)
			dismiss(s);
	}
}

static void dismiss_all(struct core *c)
{
	for (size_t i = 0; i < c->settings->listener_count; i++)
		dismiss_list(&c->settings->listeners[i].listener->lanes[c->index].unnamed);
	dismiss_list(&c->unproven);
	dismiss_list(&c->proven);
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

/* How many should have gone by now. */
static uint32_t due(const struct core *c)
{
	const struct drain *d = &c->drain;
	uint64_t passed_ms = c->now_ms - d->began_ms;
	return (uint32_t)(d->total * passed_ms / d->over_ms);
}

void drain_tend(struct core *c)
{
	struct drain *d = &c->drain;
	unsigned looks = LOOKS_PER_TURN, closes = CLOSES_PER_TURN;
	if (!d->is_on || d->gone == d->total)
		return;
	if (c->now_ms - d->began_ms >= d->over_ms) {
		dismiss_all(c);
		return;
	}
	for (uint32_t wanted = due(c); d->gone < wanted && closes; closes--) {
		struct session *s = find_next(c, &looks);
		if (!s)
			break;
		dismiss(s);
	}
	/* All have been looked at: again in the next turn, when some may be quiet. */
	if (looks)
		next_pass(d, false);
}
