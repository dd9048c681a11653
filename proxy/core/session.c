/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/session.h"
#include "proxy/core/hint.h"

#include <assert.h>
#include <string.h>

enum {
	LINGER_MS = 2000,
	REFUSED_MS = 2000, /* for the request that is answered no */
	SUSPECT_MS = 1000, /* for the header of an untrusted peer, which is only looked at */
};

_Static_assert(COUNTERS_STATES == (int)SESSION_CLOSED, "each state of an open session is counted");

#define NEXT(state) (1u << SESSION_##state)
#define ENDS	    (NEXT(REFUSING) | NEXT(DRAINING) | NEXT(CLOSED))

/* Which deadline a state has, counted from when. */
enum due {
	DUE_NEVER,
	DUE_HEADER,
	DUE_SECURITY,
	DUE_FIRST_MESSAGE,
	DUE_ACTIVITY,
	DUE_HALF_CLOSED,
	DUE_REFUSED,
	DUE_SENT
};

static const struct {
	const char *name;
	enum due due;
	unsigned next;
} states[SESSION_STATES] = {
	[SESSION_UNNAMED] = {"unnamed", DUE_HEADER, NEXT(NAMED) | NEXT(CLOSED)},
	[SESSION_NAMED] = {"named", DUE_SECURITY, NEXT(SECURED) | NEXT(CLOSED)},
	[SESSION_SECURED] = {"secured", DUE_FIRST_MESSAGE, NEXT(PROVEN) | ENDS},
	[SESSION_PROVEN] = {"proven", DUE_ACTIVITY, NEXT(RELAYING) | NEXT(HALF_CLOSED) | ENDS},
	[SESSION_RELAYING] = {"relaying", DUE_ACTIVITY, NEXT(PROVEN) | NEXT(HALF_CLOSED) | ENDS},
	[SESSION_HALF_CLOSED] = {"half_closed", DUE_HALF_CLOSED, ENDS},
	[SESSION_REFUSING] = {"refusing", DUE_REFUSED, NEXT(CLOSED)},
	[SESSION_DRAINING] = {"draining", DUE_SENT, NEXT(CLOSED)},
	[SESSION_CLOSED] = {"closed", DUE_NEVER, 0},
};

const char *session_state_name(enum session_state state)
{
	return states[state].name;
}

bool session_is_proven(const struct session *s)
{
	return s->state >= SESSION_PROVEN;
}

void session_enter(struct session *s, enum session_state to)
{
	assert(states[s->state].next & (1u << to));
	counter_uncount(&s->class_counters->connections[s->state]);
	if (to != SESSION_CLOSED)
		counter_count(&s->class_counters->connections[to]);
	s->state = (uint8_t)to;
	s->entered_ms = s->core->now_ms;
}

void session_classify(struct session *s, uint16_t slot)
{
	counter_uncount(&s->class_counters->connections[s->state]);
	s->class_slot = slot;
	s->class_counters = &s->listener->classes[slot][s->core->index];
	counter_count(&s->class_counters->connections[s->state]);
}

/* --- the deadline --- */

struct due_at {
	uint64_t ms; /* UINT64_MAX: none */
	enum reason reason;
};

static void due_sooner(struct due_at *due, uint64_t since_ms, uint64_t after_ms, enum reason reason)
{
	if (since_ms + after_ms < due->ms)
		*due = (struct due_at){since_ms + after_ms, reason};
}

/* Back-pressure is ours: who is not read for it is neither late nor silent. */
static bool is_held_back(const struct session *s)
{
	return s->paused || s->out.length || s->held_until_ms;
}

/* Goes on while memory is short: messages that are never completed must not hold it for ever. */
static void due_message(const struct session *s, struct due_at *due)
{
	if (s->message_ms && !is_held_back(s))
		due_sooner(due, s->message_ms, s->core->conf->timeouts.message_ms,
			REASON_MESSAGE_TIMEOUT);
}

static void due_activity(const struct session *s, struct due_at *due)
{
	const struct conf_timeouts *t = &s->core->conf->timeouts;
	uint32_t idle_ms = session_class(s)->idle_ms;
	due_message(s, due);
	if (s->held_until_ms)
		due_sooner(due, throttle_due_ms(s), 0, REASON_NONE);
	/* TCP_USER_TIMEOUT sees a client that takes nothing; one that trickles would hold our memory for ever. */
	if (s->out.length)
		due_sooner(due, s->out_ms, t->unacked_ms, REASON_SEND_TIMEOUT);
	if (is_held_back(s) || s->starved)
		return;
	if (idle_ms)
		due_sooner(due, s->active_ms, idle_ms, REASON_IDLE);
	/* Two intervals, so that one that a slow network has pressed together does not count as the client's own. */
	if (t->ping_timeout && s->pings > 2)
		due_sooner(due, s->active_ms, (uint64_t)t->ping_timeout * s->ping_interval_ms,
			REASON_PING_TIMEOUT);
}

static struct due_at session_due(const struct session *s)
{
	const struct conf_timeouts *t = &s->core->conf->timeouts;
	struct due_at due = {UINT64_MAX, REASON_NONE};
	if (refusing_is_tarpit(s)) {
		due_sooner(&due, s->refused_ms, session_class(s)->tarpit_ms, s->refused);
		return due;
	}
	switch (states[s->state].due) {
	case DUE_NEVER:
		break;
	case DUE_HEADER:
		due_sooner(&due, s->opened_ms, s->is_suspect ? SUSPECT_MS : t->proxy_header_ms,
			REASON_HEADER_TIMEOUT);
		break;
	case DUE_SECURITY:
		due.ms = handshake_due_ms(s, &due.reason);
		break;
	case DUE_FIRST_MESSAGE:
		if (s->refused)
			due_sooner(&due, s->entered_ms, REFUSED_MS, s->refused);
		else
			due_sooner(&due, s->entered_ms, session_class(s)->first_message_ms,
				REASON_FIRST_MESSAGE_TIMEOUT);
		due_message(s, &due);
		break;
	case DUE_ACTIVITY:
		due_activity(s, &due);
		break;
	case DUE_HALF_CLOSED:
		due_sooner(&due, s->entered_ms, t->half_closed_ms, REASON_HALF_CLOSED_TIMEOUT);
		break;
	case DUE_REFUSED:
		due_sooner(&due, s->entered_ms, LINGER_MS, s->reason);
		break;
	case DUE_SENT:
		if (s->is_shut)
			due_sooner(&due, s->shut_ms, LINGER_MS, s->reason);
		else
			due_sooner(&due, s->entered_ms, t->half_closed_ms, REASON_SEND_TIMEOUT);
		break;
	}
	return due;
}

/* Moved only when it comes nearer: one that has moved away is noticed when the wheel looks at it. */
static void session_arm(struct session *s)
{
	uint64_t due_ms = session_due(s).ms;
	if (due_ms == UINT64_MAX)
		return;
	if (!wheel_is_set(&s->deadline) || s->deadline.at_ms > due_ms)
		wheel_set(&s->core->wheel, &s->deadline, due_ms);
}

static void on_deadline(struct deadline *d)
{
	struct session *s = LIST_OBJECT(d, struct session, deadline);
	struct due_at due = session_due(s);
	if (due.ms > s->core->now_ms)
		session_arm(s);
	else if (s->state == SESSION_UNNAMED)
		naming_expired(s);
	else if (due.reason == REASON_NONE && s->held_until_ms)
		throttle_expired(s);
	else if (s->state == SESSION_NAMED && !refusing_is_tarpit(s))
		handshake_expired(s, due.reason);
	else
		session_close(s, due.reason);
	session_settle(s);
}

/* --- conclusions --- */

/* Back-pressure: whoever cannot be written is the reason why the other is not read. */
static unsigned session_wants(const struct session *s)
{
	unsigned wants = s->out.length ? STREAM_WRITABLE : 0;
	if (refusing_is_tarpit(s))
		return 0;
	switch (s->state) {
	case SESSION_UNNAMED:
	case SESSION_SECURED:
		return wants | STREAM_READABLE;
	case SESSION_NAMED:
		return !handshake_is_unread(s) && s->in.length < core_read_size(s->core)
			       ? STREAM_READABLE
			       : 0;
	case SESSION_PROVEN:
	case SESSION_RELAYING:
		return is_held_back(s) || s->starved ? wants : wants | STREAM_READABLE;
	case SESSION_REFUSING:
	case SESSION_DRAINING:
		return s->is_shut ? STREAM_READABLE : wants;
	default:
		return wants;
	}
}

/* Is there nothing left to wait for? */
static enum reason session_verdict(const struct session *s)
{
	if (s->failed != REASON_NONE)
		return s->failed;
	switch (s->state) {
	case SESSION_HALF_CLOSED:
		return !s->pending && !s->out.length && pool_is_idle(s) ? s->reason : REASON_NONE;
	case SESSION_REFUSING:
	case SESSION_DRAINING:
		return s->is_shut && s->client_ended ? s->reason : REASON_NONE;
	default:
		return REASON_NONE;
	}
}

/*
 * Closing with unread input is a RST, which would destroy what is still on its way to the client: so our FIN goes first,
 * and what the client still sends is read and thrown away.
 */
void session_shut(struct session *s)
{
	if (s->is_shut || s->out.length || s->failed != REASON_NONE)
		return;
	s->is_shut = true;
	s->core->drain.gone += s->core->drain.is_on;
	s->shut_ms = s->core->now_ms;
	stream_shutdown(s->client);
	list_remove(&s->order);
	list_append(&s->core->leaving, &s->order);
	admission_spare(s, true);
	admission_leave(s);
}

/* Counts of what is due can be wrong for ever, as some requests are never answered: an INVITE is trusted to be. */
void session_see(struct session *s, const uint8_t *message, const struct frame *frame)
{
	if (frame->kind == FRAME_REQUEST &&
		(frame->method == METHOD_INVITE || !(s->pending || s->asked)))
		s->due_ms = s->core->now_ms;
	dialogs_see(&s->dialogs, message, frame);
}

/* The time in which the client was not read does not count. */
static void session_stand_still(struct session *s, unsigned wants)
{
	if (!((wants ^ s->wanted) & STREAM_READABLE))
		return;
	uint64_t unread_ms = s->core->now_ms - s->turned_ms;
	s->turned_ms = s->core->now_ms;
	if (s->wanted & STREAM_READABLE)
		return;
	s->active_ms += unread_ms;
	s->pinged_ms += unread_ms;
	if (s->message_ms)
		s->message_ms += unread_ms;
}

/* A rate has ended it in the midst of what it sends: closed now, a RST would destroy the last answers. */
static bool has_more_to_read(const struct session *s)
{
	return s->state == SESSION_HALF_CLOSED && s->refused && s->failed == REASON_NONE;
}

void session_settle(struct session *s)
{
	if (!s->client)
		return; /* closed */
	if (s->state == SESSION_REFUSING || s->state == SESSION_DRAINING)
		session_shut(s);
	handshake_settle(s);
	enum reason over = session_verdict(s);
	if (over != REASON_NONE && has_more_to_read(s)) {
		pool_leave(s);
		session_enter(s, SESSION_REFUSING);
		session_shut(s);
	} else if (over != REASON_NONE) {
		session_close(s, over);
		return;
	}
	unsigned wants = session_wants(s);
	if (wants != s->wanted && !handshake_is_called(s)) {
		session_stand_still(s, wants);
		s->wanted = (uint8_t)wants;
		stream_want(s->client, wants);
	}
	session_arm(s);
	assert(states[s->state].due == DUE_ACTIVITY || wheel_is_set(&s->deadline));
}

void session_starve(struct session *s)
{
	if (s->starved)
		return;
	s->starved = true;
	list_append(&s->core->starved, &s->waiting);
}

static void on_client_ready(struct stream *client, unsigned readiness)
{
	struct session *s = client->owner;
	if (readiness & STREAM_GONE)
		s->failed = REASON_CLIENT_RESET;
	if (readiness & STREAM_WRITABLE)
		delivery_flush(s);
	if (readiness & STREAM_READABLE && s->failed == REASON_NONE)
		intake_read(s);
	session_settle(s);
}

/* --- beginning --- */

static bool may_be_source(const struct core *c, const struct listener *l)
{
	return c->settings->listeners[l->slot].conf->proxy_protocol != CONF_PROXY_REQUIRE;
}

void session_expect(const struct core *c, const struct listener *l, struct newcomer *n)
{
	const struct limit_source source = {.addr = n->peer.addr, .endpoint = ""};
	if (may_be_source(c, l))
		limiter_aim(c->shared->limiter, &source, &n->aim);
}

void session_look_ahead(const struct core *c, const struct listener *l, struct newcomer *n)
{
	if (may_be_source(c, l))
		limiter_look_ahead(c->shared->limiter, &n->aim);
}

static void session_begin(struct session *s, const struct limit_aim *aim)
{
	const struct listener_settings *l = session_listener(s);
	enum conf_proxy_mode mode = l->conf->proxy_protocol;
	bool is_trusted = mode != CONF_PROXY_OFF && settings_trust(l, &s->peer.addr);
	enum reason refused = admission_count(s);

	if (refused != REASON_NONE) {
		session_close(s, refused);
	} else if (mode == CONF_PROXY_REQUIRE && !is_trusted) {
		if (!hint_untrusted_begin(s)) {
			naming_refuse_untrusted(s);
			return;
		}
		admission_begin_unnamed(s);
		intake_read(s);
	} else if (is_trusted) {
		admission_begin_unnamed(s);
		intake_read(s);
	} else {
		admission_name(s, &s->peer, aim);
		if (s->state == SESSION_SECURED)
			intake_read(s);
	}
}

void session_open(struct core *c, struct listener *l, const struct newcomer *n)
{
	struct listener_counters *counters = &l->counters[c->index];
	struct session *s = slab_take(&c->sessions);
	counter_count(&counters->accepted);
	if (!s) {
		counter_count(&counters->closed[REASON_NO_RESOURCES]);
		stream_close(n->client, STREAM_CLOSE_RST);
		return;
	}
	s->core = c;
	s->listener = l;
	s->counters = counters;
	s->class_counters = &l->classes[CLASS_NONE][c->index];
	counter_count(&s->class_counters->connections[SESSION_UNNAMED]);
	s->client = n->client;
	s->peer = n->peer;
	s->opened_ms = s->entered_ms = s->active_ms = s->turned_ms = c->now_ms;
	s->wanted = SESSION_NOTHING_WANTED_YET;
	s->deadline.on_expired = on_deadline;
	s->client->owner = s;
	s->client->on_ready = on_client_ready;
	session_begin(s, &n->aim);
	session_settle(s);
}

/* --- the end --- */

static enum stream_close session_close_how(const struct session *s, enum reason reason)
{
	bool is_refusal = reason_report(reason) == REPORT_LIMIT && s->state < SESSION_REFUSING;
	unsigned action = s->refused ? s->action : session_class(s)->action;
	return is_refusal && action != CONF_ACTION_CLOSE ? STREAM_CLOSE_RST : STREAM_CLOSE_FIN;
}

/* By a limit that leaves no time for more than this. */
static void refuse_at_once(const struct session *s, enum reason reason)
{
	bool is_close = session_class(s)->action == CONF_ACTION_CLOSE;
	counter_count(&s->class_counters
			       ->refused[reason][is_close ? CONF_ACTION_CLOSE : CONF_ACTION_RESET]);
	verdict_refused(s, reason, is_close ? "close" : "reset");
}

void session_close(struct session *s, enum reason reason)
{
	struct core *c = s->core;
	assert(s->state != SESSION_CLOSED && reason != REASON_NONE);
	enum stream_close how = session_close_how(s, reason);
	if (reason_report(reason) == REPORT_LIMIT && !s->refused)
		refuse_at_once(s, reason);
	verdict_closed(s, reason);
	counter_count(&s->counters->closed[reason]);

	admission_uncount(s);
	refusing_end(s);
	answers_end(s);
	hint_untrusted_end(s);
	handshake_end(s, reason);
	c->drain.gone += c->drain.is_on && !s->is_shut;
	session_enter(s, SESSION_CLOSED);
	s->reason = (uint8_t)reason;
	pool_forsake(s);
	wheel_clear(&s->deadline);
	list_remove(&s->waiting);
	list_remove(&s->condemned);
	list_remove(&s->order);
	buffer_free(&s->in, &c->shared->memory);
	buffer_free(&s->out, &c->shared->memory);
	if (s->client) /* TLS may have found no memory to take it over */
		stream_close(s->client, how);
	s->client = NULL;
	list_append(&c->closed, &s->order);
}
