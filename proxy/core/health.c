/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/health.h"
#include "proxy/core/balance.h"
#include "proxy/core/core.h"

#include <stdio.h>

static void report(const struct health_subject *on, enum record_event event, const char *message)
{
	struct core *c = on->core;
	struct record r;
	record_init(&r, event);
	r.pool = on->pool->pool->name;
	r.server = on->backend->name;
	r.address = *on->address;
	r.has |= RECORD_HAS_ADDRESS;
	r.reason = atomic_load(&on->backend->why);
	snprintf(r.message, sizeof(r.message), "%s", message);
	c->host->report(c->host, &r);
}

static void tell_down(const struct health_subject *on, const char *detail)
{
	char message[RECORD_MESSAGE_MAX];
	unsigned left = balance_count_up(on->pool);
	unsigned status = atomic_load(&on->backend->status);
	char answer[32] = "";
	if (status)
		snprintf(answer, sizeof(answer), "it answered %u; ", status);
	snprintf(message, sizeof(message), "%s%.200s%snew clients go to the %u that are up", answer,
		detail ? detail : "", detail ? "; " : "", left);
	report(on, RECORD_BACKEND_DOWN, message);
}

void health_judge(const struct health_subject *on, struct health_runs *runs, bool is_alive,
	const char *detail)
{
	const struct conf_health *h = &on->pool->conf->health;
	struct backend *b = on->backend;
	enum backend_health before = atomic_load(&b->health);
	runs->succeeded = is_alive ? runs->succeeded + 1 : 0;
	runs->failed = is_alive ? 0 : runs->failed + 1;
	if (is_alive)
		atomic_store(&b->alive_ms, on->core->now_ms);
	if (is_alive && (before == BACKEND_UNKNOWN || runs->succeeded >= h->rise)) {
		backend_tell(b, BACKEND_UP, on->core->now_ms);
		if (before == BACKEND_DOWN)
			report(on, RECORD_BACKEND_UP, "it takes clients again");
	} else if (!is_alive && before != BACKEND_DOWN &&
		   (before == BACKEND_UNKNOWN || runs->failed >= h->fall)) {
		backend_tell(b, BACKEND_DOWN, on->core->now_ms);
		tell_down(on, detail);
	}
}

void health_look_for_loss(const struct health_subject *on)
{
	struct backend *b = on->backend;
	const struct conf_pool *conf = on->pool->conf;
	if (backend_is_up(b) || atomic_load(&b->is_lost) ||
		on->core->now_ms - atomic_load(&b->since_ms) < conf->loss_after_ms)
		return;
	atomic_store(&b->is_lost, true);
	report(on, RECORD_BACKEND_LOST,
		!balance_has_other(on->pool, b) ? "no other server of the pool is up: its clients "
						  "stay, and their requests get 503"
		: conf->on_server_loss == CONF_LOSS_CLOSE
			? "its clients are closed at pools.close_rate, and register elsewhere"
			: "its clients get a connection to another server");
}
