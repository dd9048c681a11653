/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/handshake.h"
#include "proxy/core/penalty.h"
#include "proxy/core/session.h"

#include <string.h>

enum {
	PER_WORKER = 200,
	BUDGET_US =
		1000, /* of a turn: 64 ClientHellos at once would keep all others waiting for 20 ms */
	PLACE_MS = 1000,
	LOOK_MS = 1000,
};

void handshakes_init(struct handshakes *h)
{
	list_init(&h->waiting);
	list_init(&h->ready);
	list_init(&h->placed);
}

/* What the listener of a session was prepared to be. NULL: plain TCP. */
static struct tls_setup *session_tls(const struct session *s)
{
	return session_listener(s)->tls;
}

static uint32_t places_max(const struct core *c)
{
	uint32_t max = c->conf->limits.max_handshakes;
	return max ? max : PER_WORKER * c->shared->workers;
}

/* --- places --- */

static void stop_waiting(struct session *s)
{
	list_remove(&s->waiting);
	places_end_waiting(&s->core->shared->handshakes, s->core->index);
}

static void give_place(struct session *s)
{
	struct core *c = s->core;
	if (!s->handshake.has_place)
		return;
	s->handshake.has_place = false;
	list_remove(&s->handshake.placed);
	int worker = places_give(&c->shared->handshakes, c->index, places_max(c));
	if (worker >= 0)
		c->host->wake(c->host, (unsigned)worker);
}

static void call_waiting(struct core *c)
{
	struct list_node *newest;
	while ((newest = list_last(&c->handshakes.waiting)) &&
		places_take(&c->shared->handshakes, c->index, places_max(c))) {
		struct session *s = LIST_OBJECT(newest, struct session, waiting);
		s->handshake.has_place = true;
		stop_waiting(s);
		s->handshake.stage = HANDSHAKE_CALLED;
		list_append(&c->handshakes.ready, &s->waiting);
	}
}

static void ask_for_place(struct session *s)
{
	struct core *c = s->core;
	s->handshake.stage = HANDSHAKE_WAITING;
	s->handshake.looked_ms = c->now_ms;
	list_append(&c->handshakes.waiting, &s->waiting);
	places_begin_waiting(&c->shared->handshakes, c->index);
	call_waiting(c); /* it is the newest, so it comes first */
}

static bool has_had_it_long(const struct core *c, struct list_node *n)
{
	return c->now_ms >=
	       LIST_OBJECT(n, struct session, handshake.placed)->handshake.began_ms + PLACE_MS;
}

/*
 * Whoever says hello and then nothing would keep a place until timeouts.handshake, and a few such keep everybody out. So while
 * others wait for it, a place is lent for PLACE_MS from the first step on: then a handshake that waits for its client goes on
 * without one. It is not closed, because a slow phone in a bad network looks the same, and has been paid for; it does not
 * get a place again, because one who sends a byte now and then would keep it for ever. What is left to pay for it is
 * less than a handshake, and at most timeouts.handshake / PLACE_MS times as many as there are places are ever begun.
 */
static void relieve_placed(struct core *c)
{
	struct list_node *next, *n = list_first(&c->handshakes.placed);
	if (!n || !has_had_it_long(c, n))
		return;
	unsigned wanted = places_wanted(&c->shared->handshakes, places_max(c));
	for (; n && wanted && has_had_it_long(c, n); n = next) {
		struct session *s = LIST_OBJECT(n, struct session, handshake.placed);
		next = list_next(&c->handshakes.placed, n);
		if (s->handshake.stage != HANDSHAKE_LISTENING)
			continue;
		give_place(s);
		wanted--;
	}
}

/* --- the way there --- */

void handshake_expect(struct session *s)
{
	if (session_tls(s))
		s->handshake.stage = HANDSHAKE_QUIET;
	else
		session_enter(s, SESSION_SECURED);
}

bool handshake_hear(struct session *s)
{
	switch ((enum handshake_stage)s->handshake.stage) {
	case HANDSHAKE_NONE:
		return false;
	case HANDSHAKE_QUIET:
		ask_for_place(s);
		break;
	case HANDSHAKE_LISTENING:
		s->handshake.stage = HANDSHAKE_STEPPING;
		list_append(&s->core->handshakes.ready, &s->waiting);
		break;
	case HANDSHAKE_WAITING:
	case HANDSHAKE_CALLED:
	case HANDSHAKE_STEPPING:
		break;
	}
	return true;
}

void handshake_settle(struct session *s)
{
	if (s->handshake.stage == HANDSHAKE_QUIET && s->in.length)
		ask_for_place(s);
}

bool handshake_is_called(const struct session *s)
{
	return s->handshake.stage == HANDSHAKE_CALLED;
}

bool handshake_is_unread(const struct session *s)
{
	return s->handshake.stage == HANDSHAKE_WAITING || s->handshake.stage == HANDSHAKE_CALLED;
}

/* --- steps --- */

static bool has_hung_up(const struct session *s)
{
	return s->core->host->has_ended(s->core->host, s->client);
}

static enum reason hung_up(const struct session *s)
{
	return s->is_probe ? REASON_NO_DATA : REASON_CLIENT_CLOSED;
}

/* A tenth is left to the messages of those who are in: memory that TLS alone has used up would keep all from being read. */
static bool has_memory(const struct core *c)
{
	return memory_held(&c->shared->memory) + MEMORY_PER_TLS <= c->conf->memory.total / 10 * 9;
}

/* False: closed. */
static bool begin(struct session *s)
{
	struct core *c = s->core;
	struct stream *raw = s->client;
	struct tls_setup *tls = session_tls(s);
	if (has_hung_up(s)) {
		session_close(s, hung_up(s));
		return false;
	}
	if (!tls || !has_memory(c)) {
		/* without: a reload has made it a listener for plain TCP */
		session_close(s, tls ? REASON_LIMIT_MEMORY : REASON_TLS_FAILED);
		return false;
	}
	s->handshake.stage = HANDSHAKE_STEPPING;
	s->handshake.began_ms = c->now_ms;
	list_append(&c->handshakes.placed, &s->handshake.placed);
	memory_take(&c->shared->memory, MEMORY_PER_TLS);
	s->handshake.has_memory = true;
	s->client = c->host->secure(c->host, raw, tls, s->in.bytes, s->in.length);
	s->wanted = SESSION_NOTHING_WANTED_YET;
	buffer_free(&s->in, &c->shared->memory);
	if (!s->client)
		session_close(s, REASON_NO_RESOURCES);
	return s->client != NULL;
}

static void count(const struct session *s, enum tls_outcome outcome)
{
	struct stream_security security = {0};
	s->core->host->describe_security(s->core->host, s->client, &security);
	unsigned version = counters_tls_version(security.version);
	counter_count(&s->counters->handshakes[version][outcome][security.is_resumed]);
}

/* A client certificate may put it into another class. False: that class does not let it in. */
static bool certify(struct session *s)
{
	struct stream_security security = {0};
	s->core->host->describe_security(s->core->host, s->client, &security);
	return !security.certificate || s->refused || admission_certify(s, security.certificate);
}

/* What came with the last of the handshake is in the stream already, and nothing else will tell of it: it is read once. */
static void secured(struct session *s)
{
	count(s, TLS_OK);
	give_place(s);
	s->handshake.stage = HANDSHAKE_NONE;
	if (!certify(s))
		return;
	session_enter(s, SESSION_SECURED);
	intake_read(s);
}

/* A client that goes away is no failure: load balancers look at a port in this way, and people lose patience. */
static void failed(struct session *s)
{
	const char *fault = s->client->fault;
	if (!fault || !strcmp(fault, STREAM_FAULT_CLOSED)) {
		session_close(s, fault ? hung_up(s) : REASON_CLIENT_RESET);
		return;
	}
	verdict_tls_failed(s);
	if (!s->client->is_alert)
		penalty_give(s, PENALTY_BAD_TLS);
	session_close(s, REASON_TLS_FAILED);
}

static void step(struct session *s)
{
	if (s->handshake.stage == HANDSHAKE_CALLED && !begin(s))
		return;
	switch (stream_handshake(s->client)) {
	case STREAM_SECURED:
		secured(s);
		break;
	case STREAM_AGAIN:
		s->handshake.stage = HANDSHAKE_LISTENING;
		break;
	default:
		failed(s);
		break;
	}
	session_settle(s);
}

void handshake_tend(struct core *c)
{
	relieve_placed(c);
	call_waiting(c);
	if (list_is_empty(&c->handshakes.ready))
		return;
	uint64_t until_us = c->host->clock_us(c->host) + BUDGET_US;
	struct list_node *n;
	while ((n = list_pop(&c->handshakes.ready))) {
		step(LIST_OBJECT(n, struct session, waiting));
		call_waiting(
			c); /* also when the budget is used up: a free place must not wait for an event */
		if (c->host->clock_us(c->host) >= until_us)
			return;
	}
}

/* --- the end --- */

/*
 * A client that gives up closes; unread, that is not heard. Its slot must be free by the time it comes back, so those that
 * wait are looked at now and then.
 */
uint64_t handshake_due_ms(const struct session *s, enum reason *reason)
{
	const struct conf_timeouts *t = &s->core->conf->timeouts;
	uint64_t first_ms = s->entered_ms + t->first_message_ms;
	uint64_t look_ms = s->handshake.looked_ms + LOOK_MS;
	switch ((enum handshake_stage)s->handshake.stage) {
	case HANDSHAKE_WAITING:
	case HANDSHAKE_CALLED:
		*reason = first_ms <= look_ms ? REASON_LIMIT_MAX_HANDSHAKES : REASON_NONE;
		return first_ms <= look_ms ? first_ms : look_ms;
	case HANDSHAKE_STEPPING:
	case HANDSHAKE_LISTENING:
		*reason = REASON_HANDSHAKE_TIMEOUT;
		return s->handshake.began_ms + t->handshake_ms;
	case HANDSHAKE_NONE:
	case HANDSHAKE_QUIET:
		break;
	}
	*reason = REASON_FIRST_MESSAGE_TIMEOUT;
	return first_ms;
}

void handshake_expired(struct session *s, enum reason reason)
{
	struct core *c = s->core;
	bool is_waiting = handshake_is_unread(s);
	if (is_waiting && has_hung_up(s)) {
		session_close(s, hung_up(s));
		return;
	}
	s->handshake.looked_ms = c->now_ms;
	if (reason == REASON_NONE)
		return;
	if (is_waiting) {
		s->current = places_taken(&c->shared->handshakes);
		s->limit_max = places_max(c);
	}
	session_close(s, reason);
}

static enum tls_outcome outcome_of(enum reason reason)
{
	switch (reason) {
	case REASON_TLS_FAILED:
		return TLS_FAILED;
	case REASON_HANDSHAKE_TIMEOUT:
		return TLS_TIMEOUT;
	case REASON_NO_DATA:
	case REASON_CLIENT_CLOSED:
	case REASON_CLIENT_RESET:
		return TLS_CLIENT_CLOSED;
	default:
		return TLS_ENDED;
	}
}

void handshake_end(struct session *s, enum reason reason)
{
	bool is_begun = s->handshake.stage >= HANDSHAKE_STEPPING;
	if (is_begun && s->client)
		count(s, outcome_of(reason));
	if (s->handshake.stage == HANDSHAKE_WAITING)
		stop_waiting(s);
	give_place(s);
	s->handshake.stage = HANDSHAKE_NONE;
	if (s->handshake.has_memory)
		memory_give(&s->core->shared->memory, MEMORY_PER_TLS);
	s->handshake.has_memory = false;
}
