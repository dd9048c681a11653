/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory.h - bytes held for peers that are slow or half done, counted for the whole process (`memory.total`), and
 * the buffers that hold them. The gauge is shared by all threads; a buffer belongs to one connection.
 */
#ifndef SIPWEIR_PROXY_CORE_MEMORY_H
#define SIPWEIR_PROXY_CORE_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * The bound is looked at before a read, not before a byte is kept: past it nobody is read any more, so that what
 * exceeds it is at most one read per worker.
 */
struct memory_gauge {
	atomic_uint_fast64_t held;
};

uint64_t memory_held(const struct memory_gauge *g);

/* What OpenSSL has for one connection cannot be counted as it comes: a fixed sum, above the 14.3 KB of an idle one. */
enum { MEMORY_PER_TLS = 16 * 1024 };

/* Count what others hold; given back with the same number. */
void memory_take(struct memory_gauge *g, uint32_t bytes);
void memory_give(struct memory_gauge *g, uint32_t bytes);

struct buffer {
	uint8_t *bytes; /* NULL while empty */
	uint32_t length;
	uint32_t capacity; /* what the gauge has counted */
};

/* Append a copy. False when the host has no memory or the buffer would pass 2 GiB; the buffer is then as before. */
bool buffer_append(struct buffer *b, struct memory_gauge *g, const void *bytes, size_t length);

/* Append what the ranges hold behind their first `skip` bytes. All or nothing, as above. */
bool buffer_append_ranges(struct buffer *b, struct memory_gauge *g, const struct iovec *ranges,
	int count, size_t skip);

/* Drop `length` bytes from the front; the memory goes when nothing is left. */
void buffer_consume(struct buffer *b, struct memory_gauge *g, size_t length);

void buffer_free(struct buffer *b, struct memory_gauge *g);

#endif
