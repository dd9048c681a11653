/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/check_names.h"
#include "conf/host.h"
#include "conf/load.h"
#include "conf/value.h"

static void check_name(
	const struct conf_pool *p, size_t i, const char *parent, struct conf_errors *e)
{
	const struct conf_server *s = &p->servers[i];
	const char *name = conf_place_is_set(&s->at.name) ? s->name : NULL;
	char servers[CONF_PATH_MAX], server[CONF_PATH_MAX], path[CONF_PATH_MAX];
	struct conf_host host;

	conf_path_member(servers, parent, "servers");
	conf_path_element(server, servers, name, i);
	conf_path_member(path, server, "address");
	if (!conf_host_parse(&host, s->address_name))
		return; /* was told when it was read */
	if (host.is_service && p->resolve != CONF_RESOLVE_SRV)
		conf_errors_add(e, &s->at.address, path,
			"\"%s\" is the name of a service, expected resolve = \"srv\" in its pool, "
			"or "
			"the name of a host with a port",
			host.name);
	if (!host.is_service && p->resolve == CONF_RESOLVE_SRV)
		conf_errors_add(e, &s->at.address, path,
			"\"%s\" is the name of a host, expected that of a service such as "
			"\"_sip._tcp.example.com\", or another resolve in its pool",
			host.name);
}

void conf_check_names(const struct conf_pool *p, const char *parent, struct conf_errors *e)
{
	char path[CONF_PATH_MAX];
	size_t names = 0;

	if (!conf_place_is_set(&p->at.resolve))
		return;
	for (size_t i = 0; i < p->server_count; i++) {
		if (!conf_place_is_set(&p->servers[i].at.address) || !p->servers[i].address_name) {
			names += !conf_place_is_set(&p->servers[i].at.address);
			continue;
		}
		names++;
		check_name(p, i, parent, e);
	}
	if (names || p->resolve == CONF_RESOLVE_ONE)
		return;
	conf_path_member(path, parent, "resolve");
	conf_errors_warn(e, &p->at.resolve, path,
		"it means nothing without a server whose address is a name, expected one");
}

void conf_check_resolvers(const struct conf *c, struct conf_errors *e)
{
	char quoted[CONF_VALUE_TEXT_MAX];

	if (!conf_place_is_set(&c->at.resolvers))
		return;
	for (size_t i = 0; i < c->resolvers_count; i++) {
		struct addr_port address;
		const char *text = c->resolvers[i];
		bool is_read = addr_parse(&address.addr, text) || addr_port_parse(&address, text);

		if (!is_read || addr_is_unusable(&address.addr))
			conf_errors_add(e, &c->at.resolvers, "resolvers",
				"\"%s\" is nobody who could be asked for names, expected an "
				"address "
				"such as \"10.0.0.2\" or \"10.0.0.2:53\"",
				conf_value_quote(quoted, text));
	}
}
