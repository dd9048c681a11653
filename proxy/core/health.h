/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * health.h - what follows from the checks of a server: whether it is up, and whether it is lost. Called by the worker that
 * checks it.
 */
#ifndef SIPWEIR_PROXY_CORE_HEALTH_H
#define SIPWEIR_PROXY_CORE_HEALTH_H

#include "proxy/core/settings.h"

#include <stdbool.h>

struct core;

struct health_subject {
	struct core *core;
	const struct pool_settings *pool;
	struct backend *backend;
	const struct addr_port *address;
};

/* How its checks have ended, so many in a row; one of the two is 0. */
struct health_runs {
	unsigned succeeded, failed;
};

/*
 * One more check has ended; backend->why and ->status say how. `detail`: a sentence about a failure, or NULL. The first one
 * ever decides alone, later it takes health.rise or health.fall in a row.
 */
void health_judge(const struct health_subject *on, struct health_runs *runs, bool is_alive,
	const char *detail);

/* Between checks: has it been down for pools.loss_after? */
void health_look_for_loss(const struct health_subject *on);

#endif
