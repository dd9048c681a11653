/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/shared.h"
#include "proxy/core/pool.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static bool init_listeners(struct shared *sh)
{
	sh->listeners = calloc(sh->conf->listener_count, sizeof(*sh->listeners));
	if (!sh->listeners)
		return false;
	for (size_t i = 0; i < sh->conf->listener_count; i++) {
		struct listener *l = &sh->listeners[i];
		l->conf = &sh->conf->listeners[i];
		l->address = l->conf->address;
		l->lanes = aligned_alloc(
			_Alignof(struct unnamed_lane), sh->workers * sizeof(*l->lanes));
		l->counters = counters_new_listener(sh->workers);
		if (!l->lanes || !l->counters)
			return false;
		for (unsigned w = 0; w < sh->workers; w++) {
			atomic_init(&l->lanes[w].oldest_ms, UINT64_MAX);
			atomic_init(&l->lanes[w].evict, 0);
		}
	}
	return true;
}

static bool init_rooms(struct shared *sh)
{
	sh->rooms = aligned_alloc(_Alignof(struct room_lane), sh->workers * sizeof(*sh->rooms));
	for (unsigned w = 0; sh->rooms && w < sh->workers; w++) {
		atomic_init(&sh->rooms[w].spare, 0);
		atomic_init(&sh->rooms[w].evict, 0);
	}
	return sh->rooms != NULL;
}

static bool init_pools(struct shared *sh)
{
	sh->pools = calloc(sh->conf->pool_count, sizeof(*sh->pools));
	if (!sh->pools)
		return false;
	for (size_t i = 0; i < sh->conf->pool_count; i++) {
		struct pool *p = &sh->pools[i];
		p->conf = &sh->conf->pools[i];
		p->ops = pool_ops_for(p->conf);
		if (!p->conf->server_count)
			continue;
		p->counters = counters_new_server(sh->workers * p->conf->server_count);
		if (!p->counters)
			return false;
	}
	return true;
}

static bool init_limiter(struct shared *sh)
{
	struct limit_setup setup = {
		.capacity = sh->conf->limits.tracked_sources,
		.ipv4_prefix = sh->conf->limits.ipv4_prefix,
		.ipv6_prefix = sh->conf->limits.ipv6_prefix,
	};
	if (getrandom(setup.hash_key, sizeof(setup.hash_key), 0) != sizeof(setup.hash_key) ||
		getrandom(&sh->tag_key, sizeof(sh->tag_key), 0) != sizeof(sh->tag_key))
		return false;
	sh->limiter = limiter_new(&setup);
	return sh->limiter != NULL;
}

bool shared_init(
	struct shared *sh, const struct conf *conf, uint32_t max_connections, unsigned workers)
{
	memset(sh, 0, sizeof(*sh));
	sh->conf = conf;
	sh->max_connections = max_connections;
	sh->workers = workers;
	if (init_limiter(sh) && init_rooms(sh) && init_listeners(sh) && init_pools(sh))
		return true;
	shared_fini(sh);
	return false;
}

void shared_fini(struct shared *sh)
{
	for (size_t i = 0; sh->listeners && i < sh->conf->listener_count; i++) {
		free(sh->listeners[i].lanes);
		free(sh->listeners[i].counters);
	}
	for (size_t i = 0; sh->pools && i < sh->conf->pool_count; i++)
		free(sh->pools[i].counters);
	free(sh->rooms);
	free(sh->listeners);
	free(sh->pools);
	limiter_free(sh->limiter);
	memset(sh, 0, sizeof(*sh));
}

struct server_counters *pool_counters(const struct pool *p, unsigned worker, size_t server)
{
	return &p->counters[worker * p->conf->server_count + server];
}

bool listener_trusts(const struct listener *l, const struct addr *peer)
{
	for (size_t i = 0; i < l->conf->trusted_count; i++)
		if (network_contains(&l->conf->trusted[i], peer))
			return true;
	return false;
}

/*
 * Two workers may choose the same victim's lane at once; each adds one, so that as many go as came too many. The lane's
 * oldest may also have been named in between: then the next oldest goes, which is what "room" needs.
 */
int listener_evict_oldest(struct listener *l, unsigned workers)
{
	int chosen = -1;
	uint64_t oldest = UINT64_MAX;
	for (unsigned w = 0; w < workers; w++) {
		uint64_t ms = atomic_load_explicit(&l->lanes[w].oldest_ms, memory_order_relaxed);
		if (ms < oldest) {
			oldest = ms;
			chosen = (int)w;
		}
	}
	if (chosen >= 0)
		atomic_fetch_add_explicit(&l->lanes[chosen].evict, 1, memory_order_release);
	return chosen;
}

/* The one that is asked for is taken off at once, so that two newcomers do not count on the same. */
int shared_ask_for_room(struct shared *sh)
{
	for (unsigned w = 0; w < sh->workers; w++) {
		struct room_lane *lane = &sh->rooms[w];
		if (atomic_load_explicit(&lane->spare, memory_order_relaxed) <= 0)
			continue;
		if (atomic_fetch_sub_explicit(&lane->spare, 1, memory_order_relaxed) > 0) {
			atomic_fetch_add_explicit(&lane->evict, 1, memory_order_release);
			return (int)w;
		}
		atomic_fetch_add_explicit(&lane->spare, 1, memory_order_relaxed);
	}
	return -1;
}
