/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/server_places.h"

#include <stdlib.h>

enum { BACKUP_TIER = 1 << 16 }; /* behind all priorities that a service can have */

/* What stands for one server of the configuration. */
struct candidate {
	const char *object;
	struct server_settings settings; /* but for the backend */
};

typedef bool visit_candidate(struct pool_settings *p, struct shared *sh, const struct candidate *c);

static bool visit_name(struct pool_settings *p, struct shared *sh, const struct conf_server *conf,
	visit_candidate *visit)
{
	const struct name_entry *e = name_book_find(&sh->names, p->conf, conf);
	bool is_done = true;
	for (size_t i = 0; e && is_done && i < e->count; i++) {
		const struct name_server *s = &e->servers[i];
		char object[NAME_OBJECT_MAX];
		name_entry_object(e, s, object);
		is_done = visit(p, sh,
			&(struct candidate){object,
				{
					.conf = conf,
					.address = s->address,
					.weight = conf->weight * s->weight,
					.tier = s->tier + (conf->is_backup ? BACKUP_TIER : 0),
					.identity = name_entry_identity(e),
					.hash = s->number ? backend_hash_address(&s->address) : 0,
				}});
	}
	return is_done;
}

static bool visit_all(struct pool_settings *p, struct shared *sh, visit_candidate *visit)
{
	bool is_done = true;
	for (size_t i = 0; is_done && i < p->conf->server_count; i++) {
		const struct conf_server *conf = &p->conf->servers[i];
		if (conf->address_name)
			is_done = visit_name(p, sh, conf, visit);
		else
			is_done = visit(p, sh,
				&(struct candidate){conf->name,
					{
						.conf = conf,
						.address = conf->address,
						.weight = conf->weight,
						.tier = conf->is_backup ? BACKUP_TIER : 0,
					}});
	}
	return is_done;
}

static bool make_object(struct pool_settings *p, struct shared *sh, const struct candidate *c)
{
	p->server_count++;
	return shared_backend(sh, p->pool, c->object) != NULL;
}

static void place(struct pool_settings *p, const struct server_settings *server)
{
	struct server_settings *s = &p->servers[p->server_count++];
	*s = *server;
	p->places[s->backend->slot].settings = s;
}

static bool place_candidate(struct pool_settings *p, struct shared *sh, const struct candidate *c)
{
	struct server_settings s = c->settings;
	s.backend = shared_backend(sh, p->pool, c->object);
	if (!s.hash)
		s.hash = s.backend->hash;
	place(p, &s);
	return true;
}

static bool make_room(struct pool_settings *p, size_t count)
{
	p->server_count = 0;
	p->place_count = p->pool->backend_count;
	p->servers = calloc(count + 1, sizeof(*p->servers));
	p->places = calloc(p->place_count + 1, sizeof(*p->places));
	if (!p->servers || !p->places)
		return false;
	for (struct backend *b = p->pool->backends; b; b = b->next)
		p->places[b->slot].backend = b;
	return true;
}

/* Objects are made before their slots are counted. */
bool server_places_make(struct pool_settings *p, struct shared *sh)
{
	p->server_count = 0;
	return visit_all(p, sh, make_object) && make_room(p, p->server_count) &&
	       visit_all(p, sh, place_candidate);
}

bool server_places_carry(struct pool_settings *p, const struct pool_settings *from)
{
	if (!make_room(p, from->server_count))
		return false;
	for (size_t i = 0; i < from->server_count; i++)
		place(p, &from->servers[i]);
	return true;
}

void server_places_free(struct pool_settings *p)
{
	free(p->servers);
	free(p->places);
}

const struct server_settings *settings_server(
	const struct pool_settings *p, const struct backend *b)
{
	return b->slot < p->place_count ? p->places[b->slot].settings : NULL;
}

const struct addr *settings_source(
	const struct pool_settings *p, const struct addr_port *to, unsigned long n)
{
	size_t count = p->conf->source_addresses_count;
	for (size_t i = 0; i < count; i++) {
		const struct addr *source = &p->conf->sources[(n + i) % count];
		if (addr_is_ipv4(source) == addr_is_ipv4(&to->addr))
			return source;
	}
	return NULL;
}
