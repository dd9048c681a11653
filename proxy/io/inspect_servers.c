/* SPDX-License-Identifier: BSD-2-Clause */
/* inspect_servers.c - how the servers are: what the checks say, what was ordered, and whether a pool is without any. */
#include "proxy/core/balance.h"
#include "proxy/io/inspect_fill.h"
#include "proxy/io/inspect.h"
#include "proxy/io/server.h"

enum { GONE_MS = 60000 }; /* a pool without a server for so long makes the process unready */

static const char *state_name(enum conf_server_state state)
{
#define WORD(constant, word) [constant] = word,
	static const char *const names[] = {CONF_SERVER_STATES(WORD)};
#undef WORD
	return names[state];
}

static uint64_t age_ms(uint64_t since_ms, uint64_t now_ms)
{
	return since_ms && now_ms > since_ms ? now_ms - since_ms : 0;
}

static uint64_t drain_left_ms(const struct backend *b, uint64_t over_ms, uint64_t now_ms)
{
	uint64_t since_ms = atomic_load(&b->drained_ms);
	if (!atomic_load(&b->open))
		return 0;
	if (atomic_load(&b->order)) {
		since_ms = atomic_load(&b->order_ms);
		over_ms = atomic_load(&b->order_over_ms);
	}
	uint64_t passed_ms = age_ms(since_ms, now_ms);
	return passed_ms < over_ms ? over_ms - passed_ms : 0;
}

static unsigned count_queued(const struct backend *b)
{
	return places_waiting(&b->connecting);
}

void inspect_fill_health(struct inspect_server *to, const struct pool_settings *pool,
	const struct backend *b, uint64_t now_ms)
{
	const struct server_settings *s = pool->share ? settings_server(pool, b) : NULL;
	enum backend_health health = atomic_load(&b->health);
	to->health = backend_health_name(health);
	to->reason = atomic_load(&b->why);
	to->status = atomic_load(&b->status);
	to->health_ms = age_ms(atomic_load(&b->since_ms), now_ms);
	to->is_lost = atomic_load(&b->is_lost);
	to->is_ordered = atomic_load(&b->order) != 0;
	to->queued = count_queued(b);
	to->state = s ? state_name(backend_state(b, s->conf)) : "removed";
	if (!s)
		return;
	to->weight = s->weight;
	to->is_backup = s->conf->is_backup;
	to->up = backend_is_up(b) && backend_state(b, s->conf) == CONF_SERVER_UP;
	if (backend_state(b, s->conf) == CONF_SERVER_DRAIN)
		to->drain_left_ms = drain_left_ms(b, pool->conf->drain_over_ms, now_ms);
}

/* Since when none of its servers takes clients; 0: one does. */
static uint64_t gone_since_ms(const struct pool_settings *p)
{
	uint64_t since_ms = 1;
	if (balance_count_up(p))
		return 0;
	for (size_t i = 0; i < p->server_count; i++) {
		const struct backend *b = p->servers[i].backend;
		uint64_t health_ms = backend_is_up(b) ? 0 : atomic_load(&b->since_ms);
		uint64_t order_ms = atomic_load(&b->order) ? atomic_load(&b->order_ms) : 0;
		uint64_t latest_ms = health_ms > order_ms ? health_ms : order_ms;
		since_ms = latest_ms > since_ms ? latest_ms : since_ms;
	}
	return since_ms;
}

static bool lacks_servers(const struct pool_settings *p, uint64_t now_ms)
{
	if (!p->share || p->is_retired || p->conf->respond)
		return false;
	uint64_t since_ms = gone_since_ms(p);
	return since_ms && age_ms(since_ms, now_ms) >= GONE_MS;
}

bool inspect_has_servers(const struct inspector *i)
{
	struct shared *sh = i->shared;
	uint64_t now_ms = server_now_ms();
	bool lacks = false;
	pthread_mutex_lock(&sh->lock);
	const struct settings *s = sh->settings;
	if (s && s->conf->admin.ready_when == CONF_READY_BACKENDS)
		for (size_t p = 0; p < s->pool_count; p++)
			lacks |= lacks_servers(&s->pools[p], now_ms);
	pthread_mutex_unlock(&sh->lock);
	return !lacks;
}
