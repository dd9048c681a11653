/* SPDX-License-Identifier: BSD-2-Clause */
/* descriptors.h - how many connections the descriptor limit of the process carries. */
#ifndef SIPWEIR_PROXY_IO_DESCRIPTORS_H
#define SIPWEIR_PROXY_IO_DESCRIPTORS_H

#include "conf/conf.h"
#include "proxy/core/shared.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Raise RLIMIT_NOFILE as far as the hard limit allows, and return for how many client connections there shall be room: at
 * least max_connections. 0: fewer than that fit; said in `errors`. Main thread.
 */
uint32_t descriptors_provide(const struct conf *conf, unsigned workers, struct conf_errors *errors);

/* True when a reload's max_connections fits into that room; else it is said in `errors`. Main thread. */
bool descriptors_suffice(
	const struct conf *conf, const struct shared *sh, struct conf_errors *errors);

/* How many ports this host gives to connects from one address to one server; 0: it does not tell. Any thread. */
uint32_t descriptors_ports(void);

#endif
