/* SPDX-License-Identifier: BSD-2-Clause */
/* siphash.h - SipHash-1-3, the keyed hash of tables that strangers fill. No state; any thread. */
#ifndef SIPWEIR_LIMITS_SIPHASH_H
#define SIPWEIR_LIMITS_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/*
 * Hash `length` bytes under a secret key. The same on every machine, whatever its byte order;
 * `bytes` may be NULL when length is 0. For hash tables only: too few rounds to authenticate a
 * message with.
 */
uint64_t siphash13(const uint8_t key[16], const void *bytes, size_t length);

#endif
