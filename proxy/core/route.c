/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/route.h"

#include "proxy/core/session.h"

#include <string.h>
#include <strings.h>

/* A star stands for one label, as in certificates (RFC 6125 section 6.4.3). */
static bool is_asked_for(const char *pattern, const char *name)
{
	if (pattern[0] != '*')
		return strcasecmp(pattern, name) == 0;
	const char *rest = strchr(name, '.');
	return rest && rest != name && strcasecmp(pattern + 1, rest) == 0;
}

static bool is_method(const char *method, const struct route_caller *who)
{
	return strlen(method) == who->method_length &&
	       memcmp(method, who->method, who->method_length) == 0;
}

static bool fits(const struct route_settings *r, const struct route_caller *who)
{
	const struct conf_route *c = r->conf;
	return (!r->listener || r->listener == who->listener) &&
	       (!*c->class || r->class_slot == who->class_slot) &&
	       (!*c->endpoint || strcmp(c->endpoint, who->endpoint) == 0) &&
	       (!*c->first_method || is_method(c->first_method, who)) &&
	       (!*c->server_name || is_asked_for(c->server_name, who->server_name));
}

struct pool *route_find(const struct settings *s, const struct route_caller *who)
{
	for (size_t i = 0; i < s->route_count; i++)
		if (fits(&s->routes[i], who))
			return s->routes[i].pool;
	return NULL;
}

struct pool *route_choose(
	const struct session *s, const uint8_t *message, const struct frame *frame)
{
	const struct settings *settings = s->core->settings;
	struct pool *pool = NULL;
	if (settings->route_count) {
		const struct stream_security security = session_security(s);
		struct route_caller who = {
			.listener = s->listener,
			.class_slot = s->class_slot,
			.endpoint = s->endpoint,
			.method = (const char *)message,
		};
		if (frame->kind == FRAME_REQUEST)
			who.method_length = (size_t)((const uint8_t *)memchr(
							     message, ' ', frame->header_length) -
						     message);
		who.server_name = security.sni ? security.sni : "";
		pool = route_find(settings, &who);
	}
	return pool ? pool : session_listener(s)->pool;
}
