/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * batch.h - whole messages on their way between a session and its pool: ranges of somebody else's bytes, good until the
 * call they are handed to returns.
 */
#ifndef SIPWEIR_PROXY_CORE_BATCH_H
#define SIPWEIR_PROXY_CORE_BATCH_H

#include "sip/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum { BATCH_RANGES = 16 };

struct batch {
	struct iovec ranges[BATCH_RANGES];
	int count;
	size_t length;
	uint32_t messages;
	uint32_t requests; /* that will be answered: ACK is not */
	uint32_t finals;   /* final responses */
};

static inline bool batch_is_full(const struct batch *b)
{
	return b->count == BATCH_RANGES;
}

static inline bool batch_has_room(const struct batch *b, int ranges)
{
	return b->count + ranges <= BATCH_RANGES;
}

/* CRLFs that the framer has passed over are no part of the message behind them. */
static inline size_t batch_message_length(const struct frame *frame)
{
	return frame->consumed - frame->start;
}

/* Add bytes that are no message: CRLFs between two. */
static inline void batch_add_bytes(struct batch *b, const uint8_t *bytes, size_t length)
{
	struct iovec *last = b->count ? &b->ranges[b->count - 1] : NULL;
	if (last && (const uint8_t *)last->iov_base + last->iov_len == bytes)
		last->iov_len += length;
	else
		b->ranges[b->count++] =
			(struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};
	b->length += length;
}

static inline void batch_count(struct batch *b, const struct frame *frame)
{
	b->messages++;
	b->requests += frame->kind == FRAME_REQUEST && frame->method != METHOD_ACK;
	b->finals += frame->kind == FRAME_RESPONSE && frame->status >= 200;
}

/* Add one message; it joins the last range where it follows it. The batch must not be full. */
static inline void batch_add(struct batch *b, const uint8_t *message, const struct frame *frame)
{
	batch_add_bytes(b, message, batch_message_length(frame));
	batch_count(b, frame);
}

/* The same with further header lines behind those that it has. There must be room for BATCH_LINED ranges. */
enum { BATCH_LINED = 3 };

static inline void batch_add_lined(struct batch *b, const uint8_t *message,
	const struct frame *frame, const uint8_t *lines, size_t length)
{
	size_t before = frame->header_length - 2; /* up to the empty line */
	batch_add_bytes(b, message, before);
	batch_add_bytes(b, lines, length);
	batch_add_bytes(b, message + before, batch_message_length(frame) - before);
	batch_count(b, frame);
}

#endif
