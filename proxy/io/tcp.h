/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tcp.h - TCP sockets as streams. The event structure is part of the stream and the stream comes from the worker's slab:
 * a connection costs no allocation.
 */
#ifndef SIPWEIR_PROXY_IO_TCP_H
#define SIPWEIR_PROXY_IO_TCP_H

#include "conf/conf.h"
#include "limits/addr.h"
#include "proxy/core/slab.h"
#include "proxy/core/stream.h"

#include <stdbool.h>

struct event_base;

/* Where one worker's TCP streams come from and report to. */
struct tcp {
	struct event_base *base;
	struct slab streams;
	void (*on_event)(
		struct tcp *t); /* before each callback into an owner: the worker sets the clock */
};

/* Room for `capacity` streams. False when memory is short. The base stays the caller's. */
bool tcp_init(
	struct tcp *t, struct event_base *base, uint32_t capacity, void (*on_event)(struct tcp *t));
void tcp_fini(struct tcp *t);

/* A connected non-blocking socket as a stream, which owns it from now on. NULL, with the socket closed, when there is
 * no room. */
struct stream *tcp_adopt(struct tcp *t, int fd);

/* Begin to connect, from that address unless it is NULL. NULL, with *failure an errno, when the host or the network says no at once. */
struct stream *tcp_connect(struct tcp *t, const struct addr_port *to, const struct addr *from,
	const struct conf_timeouts *timeouts, int *failure);

/* The address of our end. */
bool tcp_local_address(const struct stream *s, struct addr_port *local);

/* True when the peer has closed its side, or the connection is gone, unread bytes or not. */
bool tcp_has_ended(const struct stream *s);

/* Ask at once, and each second, whether the peer is there, and give it up after three times; or go back to `timeouts`. */
void tcp_probe(const struct stream *s, const struct conf_timeouts *timeouts, bool is_urgent);

/* Keepalive, user timeout and nodelay as configured; set on a listening socket they are inherited. */
bool tcp_set_options(int fd, const struct conf_timeouts *timeouts);

#endif
