/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_site.h - the certificates of a TLS listener and its ticket keys, as all its contexts share them.
 *
 * One context serves all names: the default certificates are in it, and a handshake that asks for another name is given
 * others. Immutable once made; the last of its contexts frees it, which may be a worker's, with its last old connection.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_SITE_H
#define SIPWEIR_PROXY_IO_TLS_SITE_H

#include "proxy/io/tls_certificate.h"
#include "proxy/io/tls_names.h"
#include "proxy/io/tls_ticket_keys.h"

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>

struct tls_site {
	atomic_uint holders;
	struct tls_certificate **certificates; /* held; the first is the default */
	size_t count;
	struct tls_names names;
	struct tls_names_found
		standard; /* the certificates for whoever asks for no name, or an unknown one */
	struct tls_ticket_keys tickets;
};

/*
 * Hold the certificates (at least one). A name that a certificate of the same kind before it has already is left to that
 * one: *shadowed[i] is such a name of the i-th, or NULL. NULL when memory is short.
 */
struct tls_site *tls_site_new(struct tls_certificate *const *certificates, size_t count,
	const struct tls_ticket_keys *tickets, const char **shadowed);

/* NULL is fine. Any thread. */
void tls_site_release(struct tls_site *s);

/*
 * Give this worker's context the certificates and the tickets; it holds the site from now on. False, with OpenSSL's error
 * queue saying why, when it cannot be.
 */
bool tls_site_attach(struct tls_site *s, SSL_CTX *context, OSSL_LIB_CTX *library, unsigned worker);

#endif
