/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_STEP = 1024 };

uint64_t memory_held(const struct memory_gauge *g)
{
	return atomic_load_explicit(&g->held, memory_order_relaxed);
}

static void count(struct memory_gauge *g, uint32_t before, uint32_t after)
{
	if (after > before)
		atomic_fetch_add_explicit(&g->held, after - before, memory_order_relaxed);
	else
		atomic_fetch_sub_explicit(&g->held, before - after, memory_order_relaxed);
}

void memory_take(struct memory_gauge *g, uint32_t bytes)
{
	count(g, 0, bytes);
}

void memory_give(struct memory_gauge *g, uint32_t bytes)
{
	count(g, bytes, 0);
}

/* A first piece is held in what it needs; one that grows doubles, so that a trickle is copied a constant number of times. */
static bool buffer_grow(struct buffer *b, struct memory_gauge *g, size_t more)
{
	size_t need = b->length + more;
	if (need <= b->capacity)
		return true;
	if (need > INT32_MAX)
		return false;
	size_t capacity =
		b->length && need < 2 * (size_t)b->capacity ? 2 * (size_t)b->capacity : need;
	capacity = (capacity + BUFFER_STEP - 1) / BUFFER_STEP * BUFFER_STEP;
	uint8_t *bytes = realloc(b->bytes, capacity);
	if (!bytes)
		return false;
	count(g, b->capacity, (uint32_t)capacity);
	b->bytes = bytes;
	b->capacity = (uint32_t)capacity;
	return true;
}

bool buffer_append(struct buffer *b, struct memory_gauge *g, const void *bytes, size_t length)
{
	if (!length)
		return true;
	if (!buffer_grow(b, g, length))
		return false;
	memcpy(b->bytes + b->length, bytes, length);
	b->length += (uint32_t)length;
	return true;
}

bool buffer_append_ranges(struct buffer *b, struct memory_gauge *g, const struct iovec *ranges,
	int count, size_t skip)
{
	size_t total = 0;
	for (int i = 0; i < count; i++)
		total += ranges[i].iov_len;
	assert(skip <= total);
	if (skip == total)
		return true;
	if (!buffer_grow(b, g, total - skip))
		return false;
	for (int i = 0; i < count; i++) {
		size_t left_out = skip < ranges[i].iov_len ? skip : ranges[i].iov_len;
		const uint8_t *from = ranges[i].iov_base;
		memcpy(b->bytes + b->length, from + left_out, ranges[i].iov_len - left_out);
		b->length += (uint32_t)(ranges[i].iov_len - left_out);
		skip -= left_out;
	}
	return true;
}

void buffer_consume(struct buffer *b, struct memory_gauge *g, size_t length)
{
	assert(length <= b->length);
	if (length == b->length) {
		buffer_free(b, g);
		return;
	}
	if (length) {
		memmove(b->bytes, b->bytes + length, b->length - length);
		b->length -= (uint32_t)length;
	}
}

void buffer_free(struct buffer *b, struct memory_gauge *g)
{
	count(g, b->capacity, 0);
	free(b->bytes);
	*b = (struct buffer){0};
}
