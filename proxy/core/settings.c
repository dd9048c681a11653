/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/settings.h"
#include "proxy/core/pool.h"
#include "proxy/core/server_places.h"

#include "sip/strip.h"

#include <stdlib.h>
#include <string.h>

static struct conf_share *hold(struct conf_share *share)
{
	share->holders++;
	return share;
}

static void let_go(struct conf_share *share)
{
	if (!share || --share->holders)
		return;
	conf_free(share->conf);
	free(share);
}

/* --- the places of what is configured --- */

static bool place_pool(struct settings *s, struct shared *sh, const struct conf_pool *conf)
{
	struct pool *p = shared_pool(sh, conf->name, pool_ops_for(conf));
	if (!p)
		return false;
	s->pools[p->slot] =
		(struct pool_settings){.pool = p, .conf = conf, .share = hold(s->share)};
	introduce_name_lines(&s->pools[p->slot].names, conf);
	return server_places_make(&s->pools[p->slot], sh);
}

static bool place_listener(struct settings *s, struct shared *sh, const struct conf_listener *conf)
{
	const struct conf_pool *pool = &s->conf->pools[conf->pool_index];
	struct listener *l = shared_listener(sh, conf->name);
	if (!l)
		return false;
	s->listeners[l->slot] = (struct listener_settings){
		.listener = l,
		.conf = conf,
		.share = hold(s->share),
		.pool = shared_pool(sh, pool->name, pool_ops_for(pool)),
		.address = conf->address,
	};
	return true;
}

/* Objects are made before the places are counted: a new one has the highest slot. */
static bool make_objects(struct shared *sh, const struct conf *conf)
{
	for (size_t i = 0; i < conf->listener_count; i++)
		if (!shared_listener(sh, conf->listeners[i].name))
			return false;
	for (size_t i = 0; i < conf->pool_count; i++)
		if (!shared_pool(sh, conf->pools[i].name, pool_ops_for(&conf->pools[i])))
			return false;
	return true;
}

static bool make_places(struct settings *s, const struct shared *sh)
{
	s->listener_count = sh->listener_count;
	s->pool_count = sh->pool_count;
	s->listeners = calloc(s->listener_count, sizeof(*s->listeners));
	s->pools = calloc(s->pool_count, sizeof(*s->pools));
	if (!s->listeners || !s->pools)
		return false;
	for (struct listener *l = sh->listeners; l; l = l->next)
		s->listeners[l->slot] =
			(struct listener_settings){.listener = l, .is_retired = true};
	for (struct pool *p = sh->pools; p; p = p->next)
		s->pools[p->slot] = (struct pool_settings){.pool = p, .is_retired = true};
	return true;
}

/* --- classes --- */

static bool make_class_objects(struct settings *s, struct shared *sh)
{
	for (size_t i = 0; i < s->conf->limits.class_count; i++)
		if (shared_class(sh, s->conf->limits.classes[i].name) < 0)
			return false;
	s->class_count = sh->class_count;
	s->classes = calloc(s->class_count, sizeof(*s->classes));
	s->maps = calloc(s->conf->listener_count + 1, sizeof(struct class_map *));
	return s->classes && s->maps;
}

static uint16_t slot_of(const struct settings *s, const char *name)
{
	size_t slot = 0;
	while (strcmp(s->classes[slot].object->name, name) != 0)
		slot++;
	return (uint16_t)slot;
}

/* Those that are no longer configured have the numbers of whoever is in none. */
static void set_classes(struct settings *s, struct shared *sh)
{
	for (size_t i = 0; i < s->class_count; i++)
		class_settings_set(&s->classes[i], s->conf, NULL, sh->classes[i]);
	for (size_t i = 0; i < s->conf->limits.class_count; i++) {
		const struct conf_class *c = &s->conf->limits.classes[i];
		uint16_t slot = slot_of(s, c->name);
		class_settings_set(&s->classes[slot], s->conf, c, sh->classes[slot]);
		s->reserved += c->reserved;
	}
}

static bool count_classes(struct settings *s, struct shared *sh, struct listener *l)
{
	for (size_t i = 0; i < s->class_count; i++)
		if (!shared_count_class(sh, l, i))
			return false;
	return true;
}

/* That of a listener with the same classes; retired ones have none, because nobody comes any more. */
static const struct class_map *find_map(const struct settings *s, const char *listener)
{
	for (size_t i = 0; i < s->conf->listener_count; i++) {
		const struct listener_settings *l = settings_listener(s, i);
		if (l->classes && class_map_is_shared(s->conf, l->conf->name, listener))
			return l->classes;
	}
	return NULL;
}

static bool map_listener(struct settings *s, struct listener_settings *l,
	const struct class_lists *lists, const uint16_t *slots)
{
	l->classes = find_map(s, l->conf->name);
	if (l->classes)
		return true;
	struct class_map *m = class_map_new(s->conf, lists, slots, l->conf->name);
	if (m)
		s->maps[s->map_count++] = m;
	l->classes = m;
	return m != NULL;
}

static void forget_maps(struct settings *s)
{
	for (size_t i = 0; i < s->map_count; i++)
		class_map_free(s->maps[i]);
	s->map_count = 0;
	for (size_t i = 0; i < s->listener_count; i++)
		s->listeners[i].classes = NULL;
}

bool settings_list(struct settings *s, const struct class_lists *lists)
{
	const struct conf *conf = s->conf;
	uint16_t *slots = calloc(conf->limits.class_count + 1, sizeof(*slots));
	bool is_whole = slots != NULL;
	forget_maps(s);
	for (size_t i = 0; is_whole && i < conf->limits.class_count; i++)
		slots[i] = slot_of(s, conf->limits.classes[i].name);
	for (size_t i = 0; is_whole && i < conf->listener_count; i++)
		is_whole = map_listener(s, settings_listener(s, i), lists, slots);
	free(slots);
	return is_whole;
}

static bool classify(struct settings *s, struct shared *sh)
{
	if (!make_class_objects(s, sh))
		return false;
	set_classes(s, sh);
	for (size_t i = 0; i < s->conf->listener_count; i++)
		if (!count_classes(s, sh, settings_listener(s, i)->listener))
			return false;
	return settings_list(s, NULL);
}

/* --- routes --- */

static bool place_routes(struct settings *s)
{
	const struct conf *conf = s->conf;
	s->routes = calloc(conf->route_count + 1, sizeof(*s->routes));
	if (!s->routes)
		return false;
	for (size_t i = 0; i < conf->route_count; i++) {
		const struct conf_route *r = &conf->routes[i];
		s->routes[s->route_count++] = (struct route_settings){
			.conf = r,
			.pool = settings_pool(s, r->pool_index)->pool,
			.listener = *r->listener ? settings_listener(s, r->listener_index)->listener
						 : NULL,
			.class_slot = *r->class ? slot_of(s, r->class) : 0,
		};
	}
	return true;
}

/* --- what is no longer configured, and still used --- */

static bool carry_pool(struct settings *s, const struct pool_settings *from)
{
	struct pool_settings *place = &s->pools[from->pool->slot];
	if (place->share || !from->share)
		return true;
	place->conf = from->conf;
	place->share = hold(from->share);
	introduce_name_lines(&place->names, place->conf);
	return server_places_carry(place, from);
}

/* With its pool, which connections that have not spoken yet may still choose. */
static bool carry_listener(struct settings *s, const struct settings *previous, size_t slot)
{
	const struct listener_settings *from = &previous->listeners[slot];
	struct listener_settings *place = &s->listeners[slot];
	place->conf = from->conf;
	place->share = hold(from->share);
	place->pool = from->pool;
	place->address = from->address;
	return carry_pool(s, &previous->pools[from->pool->slot]);
}

static bool carry(struct settings *s, const struct shared *sh, const struct settings *previous)
{
	for (size_t i = 0; i < previous->listener_count; i++) {
		const struct listener_settings *from = &previous->listeners[i];
		if (s->listeners[i].share || !from->share)
			continue;
		/* One that was open until now may be given a connection until the workers have closed it. */
		if ((!from->is_retired || listener_is_used(from->listener, sh->workers)) &&
			!carry_listener(s, previous, i))
			return false;
	}
	for (size_t i = 0; i < previous->pool_count; i++) {
		const struct pool_settings *from = &previous->pools[i];
		if ((!from->is_retired || pool_is_used(from->pool, sh->workers)) &&
			!carry_pool(s, from))
			return false;
	}
	return true;
}

/* --- beginning and end --- */

static void set_numbers(
	struct settings *s, const struct shared *sh, const struct settings *previous)
{
	const struct conf *conf = s->conf;
	s->generation = previous ? previous->generation + 1 : 1;
	s->is_reload = !previous || previous->conf != conf;
	s->reload = (previous ? previous->reload : 0) + s->is_reload;
	s->max_connections = conf->max_connections ? conf->max_connections : sh->capacity;
	s->server_limits = (struct frame_limits){
		.max_message = conf->sip.max_message,
		.max_header_bytes = conf->sip.max_header_bytes,
		.max_headers = conf->sip.max_headers,
		.max_parameters = conf->sip.max_parameters,
	};
	s->client_limits = s->server_limits;
	s->client_limits.takes_missing_length =
		conf->sip.missing_content_length == CONF_MISSING_ZERO;
	s->client_limits.is_lenient = conf->sip.mode == CONF_MODE_OBSERVE;
}

/* Header lines that clients may not say, or not without being asked: the framer looks out for them. */
static void mark_names(struct settings *s)
{
	uint64_t marked = strip_marks((const char *const *)s->conf->sip.strip_headers);
	for (size_t i = 0; i < s->pool_count; i++)
		if (s->pools[i].share)
			marked |= strip_marks(s->pools[i].names.list);
	s->client_limits.marked = marked;
}

static bool fill(struct settings *s, struct shared *sh, const struct settings *previous)
{
	const struct conf *conf = s->conf;
	if (!make_objects(sh, conf) || !make_places(s, sh))
		return false;
	for (size_t i = 0; i < conf->pool_count; i++)
		if (!place_pool(s, sh, &conf->pools[i]))
			return false;
	for (size_t i = 0; i < conf->listener_count; i++)
		if (!place_listener(s, sh, &conf->listeners[i]))
			return false;
	if (!classify(s, sh) || !place_routes(s) || (previous && !carry(s, sh, previous)))
		return false;
	mark_names(s);
	return true;
}

static struct settings *make(
	struct shared *sh, struct conf_share *share, const struct settings *previous)
{
	struct settings *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->share = hold(share);
	s->conf = share->conf;
	set_numbers(s, sh, previous);
	if (fill(s, sh, previous))
		return s;
	settings_free(s);
	return NULL;
}

struct settings *settings_new(struct shared *sh, struct conf *conf, const struct settings *previous)
{
	struct conf_share *share = calloc(1, sizeof(*share));
	if (!share)
		return NULL;
	*share = (struct conf_share){.conf = conf, .holders = 1};
	struct settings *s = make(sh, share, previous);
	if (!s)
		share->conf = NULL;
	let_go(share);
	return s;
}

struct settings *settings_again(struct shared *sh, const struct settings *previous)
{
	return make(sh, previous->share, previous);
}

void settings_keep_conf(struct settings *s)
{
	s->share->conf = NULL;
}

void settings_free(struct settings *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->listeners && i < s->listener_count; i++)
		let_go(s->listeners[i].share);
	for (size_t i = 0; s->pools && i < s->pool_count; i++) {
		let_go(s->pools[i].share);
		server_places_free(&s->pools[i]);
	}
	for (size_t i = 0; i < s->map_count; i++)
		class_map_free(s->maps[i]);
	free(s->maps);
	free(s->classes);
	free(s->routes);
	free(s->listeners);
	free(s->pools);
	let_go(s->share);
	free(s);
}

void settings_publish(struct shared *sh, const struct settings *s)
{
	pthread_mutex_lock(&sh->lock);
	sh->settings = s;
	pthread_mutex_unlock(&sh->lock);
}

struct listener_settings *settings_listener(const struct settings *s, size_t index)
{
	for (size_t i = 0; i < s->listener_count; i++)
		if (s->listeners[i].conf == &s->conf->listeners[index])
			return &s->listeners[i];
	return NULL;
}

struct pool_settings *settings_pool(const struct settings *s, size_t index)
{
	for (size_t i = 0; i < s->pool_count; i++)
		if (s->pools[i].conf == &s->conf->pools[index])
			return &s->pools[i];
	return NULL;
}

bool settings_trust(const struct listener_settings *l, const struct addr *peer)
{
	for (size_t i = 0; i < l->conf->trusted_count; i++)
		if (network_contains(&l->conf->trusted[i], peer))
			return true;
	return false;
}
