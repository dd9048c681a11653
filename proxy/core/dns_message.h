/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns_message.h - the little that is read of DNS messages here: for how long an answer may be believed. Pure; any thread.
 */
#ifndef SIPWEIR_PROXY_CORE_DNS_MESSAGE_H
#define SIPWEIR_PROXY_CORE_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The smallest time to live of the records of the answer, UINT32_MAX where there is none (RFC 1035 section 4.1). False, *ttl_s
 * untouched: it is no message, or one that ends before its records do.
 */
bool dns_message_ttl(const uint8_t *bytes, size_t length, uint32_t *ttl_s);

#endif
