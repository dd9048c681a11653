/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/core.h"
#include "proxy/core/check.h"
#include "proxy/core/loss.h"
#include "proxy/core/queue.h"
#include "proxy/core/relay.h"
#include "proxy/core/session.h"

#include <assert.h>
#include <string.h>

enum { RECLAIM_PER_TURN = 16 };

bool core_init(
	struct core *c, struct shared *sh, struct host *host, unsigned index, uint64_t now_ms)
{
	memset(c, 0, offsetof(struct core, scratch));
	c->shared = sh;
	c->settings = sh->settings;
	c->conf = sh->settings->conf;
	c->host = host;
	c->index = index;
	c->now_ms = now_ms;
	wheel_init(&c->wheel, now_ms);
	list_init(&c->unproven);
	list_init(&c->proven);
	list_init(&c->leaving);
	list_init(&c->recheck);
	list_init(&c->rechecking);
	list_init(&c->starved);
	list_init(&c->closed);
	list_init(&c->queues);
	list_init(&c->checks);
	handshakes_init(&c->handshakes);

	/* Those closed in a turn are given back at its end; until then their successors need places of their own. */
	uint32_t places = sh->capacity + sh->capacity / 8 + 256;
	if (slab_init(&c->sessions, sizeof(struct session), places) &&
		slab_init(&c->links, relay_link_size(), places))
		return true;
	core_fini(c);
	return false;
}

void core_fini(struct core *c)
{
	assert(list_is_empty(&c->unproven) && list_is_empty(&c->proven) &&
		list_is_empty(&c->leaving));
	check_end_all(c);
	quotes_fini(&c->quotes);
	slab_fini(&c->sessions);
	slab_fini(&c->links);
}

static void adopt(struct session *s, const struct sweep *sweep)
{
	(void)sweep;
	pool_adopt(s);
	throttle_adopt(s);
	session_settle(s);
}

void core_adopt(struct core *c, const struct settings *settings)
{
	c->settings = settings;
	c->conf = settings->conf;
	sweep_begin(&c->adoption, c, adopt);
	c->servers_at_ms = 0;
	check_adopt(c);
}

bool core_has_work(const struct core *c)
{
	return sweep_is_running(&c->adoption) || sweep_is_running(&c->probing.sweep) ||
	       sweep_is_running(&c->banning.sweep) || !list_is_empty(&c->handshakes.ready) ||
	       drain_is_hurried(c);
}

void core_clock(struct core *c, uint64_t now_ms)
{
	c->now_ms = now_ms;
}

bool core_is_starved(const struct core *c)
{
	return memory_held(&c->shared->memory) >= c->conf->memory.total;
}

size_t core_read_size(const struct core *c)
{
	uint64_t half = c->conf->memory.per_connection / 2;
	return half < sizeof(c->scratch) ? (size_t)half : sizeof(c->scratch);
}

/* --- what other workers asked for --- */

static void evict_unnamed(struct core *c, const struct listener_settings *l)
{
	struct unnamed_lane *lane = &l->listener->lanes[c->index];
	if (!atomic_load_explicit(&lane->evict, memory_order_relaxed))
		return;
	unsigned wanted = atomic_exchange_explicit(&lane->evict, 0, memory_order_acquire);
	while (wanted-- && !list_is_empty(&lane->unnamed)) {
		struct list_node *oldest = list_first(&lane->unnamed);
		struct session *s = LIST_OBJECT(oldest, struct session, order);
		s->current = s->limit_max = l->conf ? l->conf->max_unnamed : 0;
		session_close(s, REASON_LIMIT_MAX_UNNAMED);
	}
}

/* Reading goes on once a tenth is free, so that it does not flutter around the bound. */
static void feed_starved(struct core *c)
{
	if (list_is_empty(&c->starved) ||
		memory_held(&c->shared->memory) > c->conf->memory.total / 10 * 9)
		return;
	struct list_node *n;
	while ((n = list_pop(&c->starved))) {
		struct session *s = LIST_OBJECT(n, struct session, waiting);
		s->starved = false;
		pool_resume(s);
		session_settle(s);
	}
}

void core_tend(struct core *c)
{
	wheel_advance(&c->wheel, c->now_ms);
	for (size_t i = 0; i < c->settings->listener_count; i++)
		evict_unnamed(c, &c->settings->listeners[i]);
	admission_make_room(c);
	feed_starved(c);
	sweep_go_on(&c->adoption, c);
	probing_tend(c);
	penalty_tend(c);
	limiter_reclaim(c->shared->limiter, c->conf->limits.penalty.half_life_ms, c->now_ms * 1000,
		RECLAIM_PER_TURN);
	drain_tend(c);
	handshake_tend(c);
	check_tend(c);
	loss_tend(c);
	queue_tend(c);
}

/* --- the end of a turn --- */

void core_end_turn(struct core *c)
{
	if (!c->awaits_turns && !list_is_empty(&c->recheck)) {
		list_splice(&c->rechecking, &c->recheck);
		c->awaits_turns = true;
		c->host->ask_turns(c->host);
	}
	struct list_node *n;
	while ((n = list_pop(&c->closed)))
		slab_give(&c->sessions, LIST_OBJECT(n, struct session, order));
}

void core_turns_done(struct core *c)
{
	struct list judged;
	c->awaits_turns = false;
	list_init(&judged);
	list_splice(&judged, &c->rechecking);
	struct list_node *n;
	while ((n = list_pop(&judged))) {
		struct session *s = LIST_OBJECT(n, struct session, waiting);
		admission_recheck(s);
		session_settle(s);
	}
}

static bool sweep_list(struct list *l, enum reason reason, unsigned *most)
{
	while (*most && !list_is_empty(l)) {
		session_close(LIST_OBJECT(list_first(l), struct session, order), reason);
		--*most;
	}
	return !list_is_empty(l);
}

bool core_sweep(struct core *c, enum reason reason, unsigned most)
{
	bool is_left = false;
	for (size_t i = 0; i < c->settings->listener_count; i++)
		is_left |= sweep_list(&c->settings->listeners[i].listener->lanes[c->index].unnamed,
			reason, &most);
	is_left |= sweep_list(&c->unproven, reason, &most);
	is_left |= sweep_list(&c->proven, reason, &most);
	is_left |= sweep_list(&c->leaving, reason, &most);
	return is_left;
}
