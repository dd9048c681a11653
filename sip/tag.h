/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tag.h - To tags of answers made without state (RFC 3261 sections 8.2.7 and 19.3): a keyed hash
 * (SipHash-1-3) of what makes a request that request. Internal to sip/. A hash in progress belongs
 * to one thread.
 */
#ifndef SIPWEIR_SIP_TAG_H
#define SIPWEIR_SIP_TAG_H

#include <stddef.h>
#include <stdint.h>

struct tag_hash {
	uint64_t v[4];
	uint64_t word;	/* bytes that wait for their eighth */
	unsigned bytes; /* in `word`, 0..7 */
};

enum { TAG_LENGTH = 16 };

/* Begin with a secret `key`: without it nobody can tell which tag a request will get. */
void tag_begin(struct tag_hash *h, uint64_t key);

/* Add one field. The end of a field counts: "ab", "c" is not "a", "bc". */
void tag_add(struct tag_hash *h, const uint8_t *bytes, size_t length);

/* The tag, in hexadecimal digits, with a NUL behind. */
void tag_end(struct tag_hash *h, char tag[TAG_LENGTH + 1]);

#endif
