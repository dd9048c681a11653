/* SPDX-License-Identifier: BSD-2-Clause */
/* phrase.h - the usual reason phrase of a final status (RFC 3261 section 21 and later). Constant; any thread. */
#ifndef SIPWEIR_SIP_PHRASE_H
#define SIPWEIR_SIP_PHRASE_H

/* Never NULL: an unknown status gets the phrase of its class. status is 200..699. */
const char *phrase_of_status(unsigned status);

#endif
