/* SPDX-License-Identifier: BSD-2-Clause */
/* server_order.h - what an administrator tells about a server of a pool: up, drain, down. Main thread. */
#ifndef SIPWEIR_PROXY_IO_SERVER_ORDER_H
#define SIPWEIR_PROXY_IO_SERVER_ORDER_H

#include "proxy/io/server.h"

/* SERVER_BACKEND: it holds until the next one, over reloads too. */
void server_order_carry_out(struct server *s, const struct server_order *order);

#endif
