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

/* Who answers what comes through. */
struct gate_use {
	void (*on_request)(struct evhttp_request *request, void *owner);
	void *owner;
	struct network *
		trusted; /* who may send a PROXY header; from malloc(), the gate's from then on; may be NULL */
	size_t trusted_count;
};

/*
 * Bind and listen; whoever comes waits for gate_open(). An exclusive bind is tried first, so that no second instance takes half
 * of the requests; not with `is_ours`, when another gate of this process has that port. NULL, with errno, when it fails.
 */
struct http_gate *gate_new(struct event_base *base, const struct addr_port *address, bool is_ours);

/* As it was asked for, and as it is: with the real port. */
const struct addr_port *gate_wanted(const struct http_gate *g);
const struct addr_port *gate_bound(const struct http_gate *g);

/* Let them through, from now on to this one. Those who are through stay. */
void gate_open(struct http_gate *g, const struct gate_use *use);

/* Close the socket and every connection. NULL is fine. */
void gate_free(struct http_gate *g);

#endif
