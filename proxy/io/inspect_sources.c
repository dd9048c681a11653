/* SPDX-License-Identifier: BSD-2-Clause */
/* inspect_sources.c - who uses what of the limits, for operators. */
#include "proxy/io/inspect.h"
#include "proxy/io/server.h"

#include <stdlib.h>
#include <string.h>

static uint64_t now_us(void)
{
	return server_now_ms() * 1000;
}

/* --- the largest --- */

/* A heap with the smallest of them on top. */
struct largest {
	struct limit_view *views;
	size_t count, most, all;
	enum inspect_sort sort;
};

static double size_of(const struct limit_view *v, enum inspect_sort sort)
{
	switch (sort) {
	case INSPECT_BY_REFUSED:
		return v->refused;
	case INSPECT_BY_POINTS:
		return v->points;
	case INSPECT_BY_CONNECTIONS:
		break;
	}
	return v->connections;
}

static bool is_smaller(const struct largest *l, size_t a, size_t b)
{
	return size_of(&l->views[a], l->sort) < size_of(&l->views[b], l->sort);
}

static void swap(struct largest *l, size_t a, size_t b)
{
	struct limit_view v = l->views[a];
	l->views[a] = l->views[b];
	l->views[b] = v;
}

static void sink(struct largest *l, size_t at, size_t count)
{
	for (size_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && is_smaller(l, child + 1, child))
			child++;
		if (!is_smaller(l, child, at))
			return;
		swap(l, child, at);
	}
}

static void rise(struct largest *l, size_t at)
{
	for (; at && is_smaller(l, at, (at - 1) / 2); at = (at - 1) / 2)
		swap(l, at, (at - 1) / 2);
}

static bool visit(void *context, const struct limit_view *v)
{
	struct largest *l = context;
	l->all++;
	if (l->count < l->most) {
		l->views[l->count] = *v;
		rise(l, l->count++);
	} else if (l->most && size_of(v, l->sort) > size_of(&l->views[0], l->sort)) {
		l->views[0] = *v;
		sink(l, 0, l->count);
	}
	return true;
}

/* The heap becomes a list, the largest first. */
static void sort(struct largest *l)
{
	for (size_t left = l->count; left > 1; left--) {
		swap(l, 0, left - 1);
		sink(l, 0, left - 1);
	}
}

static uint32_t half_life_ms(const struct shared *sh)
{
	return sh->settings->conf->limits.penalty.half_life_ms;
}

bool inspect_sources(const struct inspector *i, size_t most, enum inspect_sort sort_by,
	struct inspect_sources *out)
{
	struct shared *sh = i->shared;
	struct largest l = {.most = most, .sort = sort_by};
	l.views = calloc(most + 1, sizeof(*l.views));
	if (!l.views)
		return false;
	pthread_mutex_lock(&sh->lock);
	uint32_t half_life = half_life_ms(sh);
	pthread_mutex_unlock(&sh->lock);
	limiter_walk(sh->limiter, half_life, now_us(), visit, &l);
	sort(&l);
	*out = (struct inspect_sources){l.views, l.count, l.all};
	return true;
}

/* --- one --- */

static const char *action_name(enum conf_action action)
{
#define WORD(constant, word) [constant] = word,
	static const char *const names[] = {CONF_ACTIONS(WORD)};
#undef WORD
	return names[action];
}

static void fill_numbers(struct inspect_source *to, const struct class_settings *c)
{
	memcpy(to->class, c->object->name, sizeof(to->class));
	to->is_denied = c->is_denied;
	to->is_observing = c->is_observing;
	to->connections = c->rules.connections;
	to->unproven = c->rules.unproven;
	to->unregistered = c->unregistered;
	to->subnet_connections = c->rules.subnet_connections;
	to->connection_rate = c->connection_rate_conf;
	to->message_rate = c->message_rate_conf;
	to->connection_message_rate = c->connection_message_rate_conf;
	to->subnet_connection_rate = c->subnet_rate_conf;
	to->total_connections = c->rules.total_connections;
	to->total_open = atomic_load(&c->object->total.open);
	to->action = action_name(c->action);
}

static void fill_source(struct inspect_source *to, struct shared *sh,
	const struct listener_settings *l, const struct limit_source *source)
{
	_Static_assert(INSPECT_NAME_MAX == (int)CLASS_NAME_MAX, "names are copied whole");
	uint16_t slot = class_map_find(l->classes, &source->addr, source->endpoint);
	memcpy(to->listener, l->listener->name, sizeof(to->listener));
	fill_numbers(to, &sh->settings->classes[slot]);
	limiter_look(sh->limiter, source, half_life_ms(sh), now_us(), &to->source, &to->subnet);
	to->is_banned = bans_find(sh->bans, &source->addr, source->endpoint,
		source->endpoint_length, server_wall_s(), &to->ban);
}

struct inspect_source *inspect_source(
	const struct inspector *i, const struct addr *address, const char *endpoint, size_t *count)
{
	struct shared *sh = i->shared;
	const struct limit_source source = {
		.addr = *address, .endpoint = endpoint, .endpoint_length = strlen(endpoint)};
	*count = 0;
	pthread_mutex_lock(&sh->lock);
	const struct settings *settings = sh->settings;
	struct inspect_source *all = calloc(settings->listener_count + 1, sizeof(*all));
	for (size_t n = 0; all && n < settings->listener_count; n++)
		if (settings->listeners[n].classes)
			fill_source(&all[(*count)++], sh, &settings->listeners[n], &source);
	pthread_mutex_unlock(&sh->lock);
	return all;
}

bool inspect_bans(const struct inspector *i, struct ban **bans, size_t *count)
{
	return bans_list(i->shared->bans, server_wall_s(), bans, count);
}

struct network inspect_network(const struct inspector *i, const struct addr *address)
{
	struct shared *sh = i->shared;
	struct network n = {.addr = *address};
	pthread_mutex_lock(&sh->lock);
	const struct conf_limits *limits = &sh->settings->conf->limits;
	addr_cut(&n.addr, limits->ipv4_prefix, limits->ipv6_prefix);
	n.prefix =
		(uint8_t)(addr_is_ipv4(&n.addr) ? 96 + limits->ipv4_prefix : limits->ipv6_prefix);
	pthread_mutex_unlock(&sh->lock);
	return n;
}
