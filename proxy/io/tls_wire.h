/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_wire.h - what lies below TLS, as OpenSSL sees it: a BIO of our own over any stream.
 *
 * One BIO serves all connections of a worker: before each call into OpenSSL it is turned to the wire of the connection at
 * hand. With 200 bytes a BIO would cost each of them more than all the rest of ours. A socket BIO would miss the bytes that were read behind a PROXY header together with it, and could not put a PROXY header
 * of ours in front of the first record. One thread: the worker's.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_WIRE_H
#define SIPWEIR_PROXY_IO_TLS_WIRE_H

#include "proxy/core/stream.h"

#include <openssl/bio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TLS_WIRE_FIRST = 12
}; /* of the peer's bytes remembered: enough to tell what it speaks instead of TLS */

struct tls_wire {
	struct stream *raw;
	uint8_t *kept; /* a copy, freed once it is used up; NULL for none */
	uint32_t kept_length, kept_at;
	bool is_preface; /* kept bytes go out in front of what is written first; else they are read first */
	bool has_ended;	 /* the peer's FIN was read */
	bool has_failed; /* reading or writing has: raw->failure says why */
	bool is_cut_off; /* nothing more is read, whatever there is */
	bool is_dry; /* the last read took all there was: until `raw` is readable again another would find nothing */
	uint8_t first_length;
	uint8_t first[TLS_WIRE_FIRST];
};

/* The BIO of a worker. */
struct tls_wires {
	BIO_METHOD *method;
	BIO *bio;
};

/* False, holding nothing, when memory is short. */
bool tls_wires_init(struct tls_wires *all);

/* After the last connection that used it. */
void tls_wires_fini(struct tls_wires *all);

/* What OpenSSL reads and writes from now on. */
static inline void tls_wires_turn(const struct tls_wires *all, struct tls_wire *w)
{
	BIO_set_data(all->bio, w);
}

/* The wire that this BIO was turned to. */
struct tls_wire *tls_wire_of(BIO *bio);

/*
 * Begin with `raw`, which stays the caller's, and a copy of `length` bytes that were read from it already, or with
 * is_preface that go out first. False, holding nothing, when memory is short.
 */
bool tls_wire_init(struct tls_wire *w, struct stream *raw, bool is_preface, const uint8_t *bytes,
	size_t length);
void tls_wire_fini(struct tls_wire *w);

/* True when bytes that were read ahead wait in it. */
static inline bool tls_wire_has_ahead(const struct tls_wire *w)
{
	return w->kept && !w->is_preface;
}

#endif
