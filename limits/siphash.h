/* SPDX-License-Identifier: BSD-2-Clause */
/* siphash.h - SipHash-1-3, the keyed hash of the tables that strangers fill. Any thread. */
#ifndef SIPWEIR_LIMITS_SIPHASH_H
#define SIPWEIR_LIMITS_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash13(const uint8_t key[16], const void *bytes, size_t length);

#endif
