/* SPDX-License-Identifier: BSD-2-Clause */
/* source_key.h - what a source or a subnet is found by. */
#ifndef SIPWEIR_LIMITS_SOURCE_KEY_H
#define SIPWEIR_LIMITS_SOURCE_KEY_H

#include "limits/addr.h"

#include <stdint.h>

/* Compared and hashed as bytes: no padding. */
struct source_key {
	struct addr addr;  /* cut to its prefix */
	uint64_t endpoint; /* keyed hash of the VPC endpoint id, 0 for none */
	uint64_t hash;	   /* keyed hash of the two above */
};

#endif
