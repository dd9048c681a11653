/* SPDX-License-Identifier: BSD-2-Clause */
/* admission_named.c - may it come in? What its source, its subnet and its class say, once it is known who it is. */
#include "proxy/core/hint.h"
#include "proxy/core/penalty.h"
#include "proxy/core/session.h"

#include <string.h>

static struct limit_source source_of(const struct session *s)
{
	return (struct limit_source){
		.addr = s->source.addr,
		.endpoint = s->endpoint,
		.endpoint_length = strlen(s->endpoint),
	};
}

static void aim_at(const struct session *s, struct limit_aim *aim)
{
	const struct limit_source source = source_of(s);
	limiter_aim(s->core->shared->limiter, &source, aim);
}

/* --- one question --- */

/* What people know a rate by: its count. */
static uint32_t max_of(const struct class_settings *c, const struct limit_result *r,
	const struct conf_limits *limits)
{
	switch (r->verdict) {
	case LIMIT_CONNECTION_RATE:
		return c->connection_rate_conf.count;
	case LIMIT_SUBNET_CONNECTION_RATE:
		return c->subnet_rate_conf.count;
	case LIMIT_TRACKED_SOURCES:
		return limits->tracked_sources;
	default:
		return r->max;
	}
}

static enum reason ask_limiter(struct session *s, const struct limit_aim *aim, bool is_observing)
{
	const struct class_settings *c = session_class(s);
	struct limit_rules rules = c->rules;
	struct limit_result result;
	rules.is_observing = is_observing;
	limiter_admit(
		s->core->shared->limiter, &rules, aim, s->core->now_ms * 1000, &s->token, &result);
	s->current = result.current;
	s->limit_max = max_of(c, &result, &s->core->conf->limits);
	if (result.is_near)
		verdict_near(s);
	if (result.verdict == LIMIT_OK)
		s->current = s->limit_max = 0; /* of no refusal that follows for another cause */
	return reason_of_limit(result.verdict);
}

/* Is it a matter of how many are open, so that a connection which is just closing may be what is in the way? */
static bool may_change(enum reason reason)
{
	switch (reason) {
	case REASON_LIMIT_CONNECTIONS:
	case REASON_LIMIT_UNPROVEN:
	case REASON_LIMIT_SUBNET_CONNECTIONS:
	case REASON_LIMIT_TOTAL_CONNECTIONS:
	case REASON_LIMIT_TRACKED_SOURCES:
		return true;
	default:
		return false;
	}
}

static bool is_banned(struct session *s)
{
	struct ban ban;
	return !session_class(s)->is_exempt_from_ban &&
	       bans_match(s->core->shared->bans, &s->source.addr, s->endpoint, strlen(s->endpoint),
		       penalty_now_s(s->core), &ban);
}

/* What no observing softens. */
static enum reason ask_first(struct session *s)
{
	s->current = s->limit_max = 0;
	if (session_class(s)->is_denied)
		return REASON_LIMIT_DENY;
	if (is_banned(s))
		return REASON_LIMIT_BAN;
	if (admission_has_place(s))
		return REASON_NONE;
	s->current = atomic_load_explicit(&s->core->shared->open, memory_order_relaxed);
	s->limit_max = s->core->settings->max_connections;
	return REASON_LIMIT_MAX_CONNECTIONS;
}

static void would_refuse(struct session *s, enum reason reason)
{
	counter_count(&s->class_counters->would_refuse[reason]);
	verdict_would_refuse(s, reason);
}

/* --- at the name --- */

static void admit(struct session *s)
{
	s->admitted = true;
	if (!s->token.entry && !session_class(s)->is_observing) { /* when_full = "admit" */
		s->current = s->limit_max = s->core->conf->limits.tracked_sources;
		would_refuse(s, REASON_LIMIT_TRACKED_SOURCES);
		s->current = s->limit_max = 0;
	}
	hint_admitted(s);
	handshake_expect(s);
	if (s->state == SESSION_SECURED && s->in.length)
		intake_held(s);
}

static void refuse(struct session *s, enum reason reason)
{
	const struct limit_source source = source_of(s);
	if (reason == REASON_LIMIT_CONNECTIONS)
		probing_ask(s->core, &source);
	hint_refused(s, reason);
	if (reason != REASON_LIMIT_DENY && reason != REASON_LIMIT_BAN)
		penalty_give(s, PENALTY_REFUSED);
	refusing_begin(s, reason);
}

/*
 * At its limit, a source may be refused because of a connection that it has closed already, whose FIN another worker (or
 * this one, later in this turn) has yet to read. So the first no is not the last: it waits until all workers have turned.
 * Meanwhile the session is read: one whose client has gone too must not take the place that comes free.
 */
static void judge(struct session *s, const struct limit_aim *aim, bool is_last)
{
	bool is_observing = session_class(s)->is_observing;
	enum reason reason = ask_first(s);
	if (reason != REASON_NONE) {
		refuse(s, reason);
		return;
	}
	reason = ask_limiter(s, aim, is_observing && is_last);
	if (reason != REASON_NONE && !is_last && may_change(reason)) {
		list_append(&s->core->recheck, &s->waiting);
		return;
	}
	if (reason != REASON_NONE && is_observing && !is_last)
		reason = ask_limiter(s, aim, true);
	if (reason != REASON_NONE && is_observing)
		would_refuse(s, reason);
	if (reason == REASON_NONE || is_observing)
		admit(s);
	else
		refuse(s, reason);
}

/* What the limiter needs is fetched while the class and the ban are looked for. */
void admission_name(struct session *s, const struct addr_port *source, const struct limit_aim *aim)
{
	const struct class_map *map = session_listener(s)->classes;
	struct limit_aim own;
	if (list_has(&s->order))
		admission_end_unnamed(s);
	s->source = *source;
	if (aim == NULL)
		aim_at(s, &own);
	if (map)
		session_classify(s, class_map_find(map, &s->source.addr, s->endpoint));
	if (aim == NULL)
		limiter_look_ahead(s->core->shared->limiter, &own);
	list_append(&s->core->unproven, &s->order);
	session_enter(s, SESSION_NAMED);
	if (s->is_probe)
		handshake_expect(s);
	else
		judge(s, aim != NULL ? aim : &own, false);
}

void admission_recheck(struct session *s)
{
	struct limit_aim aim;
	aim_at(s, &aim);
	judge(s, &aim, true);
}

/*
 * A load balancer's own check needs no slot to connect. One that goes on to speak SIP is counted after all, under the
 * load balancer's address: a balancer that calls everybody LOCAL must not switch the limits off.
 */
bool admission_of_probe(struct session *s)
{
	if (!s->is_probe || s->admitted)
		return true;
	struct limit_aim aim;
	aim_at(s, &aim);
	enum reason reason = ask_first(s);
	bool is_observing = session_class(s)->is_observing;
	if (reason == REASON_NONE)
		reason = ask_limiter(s, &aim, is_observing);
	if (reason == REASON_NONE || (is_observing && may_change(reason))) {
		s->admitted = true;
		return true;
	}
	session_close(s, reason);
	return false;
}

/* --- later --- */

bool admission_certify(struct session *s, const char *certificate)
{
	const struct class_map *map = session_listener(s)->classes;
	uint16_t slot = map ? class_map_find_certificate(map, certificate) : CLASS_NONE;
	if (slot == CLASS_NONE || slot == s->class_slot)
		return true;
	session_classify(s, slot);
	const struct class_settings *c = session_class(s);
	struct limit_result result;
	if (c->is_denied) {
		refuse(s, REASON_LIMIT_DENY);
		return false;
	}
	limiter_join(
		&s->token, c->rules.total, c->rules.total_connections, c->is_observing, &result);
	if (result.verdict == LIMIT_OK)
		return true;
	s->current = result.current;
	s->limit_max = result.max;
	if (!c->is_observing) {
		refuse(s, REASON_LIMIT_TOTAL_CONNECTIONS);
		return false;
	}
	would_refuse(s, REASON_LIMIT_TOTAL_CONNECTIONS);
	return true;
}

bool admission_prove(struct session *s)
{
	const struct class_settings *c = session_class(s);
	struct limit_result result;
	if (!admission_of_probe(s))
		return false;
	limiter_prove(&s->token, c->unregistered, c->is_observing, &result);
	if (result.verdict == LIMIT_OK)
		return true;
	s->current = result.current;
	s->limit_max = result.max;
	if (c->is_observing) {
		would_refuse(s, REASON_LIMIT_UNREGISTERED);
		return true;
	}
	refuse(s, REASON_LIMIT_UNREGISTERED);
	return false;
}
