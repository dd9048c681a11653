/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_trust.h - authorities that are trusted, and what they have revoked, from files. Loaded once for all workers, listeners
 * and pools that name the same. Main thread; connections hold the store alone.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_TRUST_H
#define SIPWEIR_PROXY_IO_TLS_TRUST_H

#include "proxy/io/tls_file.h"
#include "proxy/io/tls_world.h"

#include <openssl/x509.h>

struct tls_trust {
	struct list_node order; /* in world->trusts */
	unsigned holders;
	uint8_t digest[TLS_DIGEST]; /* of all it was made from */
	X509_STORE *store;
	STACK_OF(X509) * authorities;
};

struct tls_trust_files {
	const char *ca;	 /* "": the system's */
	const char *crl; /* "": none; else every certificate of a chain is looked up in it */
	struct tls_option of_ca, of_crl;
};

/*
 * What the files say, held for the caller; NULL when one cannot be used: the options' errors say why. What is out of date or
 * missing beside is a warning, each time.
 */
struct tls_trust *tls_trust_get(struct tls_world *w, const struct tls_trust_files *files);

/* NULL is fine. */
void tls_trust_release(struct tls_trust *t);

#endif
