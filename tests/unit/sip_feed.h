/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sip_feed.h - give a stream to the framer in every way that matters: whole, split in two at each
 * byte, and byte by byte. All must give the same; a difference fails the test at hand.
 */
#ifndef SIPWEIR_TESTS_SIP_FEED_H
#define SIPWEIR_TESTS_SIP_FEED_H

#include <stdbool.h>
#include <stddef.h>

#include "sip/frame.h"

/* A literal and its length, NULs inside it included. */
#define BYTES(literal) (literal), sizeof(literal) - 1

/* What came out of a stream. */
struct fed {
	enum frame_verdict last; /* FRAME_MORE or FRAME_BAD */
	unsigned messages;
	unsigned pings;
	size_t consumed;
	bool is_open;
	struct frame message; /* the last one; `start` and `consumed` are places in the stream */
	struct frame bad;     /* FRAME_BAD: likewise */
};

/* `limits` NULL: those that a proxy has by default. */
struct fed feed(const struct frame_limits *limits, const char *bytes, size_t length);

/* The fault of a stream under default limits, FRAME_FAULT_NONE if it has none. */
enum frame_fault feed_fault(const char *bytes, size_t length);

#endif
