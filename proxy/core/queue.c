/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * queue.c - connections that wait to be made, so that a server with a small backlog is not overrun by all who come back at
 * once (servers.max_connecting, servers.connect_rate).
 */
#include "proxy/core/queue.h"
#include "limits/gcra.h"
#include "proxy/core/balance.h"
#include "proxy/core/link.h"

enum { BEGINS_PER_TURN = 64 };

static struct places *places_of(const struct link *k)
{
	return &k->backend->connecting;
}

static unsigned index_of(const struct link *k)
{
	return k->session->core->index;
}

/*
 * Only the first of a queue asks the rate, so that those who give up cost nobody anything; what it got is its successor's when
 * it goes. The clock ticks: what is due within a tick comes at once.
 */
static bool rate_lets_connect(const struct link *k, const struct conf_rate *rate)
{
	struct backend_lane *lane = link_lane(k);
	if (!rate->count || lane->is_paid)
		return true;
	uint64_t of_tick = (uint64_t)rate->count * WHEEL_TICK_MS / rate->period_ms + 1, at_us;
	uint64_t burst = rate->burst > of_tick ? rate->burst : of_tick;
	struct gcra_rate gcra = gcra_rate_of(rate->count, rate->period_ms, (uint32_t)burst);
	uint64_t now_us = k->session->core->now_ms * 1000;
	lane->is_paid = gcra_take(&k->backend->connects, &gcra, now_us, &at_us);
	return lane->is_paid;
}

static bool take_place(struct link *k, const struct server_settings *server)
{
	if (!rate_lets_connect(k, &server->conf->connect_rate) ||
		!places_take(places_of(k), index_of(k), server->conf->max_connecting))
		return false;
	places_end_waiting(places_of(k), index_of(k));
	link_lane(k)->is_paid = false;
	k->has_place = true;
	return true;
}

bool queue_enter(struct link *k, const struct server_settings *server)
{
	struct backend_lane *lane = link_lane(k);
	places_begin_waiting(places_of(k), index_of(k));
	if (list_is_empty(&lane->queue) && take_place(k, server))
		return true;
	k->state = LINK_QUEUED;
	list_append(&lane->queue, &k->waiting);
	if (!list_has(&lane->waiting))
		list_append(&k->session->core->queues, &lane->waiting);
	return false;
}

void queue_leave(struct link *k)
{
	if (!list_has(&k->waiting))
		return;
	list_remove(&k->waiting);
	places_end_waiting(places_of(k), index_of(k));
}

void queue_give_place(struct link *k)
{
	struct core *c = k->session->core;
	if (!k->has_place)
		return;
	k->has_place = false;
	const struct server_settings *server =
		settings_server(session_pool(k->session), k->backend);
	unsigned max = server ? server->conf->max_connecting : 1;
	int due = places_give(places_of(k), c->index, max);
	if (due >= 0)
		c->host->wake(c->host, (unsigned)due);
}

/* Its server is not the one to wait for any more. */
static bool should_go_on(const struct link *k, const struct server_settings *server)
{
	const struct pool_settings *pool = session_pool(k->session);
	if (!server || backend_state(k->backend, server->conf) != CONF_SERVER_UP)
		return true;
	return !backend_is_up(k->backend) && balance_has_other(pool, k->backend);
}

static void settle(struct session *s)
{
	if (s->link)
		link_settle(s->link);
	session_settle(s);
}

/* False: the first has to wait, and all behind it. */
static bool serve_first(struct backend_lane *lane)
{
	struct link *k = LIST_OBJECT(list_first(&lane->queue), struct link, waiting);
	struct session *s = k->session;
	const struct server_settings *server = settings_server(session_pool(s), k->backend);
	if (should_go_on(k, server)) {
		link_go_on(k);
	} else if (take_place(k, server)) {
		list_remove(&k->waiting);
		k->address = server->address; /* its name may stand for another by now */
		link_begin_queued(k);
	} else {
		return false;
	}
	settle(s);
	return true;
}

void queue_tend(struct core *c)
{
	struct list lanes;
	struct list_node *n;
	list_init(&lanes);
	list_splice(&lanes, &c->queues);
	while ((n = list_pop(&lanes))) {
		struct backend_lane *lane = LIST_OBJECT(n, struct backend_lane, waiting);
		for (unsigned i = 0; i < BEGINS_PER_TURN && !list_is_empty(&lane->queue); i++)
			if (!serve_first(lane))
				break;
		if (!list_is_empty(&lane->queue) && !list_has(n))
			list_append(&c->queues, n);
	}
}
