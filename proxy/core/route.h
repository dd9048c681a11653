/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * route.h - which pool a connection's messages go to: that of the first route that fits, else that of its listener. Asked once,
 * when its first message has come.
 */
#ifndef SIPWEIR_PROXY_CORE_ROUTE_H
#define SIPWEIR_PROXY_CORE_ROUTE_H

#include "conf/conf.h"
#include "sip/frame.h"

#include <stdint.h>

struct listener;
struct pool;
struct session;
struct settings;

struct route_settings {
	const struct conf_route *conf;
	struct pool *pool;
	const struct listener *listener; /* NULL: whatever */
	uint16_t class_slot;		 /* with conf->class alone */
};

/* What is looked at. Texts that are not there are "". */
struct route_caller {
	const struct listener *listener;
	uint16_t class_slot;
	const char *endpoint;
	const char *server_name;
	const char *method; /* of the first request; not ended by a NUL */
	size_t method_length;
};

/* NULL: no route fits. */
struct pool *route_find(const struct settings *s, const struct route_caller *who);

/* The pool for a session whose first message this is. */
struct pool *route_choose(
	const struct session *s, const uint8_t *message, const struct frame *frame);

#endif
