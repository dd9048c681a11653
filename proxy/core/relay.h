/* SPDX-License-Identifier: BSD-2-Clause */
/* relay.h - a pool whose sessions each have a connection of their own to one of its servers. See pool.h. */
#ifndef SIPWEIR_PROXY_CORE_RELAY_H
#define SIPWEIR_PROXY_CORE_RELAY_H

#include <stddef.h>

/* Bytes of the object that a session's connection to a server needs, for the worker's slab. */
size_t relay_link_size(void);

struct backend;
struct session;

/*
 * A session whose connection has ended gets another at once, to a server other than `lost` (NULL: any). Where none can be
 * connected to it has none, until its next message.
 */
void relay_rejoin(struct session *s, const struct backend *lost);

#endif
