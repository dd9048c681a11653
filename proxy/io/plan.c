/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/plan.h"
#include "proxy/io/tls_setup.h"

#include <stdlib.h>
#include <string.h>

bool plan_has(const struct plan *p, const struct sockets *sockets)
{
	for (size_t i = 0; p && i < p->socket_count; i++)
		if (p->sockets[i] == sockets)
			return true;
	return false;
}

/* Free ports are told apart by the names of their listeners; all others by the address, which may have got a new name. */
static struct sockets *find_sockets(const struct plan *previous, const struct conf_listener *conf)
{
	for (size_t i = 0; previous && i < previous->socket_count; i++) {
		const struct conf_listener *old = &previous->settings->conf->listeners[i];
		if (listen_fits(previous->sockets[i], conf) &&
			(conf->address.port || !strcmp(old->name, conf->name)))
			return previous->sockets[i];
	}
	return NULL;
}

/* Sockets of our own may overlap with what is new ("0.0.0.0" and one address): then an exclusive bind tells nothing. */
static bool is_port_ours(const struct plan *previous, const struct conf_listener *conf)
{
	for (size_t i = 0; previous && i < previous->socket_count; i++) {
		const struct sockets *open = previous->sockets[i];
		if (open && open->bound.port == conf->address.port)
			return true;
	}
	return false;
}

static bool open_sockets(struct plan *p, const struct shared *sh, const struct plan *previous,
	struct conf_errors *errors)
{
	const struct conf *conf = p->settings->conf;
	bool is_open = true;
	for (size_t i = 0; i < conf->listener_count; i++) {
		const struct conf_listener *l = &conf->listeners[i];
		p->sockets[i] = find_sockets(previous, l);
		if (!p->sockets[i])
			p->sockets[i] = listen_open(
				l, &conf->timeouts, sh->workers, is_port_ours(previous, l), errors);
		if (p->sockets[i])
			settings_listener(p->settings, i)->address = p->sockets[i]->bound;
		is_open &= p->sockets[i] != NULL;
	}
	return is_open;
}

/* --- TLS --- */

static const struct listener_settings *before_listener(
	const struct plan *previous, const struct listener_settings *l)
{
	const struct settings *s = previous ? previous->settings : NULL;
	size_t slot = l->listener->slot;
	return s && slot < s->listener_count ? &s->listeners[slot] : NULL;
}

static const struct pool_settings *before_pool(
	const struct plan *previous, const struct pool_settings *p)
{
	const struct settings *s = previous ? previous->settings : NULL;
	size_t slot = p->pool->slot;
	return s && slot < s->pool_count ? &s->pools[slot] : NULL;
}

static bool wants_tls(const struct conf_pool *p)
{
	for (size_t i = 0; i < p->server_count; i++)
		if (p->servers[i].transport == CONF_TLS)
			return true;
	return false;
}

/* What is retired keeps what it has; what is configured keeps it too where nothing has changed. */
static bool secure_listener(struct plan *p, struct listener_settings *l,
	const struct listener_settings *before, struct conf_errors *errors)
{
	struct tls_setup *has = before ? before->tls : NULL;
	if (!l->share)
		return true;
	if (l->is_retired)
		l->tls = has ? tls_setup_hold(has) : NULL;
	else if (l->conf->transport == CONF_TLS)
		l->tls = tls_setup_listener(p->tls, l->conf, has, errors);
	return l->is_retired || l->conf->transport != CONF_TLS || l->tls;
}

static bool secure_pool(struct plan *p, struct pool_settings *pool,
	const struct pool_settings *before, struct conf_errors *errors)
{
	struct tls_setup *has = before ? before->tls : NULL;
	if (!pool->share)
		return true;
	if (pool->is_retired)
		pool->tls = has ? tls_setup_hold(has) : NULL;
	else if (wants_tls(pool->conf))
		pool->tls = tls_setup_pool(p->tls, pool->conf, has, errors);
	return pool->is_retired || !wants_tls(pool->conf) || pool->tls;
}

bool plan_secure(struct plan *p, const struct plan *previous, struct conf_errors *errors)
{
	struct settings *s = p->settings;
	bool is_secure = lists_load(&p->lists, s, previous ? &previous->lists : NULL, errors);
	for (size_t i = 0; i < s->listener_count; i++) {
		struct listener_settings *l = &s->listeners[i];
		is_secure &= secure_listener(p, l, before_listener(previous, l), errors);
	}
	for (size_t i = 0; i < s->pool_count; i++) {
		struct pool_settings *pool = &s->pools[i];
		is_secure &= secure_pool(p, pool, before_pool(previous, pool), errors);
	}
	return is_secure;
}

static void release_tls(struct plan *p)
{
	struct settings *s = p->settings;
	for (size_t i = 0; s && i < s->listener_count; i++)
		tls_setup_release(p->tls, s->listeners[i].tls);
	for (size_t i = 0; s && i < s->pool_count; i++)
		tls_setup_release(p->tls, s->pools[i].tls);
}

/* --- beginning and end --- */

static struct plan *allocate(const struct plan_world *world, size_t sockets)
{
	struct plan *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->tls = world->tls;
	p->socket_count = sockets;
	p->sockets = calloc(sockets + 1, sizeof(struct sockets *));
	if (p->sockets)
		return p;
	free(p);
	return NULL;
}

static bool has_room_for_classes(
	const struct shared *sh, const struct conf *conf, struct conf_errors *errors)
{
	const struct conf_class *c = shared_class_too_many(sh, conf);
	if (c)
		conf_errors_add(errors, &c->place, "limits.classes",
			"%s is one name too many: a process tells %d classes apart, those before "
			"its "
			"reloads included; use a name again, or restart",
			c->name, CLASSES_MAX - 1);
	return !c;
}

static bool make_settings(struct plan *p, const struct plan_world *world, struct conf *conf,
	const struct plan *previous, struct conf_errors *errors)
{
	if (!has_room_for_classes(world->shared, conf, errors))
		return false;
	p->settings = settings_new(world->shared, conf, previous ? previous->settings : NULL);
	if (!p->settings)
		conf_errors_add(errors, &conf->place, "", "the host has no memory for it");
	return p->settings != NULL;
}

struct plan *plan_new(const struct plan_world *world, struct conf *conf,
	const struct plan *previous, struct conf_errors *errors)
{
	struct plan *p = allocate(world, conf->listener_count);
	if (p && make_settings(p, world, conf, previous, errors) &&
		open_sockets(p, world->shared, previous, errors))
		return p;
	if (!p)
		conf_errors_add(errors, &conf->place, "", "the host has no memory for it");
	plan_abandon(p, previous);
	return NULL;
}

struct plan *plan_check(
	const struct plan_world *world, struct conf *conf, struct conf_errors *errors)
{
	struct plan *p = allocate(world, 0);
	if (p && make_settings(p, world, conf, NULL, errors) && plan_secure(p, NULL, errors))
		return p;
	if (!p)
		conf_errors_add(errors, &conf->place, "", "the host has no memory for it");
	plan_abandon(p, NULL);
	return NULL;
}

static void hold_tls(struct settings *s, const struct settings *before)
{
	for (size_t i = 0; i < before->listener_count; i++)
		if (s->listeners[i].share && before->listeners[i].tls)
			s->listeners[i].tls = tls_setup_hold(before->listeners[i].tls);
	for (size_t i = 0; i < before->pool_count; i++)
		if (s->pools[i].share && before->pools[i].tls)
			s->pools[i].tls = tls_setup_hold(before->pools[i].tls);
}

struct plan *plan_again(const struct plan_world *world, const struct plan *previous)
{
	struct plan *p = allocate(world, previous->socket_count);
	if (!p)
		return NULL;
	p->settings = settings_again(world->shared, previous->settings);
	for (size_t i = 0; p->settings && i < p->socket_count; i++) {
		p->sockets[i] = previous->sockets[i];
		settings_listener(p->settings, i)->address = p->sockets[i]->bound;
	}
	if (p->settings && lists_again(&p->lists, p->settings, &previous->lists)) {
		hold_tls(p->settings, previous->settings);
		return p;
	}
	plan_free(p, previous);
	return NULL;
}

void plan_abandon(struct plan *p, const struct plan *previous)
{
	if (p && p->settings)
		settings_keep_conf(p->settings);
	plan_free(p, previous);
}

void plan_commit(const struct plan *p, const struct plan *previous)
{
	const struct conf *conf = p->settings->conf;
	for (size_t i = 0; i < p->socket_count; i++)
		if (plan_has(previous, p->sockets[i]))
			listen_configure(p->sockets[i], &conf->listeners[i], &conf->timeouts);
}

void plan_free(struct plan *p, const struct plan *other)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->socket_count; i++)
		if (!plan_has(other, p->sockets[i]))
			listen_free(p->sockets[i]);
	release_tls(p);
	lists_free(&p->lists);
	settings_free(p->settings);
	free(p->sockets);
	free(p);
}
