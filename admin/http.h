/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * http.h - HTTP for operators (`admin.http`) and load balancers (`admin.health`), in the thread of admin.h.
 *
 *   /metrics   admin.http alone: Prometheus' text format
 *   /healthz   200 while every worker turns, else 503
 *   /readyz    200 while traffic should come, else 503
 */
#ifndef SIPWEIR_ADMIN_HTTP_H
#define SIPWEIR_ADMIN_HTTP_H

#include "conf/conf.h"

#include <stdbool.h>

struct event_base;
struct http;
struct server;

/* Nothing is open yet. `base` and `server` are borrowed until http_free(). NULL: memory is short. */
struct http *http_new(struct event_base *base, const struct server *server);

/*
 * Bind what a configuration asks for and is not bound; nobody is served there yet. False: said in `errors`. Then
 * http_commit() with false, which is due after a success as well when something else has failed.
 */
bool http_prepare(struct http *h, const struct conf_admin *conf, struct conf_errors *errors);
void http_commit(struct http *h, bool is_taken);

/* Say in the log where it has begun to listen with the last commit. The main thread, while no other one uses it. */
void http_announce(const struct http *h, struct server *server);

/* Make no more pages: who still asks is told so, and the thread comes to its end. Any thread. */
void http_stop(struct http *h);

/* Close everything. NULL is fine. */
void http_free(struct http *h);

#endif
