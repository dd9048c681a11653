/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/io_pipe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void io_bytes_add(struct io_bytes *b, const void *bytes, size_t length)
{
	if (!length)
		return;
	while (b->length + length > b->size) {
		b->size = b->size ? 2 * b->size : 4096;
		b->bytes = realloc(b->bytes, b->size);
		assert_non_null(b->bytes);
	}
	memcpy(b->bytes + b->length, bytes, length);
	b->length += length;
}

void io_bytes_free(struct io_bytes *b)
{
	free(b->bytes);
	*b = (struct io_bytes){0};
}

static struct io_pipe *of(struct stream *s)
{
	struct io_pipe *p = (struct io_pipe *)(void *)s;
	assert_false(p->is_closed);
	return p;
}

static ssize_t tell_failure(struct io_pipe *p)
{
	p->stream.failure = p->failing;
	return STREAM_FAILED;
}

static ssize_t on_read(struct stream *s, void *to, size_t size)
{
	struct io_pipe *p = of(s);
	size_t length = p->in.length - p->taken;
	p->reads++;
	if (!length && p->failing)
		return tell_failure(p);
	if (!length)
		return p->is_ended ? STREAM_END : STREAM_AGAIN;
	if (length > size)
		length = size;
	if (p->gulp && length > p->gulp)
		length = p->gulp;
	memcpy(to, p->in.bytes + p->taken, length);
	p->taken += length;
	return (ssize_t)length;
}

static ssize_t on_writev(struct stream *s, const struct iovec *ranges, int count)
{
	struct io_pipe *p = of(s);
	size_t most = p->bite && p->bite < p->room ? p->bite : p->room, sent = 0;
	assert_false(p->is_shut);
	p->writes++;
	if (p->failing)
		return tell_failure(p);
	for (int i = 0; i < count && sent < most; i++) {
		size_t length = ranges[i].iov_len < most - sent ? ranges[i].iov_len : most - sent;
		io_bytes_add(&p->out, ranges[i].iov_base, length);
		sent += length;
	}
	if (p->room != SIZE_MAX)
		p->room -= sent;
	return sent ? (ssize_t)sent : STREAM_AGAIN;
}

static void on_want(struct stream *s, unsigned readiness)
{
	of(s)->wanted = readiness;
}

static void on_shutdown(struct stream *s)
{
	of(s)->is_shut = true;
}

static void on_close(struct stream *s, enum stream_close how)
{
	struct io_pipe *p = of(s);
	p->is_closed = true;
	p->how = how;
}

static const struct stream_ops pipe_ops = {
	.read = on_read,
	.writev = on_writev,
	.want = on_want,
	.shutdown = on_shutdown,
	.close = on_close,
};

void io_pipe_init(struct io_pipe *p)
{
	*p = (struct io_pipe){.stream.ops = &pipe_ops, .room = SIZE_MAX};
}

void io_pipe_fini(struct io_pipe *p)
{
	io_bytes_free(&p->in);
	io_bytes_free(&p->out);
}

bool io_pipe_turn(struct io_pipe *p)
{
	unsigned readiness = 0;
	if (p->is_closed)
		return false;
	if (p->wanted & STREAM_READABLE && (p->taken < p->in.length || p->is_ended || p->failing))
		readiness |= STREAM_READABLE;
	if (p->wanted & STREAM_WRITABLE && (p->room || p->failing))
		readiness |= STREAM_WRITABLE;
	if (!p->wanted && p->failing) {
		readiness = STREAM_GONE;
		p->stream.failure = p->failing;
	}
	if (readiness)
		p->stream.on_ready(&p->stream, readiness);
	return readiness != 0;
}
