/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * listen.h - listening sockets: one per worker and listener, all on one address (SO_REUSEPORT).
 */
#ifndef SIPWEIR_PROXY_IO_LISTEN_H
#define SIPWEIR_PROXY_IO_LISTEN_H

#include "conf/conf.h"
#include "limits/addr.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Bind and listen `count` times. fds[] is filled; *bound is the address with its real port; *backlog what the kernel
 * grants. First an exclusive bind is tried: a second process on the same address would silently take its share of the
 * callers. False, with every socket closed and the cause in `errors`: the address is taken or not ours.
 */
bool listen_open(const struct conf_listener *conf, const struct conf_timeouts *timeouts,
	unsigned count, int *fds, struct addr_port *bound, uint32_t *backlog,
	struct conf_errors *errors);

/* How many connections wait in the kernel for accept(), and how many may. False: no listening socket. */
bool listen_queue(int fd, uint32_t *length, uint32_t *limit);

#endif
