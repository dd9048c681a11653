/* SPDX-License-Identifier: BSD-2-Clause */
/* relay.h - a pool whose sessions each have a connection of their own to one of its servers. See pool.h. */
#ifndef SIPWEIR_PROXY_CORE_RELAY_H
#define SIPWEIR_PROXY_CORE_RELAY_H

#include <stddef.h>

/* Bytes of the object that a session's connection to a server needs, for the worker's slab. */
size_t relay_link_size(void);

#endif
