/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/server_order.h"
#include "proxy/core/balance.h"
#include "proxy/io/notice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SAID_MAX = 256 };

/* NULL: nothing of that name is configured. */
static const struct pool_settings *find_pool(const struct settings *s, const char *name)
{
	for (size_t i = 0; i < s->pool_count; i++) {
		const struct pool_settings *p = &s->pools[i];
		if (p->share && !p->is_retired && !strcmp(p->pool->name, name))
			return p;
	}
	return NULL;
}

static const struct server_settings *find_server(const struct pool_settings *p, const char *name)
{
	for (size_t i = 0; i < p->server_count; i++)
		if (!strcmp(p->servers[i].backend->name, name))
			return &p->servers[i];
	return NULL;
}

static void tell(struct server *s, const struct pool_settings *p,
	const struct server_settings *server, enum record_event event, const char *message)
{
	struct record r;
	record_init(&r, event);
	r.pool = p->pool->name;
	r.server = server->backend->name;
	r.address = server->address;
	r.has |= RECORD_HAS_ADDRESS;
	r.reason = "administrator";
	snprintf(r.message, sizeof(r.message), "%s", message);
	notice_tell(s, &r);
}

/* "up" is no order where the file says nothing else. */
static void give(
	const struct server_settings *server, const struct server_order *order, uint64_t over_ms)
{
	struct backend *b = server->backend;
	bool is_plain =
		order->backend.state == CONF_SERVER_UP && server->conf->state == CONF_SERVER_UP;
	atomic_store(&b->order_ms, server_now_ms());
	atomic_store(&b->order_over_ms, over_ms);
	atomic_store(&b->order, is_plain ? 0 : (unsigned)order->backend.state + 1);
}

static void wake_workers(struct server *s)
{
	for (unsigned i = 0; i < s->worker_count; i++)
		mailbox_wake(&s->workers[i].mailbox);
}

static void say(char said[SAID_MAX], const struct pool_settings *p,
	const struct server_settings *server, const struct server_order *order, uint64_t over_ms)
{
	unsigned open = atomic_load(&server->backend->open);
	bool has_other = balance_has_other(p, server->backend);
	const char *alone = has_other ? "" : "; no other server of the pool is up";
	switch (order->backend.state) {
	case CONF_SERVER_UP:
		snprintf(said, SAID_MAX, "it takes clients%s\n",
			backend_is_up(server->backend) ? "" : " once its checks succeed");
		break;
	case CONF_SERVER_DRAIN:
		snprintf(said, SAID_MAX,
			"no new clients; its %u connections are closed within %" PRIu64 " s%s\n",
			open, over_ms / 1000, alone);
		break;
	case CONF_SERVER_DOWN:
		snprintf(said, SAID_MAX,
			"no new clients; its %u connections are those of a lost server%s\n", open,
			alone);
		break;
	}
}

void server_order_carry_out(struct server *s, const struct server_order *order)
{
	static const enum record_event events[] = {
		[CONF_SERVER_UP] = RECORD_BACKEND_UP,
		[CONF_SERVER_DRAIN] = RECORD_BACKEND_DRAIN,
		[CONF_SERVER_DOWN] = RECORD_BACKEND_DOWN,
	};
	char said[SAID_MAX];
	const struct pool_settings *p = find_pool(s->plan->settings, order->backend.pool);
	const struct server_settings *server = p ? find_server(p, order->backend.server) : NULL;
	if (!server) {
		orders_answer(order, false,
			p ? "there is no such server in this pool; sipweirctl backends lists them\n"
			  : "there is no such pool; sipweirctl backends lists them\n");
		return;
	}
	uint64_t over_ms = order->over_ms ? order->over_ms : p->conf->drain_over_ms;
	say(said, p, server, order, over_ms);
	give(server, order, over_ms);
	wake_workers(s);
	tell(s, p, server, events[order->backend.state], said);
	orders_answer(order, true, said);
}
