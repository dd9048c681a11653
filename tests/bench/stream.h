/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream.h - a nonblocking TCP socket in an epoll set, in clear or with TLS on it, with what could
 * not be read or written at once.
 *
 * Input is read into a scratch buffer that all streams of a thread share; only the beginning of an
 * unfinished message is kept with the stream, so that thousands of silent connections cost nothing
 * here. Thread: one thread per epoll set and its streams.
 */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include "tests/bench/secure.h"

#include <stdbool.h>
#include <stddef.h>

/* A longer message than this is taken for an endless one. */
#define STREAM_SCRATCH_BYTES 65536

enum stream_status {
	STREAM_OK,
	STREAM_AGAIN, /* nothing to read now */
	STREAM_END,   /* FIN, or close_notify */
	STREAM_RESET, /* RST */
	STREAM_FAILED /* anything else: refused, unreachable, an alert, input longer than the
			 scratch buffer */
};

struct stream_bytes {
	char *data; /* NULL while empty */
	size_t length;
};

struct stream {
	int fd; /* -1 while closed */
	int epoll_fd;
	void *owner;	/* what epoll hands back */
	int send_errno; /* reported by the kernel once, to a send: the reader shall see it too */
	struct secure *secure; /* NULL in clear */
	struct stream_bytes in;
	struct stream_bytes out;
};

struct stream_scratch {
	size_t length;
	char data[STREAM_SCRATCH_BYTES];
};

/*
 * Put the nonblocking socket `fd` into the epoll set, armed for input; `owner` comes back in
 * epoll_event.data.ptr. On success the stream owns `fd` until stream_close(); on failure (false)
 * the caller still does.
 */
bool stream_open(struct stream *stream, int epoll_fd, int fd, void *owner);

/*
 * Fill `scratch` with what was kept and what one read brings. STREAM_OK: there is something; look
 * at it, then stream_keep() the rest. Any other result: scratch is empty, what was kept stays.
 */
enum stream_status stream_read(struct stream *stream, struct stream_scratch *scratch);

/* Keep the last `length` bytes of `scratch` for the next stream_read(). */
void stream_keep(struct stream *stream, const struct stream_scratch *scratch, size_t length);

/*
 * Send, or queue what the socket does not take (it may still be connecting). A broken connection
 * shows at the next read.
 */
void stream_send(struct stream *stream, const char *data, size_t length);

/* Send what is queued; call it when epoll reports EPOLLOUT. */
void stream_flush(struct stream *stream);

/*
 * Speak TLS from now on: send `first`, in clear, and the ClientHello, in one. `secure` is owned by
 * the stream then.
 */
void stream_secure(struct stream *stream, struct secure *secure, const char *first, size_t length);

/* Say that nothing more will come: FIN, behind a close_notify where TLS is spoken. */
void stream_finish(struct stream *stream);

/* Close the socket and forget what was kept. Closing a closed stream does nothing. */
void stream_close(struct stream *stream);

#endif
