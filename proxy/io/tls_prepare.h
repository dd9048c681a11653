/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_prepare.h - what the setups of listeners and of pools are put together from; private to tls_setup.c, tls_listener.c and
 * tls_pool.c. Main thread.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_PREPARE_H
#define SIPWEIR_PROXY_IO_TLS_PREPARE_H

#include "conf/load.h"
#include "proxy/io/tls_certificate.h"
#include "proxy/io/tls_setup.h"
#include "proxy/io/tls_trust.h"

#include <openssl/ssl.h>

struct tls_setup {
	unsigned holders;
	uint8_t digest[TLS_DIGEST]; /* of everything that it was made from */
	SSL_CTX **contexts;	    /* one per worker */
	unsigned workers;
	struct tls_certificate **certificates; /* held */
	size_t certificate_count;
	struct tls_trust *trust; /* held; NULL: no peer is verified */
	char *server_name;	 /* of a pool: asked for, and expected; "" for the address */
};

/* An empty one with room for so many certificates, held once. NULL when memory is short. */
struct tls_setup *tls_setup_new(struct tls_world *w, size_t certificates);

/* True when `previous` (or NULL) was made from the same: `s` is not needed then. */
bool tls_setup_is_unchanged(const struct tls_setup *s, const struct tls_setup *previous);

/* What both kinds of contexts have in common. NULL when memory is short. */
SSL_CTX *tls_setup_new_context(OSSL_LIB_CTX *library, const SSL_METHOD *method);

/* How weak a key or a signature may be: OpenSSL's level 2, or what the host demands beyond that; for TLS 1.0 and 1.1 any. */
void tls_setup_set_level(SSL_CTX *context, bool is_old);

/*
 * Whether this context may use the certificate: a key that is too short, or a signature that is too weak, is said in the
 * option's errors.
 */
bool tls_setup_accepts(SSL_CTX *context, const struct tls_certificate *c, const char *file,
	const struct tls_option *option);

#endif
