/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * metrics.h - the numbers of an inspection, and the kernel's, as a page in Prometheus' text format (version 0.0.4). Any thread.
 */
#ifndef SIPWEIR_ADMIN_METRICS_H
#define SIPWEIR_ADMIN_METRICS_H

#include "admin/kernel.h"
#include "proxy/core/text.h"
#include "proxy/inspect.h"

#include <stdbool.h>

#define METRICS_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics {
	const struct inspection *all;
	const struct kernel *kernel;
};

/* `metrics` is a struct metrics. False when the page does not fit: then it is of no use, and a larger text is needed. */
bool metrics_write(struct text *t, const void *metrics);

#endif
