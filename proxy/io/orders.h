/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * orders.h - what other threads ask of the main thread: a bounded queue, and a descriptor that is readable while it holds
 * something.
 */
#ifndef SIPWEIR_PROXY_IO_ORDERS_H
#define SIPWEIR_PROXY_IO_ORDERS_H

#include "proxy/server.h"

#include <pthread.h>
#include <stdbool.h>

struct orders {
	int fd;
	pthread_mutex_t lock;
	struct server_order queue[SERVER_ORDERS];
	unsigned first, count;
};

/* False, holding nothing, when descriptors are short. */
bool orders_init(struct orders *o);

/* Those that still wait are answered: not done. */
void orders_fini(struct orders *o);

/* Any thread. False: the queue is full. */
bool orders_give(struct orders *o, const struct server_order *order);

/* The main thread: forget that the descriptor was readable. Then take until false, now or later. */
void orders_clear(struct orders *o);

/* The main thread: the oldest one. False: there is none. */
bool orders_take(struct orders *o, struct server_order *order);

/* Tell whoever gave it; NULL for an order that nobody waits for. */
void orders_answer(const struct server_order *order, bool is_done, const char *text);

#endif
