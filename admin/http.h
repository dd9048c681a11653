/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http.h - HTTP for operators (`admin.http`) and load balancers (`admin.health`), in a thread of its own: no worker ever
 * waits for who reads it.
 *
 *   /metrics   admin.http alone: Prometheus' text format
 *   /healthz   200 while every worker turns, else 503
 *   /readyz    200 while traffic should come, else 503
 */
#ifndef SIPWEIR_ADMIN_HTTP_H
#define SIPWEIR_ADMIN_HTTP_H

#include "conf/conf.h"

struct http;
struct server;

/*
 * Bind what is configured, say so in the log, and start the thread. `conf` and `server` are borrowed until http_free().
 * NULL: nothing is configured, or it cannot be bound, which is then in `errors`. Main thread, between server_new() and
 * server_run().
 */
struct http *http_new(
	const struct conf_admin *conf, struct server *server, struct conf_errors *errors);

/* End the thread, with whatever it is answering. NULL is fine. */
void http_free(struct http *h);

#endif
