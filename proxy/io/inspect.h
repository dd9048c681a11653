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

struct inspector {
	const struct shared *shared;
	const struct worker *workers; /* shared->workers of them, initialized */
	const struct log *log;
	atomic_bool is_serving;
};

#endif
