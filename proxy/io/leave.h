/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * leave.h - the orderly end, as the main thread sees it: say so (/readyz), go on accepting until the load balancer has noticed,
 * then let the workers close what is open over a time.
 */
#ifndef SIPWEIR_PROXY_IO_LEAVE_H
#define SIPWEIR_PROXY_IO_LEAVE_H

#include "proxy/io/server.h"

/* Begin, for an order or a signal (NULL). A second time changes nothing. */
void leave_begin(struct server *s, const struct server_order *order);

/* As long as accepting goes on: stay after all. */
void leave_take_back(struct server *s, const struct server_order *order);

/* If it is time to tell the workers, do. In how many milliseconds it will be; -1 for never. */
int leave_go_on(struct server *s);

/* True when every worker has closed everything. */
bool leave_is_over(const struct server *s);

#endif
