/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * io_tls_peer.h - the other side of a TLS stream under test: OpenSSL by itself over memory, and certificates made on the spot.
 */
#ifndef SIPWEIR_TESTS_UNIT_IO_TLS_PEER_H
#define SIPWEIR_TESTS_UNIT_IO_TLS_PEER_H

#include "tests/unit/io_pipe.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>

/* --- certificates --- */

struct io_identity {
	X509 *certificate;
	EVP_PKEY *key;
};

struct io_identity_plan {
	const char *name;		  /* common name */
	const char *alternatives;	  /* "DNS:a.example,IP:192.0.2.1", or NULL */
	const struct io_identity *issuer; /* NULL: itself */
	const char *usage;		  /* extended key usage, or NULL */
	bool is_ca, is_rsa;
	unsigned bits;	      /* of RSA; 0: 2048 */
	long from_s, until_s; /* from now; both 0: from yesterday for a year */
	long serial;
};

struct io_identity io_identity_new(const struct io_identity_plan *plan);
void io_identity_free(struct io_identity *i);

/* --- a peer --- */

struct io_peer {
	SSL *ssl;
	BIO *in, *out;
	struct io_bytes got;
	bool is_up, has_ended;
	int alert; /* of OpenSSL's error when it failed, or 0 */
	unsigned long error;
};

/* A context of either side, TLS 1.2 and 1.3, which verifies nothing; with an identity or without (NULL). */
SSL_CTX *io_context_new(bool is_server, const struct io_identity *identity);

void io_peer_init(struct io_peer *p, SSL_CTX *context, bool is_server);
void io_peer_fini(struct io_peer *p);

/* Take what lies in the pipe, do what can be done (handshake, reading), and put the answer into the pipe. */
void io_peer_turn(struct io_peer *p, struct io_pipe *pipe);

void io_peer_write(struct io_peer *p, const void *bytes, size_t length);

#endif
