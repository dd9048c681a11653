/* SPDX-License-Identifier: BSD-2-Clause */
/* check_verdict.c - what the checks of a server, in a row, say of it. */
#include "proxy/core/balance.h"
#include "proxy/core/check_state.h"

#include <stdio.h>

static void report(const struct check *ch, enum record_event event, const char *message)
{
	struct core *c = ch->core;
	struct record r;
	record_init(&r, event);
	r.pool = ch->pool->name;
	r.server = ch->backend->name;
	r.address = ch->address;
	r.has |= RECORD_HAS_ADDRESS;
	r.reason = atomic_load(&ch->backend->why);
	snprintf(r.message, sizeof(r.message), "%s", message);
	c->host->report(c->host, &r);
}

static void tell_down(const struct check *ch, const char *detail)
{
	char message[RECORD_MESSAGE_MAX];
	unsigned left = balance_count_up(check_pool(ch));
	unsigned status = atomic_load(&ch->backend->status);
	char answer[32] = "";
	if (status)
		snprintf(answer, sizeof(answer), "it answered %u; ", status);
	snprintf(message, sizeof(message), "%s%.200s%snew clients go to the %u that are up", answer,
		detail ? detail : "", detail ? "; " : "", left);
	report(ch, RECORD_BACKEND_DOWN, message);
}

void check_judge(struct check *ch, bool is_alive, const char *detail)
{
	const struct conf_health *h = check_health(ch);
	struct backend *b = ch->backend;
	enum backend_health before = atomic_load(&b->health);
	ch->succeeded = is_alive ? ch->succeeded + 1 : 0;
	ch->failed = is_alive ? 0 : ch->failed + 1;
	if (is_alive)
		atomic_store(&b->alive_ms, ch->core->now_ms);
	if (is_alive && (before == BACKEND_UNKNOWN || ch->succeeded >= h->rise)) {
		backend_tell(b, BACKEND_UP, ch->core->now_ms);
		if (before == BACKEND_DOWN)
			report(ch, RECORD_BACKEND_UP, "it takes clients again");
	} else if (!is_alive && before != BACKEND_DOWN &&
		   (before == BACKEND_UNKNOWN || ch->failed >= h->fall)) {
		backend_tell(b, BACKEND_DOWN, ch->core->now_ms);
		tell_down(ch, detail);
	}
}

void check_look_for_loss(struct check *ch)
{
	struct backend *b = ch->backend;
	uint64_t now_ms = ch->core->now_ms;
	uint32_t after_ms = check_pool(ch)->conf->loss_after_ms;
	if (backend_is_up(b) || atomic_load(&b->is_lost) ||
		now_ms - atomic_load(&b->since_ms) < after_ms)
		return;
	atomic_store(&b->is_lost, true);
	bool is_close = check_pool(ch)->conf->on_server_loss == CONF_LOSS_CLOSE;
	report(ch, RECORD_BACKEND_LOST,
		!balance_has_other(check_pool(ch), b) ? "no other server of the pool is up: its "
							"clients stay, and their requests get 503"
		: is_close ? "its clients are closed at pools.close_rate, and register elsewhere"
			   : "its clients get a connection to another server");
}
