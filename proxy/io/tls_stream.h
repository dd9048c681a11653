/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_stream.h - TLS on top of any stream, as a stream.
 *
 * What OpenSSL has read from the socket no event announces any more. Such streams are in the worker's list of the ready, and
 * tls_run_ready() tells their owners in the next turn. One thread: the worker's.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_STREAM_H
#define SIPWEIR_PROXY_IO_TLS_STREAM_H

#include "proxy/core/core.h"
#include "proxy/core/list.h"
#include "proxy/core/slab.h"
#include "proxy/core/stream.h"
#include "proxy/io/tls_fault.h"
#include "proxy/io/tls_wire.h"

#include <openssl/ssl.h>
#include <stdbool.h>

enum {
	TLS_RECORD_MAX = 16384, /* bytes of payload in one record */
	TLS_DETAIL_MAX = 320,
	TLS_NAME_MAX = 256,
};

struct tls_stream;

/* What the TLS streams of one worker have in common. */
struct tls {
	struct slab streams;
	struct list ready;
	struct list_node turn_end; /* in `ready` while it is run through */
	struct tls_wires wires;
	const struct tls_stream *failed; /* whom the detail is about */
	char detail[TLS_DETAIL_MAX];
	char certificate[TLS_NAME_MAX]; /* of the peer that was described last */
	uint8_t record[TLS_RECORD_MAX]; /* where small ranges are put together */
};

/* Room for `capacity` streams. False, holding nothing, when memory is short. */
bool tls_init(struct tls *t, uint32_t capacity);

/* All streams must have been closed. */
void tls_fini(struct tls *t);

/* True when a turn must not sleep, because tls_run_ready() has somebody to tell. */
bool tls_has_ready(const struct tls *t);

/* Call those whose input lies in OpenSSL already, each once. */
void tls_run_ready(struct tls *t);

/*
 * A stream over `raw`, with raw's owner and on_ready, and nothing wanted yet. `ssl` (which may be NULL: no memory) says
 * whether we are the server of it; both are taken, whatever happens. The `length` bytes are copied. They were read from
 * `raw` already, or, where we are the client, go out in clear before the handshake.
 *
 * A server's owner takes the steps of the handshake itself (stream_handshake()). A client's runs by itself as soon as
 * something is written: writev() answers STREAM_AGAIN until it is done, and an owner that wants STREAM_WRITABLE is told.
 *
 * NULL, with `raw` closed: no memory.
 */
struct stream *tls_stream_new(
	struct tls *t, struct stream *raw, SSL *ssl, const uint8_t *bytes, size_t length);

/* What is below such a stream; any other stream itself. */
const struct stream *tls_stream_raw(const struct stream *s);

/* What the handshake has agreed on so far; good until the next stream of the worker is described. */
void tls_stream_describe(const struct stream *s, struct stream_security *out);

/*
 * From a callback of OpenSSL's during the handshake: the certificate of the peer is refused for `fault`, about which
 * `detail` (copied) says more.
 */
void tls_stream_refuse(SSL *ssl, enum tls_fault fault, const char *detail);

/* From such a callback: the server has asked for a certificate, and there is none. */
void tls_stream_lacks_certificate(SSL *ssl);

#endif
