/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * listen.h - the listening sockets of one address: one per worker, sharing the port (SO_REUSEPORT). A reload keeps them
 * whatever else of their listener changes: to close one is to reset everybody in its queue.
 *
 * The main thread makes and frees them. In between each worker owns its socket, through its acceptor, and the main thread
 * may set options of a socket that stays.
 */
#ifndef SIPWEIR_PROXY_IO_LISTEN_H
#define SIPWEIR_PROXY_IO_LISTEN_H

#include "conf/conf.h"
#include "proxy/io/acceptor.h"

#include <stdbool.h>
#include <stdint.h>

struct sockets {
	struct addr_port wanted; /* as configured; port 0 is any free one */
	bool is_dual_stack;
	struct addr_port bound;	     /* the port is real */
	uint32_t backlog;	     /* as the kernel grants it */
	unsigned count;		     /* of workers */
	struct acceptor acceptors[]; /* one per worker */
};

/*
 * Bind and listen, `count` times. An exclusive bind is tried first, so that a second instance does not silently take half of
 * the traffic; not with `is_ours`, when sockets of our own have that port on overlapping addresses. NULL: said in `errors`.
 */
struct sockets *listen_open(const struct conf_listener *conf, const struct conf_timeouts *timeouts,
	unsigned count, bool is_ours, struct conf_errors *errors);

/* Sockets that stay: what is configured for them now. Only what the kernel refuses is not changed. */
void listen_configure(
	struct sockets *s, const struct conf_listener *conf, const struct conf_timeouts *timeouts);

/* Whether they are those that this listener needs. Of port 0 that is for the caller to know. */
bool listen_fits(const struct sockets *s, const struct conf_listener *conf);

/* Free them; sockets that no worker has closed are closed. NULL is fine. */
void listen_free(struct sockets *s);

/* The length of the accept queue and its limit. False when the kernel does not say. */
bool listen_queue(int fd, uint32_t *length, uint32_t *limit);

#endif
