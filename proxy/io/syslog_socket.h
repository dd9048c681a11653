/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * syslog_socket.h - lines for the host's syslog. Like syslog(3), but without its wait: that one blocks for ever when the daemon takes
 * nothing, and with it whoever waits for the log.
 */
#ifndef SIPWEIR_PROXY_IO_SYSLOG_SOCKET_H
#define SIPWEIR_PROXY_IO_SYSLOG_SOCKET_H

#include "conf/conf.h"

#include <stddef.h>
#include <sys/types.h>

/* A descriptor that does not block, for the caller to close; -1: nobody listens there now, which may change. */
int syslog_socket_open(void);

/* One line without its end. -1 with errno: EAGAIN until poll() says writable; else it takes another descriptor. */
ssize_t syslog_socket_send(int fd, enum conf_log_level level, const char *line, size_t length);

#endif
