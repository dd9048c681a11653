/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * answer.h - a final response made here, from the request it answers (RFC 3261 section 8.2.6): Via,
 * From, To, Call-ID and CSeq are copied as received, a To tag is added where there is none.
 * Stateless: the same request gets the same tag (section 8.2.7). Allocates nothing; any thread.
 */
#ifndef SIPWEIR_SIP_ANSWER_H
#define SIPWEIR_SIP_ANSWER_H

#include <stddef.h>
#include <stdint.h>

struct answer {
	unsigned status;	/* 200..699 */
	const char *phrase;	/* printable text without CR or LF */
	uint32_t retry_after_s; /* 0 = no Retry-After */
	uint64_t tag_key;	/* secret of this process; keeps To tags from being guessed */
};

/*
 * Write the answer to the request whose first `length` bytes (start line and whole header lines)
 * are given. Returns its length, or 0 when it cannot be answered: one of the five headers is
 * missing among those lines, it is an ACK, or `size` is too small.
 */
size_t answer_write(
	const struct answer *a, const uint8_t *request, size_t length, uint8_t *out, size_t size);

#endif
