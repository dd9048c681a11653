/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/shared.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static bool init_rooms(struct shared *sh)
{
	sh->rooms = aligned_alloc(_Alignof(struct room_lane), sh->workers * sizeof(*sh->rooms));
	for (unsigned w = 0; sh->rooms && w < sh->workers; w++) {
		atomic_init(&sh->rooms[w].spare, 0);
		atomic_init(&sh->rooms[w].evict, 0);
	}
	return sh->rooms != NULL;
}

static bool init_limiter(struct shared *sh, const struct conf_limits *limits)
{
	struct limit_setup setup = {
		.capacity = limits->tracked_sources,
		.ipv4_prefix = limits->ipv4_prefix,
		.ipv6_prefix = limits->ipv6_prefix,
		.subnet_ipv4_prefix = limits->subnet.ipv4_prefix,
		.subnet_ipv6_prefix = limits->subnet.ipv6_prefix,
	};
	if (getrandom(setup.hash_key, sizeof(setup.hash_key), 0) != sizeof(setup.hash_key) ||
		getrandom(&sh->tag_key, sizeof(sh->tag_key), 0) != sizeof(sh->tag_key) ||
		getrandom(&sh->instance, sizeof(sh->instance), 0) != sizeof(sh->instance))
		return false;
	sh->limiter = limiter_new(&setup);
	sh->bans = bans_new(limits->penalty.max_bans, setup.hash_key);
	return sh->limiter && sh->bans;
}

bool shared_init(struct shared *sh, const struct shared_setup *setup)
{
	memset(sh, 0, sizeof(*sh));
	sh->capacity = setup->capacity;
	sh->workers = setup->workers;
	pthread_mutex_init(&sh->lock, NULL);
	if (init_limiter(sh, setup->limits) && init_rooms(sh) &&
		places_init(&sh->handshakes, setup->workers) &&
		shared_class(sh, CLASS_NONE_NAME) == CLASS_NONE)
		return true;
	shared_fini(sh);
	return false;
}

static void free_listener(struct listener *l)
{
	for (size_t i = 0; i < CLASSES_MAX; i++)
		free(l->classes[i]);
	free(l->lanes);
	free(l->counters);
	free(l);
}

static void free_pool(struct pool *p)
{
	while (p->backends) {
		struct backend *b = p->backends;
		p->backends = b->next;
		backend_free(b);
	}
	pthread_mutex_destroy(&p->lock);
	free(p->lanes);
	free(p);
}

void shared_fini(struct shared *sh)
{
	name_book_fini(&sh->names);
	while (sh->listeners) {
		struct listener *l = sh->listeners;
		sh->listeners = l->next;
		free_listener(l);
	}
	while (sh->pools) {
		struct pool *p = sh->pools;
		sh->pools = p->next;
		free_pool(p);
	}
	for (size_t i = 0; i < sh->class_count; i++)
		free(sh->classes[i]);
	free(sh->rooms);
	places_fini(&sh->handshakes);
	limiter_free(sh->limiter);
	bans_free(sh->bans);
	pthread_mutex_destroy(&sh->lock);
	memset(sh, 0, sizeof(*sh));
}

/* --- objects by name --- */

static void set_name(char to[SHARED_NAME_MAX], const char *name)
{
	strncpy(to, name, SHARED_NAME_MAX - 1); /* zeroed; conf bounds names to 63 bytes */
}

static struct listener *new_listener(const struct shared *sh, const char *name)
{
	struct listener *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	set_name(l->name, name);
	l->slot = sh->listener_count;
	l->lanes = aligned_alloc(_Alignof(struct unnamed_lane), sh->workers * sizeof(*l->lanes));
	l->counters = counters_new_listener(sh->workers);
	l->classes[CLASS_NONE] = counters_new_class(sh->workers);
	if (!l->lanes || !l->counters || !l->classes[CLASS_NONE]) {
		free_listener(l);
		return NULL;
	}
	for (unsigned w = 0; w < sh->workers; w++) {
		atomic_init(&l->lanes[w].oldest_ms, UINT64_MAX);
		atomic_init(&l->lanes[w].evict, 0);
		list_init(&l->lanes[w].unnamed);
	}
	return l;
}

struct listener *shared_listener(struct shared *sh, const char *name)
{
	for (struct listener *l = sh->listeners; l; l = l->next)
		if (!strcmp(l->name, name))
			return l;
	struct listener *l = new_listener(sh, name);
	if (!l)
		return NULL;
	pthread_mutex_lock(&sh->lock);
	l->next = sh->listeners;
	sh->listeners = l;
	sh->listener_count++;
	pthread_mutex_unlock(&sh->lock);
	return l;
}

struct pool *shared_pool(struct shared *sh, const char *name, const struct pool_ops *ops)
{
	for (struct pool *p = sh->pools; p; p = p->next)
		if (p->ops == ops && !strcmp(p->name, name))
			return p;
	struct pool *p = calloc(1, sizeof(*p));
	size_t size = sh->workers * sizeof(*p->lanes);
	if (p)
		p->lanes = aligned_alloc(_Alignof(struct pool_lane), size);
	if (!p || !p->lanes) {
		free(p);
		return NULL;
	}
	memset(p->lanes, 0, size);
	set_name(p->name, name);
	p->slot = sh->pool_count;
	p->ops = ops;
	pthread_mutex_init(&p->lock, NULL);
	pthread_mutex_lock(&sh->lock);
	p->next = sh->pools;
	sh->pools = p;
	sh->pool_count++;
	pthread_mutex_unlock(&sh->lock);
	return p;
}

struct backend *shared_backend(struct shared *sh, struct pool *p, const char *name)
{
	struct backend **last = &p->backends;
	for (; *last; last = &(*last)->next)
		if (!strcmp((*last)->name, name))
			return *last;
	struct backend *b = p->backend_count < SHARED_BACKENDS_MAX
				    ? backend_new(name, p->backend_count, sh->workers)
				    : NULL;
	if (!b)
		return NULL;
	pthread_mutex_lock(&sh->lock);
	*last = b;
	p->backend_count++;
	pthread_mutex_unlock(&sh->lock);
	return b;
}

static int find_class(const struct shared *sh, const char *name)
{
	for (size_t i = 0; i < sh->class_count; i++)
		if (!strcmp(sh->classes[i]->name, name))
			return (int)i;
	return -1;
}

const struct conf_class *shared_class_too_many(const struct shared *sh, const struct conf *conf)
{
	size_t room = CLASSES_MAX - sh->class_count;
	for (size_t i = 0; i < conf->limits.class_count; i++) {
		const struct conf_class *c = &conf->limits.classes[i];
		if (find_class(sh, c->name) < 0 && room-- == 0)
			return c;
	}
	return NULL;
}

int shared_class(struct shared *sh, const char *name)
{
	int slot = find_class(sh, name);
	if (slot >= 0)
		return slot;
	struct source_class *c = sh->class_count < CLASSES_MAX ? calloc(1, sizeof(*c)) : NULL;
	if (!c)
		return -1;
	set_name(c->name, name);
	pthread_mutex_lock(&sh->lock);
	sh->classes[sh->class_count++] = c;
	pthread_mutex_unlock(&sh->lock);
	return (int)sh->class_count - 1;
}

bool shared_count_class(struct shared *sh, struct listener *l, size_t slot)
{
	/* A slot that is there is read by workers without a lock; it is never written again. */
	if (l->classes[slot])
		return true;
	struct class_counters *sets = counters_new_class(sh->workers);
	pthread_mutex_lock(&sh->lock);
	l->classes[slot] = sets;
	pthread_mutex_unlock(&sh->lock);
	return sets != NULL;
}

static uint64_t count_open(const struct class_counters *sets, unsigned workers)
{
	uint64_t open = 0;
	for (unsigned w = 0; sets && w < workers; w++)
		for (unsigned state = 0; state < COUNTERS_STATES; state++)
			open += counter_read(&sets[w].connections[state]);
	return open;
}

bool listener_is_used(const struct listener *l, unsigned workers)
{
	uint64_t open = 0;
	for (size_t i = 0; i < CLASSES_MAX; i++)
		open += count_open(l->classes[i], workers);
	return open != 0;
}

bool pool_is_used(const struct pool *p, unsigned workers)
{
	uint64_t sessions = 0;
	for (unsigned w = 0; w < workers; w++)
		sessions += counter_read(&p->lanes[w].sessions);
	return sessions != 0;
}

/* --- asking other workers for room --- */

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
