/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loss.h - what becomes of the clients of a server that is gone, or that shall go.
 *
 * A server is lost when the checks have found it down for pools.loss_after, when many of its connections end within a second,
 * or when an administrator says so. With on_server_loss = "close" its clients are closed at close_rate, so that phones register
 * elsewhere without a stampede; a request that comes before goes to a server that lives, and a 2xx to its REGISTER spares the
 * connection. With "keep" they get another connection at once. Nobody is closed while no other server is up.
 *
 * A server that is drained loses its clients at an even rate, between messages, those with an open dialog last.
 */
#ifndef SIPWEIR_PROXY_CORE_LOSS_H
#define SIPWEIR_PROXY_CORE_LOSS_H

#include "proxy/core/reason.h"

#include <stdbool.h>

struct core;
struct link;
struct session;

/* The connection of this link, which has had one, is gone; `is_lost`: with it the server. The link may be gone afterwards. */
void loss_of_link(struct link *k, enum reason reason, bool is_lost);

/* A connect has failed, or a connection ended that should not have: from several sources that is worth a check. */
void loss_complain(const struct link *k);

/* Before a message is handed over: a lost server is left, where there is another. */
void loss_expect(struct session *s);

/* It has registered again: it is not closed for the server that it has lost. */
void loss_spare(struct session *s);

/* Between events: servers that are lost or drained. Looks around ten times a second. */
void loss_tend(struct core *c);

#endif
