/* SPDX-License-Identifier: BSD-2-Clause */
/* sip_feed.c - a stream, given to the framer in every way that matters. */
#include "tests/unit/sip_feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Longer streams are split at some places only, or a test of a large body would take minutes. */
enum { SPLITS_MAX = 1500 };

static const struct frame_limits defaults = {
	.max_message = 65536,
	.max_header_bytes = 16384,
	.max_headers = 128,
	.max_parameters = 64,
};

/* How a stream is cut: the first piece, then pieces of `step`. */
struct cut {
	size_t first;
	size_t step;
};

static enum frame_verdict call(struct framer *f, const struct frame_limits *limits,
	const char *bytes, size_t length, struct frame *out)
{
	uint32_t scanned = f->scanned;
	/* Exactly what has come, so that AddressSanitizer sees a read behind it. */
	uint8_t *copy = malloc(length ? length : 1);
	enum frame_verdict verdict;

	assert_non_null(copy);
	memcpy(copy, bytes, length);
	verdict = frame_next(f, limits, copy, length, out);
	free(copy);
	assert_true(out->consumed <= length);
	/*
	 * Nothing is judged twice: the work on a stream is bounded by its length, however it comes.
	 */
	if (verdict == FRAME_MORE)
		assert_true(f->scanned >= scanned);
	return verdict;
}

static void note(struct fed *fed, enum frame_verdict verdict, struct frame frame, size_t begin)
{
	frame.start += begin;
	frame.consumed += begin;
	fed->consumed = frame.consumed;
	if (verdict == FRAME_PING)
		fed->pings++;
	if (verdict == FRAME_MESSAGE) {
		fed->messages++;
		fed->message = frame;
	}
	if (verdict == FRAME_BAD)
		fed->bad = frame;
}

static struct fed feed_cut(
	const struct frame_limits *limits, const char *bytes, size_t length, struct cut cut)
{
	struct framer f = {0};
	struct fed fed = {0};
	size_t begin = 0;
	size_t come = cut.first < length ? cut.first : length;

	for (;;) {
		struct frame frame;

		fed.last = call(&f, limits, bytes + begin, come - begin, &frame);
		note(&fed, fed.last, frame, begin);
		begin = fed.consumed;
		if (fed.last == FRAME_BAD || (fed.last == FRAME_MORE && come == length))
			break;
		if (fed.last == FRAME_MORE)
			come = length - come < cut.step ? length : come + cut.step;
	}
	fed.is_open = frame_is_open(&f);
	return fed;
}

static void assert_same_frame(const struct frame *a, const struct frame *b)
{
	assert_int_equal(a->start, b->start);
	assert_int_equal(a->consumed, b->consumed);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->method, b->method);
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->header_length, b->header_length);
	assert_int_equal(a->fault, b->fault);
	assert_int_equal(a->offset, b->offset);
	assert_int_equal(a->checked, b->checked);
}

static void assert_same(const struct fed *a, const struct fed *b)
{
	assert_int_equal(a->last, b->last);
	assert_int_equal(a->messages, b->messages);
	assert_int_equal(a->pings, b->pings);
	assert_int_equal(a->consumed, b->consumed);
	assert_int_equal(a->is_open, b->is_open);
	assert_same_frame(&a->message, &b->message);
	assert_same_frame(&a->bad, &b->bad);
}

struct fed feed(const struct frame_limits *limits, const char *bytes, size_t length)
{
	const struct frame_limits *l = limits ? limits : &defaults;
	struct fed whole = feed_cut(l, bytes, length, (struct cut){length, length});
	size_t stride = length / SPLITS_MAX + 1;
	struct fed other;

	for (size_t at = 0; at < length; at += stride) {
		other = feed_cut(l, bytes, length, (struct cut){at, length});
		assert_same(&whole, &other);
	}
	other = feed_cut(l, bytes, length, (struct cut){stride, stride});
	assert_same(&whole, &other);
	return whole;
}

enum frame_fault feed_fault(const char *bytes, size_t length)
{
	return feed(NULL, bytes, length).bad.fault;
}
