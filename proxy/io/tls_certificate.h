/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_certificate.h - a certificate with its chain and its private key, from one file or two.
 *
 * Parsed once, whatever the number of workers, listeners and reloads that use it: whoever asks for the same bytes is given
 * the same object. The key has a copy in each worker's library context. Made and looked up in the main thread; released
 * anywhere, because a connection of an old setup may be the last that uses it.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_CERTIFICATE_H
#define SIPWEIR_PROXY_IO_TLS_CERTIFICATE_H

#include "proxy/io/tls_file.h"
#include "proxy/io/tls_world.h"

#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

struct tls_certificate {
	struct list_node order; /* in world->certificates */
	atomic_uint holders;	/* the world is one of them */
	uint8_t digest[TLS_DIGEST];
	X509 *leaf;
	STACK_OF(X509) * chain; /* what stands behind it in the file */
	EVP_PKEY **keys;	/* one per worker */
	unsigned key_count;
	char **names; /* it is for: lower case, "*.example.com" too; at least one */
	size_t name_count;
	time_t from_s, until_s; /* the part of it and its chain that all are valid in; Unix time */
};

/* Where it comes from. */
struct tls_certificate_files {
	const char *certificate, *private_key; /* "": in the same file */
	struct tls_option of_certificate, of_key;
};

/*
 * The certificate, held for the caller; NULL when something is wrong with it: the options' errors say what. What is expired or
 * not valid yet is a warning, each time.
 */
struct tls_certificate *tls_certificate_get(
	struct tls_world *w, const struct tls_certificate_files *files);

struct tls_certificate *tls_certificate_hold(struct tls_certificate *c);

/* NULL is fine. Any thread. */
void tls_certificate_release(struct tls_certificate *c);

/* Free those that nobody else holds any more. Main thread. */
void tls_certificate_sweep(struct tls_world *w);

/* "RSA", "EC", "ED25519": of two certificates for one name the client's algorithms decide only if these differ. */
const char *tls_certificate_kind(const struct tls_certificate *c);

#endif
