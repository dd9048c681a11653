/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/penalty.h"
#include "proxy/core/session.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDEN_COUNT = 16 }; /* banned sources of one subnet that make it one ban */

static const struct conf_penalty *options(const struct session *s)
{
	return &s->core->conf->limits.penalty;
}

int64_t penalty_now_s(const struct core *c)
{
	int64_t offset_ms = atomic_load_explicit(&c->shared->wall_offset_ms, memory_order_relaxed);
	return ((int64_t)c->now_ms + offset_ms) / 1000;
}

static const char *cause_name(enum penalty_cause cause)
{
#define X(constant, option, name) [constant] = name,
	static const char *const names[] = {PENALTY_CAUSES(X)};
#undef X
	return names[cause];
}

static uint32_t points_of(const struct session *s, enum penalty_cause cause)
{
	const struct conf_penalty *p = options(s);
#define X(constant, option, name) [constant] = p->option,
	const uint32_t points[] = {PENALTY_CAUSES(X)};
#undef X
	return points[cause];
}

/* --- bans --- */

static struct network network_of(const struct session *s)
{
	const struct conf_limits *limits = &s->core->conf->limits;
	struct network n = {.addr = s->source.addr};
	addr_cut(&n.addr, limits->ipv4_prefix, limits->ipv6_prefix);
	n.prefix =
		(uint8_t)(addr_is_ipv4(&n.addr) ? 96 + limits->ipv4_prefix : limits->ipv6_prefix);
	return n;
}

static void set_text(char *to, size_t size, const uint8_t *from, size_t length)
{
	size_t fits = length < size - 1 ? length : size - 1;
	if (fits)
		memcpy(to, from, fits);
	to[fits] = '\0';
}

static void report(const struct session *s, enum record_event event, enum penalty_cause cause,
	const struct penalty_author *author, uint64_t duration_ms)
{
	struct record r;
	record_init(&r, event);
	verdict_describe(s, &r);
	r.reason = cause_name(cause);
	r.has |= RECORD_HAS_DURATION;
	r.duration_ms = duration_ms;
	if (author)
		set_text(r.user, sizeof(r.user), author->user, author->user_length);
	memcpy(r.user_agent, s->user_agent, sizeof(s->user_agent));
	snprintf(r.message, sizeof(r.message), "limits.penalty.ban_at (%u points) was reached",
		options(s)->ban_at);
	s->core->host->report(s->core->host, &r);
}

static bool is_banned(const struct session *s)
{
	struct ban ban;
	return bans_match(s->core->shared->bans, &s->source.addr, s->endpoint, strlen(s->endpoint),
		penalty_now_s(s->core), &ban);
}

static void ban(struct session *s, enum penalty_cause cause, const struct penalty_author *author)
{
	struct shared *sh = s->core->shared;
	const struct conf_penalty *p = options(s);
	const struct network network = network_of(s);
	const struct ban_rules rules = {
		.ban_for_s = p->ban_for_ms / 1000,
		.ban_max_s = p->ban_max_ms / 1000,
		.widen_count = WIDEN_COUNT,
	};
	int64_t now_s = penalty_now_s(s->core);
	struct ban ban;
	if (is_banned(s) || !bans_add(sh->bans, &network, s->endpoint, strlen(s->endpoint),
				    cause_name(cause), &rules, now_s, &ban))
		return;
	report(s, RECORD_BAN_START, cause, author, (uint64_t)(ban.until_s - now_s) * 1000);
	if (p->ban_closes == CONF_BAN_CLOSES_NONE)
		return;
	atomic_fetch_add_explicit(&sh->banned, 1, memory_order_release);
	/* One that has nothing else to do would look a second later, and a ban may be as short. */
	for (unsigned worker = 0; worker < sh->workers; worker++)
		s->core->host->wake(s->core->host, worker);
}

/* --- points --- */

/* What is left of points after so long. */
static float faded(float points, uint64_t passed_ms, uint32_t half_life_ms)
{
	return points * exp2f(-(float)passed_ms / (float)half_life_ms);
}

static void remember(struct session *s, float points)
{
	s->points =
		faded(s->points, s->core->now_ms - s->points_ms, options(s)->half_life_ms) + points;
	s->points_ms = s->core->now_ms;
}

static struct limit_source source_of(const struct session *s)
{
	return (struct limit_source){
		.addr = s->source.addr,
		.endpoint = s->endpoint,
		.endpoint_length = strlen(s->endpoint),
	};
}

static float punish(struct session *s, float points)
{
	uint32_t half_life_ms = options(s)->half_life_ms;
	uint64_t now_us = s->core->now_ms * 1000;
	const struct limit_source source = source_of(s);
	remember(s, points);
	if (s->token.entry)
		return limiter_punish(&s->token, points, half_life_ms, now_us);
	return limiter_punish_source(
		s->core->shared->limiter, &source, points, half_life_ms, now_us);
}

static void forget_points(struct session *s, float points)
{
	const struct limit_source source = source_of(s);
	limiter_absolve(s->core->shared->limiter, &source, points, options(s)->half_life_ms,
		s->core->now_ms * 1000);
}

void penalty_give_author(
	struct session *s, enum penalty_cause cause, const struct penalty_author *author)
{
	const struct conf_penalty *p = options(s);
	uint32_t points = points_of(s, cause);
	if (!points || s->is_probe || session_class(s)->is_exempt_from_ban)
		return;
	float sum = punish(s, (float)points);
	if (sum < (float)p->ban_at)
		return;
	if (p->mode == CONF_MODE_ENFORCE)
		ban(s, cause, author);
	else
		report(s, RECORD_BAN_WOULD_START, cause, author, p->ban_for_ms);
	forget_points(s, sum); /* the next ban has to be earned again */
}

void penalty_give(struct session *s, enum penalty_cause cause)
{
	penalty_give_author(s, cause, NULL);
}

void penalty_clear(struct session *s)
{
	if (s->points <= 0)
		return;
	remember(s, 0);
	forget_points(s, s->points);
	s->points = 0;
}

/* --- those who are in --- */

static void visit(struct session *s, const struct sweep *sweep)
{
	enum conf_ban_closes closes = options(s)->ban_closes;
	(void)sweep;
	if (s->state == SESSION_UNNAMED || s->state >= SESSION_REFUSING || s->refused ||
		s->is_probe || closes == CONF_BAN_CLOSES_NONE ||
		(closes == CONF_BAN_CLOSES_UNREGISTERED && s->is_registered) ||
		session_class(s)->is_exempt_from_ban || !is_banned(s))
		return;
	session_close(s, REASON_LIMIT_BAN);
}

void penalty_tend(struct core *c)
{
	struct banning *b = &c->banning;
	unsigned banned = atomic_load_explicit(&c->shared->banned, memory_order_acquire);
	if (banned != b->seen && !sweep_is_running(&b->sweep)) {
		b->seen = banned;
		sweep_begin(&b->sweep, c, visit);
	}
	sweep_go_on(&b->sweep, c);
}
