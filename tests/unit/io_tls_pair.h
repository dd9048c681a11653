/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * io_tls_pair.h - a TLS stream with an owner that behaves like the core, over a pipe, and a peer at the other end.
 */
#ifndef SIPWEIR_TESTS_UNIT_IO_TLS_PAIR_H
#define SIPWEIR_TESTS_UNIT_IO_TLS_PAIR_H

#include "proxy/io/tls_stream.h"
#include "tests/unit/io_tls_peer.h"

struct io_pair {
	struct tls *tls;
	struct io_pipe pipe;
	struct io_peer peer;
	struct stream *stream;

	/* the owner */
	struct io_bytes got;
	struct io_bytes due; /* to be written, from `sent` on */
	size_t sent;
	size_t read_size;  /* of one read */
	size_t range_size; /* of one range of a write; 0: all in one */
	unsigned wants;	   /* besides WRITABLE while something is due */
	unsigned told;	   /* all that on_ready ever said */
	unsigned calls;
	bool is_lazy; /* is told, and does nothing */
	bool is_server, is_up;
	bool has_ended, has_failed;
};

/* What tests of streams begin with: a worker's TLS, and a context for each side, the server's with a certificate for "a". */
void io_tls_begin(struct tls **tls, SSL_CTX **server, SSL_CTX **client);

/* Every stream has been closed, and nobody is left to be told. */
void io_tls_end(struct tls *tls, SSL_CTX *server, SSL_CTX *client);

/*
 * Begin: the stream is the server, with a context for each side. `ahead` bytes of what the peer says first are handed to the
 * stream as read already (SIZE_MAX: all of it).
 */
void io_pair_begin(
	struct io_pair *p, struct tls *tls, SSL_CTX *ours, SSL_CTX *theirs, size_t ahead);

/* The same with a connection of ours that was made already. */
void io_pair_accept(struct io_pair *p, struct tls *tls, SSL *ssl, SSL_CTX *theirs, size_t ahead);

/* The stream is the client; `ssl` is its own, and the preface goes out first. */
void io_pair_connect(struct io_pair *p, struct tls *tls, SSL *ssl, SSL_CTX *theirs,
	const void *preface, size_t length);

void io_pair_end(struct io_pair *p);

/* One turn of a worker: an event of the pipe, then those that are ready. False when nothing happened. */
bool io_pair_turn(struct io_pair *p);

/* Turns and the peer's work until nothing moves any more. */
void io_pair_run(struct io_pair *p);

/* The owner writes. */
void io_pair_say(struct io_pair *p, const void *bytes, size_t length);

/* What the owner wants to hear of. */
void io_pair_want(struct io_pair *p, unsigned wants);

#endif
