/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * secure.h - the client's side of TLS, through memory: bytes of the peer go in, bytes for the peer
 * come out.
 *
 * Nobody's certificate is looked at: both ends of the benchmark are ours. Every handshake is a full
 * one. Thread: one thread per client and its connections.
 */
#ifndef BENCH_SECURE_H
#define BENCH_SECURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct secure_client; /* what all connections share */
struct secure;	      /* one connection */

enum secure_status {
	SECURE_OK,
	SECURE_AGAIN, /* it wants bytes of the peer */
	SECURE_END,   /* close_notify */
	SECURE_FAILED /* an alert, or no TLS */
};

/* `tickets`, which must outlive it, counts those that it is given. Returns NULL when memory lacks. */
struct secure_client *secure_client_new(uint64_t *tickets);
void secure_client_free(struct secure_client *client);

/*
 * A connection whose first bytes are there to be taken. Returns NULL when memory lacks;
 * secure_free(NULL) does nothing.
 */
struct secure *secure_new(struct secure_client *client);
void secure_free(struct secure *secure);

/* Bytes of the peer. secure_read() makes something of them, or an answer. */
void secure_put(struct secure *secure, const char *data, size_t length);

/* Bytes for the peer: how many were written to `out`; 0 when there are none. */
size_t secure_take(struct secure *secure, char *out, size_t size);

/* Encrypt `data`; what comes before the end of the handshake waits for it. */
void secure_write(struct secure *secure, const char *data, size_t length);

/* Decrypt into `out`, which is not empty. `got` is set on SECURE_OK alone. */
enum secure_status secure_read(struct secure *secure, char *out, size_t size, size_t *got);

/* Say that nothing more will come. */
void secure_finish(struct secure *secure);

#endif
