/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * message.h - is this framed message one that a SIP element understands? The only user of libosip2,
 * which reads here and neither frames nor writes. Off the hot path: the first message of a
 * connection.
 */
#ifndef SIPWEIR_SIP_MESSAGE_H
#define SIPWEIR_SIP_MESSAGE_H

#include "sip/frame.h"

/* Why a framed message was not understood. X(constant, name in logs and metrics, status, phrase) */
#define MESSAGE_FAULTS(X)                                                                          \
	X(MESSAGE_FAULT_NONE, "none", 0, "")                                                       \
	X(MESSAGE_FAULT_SYNTAX, "syntax", 400, "Bad Request") /* libosip2 refused it */            \
	X(MESSAGE_FAULT_REQUEST_URI, "request_uri", 400, "Bad Request-URI")                        \
	X(MESSAGE_FAULT_SCHEME, "uri_scheme", 416, "Unsupported URI Scheme")                       \
	X(MESSAGE_FAULT_NO_VIA, "missing_via", 400, "Missing Via")                                 \
	X(MESSAGE_FAULT_NO_FROM, "missing_from", 400, "Missing From")                              \
	X(MESSAGE_FAULT_NO_TO, "missing_to", 400, "Missing To")                                    \
	X(MESSAGE_FAULT_NO_CALL_ID, "missing_call_id", 400, "Missing Call-ID")                     \
	X(MESSAGE_FAULT_CSEQ, "cseq", 400, "Bad CSeq") /* absent, > 2^31-1, or another method's */ \
	X(MESSAGE_FAULT_MAX_FORWARDS, "max_forwards", 400, "Bad Max-Forwards") /* no number */     \
	X(MESSAGE_FAULT_VIA, "via", 400, "Bad Via") /* no version 2.0, host or port */             \
	X(MESSAGE_FAULT_MEMORY, "memory", 500, "Server Internal Error")

enum message_fault {
#define X(constant, name, status, phrase) constant,
	MESSAGE_FAULTS(X)
#undef X
		MESSAGE_FAULT_COUNT
};

struct message_rules {
	/* Of the Request-URI, in lower case, NULL behind the last; NULL or empty: any. */
	const char *const *schemes;
};

/*
 * Once per process, before any thread calls message_check(): libosip2 keeps static tables and
 * prints by default.
 */
void message_init(void);

/* Judge a message that frame_next() passed, less its body. Any thread after message_init(). */
enum message_fault message_check(
	const uint8_t *message, const struct frame *frame, const struct message_rules *rules);

/* What the list above says of a constant. The strings are constants too; any thread. */
const char *message_fault_name(enum message_fault fault);
unsigned message_fault_status(enum message_fault fault);
const char *message_fault_phrase(enum message_fault fault);

#endif
