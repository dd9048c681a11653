/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h - the OPTIONS by which a server shows that it works (RFC 3261 section 11), and which answer is to it. Allocates
 * nothing; any thread.
 */
#ifndef SIPWEIR_SIP_OPTIONS_H
#define SIPWEIR_SIP_OPTIONS_H

#include "sip/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Other for each request: its branch, tag and Call-ID are made of it. */
struct options_id {
	uint64_t words[2];
};

struct options_request {
	const char *
		from; /* address and port of our own end of the connection, as text: 192.0.2.1:5060, [2001:db8::1]:5060 */
	const char *to;	 /* of the server, the same */
	const char *uri; /* of the request; "" = sip:TO */
	bool is_tls;
};

/* Returns its length, without a NUL; 0: `size` is too small. */
size_t options_write(
	const struct options_request *r, const struct options_id *id, char *out, size_t size);

/* Whether a response is to this request: by its Call-ID and CSeq, which are copied from it (section 8.2.6.2). */
bool options_is_answer(
	const struct options_id *id, const uint8_t *response, const struct frame *frame);

#endif
