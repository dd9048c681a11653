/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proxy_tlv.h - what a PROXY header of version 2 says beyond addresses, written (HAProxy document, section 2.2). No state; any
 * thread.
 */
#ifndef SIPWEIR_PROXY_CORE_PROXY_TLV_H
#define SIPWEIR_PROXY_CORE_PROXY_TLV_H

#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proxy_tlvs {
	const enum conf_proxy_tlv *wanted;
	size_t count;
	size_t max; /* bytes of the whole header; at least PROXY_HEADER_PLAIN_MAX */

	/* NULL or "" for what there is not. */
	const char *unique_id;
	const char *authority; /* the name that the client asked for */
	const char *endpoint;

	const char *tls_version; /* "1.3"; NULL: no TLS, and then none of the following */
	const char *tls_cipher;
	const char *certificate; /* the name in the verified one of the client */
	bool is_resumed;
};

/*
 * Put those that are wanted, and that there are, behind header[0..length), which proxy_header_write() has made, in the order
 * in which they are wanted; a checksum goes first, over the whole. One that would make the header longer than `max` is left
 * out whole, since half a name is another name: its bit (1 << constant) is in *left_out. Returns the new length; `header`
 * has room for `max`.
 */
size_t proxy_tlv_append(
	uint8_t *header, size_t length, const struct proxy_tlvs *t, unsigned *left_out);

#endif
