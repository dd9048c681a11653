/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/loss.h"
#include "limits/gcra.h"
#include "proxy/core/balance.h"
#include "proxy/core/link.h"
#include "proxy/core/queue.h"
#include "proxy/core/relay.h"

#include <string.h>

enum {
	LOOK_MS = 100,	       /* from one look around to the next */
	LINKS_PER_LOOK = 256,  /* of one server */
	COMPLAINTS_MS = 10000, /* of several sources within this time are worth a check */
	STALE_MS =
		20000, /* an answer that a server that is down has owed for so long will not come */
	REJOIN_MS = 1000, /* a connection that did not last so long is not made again at once */
	LAST_PART = 10,	  /* of a drain, in which those with a dialog go */
	FLUSH_MS = 2000,  /* behind a drain, for whoever is in the midst of something */
};

/* --- complaints --- */

void loss_complain(const struct link *k)
{
	const struct session *s = k->session;
	struct backend *b = k->backend;
	struct pool *p = s->pool;
	uint64_t now_ms = s->core->now_ms;
	uint64_t source = balance_source(&s->core->conf->limits, &s->source.addr, s->endpoint);
	bool is_enough = false, is_known = false;
	pthread_mutex_lock(&p->lock);
	if (now_ms - b->complained_ms > COMPLAINTS_MS) {
		b->complained_ms = now_ms;
		b->complaint_count = 0;
	}
	for (unsigned i = 0; i < b->complaint_count; i++)
		is_known |= b->complaints[i] == source;
	if (!is_known && b->complaint_count < BACKEND_COMPLAINTS)
		b->complaints[b->complaint_count++] = source;
	is_enough = b->complaint_count == BACKEND_COMPLAINTS;
	pthread_mutex_unlock(&p->lock);
	if (is_enough)
		atomic_store(&b->is_check_wanted, true);
}

/* --- a connection that is gone --- */

static void condemn(struct session *s, struct backend_lane *lane)
{
	if (!list_has(&s->condemned))
		list_append(&lane->condemned, &s->condemned);
	lane->lost_ms = s->core->now_ms;
}

void loss_spare(struct session *s)
{
	list_remove(&s->condemned);
}

static void lose(struct session *s)
{
	link_leave(s);
	if (s->state == SESSION_RELAYING)
		session_enter(s, SESSION_PROVEN);
	session_continue(s);
}

/* Who is about to end has no use for another server; who cannot be told of a lost request hears of it by the end. */
static bool may_stay(const struct session *s)
{
	return s->state == SESSION_RELAYING && !s->is_owed && s->failed == REASON_NONE;
}

void loss_of_link(struct link *k, enum reason reason, bool is_lost)
{
	struct session *s = k->session;
	struct backend *b = k->backend;
	struct backend_lane *lane = link_lane(k);
	bool has_lasted = s->core->now_ms - k->began_ms >= REJOIN_MS;
	bool is_kept = session_pool(s)->conf->on_server_loss == CONF_LOSS_KEEP;
	if (s->state == SESSION_HALF_CLOSED && s->pending)
		s->reason = (uint8_t)reason; /* nobody is left to answer */
	answers_lose(s);
	if (reason == REASON_SERVER_BAD || !may_stay(s) || (!is_kept && !is_lost)) {
		session_server_ended(s, reason);
		return;
	}
	lose(s);
	if (!is_kept)
		condemn(s, lane);
	else if (has_lasted)
		relay_rejoin(s, is_lost ? b : NULL);
}

/* --- a server that is gone --- */

static bool is_lost(const struct server_place *place)
{
	return atomic_load(&place->backend->is_lost) ||
	       (place->settings &&
		       backend_state(place->backend, place->settings->conf) == CONF_SERVER_DOWN);
}

static void settle(struct session *s)
{
	if (s->link)
		link_settle(s->link);
	session_settle(s);
}

static void lose_link(struct link *k)
{
	struct session *s = k->session;
	if (k->state == LINK_UP) {
		link_abandon(k);
		loss_of_link(k, REASON_SERVER_LOST, true);
	} else if (k->state != LINK_ENDED) {
		link_go_on(k);
	}
	settle(s);
}

void loss_expect(struct session *s)
{
	struct link *k = s->link;
	if (!k || k->state != LINK_UP)
		return;
	const struct pool_settings *pool = session_pool(s);
	const struct server_place *place = &pool->places[k->backend->slot];
	if (!is_lost(place) || !balance_has_other(pool, k->backend))
		return;
	link_abandon(k);
	loss_of_link(k, REASON_SERVER_LOST, true);
}

/* Calls `visit` for the first few, each once: who stays in the list is put behind the others. */
static void visit_links(struct backend_lane *lane, void (*visit)(struct link *k))
{
	struct list all;
	struct list_node *n;
	list_init(&all);
	list_splice(&all, &lane->links);
	for (unsigned i = 0; i < LINKS_PER_LOOK && (n = list_pop(&all)); i++) {
		list_append(&lane->links, n);
		visit(LIST_OBJECT(n, struct link, of_server));
	}
	/* The others were before: they are next. */
	list_splice(&all, &lane->links);
	list_splice(&lane->links, &all);
}

static void lose_stale(struct link *k)
{
	if (k->state == LINK_UP && answers_age_ms(k->session) >= STALE_MS)
		lose_link(k);
}

/* --- closing those who have lost it --- */

static bool may_close(struct backend *b, const struct conf_rate *rate, uint64_t now_ms)
{
	if (!rate->count)
		return true;
	uint64_t burst = (uint64_t)rate->count * LOOK_MS / rate->period_ms + 1;
	struct gcra_rate gcra = gcra_rate_of(rate->count, rate->period_ms, (uint32_t)burst);
	uint64_t at_us;
	return gcra_take(&b->closes, &gcra, now_ms * 1000, &at_us);
}

/* Between two messages alone: who is in the midst of something is looked at again. */
static void close_condemned(
	struct core *c, const struct pool_settings *pool, const struct server_place *place)
{
	struct backend_lane *lane = &place->backend->lanes[c->index];
	struct list busy;
	struct list_node *n;
	list_init(&busy);
	for (unsigned i = 0; i < LINKS_PER_LOOK && (n = list_first(&lane->condemned)); i++) {
		struct session *s = LIST_OBJECT(n, struct session, condemned);
		bool is_quiet = drain_is_quiet(s);
		if (is_quiet && !may_close(place->backend, &pool->conf->close_rate, c->now_ms))
			break;
		list_remove(n);
		if (is_quiet)
			drain_dismiss(s, REASON_SERVER_LOST);
		else if (s->state < SESSION_HALF_CLOSED)
			list_append(&busy, n);
	}
	list_splice(&lane->condemned, &busy);
}

/* --- draining one server --- */

struct server_drain {
	uint64_t began_ms, over_ms;
};

/* False: it is not drained. */
static bool is_drained(const struct core *c, const struct pool_settings *pool,
	const struct server_place *place, struct server_drain *d)
{
	const struct backend *b = place->backend;
	struct backend_lane *lane = &place->backend->lanes[c->index];
	d->over_ms = pool->conf->drain_over_ms;
	if (!place->settings) {
		d->began_ms = lane->removed_ms;
		return !pool->is_retired && lane->removed_ms;
	}
	if (backend_state(b, place->settings->conf) != CONF_SERVER_DRAIN)
		return false;
	d->began_ms = 0;
	if (atomic_load(&b->order)) {
		d->began_ms = atomic_load(&b->order_ms);
		d->over_ms = atomic_load(&b->order_over_ms);
	}
	return true;
}

static uint32_t count_list(const struct list *l)
{
	uint32_t count = 0;
	for (const struct list_node *n = list_first(l); n; n = list_next(l, n))
		count++;
	return count;
}

static bool may_go(const struct session *s, uint64_t passed_ms, uint64_t over_ms)
{
	if (passed_ms >= over_ms + FLUSH_MS)
		return true;
	if (!drain_is_quiet(s))
		return false;
	return passed_ms >= over_ms - over_ms / LAST_PART || !dialogs_any(&s->dialogs);
}

static void drain_links(struct core *c, struct backend_lane *lane, const struct server_drain *d)
{
	/* The clock of whoever has told so is finer than ours. */
	uint64_t passed_ms = c->now_ms > lane->drained_ms ? c->now_ms - lane->drained_ms : 0;
	uint64_t wanted = passed_ms >= d->over_ms ? lane->drain_total
						  : lane->drain_total * passed_ms / d->over_ms;
	struct list_node *n;
	for (unsigned i = 0;
		i < LINKS_PER_LOOK && lane->drain_gone < wanted && (n = list_pop(&lane->links));
		i++) {
		struct session *s = LIST_OBJECT(n, struct link, of_server)->session;
		/* Who may not go yet is behind the others. */
		list_append(&lane->links, n);
		if (s->state < SESSION_HALF_CLOSED && may_go(s, passed_ms, d->over_ms))
			drain_dismiss(s, REASON_SERVER_DRAINED);
	}
}

static void drain_server(
	struct core *c, const struct pool_settings *pool, const struct server_place *place)
{
	struct backend_lane *lane = &place->backend->lanes[c->index];
	struct server_drain d;
	if (!is_drained(c, pool, place, &d)) {
		lane->drained_ms = 0;
		return;
	}
	/* Told again, it begins again. */
	if (!lane->drained_ms || (d.began_ms && lane->drained_ms != d.began_ms)) {
		lane->drained_ms = d.began_ms ? d.began_ms : c->now_ms;
		atomic_store(&place->backend->drained_ms, lane->drained_ms);
		lane->drain_total = count_list(&lane->links);
		lane->drain_gone = 0;
	}
	drain_links(c, lane, &d);
}

/* --- looking around --- */

/* Its own clients may also come back to it, once it has been seen again. */
static bool is_back(const struct pool_settings *pool, const struct server_place *place,
	const struct backend_lane *lane)
{
	return balance_count_up(pool) && atomic_load(&place->backend->alive_ms) > lane->lost_ms;
}

static void tend_server(
	struct core *c, const struct pool_settings *pool, const struct server_place *place)
{
	struct backend_lane *lane = &place->backend->lanes[c->index];
	if (!place->settings && !lane->removed_ms)
		lane->removed_ms = c->now_ms;
	else if (place->settings)
		lane->removed_ms = 0;
	if (list_is_empty(&lane->links) && list_is_empty(&lane->condemned))
		return;
	bool has_other = balance_has_other(pool, place->backend);
	if (is_lost(place) && has_other)
		visit_links(lane, lose_link);
	else if (!backend_is_up(place->backend))
		visit_links(lane, lose_stale);
	if (has_other || is_back(pool, place, lane))
		close_condemned(c, pool, place);
	drain_server(c, pool, place);
}

void loss_tend(struct core *c)
{
	if (c->now_ms < c->servers_at_ms)
		return;
	c->servers_at_ms = c->now_ms + LOOK_MS;
	for (size_t i = 0; i < c->settings->pool_count; i++) {
		const struct pool_settings *pool = &c->settings->pools[i];
		for (size_t j = 0; pool->share && j < pool->place_count; j++)
			tend_server(c, pool, &pool->places[j]);
	}
}
