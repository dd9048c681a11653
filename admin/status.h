/* SPDX-License-Identifier: BSD-2-Clause */
/* status.h - how the proxy is, on one screen for people or as JSON for programs: the same numbers. Any thread. */
#ifndef SIPWEIR_ADMIN_STATUS_H
#define SIPWEIR_ADMIN_STATUS_H

#include "proxy/core/text.h"
#include "proxy/inspect.h"

#include <stdbool.h>

struct status {
	const struct inspection *all;
	bool is_healthy;
	bool is_ready;
};

/* `status` is a struct status. False when it does not fit. */
bool status_write_text(struct text *t, const void *status);
bool status_write_json(struct text *t, const void *status);

#endif
