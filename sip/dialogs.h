/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dialogs.h - calls that were answered and not ended (RFC 3261 section 12), as far as one connection shows it: a proxy that
 * closes it would leave a call that nobody hangs up.
 *
 * Small, because every connection has one: the calls of a phone are told apart by a hash of their Call-ID; of a trunk with more
 * at once the rest is only counted. A caller that chooses Call-IDs with the same hash deceives nobody but itself.
 */
#ifndef SIPWEIR_SIP_DIALOGS_H
#define SIPWEIR_SIP_DIALOGS_H

#include "sip/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIALOGS_KNOWN = 4 };

/* Zeroed: none. The fields are its own. */
struct dialogs {
	uint32_t known[DIALOGS_KNOWN]; /* hashes; 0 = free */
	uint32_t more; /* beyond those; a repeated answer to one of them counts again */
};

/*
 * A whole message has passed, in either direction: a 2xx to an INVITE opens a dialog, once for each Call-ID; a BYE ends it, or a
 * 481 or 408 to an INVITE or UPDATE in it (RFC 3261 section 12.2.1.2). Any other message costs a few comparisons.
 */
void dialogs_see(struct dialogs *d, const uint8_t *message, const struct frame *frame);

bool dialogs_any(const struct dialogs *d);

#endif
