/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http_gate.h - who gets through to evhttp, which bounds neither its connections nor, in all, their time.
 *
 * A gate is one listening socket with an evhttp behind it. It holds at most GATE_CONNECTIONS: the next one takes the place
 * of the oldest, so that those who connect and say nothing keep nobody out. Each has GATE_PATIENCE_S from its accept to its
 * last byte. From peers that are trusted a PROXY header in front of the request is read and forgotten.
 */
#ifndef SIPWEIR_ADMIN_HTTP_GATE_H
#define SIPWEIR_ADMIN_HTTP_GATE_H

#include "limits/addr.h"

#include <stdbool.h>
#include <stddef.h>

enum { GATE_CONNECTIONS = 64, GATE_PATIENCE_S = 10 };

struct event_base;
struct evhttp_request;
struct http_gate;

struct gate_setup {
	struct addr_port address;
	const struct network *trusted; /* who may send a PROXY header; borrowed */
	size_t trusted_count;
	void (*on_request)(struct evhttp_request *request, void *owner);
	void *owner;
};

/* Bind and listen; *bound is the address with its real port. NULL, with errno, when that fails. */
struct http_gate *gate_new(
	struct event_base *base, const struct gate_setup *setup, struct addr_port *bound);

/*
 * Close the socket and every connection. What remains of them is freed with the base, by event_base_free(); gate_free() is
 * for after that. NULL is fine for both.
 */
void gate_close(struct http_gate *g);
void gate_free(struct http_gate *g);

#endif
