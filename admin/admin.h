/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * admin.h - what operators and load balancers can reach of a running proxy, as its configuration says: HTTP and the control
 * socket, in a thread of their own, so that no worker ever waits for who reads them. Follows reloads.
 *
 * All of it in the main thread.
 */
#ifndef SIPWEIR_ADMIN_ADMIN_H
#define SIPWEIR_ADMIN_ADMIN_H

#include "conf/conf.h"

#include <stdbool.h>

struct admin;
struct server;

/*
 * Bind what is configured, say so in the log, and start the thread. `server` is borrowed until admin_free(). NULL: said in
 * `errors`. Between server_new() and server_run().
 */
struct admin *admin_new(
	const struct conf_admin *conf, struct server *server, struct conf_errors *errors);

/* A reload, for server_program: bind what is new; then take it and close what is not wanted any more, or drop it. */
bool admin_prepare(struct admin *a, const struct conf_admin *next, struct conf_errors *errors);
void admin_commit(struct admin *a, bool is_taken);

/* End the thread with all that it holds; before server_free(). Then nobody is answered any more. NULL is fine. */
void admin_stop(struct admin *a);

/* After admin_stop() and server_free(), which may still answer orders. NULL is fine. */
void admin_free(struct admin *a);

#endif
