/* SPDX-License-Identifier: BSD-2-Clause */
/* io_pipe.h - a stream in memory, as cruel as a test wants: for what lies on top of streams. */
#ifndef SIPWEIR_TESTS_UNIT_IO_PIPE_H
#define SIPWEIR_TESTS_UNIT_IO_PIPE_H

#include "proxy/core/stream.h"

struct io_bytes {
	uint8_t *bytes;
	size_t length, size;
};

struct io_pipe {
	struct stream stream;
	struct io_bytes in;  /* to be read from `taken` on */
	struct io_bytes out; /* was written */
	size_t taken;
	size_t gulp;   /* bytes that one read gives at most; 0: all */
	size_t bite;   /* bytes that one write takes at most; 0: all */
	size_t room;   /* bytes that writes may still take */
	int failing;   /* an errno: reads and writes fail with it */
	bool is_ended; /* the peer's FIN is behind `in` */
	bool is_shut, is_closed;
	enum stream_close how;
	unsigned wanted;
	unsigned reads, writes;
};

void io_bytes_add(struct io_bytes *b, const void *bytes, size_t length);
void io_bytes_free(struct io_bytes *b);

/* Empty, with endless room. */
void io_pipe_init(struct io_pipe *p);
void io_pipe_fini(struct io_pipe *p);

/* What an event loop would say of it now; false when that is nothing. */
bool io_pipe_turn(struct io_pipe *p);

#endif
