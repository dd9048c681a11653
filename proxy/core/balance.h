/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * balance.h - which server of its pool one more connection goes to (pools.policy).
 *
 * Cost grows with the number of servers of the pool, and with nothing else. Allocates nothing; any worker.
 */
#ifndef SIPWEIR_PROXY_CORE_BALANCE_H
#define SIPWEIR_PROXY_CORE_BALANCE_H

#include "proxy/core/settings.h"

#include <stdbool.h>
#include <stdint.h>

struct choice {
	const struct pool_settings *pool;
	uint64_t source;       /* balance_source(): who it is for */
	const uint16_t *tried; /* slots of servers that are out of the question */
	unsigned tried_count;
	uint64_t now_ms;
};

/* What source-hash knows a source by: the same in every process. `endpoint`: of a VPC, "" for none. */
uint64_t balance_source(
	const struct conf_limits *limits, const struct addr *address, const char *endpoint);

/* The server; NULL: nobody is left, or each is as full as it may be. Nothing is counted. */
const struct server_settings *balance_choose(const struct choice *c);

/* True when a server other than this one takes clients: those of `except` have somewhere to go. */
bool balance_has_other(const struct pool_settings *pool, const struct backend *except);

/* The servers that take clients. */
unsigned balance_count_up(const struct pool_settings *pool);

#endif
