/* SPDX-License-Identifier: BSD-2-Clause */
/* server_places.h - the servers of one pool's settings: those that are configured, and those that their names stand for. */
#ifndef SIPWEIR_PROXY_CORE_SERVER_PLACES_H
#define SIPWEIR_PROXY_CORE_SERVER_PLACES_H

#include "proxy/core/settings.h"

/* Fill in the servers of a pool that is configured; objects that are new are made. False: memory is short. Main thread. */
bool server_places_make(struct pool_settings *p, struct shared *sh);

/* The same for one that is no longer configured: they are those of `from`. */
bool server_places_carry(struct pool_settings *p, const struct pool_settings *from);

void server_places_free(struct pool_settings *p);

#endif
