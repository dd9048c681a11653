/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * inspect.h - where the numbers of proxy/inspect.h come from. Whoever runs the proxy fills it in; all of it outlives those
 * who look.
 */
#ifndef SIPWEIR_PROXY_IO_INSPECT_H
#define SIPWEIR_PROXY_IO_INSPECT_H

#include "proxy/inspect.h"
#include "proxy/io/worker.h"

#include <stdatomic.h>
#include <stdbool.h>

enum inspect_reload { INSPECT_RELOAD_DONE, INSPECT_RELOAD_FAILED, INSPECT_RELOADS };

struct inspector {
	struct shared *shared;
	const struct worker *workers; /* shared->workers of them, initialized */
	const struct log *log;
	uint64_t started_ms; /* monotonic */
	atomic_bool is_serving;
	atomic_uint_fast64_t accept_ends_ms; /* monotonic; of a drain */
	atomic_uint_fast64_t leave_ends_ms;  /* the same; 0: it is not draining */
	atomic_uint_fast64_t reloads[INSPECT_RELOADS];
};

#endif
