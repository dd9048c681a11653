/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trust.h - does a list of networks leave anybody out?
 */
#ifndef SIPWEIR_CONF_TRUST_H
#define SIPWEIR_CONF_TRUST_H

#include "limits/addr.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * True when the networks together hold all of IPv4 or all of IPv6, in one piece (0.0.0.0/0) or in
 * several (0.0.0.0/1 and 128.0.0.0/1).
 */
bool conf_trust_is_everything(const struct network *networks, size_t count);

#endif
