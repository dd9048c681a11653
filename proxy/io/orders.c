/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/orders.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool orders_init(struct orders *o)
{
	memset(o, 0, sizeof(*o));
	o->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (o->fd < 0)
		return false;
	pthread_mutex_init(&o->lock, NULL);
	return true;
}

void orders_fini(struct orders *o)
{
	struct server_order order;
	while (orders_take(o, &order))
		orders_answer(&order, false, "sipweir is stopping\n");
	close(o->fd);
	pthread_mutex_destroy(&o->lock);
}

bool orders_give(struct orders *o, const struct server_order *order)
{
	uint64_t one = 1;
	pthread_mutex_lock(&o->lock);
	bool has_room = o->count < SERVER_ORDERS;
	if (has_room)
		o->queue[(o->first + o->count++) % SERVER_ORDERS] = *order;
	pthread_mutex_unlock(&o->lock);
	return has_room && write(o->fd, &one, sizeof(one)) == sizeof(one);
}

bool orders_take(struct orders *o, struct server_order *order)
{
	pthread_mutex_lock(&o->lock);
	bool has_order = o->count > 0;
	if (has_order) {
		*order = o->queue[o->first];
		o->first = (o->first + 1) % SERVER_ORDERS;
		o->count--;
	}
	pthread_mutex_unlock(&o->lock);
	return has_order;
}

void orders_clear(struct orders *o)
{
	uint64_t count;
	if (read(o->fd, &count, sizeof(count)) < 0)
		return;
}

void orders_answer(const struct server_order *order, bool is_done, const char *text)
{
	if (order && order->on_done)
		order->on_done(order->owner, is_done, text);
}
