/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * acceptor.h - one worker's listening socket of one listener: our own accept loop, with a budget per turn so that a flood of
 * connects does not starve the connections there are, and a pause when descriptors run out instead of spinning.
 */
#ifndef SIPWEIR_PROXY_IO_ACCEPTOR_H
#define SIPWEIR_PROXY_IO_ACCEPTOR_H

#include "proxy/core/core.h"
#include "proxy/io/tcp.h"

#include <event2/event_struct.h>
#include <stdbool.h>

struct acceptor {
	struct core *core; /* NULL: does not accept yet */
	struct tcp *tcp;
	struct listener *listener;
	int fd; /* -1: closed */
	bool is_paused;
	struct event ready;
	struct event resume;
};

/*
 * Begin to accept on a->fd for this listener, in the worker's thread; or, when it does so already, for another one. False:
 * libevent has no room.
 */
bool acceptor_open(
	struct acceptor *a, struct core *core, struct tcp *tcp, struct listener *listener);

/* Accept what the kernel has queued already, then close the socket. Its own thread; closed ones are let alone. */
void acceptor_close(struct acceptor *a);

#endif
