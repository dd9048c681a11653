/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream.h - one connected byte stream, TCP or TLS on top of it, as the core sees it.
 *
 * A stream belongs to one worker and is used by its thread alone. Its owner is called back through on_ready and never
 * from inside a call into the stream. Tests bring streams of their own.
 *
 * After a write that took less than it was given the owner keeps the rest, and begins its next write with it: what TLS has
 * encrypted cannot be exchanged for something else.
 */
#ifndef SIPWEIR_PROXY_CORE_STREAM_H
#define SIPWEIR_PROXY_CORE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct stream;

/* What read() and writev() return besides a number of bytes. */
enum {
	STREAM_END = 0,	    /* read: the peer has closed its side */
	STREAM_AGAIN = -1,  /* nothing to read, or no room to write: wait for on_ready */
	STREAM_FAILED = -2, /* reset or found dead: only close() is left; `failure` says why */
};

/* What handshake() returns besides STREAM_AGAIN and STREAM_FAILED. */
enum { STREAM_SECURED = 1 };

/* The `fault` of a handshake in whose middle the peer has closed the connection. */
#define STREAM_FAULT_CLOSED "closed_in_handshake"

/* What an owner wants to hear of, and what on_ready says. */
enum {
	STREAM_READABLE =
		1, /* without it the stream is paused: on_ready then says STREAM_GONE at most */
	STREAM_WRITABLE = 2,
	STREAM_GONE =
		4, /* on_ready only: while paused, the peer has reset the connection or it was found dead */
};

enum stream_close {
	STREAM_CLOSE_FIN,
	STREAM_CLOSE_RST, /* drops what is in flight; for peers that are owed nothing */
};

struct stream_ops {
	ssize_t (*read)(struct stream *s, void *to, size_t size);
	ssize_t (*writev)(struct stream *s, const struct iovec *ranges, int count);
	void (*want)(struct stream *s, unsigned readiness);
	void (*shutdown)(struct stream *s); /* FIN behind what was written; reading goes on */
	void (*close)(struct stream *s,
		enum stream_close how); /* the stream is gone; no callback comes any more */

	/*
	 * Of a stream that the host has secured alone (NULL for others): a step of the handshake. STREAM_AGAIN: with
	 * STREAM_READABLE wanted, on_ready says when to take the next. Before STREAM_SECURED nothing is read or written.
	 */
	int (*handshake)(struct stream *s);
};

struct stream {
	const struct stream_ops *ops;
	void (*on_ready)(struct stream *s, unsigned readiness);
	void *owner;
	int failure;	   /* an errno, or 0 where `fault` says more */
	const char *fault; /* the name of what went wrong in TLS, a constant; else NULL */
	bool is_alert;	   /* the peer said so itself: the cause may be on this side */
	const char *
		detail; /* a sentence about it, good until the next call into a stream of this worker; else NULL */
};

static inline ssize_t stream_read(struct stream *s, void *to, size_t size)
{
	return s->ops->read(s, to, size);
}

static inline ssize_t stream_writev(struct stream *s, const struct iovec *ranges, int count)
{
	return s->ops->writev(s, ranges, count);
}

static inline void stream_want(struct stream *s, unsigned readiness)
{
	s->ops->want(s, readiness);
}

static inline void stream_shutdown(struct stream *s)
{
	s->ops->shutdown(s);
}

static inline int stream_handshake(struct stream *s)
{
	return s->ops->handshake(s);
}

/* Whether the host has put TLS on it. */
static inline bool stream_is_secured(const struct stream *s)
{
	return s->ops->handshake != NULL;
}

static inline void stream_close(struct stream *s, enum stream_close how)
{
	s->ops->close(s, how);
}

#endif
