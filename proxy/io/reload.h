/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * reload.h - other settings without an interruption: load, check, prepare, publish, acknowledge, free. Everything that can fail
 * comes before the first thing that changes.
 */
#ifndef SIPWEIR_PROXY_IO_RELOAD_H
#define SIPWEIR_PROXY_IO_RELOAD_H

#include "proxy/io/server.h"

/* Begin one, for an order (copied) or a signal (NULL). While one is on its way another is begun behind it, once. */
void reload_begin(struct server *s, const struct server_order *order);

/*
 * A worker has done something, or it is time to look: publish what was loaded if its names are known, or were waited for long
 * enough; and if all workers have the new settings, say so and free the old ones.
 */
void reload_go_on(struct server *s);

/* In how many milliseconds a reload stops waiting for names; -1: none does. */
int reload_wait_ms(const struct server *s);

bool reload_is_pending(const struct server *s);

/*
 * Give the workers the same configuration with what names stand for now; none may be pending. It is no reload to whoever looks
 * from outside. False: memory is short.
 */
bool reload_names(struct server *s);

/* Open the log's target anew: a rotated file gets a successor. */
void reload_log(struct server *s);

/* The workers have ended. */
void reload_fini(struct server *s);

#endif
