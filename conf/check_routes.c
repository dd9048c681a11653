/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/check_routes.h"
#include "conf/load.h"
#include "conf/refer.h"
#include "conf/value.h"

#include <string.h>

static bool is_given(const struct conf_place *at, const char *text)
{
	return conf_place_is_set(at) && *text;
}

/* As methods are: a token (RFC 3261 section 25.1) and, since case matters in it, in capitals. */
static bool is_method(const char *text)
{
	static const char token[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~";
	return strspn(text, token) == strlen(text);
}

/* A name of host, or one with "*." in place of its first label. */
static bool is_host_name(const char *text)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	const char *rest = strncmp(text, "*.", 2) == 0 ? text + 2 : text;
	size_t length = strlen(rest);
	return length && rest[0] != '.' && rest[length - 1] != '.' && !strstr(rest, "..") &&
	       strspn(rest, allowed) == length;
}

static void check_texts(const struct conf_route *r, const char *parent, struct conf_errors *e)
{
	char path[CONF_PATH_MAX], quoted[CONF_VALUE_TEXT_MAX];

	if (is_given(&r->at.server_name, r->server_name) && !is_host_name(r->server_name)) {
		conf_path_member(path, parent, "server_name");
		conf_errors_add(e, &r->at.server_name, path,
			"\"%s\" is no name that TLS clients ask for, expected one such as "
			"\"sip.example.com\" or \"*.example.com\"",
			conf_value_quote(quoted, r->server_name));
	}
	if (is_given(&r->at.first_method, r->first_method) && !is_method(r->first_method)) {
		conf_path_member(path, parent, "first_method");
		conf_errors_add(e, &r->at.first_method, path,
			"\"%s\" is no method, expected one in capitals such as \"REGISTER\"",
			conf_value_quote(quoted, r->first_method));
	}
}

static void find_all(
	const struct conf *c, struct conf_route *r, const char *parent, struct conf_errors *e)
{
	char path[CONF_PATH_MAX];

	if (conf_place_is_set(&r->at.pool)) {
		conf_path_member(path, parent, "pool");
		conf_refer_pool(
			c, &(struct conf_reference){r->pool, &r->at.pool, path}, &r->pool_index, e);
	}
	if (is_given(&r->at.class, r->class)) {
		conf_path_member(path, parent, "class");
		conf_refer_class(c, &(struct conf_reference){r->class, &r->at.class, path},
			&r->class_index, e);
	}
	if (is_given(&r->at.listener, r->listener)) {
		conf_path_member(path, parent, "listener");
		conf_refer_listener(c, &(struct conf_reference){r->listener, &r->at.listener, path},
			&r->listener_index, e);
	}
}

/* Whether a connection that this route may be for can have asked for a name. */
static bool may_be_tls(const struct conf *c, const struct conf_route *r)
{
	for (size_t i = 0; i < c->listener_count; i++) {
		const struct conf_listener *l = &c->listeners[i];

		if (*r->listener && conf_place_is_set(&l->at.name) &&
			strcmp(l->name, r->listener) != 0)
			continue;
		if (l->transport == CONF_TLS)
			return true;
	}
	return false;
}

static bool fits_all(const struct conf_route *r)
{
	return !*r->class && !*r->listener && !*r->server_name && !*r->endpoint &&
	       !*r->first_method;
}

static bool is_whole(const struct conf_route *r)
{
	return conf_place_is_set(&r->at.class) && conf_place_is_set(&r->at.listener) &&
	       conf_place_is_set(&r->at.server_name) && conf_place_is_set(&r->at.endpoint) &&
	       conf_place_is_set(&r->at.first_method);
}

void conf_check_routes(struct conf *c, struct conf_errors *e)
{
	const struct conf_route *last = NULL; /* the one that leaves nobody for those behind it */

	for (size_t i = 0; i < c->route_count; i++) {
		struct conf_route *r = &c->routes[i];
		char route[CONF_PATH_MAX], path[CONF_PATH_MAX];

		conf_path_element(route, "routes", NULL, i);
		find_all(c, r, route, e);
		check_texts(r, route, e);
		if (!is_whole(r))
			continue;
		if (last)
			conf_errors_warn(e, &r->place, route,
				"it is never reached, because the route at %s:%u fits everybody, "
				"expected that one last",
				last->place.file, last->place.line);
		else if (fits_all(r))
			last = r;
		if (*r->server_name && !may_be_tls(c, r)) {
			conf_path_member(path, route, "server_name");
			conf_errors_warn(e, &r->at.server_name, path,
				"nobody can ask for a name there, expected a listener with "
				"transport \"tls\"");
		}
	}
}
