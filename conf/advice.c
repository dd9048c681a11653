/* SPDX-License-Identifier: BSD-2-Clause */
/* advice.c - what is right in itself, and surprises those who have not read the manual: told by --check alone. */
#include "conf/conf.h"
#include "conf/errors.h"
#include "conf/load.h"

/* NULL: all of them speak TLS, or there are none. */
static const struct conf_server *plain_server(const struct conf_pool *p)
{
	for (size_t i = 0; i < p->server_count; i++)
		if (p->servers[i].transport == CONF_TCP)
			return &p->servers[i];
	return NULL;
}

/*
 * A server that is reached over TCP says so in its Record-Route, with its own address. Phones that speak TLS then send the ACK
 * there, and calls drop after half a minute. Bytes are not ours to change, so it is the server that has to know.
 */
static void advise_transport(const struct conf *c, size_t i, struct conf_errors *e)
{
	const struct conf_listener *l = &c->listeners[i];
	const struct conf_server *server = plain_server(&c->pools[l->pool_index]);
	char listener[CONF_PATH_MAX], path[CONF_PATH_MAX];

	if (l->transport != CONF_TLS || !server)
		return;
	conf_path_element(listener, "listeners", l->name, i);
	conf_path_member(path, listener, "transport");
	conf_errors_warn(e, &l->at.transport, path,
		"phones speak TLS here and server \"%s\" is spoken to over TCP: unless it is told, "
		"it writes its own address and transport=tcp into Record-Route, and calls drop at "
		"the ACK; in Kamailio set listen=tcp:ADDRESS:PORT advertise PUBLIC-NAME:%u and "
		"record_route_preset(\"PUBLIC-NAME:%u;transport=tls\"), as docs/backends.md shows",
		server->name, (unsigned)l->address.port, (unsigned)l->address.port);
}

void conf_advise(const struct conf *c, struct conf_errors *errors)
{
	for (size_t i = 0; i < c->listener_count; i++)
		advise_transport(c, i, errors);
}
