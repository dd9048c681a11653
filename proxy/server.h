/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server.h - the whole proxy as its programs see it: prepare it from settings, run it, and be told how it ended.
 */
#ifndef SIPWEIR_PROXY_SERVER_H
#define SIPWEIR_PROXY_SERVER_H

#include "conf/conf.h"

#include <stdbool.h>

struct server;
struct inspector;

/*
 * Prepare everything that can fail: descriptors, limiter, log, workers. With `is_check` nothing is bound and no thread
 * started: what can be checked without that is. NULL: the causes are in `errors`. The configuration is borrowed until
 * server_free(). Main thread, before any other is started.
 */
struct server *server_new(const struct conf *conf, bool is_check, struct conf_errors *errors);

/* Called once, when every listener accepts: `address` is where the n-th listener really listens. */
typedef void server_on_ready(size_t listener, const char *address);

/*
 * Serve until SIGTERM or SIGINT; then close every connection with a reason and return. A second signal ends the process at
 * once. `on_ready` may be NULL. True: stopped as asked. False: failed while running; said in the log.
 */
bool server_run(struct server *s, server_on_ready *on_ready);

/* For those who show it: proxy/inspect.h. Valid until server_free(); NULL after a check alone. */
const struct inspector *server_inspector(const struct server *s);

/* Say in the log that something beside the listeners (`what`: "admin.http") accepts there. Before server_run(). */
void server_announce(struct server *s, const char *what, const struct addr_port *address);

void server_free(struct server *s);

#endif
