/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_servers.h - what the options about the servers of a pool demand of each other.
 */
#ifndef SIPWEIR_CONF_CHECK_SERVERS_H
#define SIPWEIR_CONF_CHECK_SERVERS_H

#include "conf/conf.h"

/* Add what is wrong to `errors`; `path` is the full name of the pool. Fills in health.alive_bits and sources. */
void conf_check_servers(struct conf_pool *p, const char *path, struct conf_errors *errors);

#endif
