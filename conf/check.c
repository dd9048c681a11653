/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.c - the rules between options: numbers first, then pools, then the listeners that need them.
 */
#include "conf/check.h"
#include "conf/check_limits.h"
#include "conf/check_names.h"
#include "conf/check_routes.h"
#include "conf/check_servers.h"
#include "conf/check_sip.h"
#include "conf/check_tls.h"
#include "conf/inherit.h"
#include "conf/load.h"
#include "conf/refer.h"
#include "conf/trust.h"
#include "conf/value.h"

#include <string.h>

/* Of a network load balancer, unless its operator has changed it. */
static const uint64_t nlb_forgets_ms = 350 * 1000;

/* A name in a list of groups, to find the one before that has it too. */
struct named {
	const char *name;
	const struct conf_place *at;
};

static void check_sizes(const struct conf *c, struct conf_errors *e)
{
	const struct conf_sip *sip = &c->sip;
	const struct conf_memory *m = &c->memory;
	char a[CONF_VALUE_TEXT_MAX], b[CONF_VALUE_TEXT_MAX];

	if (conf_place_is_set(&sip->at.max_header_bytes) &&
		conf_place_is_set(&sip->at.max_message) && sip->max_header_bytes > sip->max_message)
		conf_errors_add(e, &sip->at.max_header_bytes, "sip.max_header_bytes",
			"\"%s\" is more than a whole message, expected up to sip.max_message, "
			"\"%s\"",
			conf_value_write_size(a, sip->max_header_bytes),
			conf_value_write_size(b, sip->max_message));
	/* Each direction may hold a message that is not whole yet and one that cannot be sent yet. */
	if (conf_place_is_set(&m->at.per_connection) && conf_place_is_set(&sip->at.max_message) &&
		m->per_connection < 4 * (uint64_t)sip->max_message)
		conf_errors_add(e, &m->at.per_connection, "memory.per_connection",
			"\"%s\" does not hold two messages in each direction, expected at least "
			"four times sip.max_message, \"%s\"",
			conf_value_write_size(a, m->per_connection),
			conf_value_write_size(b, 4 * (uint64_t)sip->max_message));
	if (conf_place_is_set(&m->at.per_connection) && conf_place_is_set(&m->at.total) &&
		m->total < m->per_connection)
		conf_errors_add(e, &m->at.total, "memory.total",
			"\"%s\" is less than one connection may hold, expected at least "
			"memory.per_connection, \"%s\"",
			conf_value_write_size(a, m->total),
			conf_value_write_size(b, m->per_connection));
}

static void check_keepalive(const struct conf_timeouts *t, struct conf_errors *e)
{
	uint64_t gone_ms =
		t->keepalive_idle_ms + t->keepalive_interval_ms * (uint64_t)t->keepalive_count;
	char a[CONF_VALUE_TEXT_MAX], b[CONF_VALUE_TEXT_MAX];

	if (!conf_place_is_set(&t->at.keepalive_idle_ms) ||
		!conf_place_is_set(&t->at.keepalive_interval_ms) ||
		!conf_place_is_set(&t->at.keepalive_count))
		return;
	if (conf_place_is_set(&t->at.unacked_ms) && t->unacked_ms < gone_ms)
		conf_errors_warn(e, &t->at.unacked_ms, "timeouts.unacked",
			"\"%s\" ends connections before keepalive does, expected at least "
			"keepalive_idle + keepalive_interval * keepalive_count, \"%s\"",
			conf_value_write_duration(a, t->unacked_ms),
			conf_value_write_duration(b, gone_ms));
	if (gone_ms >= nlb_forgets_ms)
		conf_errors_warn(e, &t->at.keepalive_idle_ms, "timeouts.keepalive_idle",
			"a dead peer is noticed after \"%s\" (keepalive_idle + keepalive_interval "
			"* "
			"keepalive_count), expected less than the \"350s\" after which a network "
			"load balancer forgets a silent connection and tells nobody",
			conf_value_write_duration(a, gone_ms));
}

/* Quadratic, and bounded by the number of groups that the table allows. */
static void check_unique(const struct named *this, const struct named *first, struct conf_errors *e,
	const char *path)
{
	if (conf_place_is_set(this->at) && conf_place_is_set(first->at) &&
		strcmp(this->name, first->name) == 0)
		conf_errors_add(e, this->at, path,
			"the name \"%s\" is taken, expected another; first at %s:%u", this->name,
			first->at->file, first->at->line);
}

static bool is_any(const struct addr *a, const char *any)
{
	struct addr unspecified;

	return addr_parse(&unspecified, any) && addr_equal(a, &unspecified);
}

/* Whether a connection to this address of the host would come to the listener, as far as addresses say. */
static bool takes_address(const struct conf_listener *l, const struct addr *to)
{
	if (addr_equal(&l->address.addr, to))
		return true;
	if (is_any(&l->address.addr, "0.0.0.0"))
		return addr_is_ipv4(to);
	return is_any(&l->address.addr, "::") && (l->dual_stack || !addr_is_ipv4(to));
}

/* Whether two listeners take the same connections. Port 0 is a free one for each. */
static bool is_same_address(const struct conf_listener *a, const struct conf_listener *b)
{
	return a->address.port == b->address.port && a->address.port != 0 &&
	       (takes_address(a, &b->address.addr) || takes_address(b, &a->address.addr));
}

static bool is_loopback(const struct addr *a)
{
	struct network ipv4, ipv6;

	return network_parse(&ipv4, "127.0.0.0/8") && network_parse(&ipv6, "::1/128") &&
	       (network_contains(&ipv4, a) || network_contains(&ipv6, a));
}

/* A server that is one of our own listeners: each message would open a connection to ourselves, for ever. */
static void check_loop(
	const struct conf *c, const struct conf_server *s, const char *path, struct conf_errors *e)
{
	for (size_t i = 0; i < c->listener_count; i++) {
		const struct conf_listener *l = &c->listeners[i];

		if (!conf_place_is_set(&l->at.address) || l->address.port != s->address.port ||
			!takes_address(l, &s->address.addr))
			continue;
		if (!addr_equal(&l->address.addr, &s->address.addr) &&
			!is_loopback(&s->address.addr))
			continue;
		conf_errors_add(e, &s->at.address, path,
			"that is the listener \"%s\" at %s:%u, expected the address of a server "
			"behind it",
			conf_place_is_set(&l->at.name) ? l->name : "", l->at.address.file,
			l->at.address.line);
		return;
	}
}

static void check_server(const struct conf *c, const struct conf_pool *p, size_t i,
	const char *parent, struct conf_errors *e)
{
	const struct conf_server *s = &p->servers[i];
	const char *name = conf_place_is_set(&s->at.name) ? s->name : NULL;
	char servers[CONF_PATH_MAX], server[CONF_PATH_MAX], path[CONF_PATH_MAX];

	conf_path_member(servers, parent, "servers");
	conf_path_element(server, servers, name, i);
	conf_path_member(path, server, "name");
	for (size_t j = 0; j < i; j++) {
		const struct conf_server *other = &p->servers[j];

		check_unique(&(struct named){s->name, &s->at.name},
			&(struct named){other->name, &other->at.name}, e, path);
	}
	if (!conf_place_is_set(&s->at.address) || s->address_name)
		return;
	conf_path_member(path, server, "address");
	check_loop(c, s, path, e);
	if (addr_is_unusable(&s->address.addr)) {
		conf_errors_add(e, &s->at.address, path,
			"nobody can be reached at this address, expected that of one server");
	}
}

static void check_pool_kind(const struct conf_pool *p, const char *path, struct conf_errors *e)
{
	if (p->servers && p->respond)
		conf_errors_add(e, &p->place, path,
			"it has servers and a respond group, expected one of them");
	if (!p->servers && !p->respond)
		conf_errors_add(e, &p->place, path,
			"it has no servers, expected servers = ( { name = \"k1\"; address = "
			"\"10.0.1.10:5060\"; } ) or a respond group");
}

static void check_pool_message(
	struct conf_pool *p, const struct conf_sip *sip, const char *parent, struct conf_errors *e)
{
	char path[CONF_PATH_MAX], a[CONF_VALUE_TEXT_MAX], b[CONF_VALUE_TEXT_MAX];

	if (p->max_message == 0)
		p->max_message = sip->max_message;
	if (p->max_message <= sip->max_message || !conf_place_is_set(&sip->at.max_message))
		return;
	conf_path_member(path, parent, "max_message");
	conf_errors_add(e, &p->at.max_message, path,
		"\"%s\" is more than ever comes, expected up to sip.max_message, \"%s\"",
		conf_value_write_size(a, p->max_message),
		conf_value_write_size(b, sip->max_message));
}

static void check_pool(struct conf *c, size_t i, struct conf_errors *e)
{
	struct conf_pool *p = &c->pools[i];
	char pool[CONF_PATH_MAX], path[CONF_PATH_MAX];

	conf_path_element(pool, "pools", conf_place_is_set(&p->at.name) ? p->name : NULL, i);
	conf_path_member(path, pool, "name");
	for (size_t j = 0; j < i; j++) {
		const struct conf_pool *other = &c->pools[j];

		check_unique(&(struct named){p->name, &p->at.name},
			&(struct named){other->name, &other->at.name}, e, path);
	}
	check_pool_kind(p, pool, e);
	check_pool_message(p, &c->sip, pool, e);
	conf_check_pool_tls(p, pool, e);
	conf_check_servers(p, pool, e);
	conf_check_names(p, pool, e);
	for (size_t j = 0; j < p->server_count; j++)
		check_server(c, p, j, pool, e);
}

static void find_pool(
	const struct conf *c, struct conf_listener *l, const char *parent, struct conf_errors *e)
{
	char path[CONF_PATH_MAX];

	if (!conf_place_is_set(&l->at.pool))
		return;
	conf_path_member(path, parent, "pool");
	conf_refer_pool(c, &(struct conf_reference){l->pool, &l->at.pool, path}, &l->pool_index, e);
}

static void check_trust(const struct conf_listener *l, const char *parent, struct conf_errors *e)
{
	char path[CONF_PATH_MAX];

	if (!conf_place_is_set(&l->at.trusted) || !conf_place_is_set(&l->at.proxy_protocol))
		return;
	conf_path_member(path, parent, "trusted");
	if (l->proxy_protocol == CONF_PROXY_OFF) {
		if (l->trusted_count)
			conf_errors_warn(e, &l->at.trusted, path,
				"it means nothing while proxy_protocol is \"off\", expected none");
		return;
	}
	if (l->trusted_count == 0)
		conf_errors_add(e, &l->at.trusted, path,
			"nobody is trusted to send a PROXY header, expected the networks of the "
			"load balancer, as in [ \"10.0.0.0/16\" ]");
	if (conf_trust_is_everything(l->trusted, l->trusted_count))
		conf_errors_add(e, &l->at.trusted, path,
			"a trust list of everything lets every caller choose its own address, "
			"expected the networks of the load balancer, as in [ \"10.0.0.0/16\" ]");
}

static void check_address(const struct conf *c, size_t i, const char *parent, struct conf_errors *e)
{
	const struct conf_listener *l = &c->listeners[i];
	char path[CONF_PATH_MAX], text[ADDR_PORT_TEXT_MAX];

	if (!conf_place_is_set(&l->at.address))
		return;
	conf_path_member(path, parent, "address");
	for (size_t j = 0; j < i; j++) {
		const struct conf_listener *other = &c->listeners[j];

		if (!conf_place_is_set(&other->at.address) || !is_same_address(l, other))
			continue;
		addr_port_format(&l->address, text);
		conf_errors_add(e, &l->at.address, path,
			"\"%s\" is taken, expected another; first at %s:%u", text,
			other->at.address.file, other->at.address.line);
		break;
	}
}

static void check_dual_stack(
	const struct conf_listener *l, const char *parent, struct conf_errors *e)
{
	char path[CONF_PATH_MAX];

	if (!l->dual_stack || !conf_place_is_set(&l->at.address) || is_any(&l->address.addr, "::"))
		return;
	conf_path_member(path, parent, "dual_stack");
	conf_errors_warn(e, &l->at.dual_stack, path,
		"it means nothing for this address, expected it with \"[::]\" alone");
}

static void check_listener(struct conf *c, size_t i, struct conf_errors *e)
{
	struct conf_listener *l = &c->listeners[i];
	char listener[CONF_PATH_MAX], path[CONF_PATH_MAX];

	conf_path_element(
		listener, "listeners", conf_place_is_set(&l->at.name) ? l->name : NULL, i);
	conf_path_member(path, listener, "name");
	for (size_t j = 0; j < i; j++) {
		const struct conf_listener *other = &c->listeners[j];

		check_unique(&(struct named){l->name, &l->at.name},
			&(struct named){other->name, &other->at.name}, e, path);
	}
	check_address(c, i, listener, e);
	check_dual_stack(l, listener, e);
	check_trust(l, listener, e);
	conf_check_listener_tls(l, listener, e);
	find_pool(c, l, listener, e);
}

static void check_admin_addresses(const struct conf_admin *a, struct conf_errors *e)
{
	char text[ADDR_PORT_TEXT_MAX];

	if (!conf_place_is_set(&a->at.http) || !conf_place_is_set(&a->at.health) ||
		!a->http_count || !a->health_count || a->http.port == 0 ||
		a->http.port != a->health.port || !addr_equal(&a->http.addr, &a->health.addr))
		return;
	addr_port_format(&a->health, text);
	conf_errors_add(e, &a->at.health, "admin.health",
		"\"%s\" is taken by admin.http, expected another", text);
}

static void check_admin_trust(const struct conf_admin *a, struct conf_errors *e)
{
	if (!conf_place_is_set(&a->at.trusted))
		return;
	if (a->trusted_count && conf_place_is_set(&a->at.health) && !a->health_count)
		conf_errors_warn(e, &a->at.trusted, "admin.trusted",
			"it means nothing while admin.health is \"\", expected none");
	if (conf_trust_is_everything(a->trusted, a->trusted_count))
		conf_errors_add(e, &a->at.trusted, "admin.trusted",
			"it trusts everybody, expected the networks of the load balancer, as in [ "
			"\"10.0.0.0/16\" ]");
}

static void check_group(const struct conf *c, struct conf_errors *e)
{
	if (conf_place_is_set(&c->at.user) && conf_place_is_set(&c->at.group) && *c->group &&
		!*c->user)
		conf_errors_add(e, &c->at.group, "group",
			"a group is taken only when root is given up, expected user as well");
}

void conf_check(struct conf *c, struct conf_errors *errors)
{
	conf_inherit(c);
	check_group(c, errors);
	check_sizes(c, errors);
	conf_check_resolvers(c, errors);
	conf_check_sip(&c->sip, errors);
	check_keepalive(&c->timeouts, errors);
	for (size_t i = 0; i < c->pool_count; i++)
		check_pool(c, i, errors);
	check_admin_addresses(&c->admin, errors);
	check_admin_trust(&c->admin, errors);
	for (size_t i = 0; i < c->listener_count; i++)
		check_listener(c, i, errors);
	conf_check_limits(c, errors);
	conf_check_classes(c, errors);
	conf_check_routes(c, errors);
}
