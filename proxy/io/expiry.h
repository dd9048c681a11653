/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * expiry.h - how long the certificates in use are good for, said in time: an expired one keeps every client out at the same
 * moment, and nothing else goes wrong before.
 */
#ifndef SIPWEIR_PROXY_IO_EXPIRY_H
#define SIPWEIR_PROXY_IO_EXPIRY_H

#include "proxy/io/server.h"

/*
 * Tell the log of each certificate in force, of listeners and of pools, that has expired or has less than INSPECT_EXPIRING_S
 * left. When the settings have changed; expiry_go_on() then counts the day from here. Main thread.
 */
void expiry_tell(struct server *s);

/* If a day has passed since, tell again. In how many milliseconds it will be; at least 1. Main thread. */
int expiry_go_on(struct server *s);

/*
 * List the certificates of the listeners that these settings have. False when memory is short. The caller sees to it that the
 * settings stay: inspect_take() by the lock.
 */
bool expiry_fill(struct inspection *all, const struct settings *settings);

#endif
