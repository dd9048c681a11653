/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control.h - who asks at the socket of `admin.control`, in the thread of admin.h: one request, one answer (request.h), a bounded
 * number of them, each with a deadline.
 *
 * What only the main thread can do is given to it as an order (proxy/server.h); whoever asked waits for what became of it, and
 * may go meanwhile.
 */
#ifndef SIPWEIR_ADMIN_CONTROL_H
#define SIPWEIR_ADMIN_CONTROL_H

#include "conf/conf.h"

#include <stdbool.h>

enum {
	CONTROL_CLIENTS = 16,	 /* past it whoever has been there longest makes room */
	CONTROL_ORDERS = 8,	 /* that wait; so there is always room to look at what is wrong */
	CONTROL_PATIENCE_S = 10, /* for a request to come, and for its answer to be taken */
	CONTROL_ORDER_PATIENCE_S = 60, /* for the main thread */
};

struct control;
struct event_base;
struct server;

/* No socket yet. `base` and `server` are borrowed. NULL: memory or descriptors are short. */
struct control *control_new(struct event_base *base, struct server *server);

/*
 * Bind what a configuration asks for and is not bound. False: said in `errors`. Then control_commit() with false, which is due
 * after a success as well when something else has failed. Clients of a socket that goes are answered all the same.
 */
bool control_prepare(struct control *c, const struct conf_admin *conf, struct conf_errors *errors);
void control_commit(struct control *c, bool is_taken);

/* Say in the log where it has begun to listen with the last commit. The main thread, while no other one uses it. */
void control_announce(const struct control *c, struct server *server);

/* Answer those who still wait, and close everything; orders may still be answered. Before the base is freed. */
void control_close(struct control *c);

/* No order is answered any more, because server_free() has been called. NULL is fine. */
void control_free(struct control *c);

#endif
