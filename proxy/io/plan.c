/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/plan.h"

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

static struct plan *allocate(const struct conf *conf)
{
	struct plan *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->socket_count = conf->listener_count;
	p->sockets = calloc(p->socket_count, sizeof(struct sockets *));
	if (p->sockets)
		return p;
	free(p);
	return NULL;
}

struct plan *plan_new(struct shared *sh, struct conf *conf, const struct plan *previous,
	struct conf_errors *errors)
{
	struct plan *p = allocate(conf);
	if (p)
		p->settings = settings_new(sh, conf, previous ? previous->settings : NULL);
	if (p && p->settings && open_sockets(p, sh, previous, errors))
		return p;
	if (!p || !p->settings)
		conf_errors_add(errors, &conf->place, "", "the host has no memory for it");
	plan_abandon(p, previous);
	return NULL;
}

struct plan *plan_check(struct shared *sh, struct conf *conf, struct conf_errors *errors)
{
	struct plan *p = calloc(1, sizeof(*p));
	if (p)
		p->settings = settings_new(sh, conf, NULL);
	if (p && p->settings)
		return p;
	conf_errors_add(errors, &conf->place, "", "the host has no memory for it");
	plan_abandon(p, NULL);
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
	settings_free(p->settings);
	free(p->sockets);
	free(p);
}
