/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * crc32c.h - the checksum of PROXY protocol v2 headers (CRC-32C, Castagnoli). No state; any thread.
 */
#ifndef SIPWEIR_PROXY_CORE_CRC32C_H
#define SIPWEIR_PROXY_CORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * The CRC of what `crc` is the CRC of, followed by these bytes; 0 is the CRC of nothing.
 * "123456789" has 0xe3069283.
 */
uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t length);

#endif
