/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refusal.h - why a request is answered no by sipweir itself: one number for the faults of the framer, those of the
 * understood message, and our own, with the answer that each gets. Constants only; any thread.
 */
#ifndef SIPWEIR_PROXY_CORE_REFUSAL_H
#define SIPWEIR_PROXY_CORE_REFUSAL_H

#include "sip/frame.h"
#include "sip/message.h"

/* One of these, or REFUSAL_FRAME and a frame_fault, or REFUSAL_MESSAGE and a message_fault. */
enum refusal {
	REFUSAL_UNREACHABLE, /* no server could be reached */
	REFUSAL_TOO_LARGE,   /* more than pools.max_message */
	REFUSAL_FRAME,
	REFUSAL_MESSAGE = REFUSAL_FRAME + FRAME_FAULT_COUNT,
	REFUSAL_COUNT = REFUSAL_MESSAGE + MESSAGE_FAULT_COUNT
};

/* Status and reason phrase of the answer; 0 when there is none to such a fault. */
unsigned refusal_status(enum refusal r);
const char *refusal_phrase(enum refusal r);

/* What metrics call it. */
const char *refusal_name(enum refusal r);

#endif
