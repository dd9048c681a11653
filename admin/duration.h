/* SPDX-License-Identifier: BSD-2-Clause */
/* duration.h - how people write how long something takes. */
#ifndef SIPWEIR_ADMIN_DURATION_H
#define SIPWEIR_ADMIN_DURATION_H

#include "proxy/core/text.h"

#include <stdint.h>

/* The two largest units: "3d 4h", "5m 12s". */
void duration_put(struct text *t, uint64_t ms);

#endif
