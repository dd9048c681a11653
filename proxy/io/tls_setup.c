/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_setup.h"
#include "proxy/io/tls_prepare.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHAIN_BYTES = 32 * 1024, /* of certificates that a peer may send */
	LEVEL_USUAL = 2,	 /* Debian's: RSA from 2048 bits on, no SHA-1 */
	LEVEL_NONE = 0,		 /* TLS 1.0 and 1.1 sign with what level 1 refuses already */
};

struct tls_setup *tls_setup_new(struct tls_world *w, size_t certificates)
{
	struct tls_setup *s = tls_world_open(w) ? calloc(1, sizeof(*s)) : NULL;
	if (!s)
		return NULL;
	s->holders = 1;
	s->contexts = calloc(w->workers, sizeof(SSL_CTX *));
	s->certificates = calloc(certificates + 1, sizeof(struct tls_certificate *));
	if (s->contexts && s->certificates)
		return s;
	tls_setup_release(w, s);
	return NULL;
}

struct tls_setup *tls_setup_hold(struct tls_setup *s)
{
	s->holders++;
	return s;
}

void tls_setup_release(struct tls_world *w, struct tls_setup *s)
{
	if (!s || --s->holders)
		return;
	for (unsigned i = 0; i < s->workers; i++)
		SSL_CTX_free(s->contexts[i]);
	for (size_t i = 0; i < s->certificate_count; i++)
		tls_certificate_release(s->certificates[i]);
	tls_trust_release(s->trust);
	free(s->server_name);
	free(s->contexts);
	free(s->certificates);
	free(s);
	tls_certificate_sweep(w);
}

bool tls_setup_is_unchanged(const struct tls_setup *s, const struct tls_setup *previous)
{
	return previous && !memcmp(s->digest, previous->digest, TLS_DIGEST);
}

SSL_CTX *tls_setup_new_context(OSSL_LIB_CTX *library, const SSL_METHOD *method)
{
	SSL_CTX *context = SSL_CTX_new_ex(library, NULL, method);
	if (!context)
		return NULL;
	SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
					     SSL_OP_IGNORE_UNEXPECTED_EOF |
					     SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* Without this a chain is looked for in the trust store, at each handshake. */
	SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
	SSL_CTX_set_max_cert_list(context, CHAIN_BYTES);
	return context;
}

void tls_setup_set_level(SSL_CTX *context, bool is_old)
{
	int host = SSL_CTX_get_security_level(context);
	if (is_old)
		SSL_CTX_set_security_level(context, LEVEL_NONE);
	else if (host < LEVEL_USUAL)
		SSL_CTX_set_security_level(context, LEVEL_USUAL);
}

static const char *what_is_weak(int reason)
{
	switch (reason) {
	case SSL_R_EE_KEY_TOO_SMALL:
		return "has too short a key";
	case SSL_R_CA_KEY_TOO_SMALL:
		return "has a chain with too short a key";
	case SSL_R_CA_MD_TOO_WEAK:
		return "is signed with too weak a digest";
	default:
		return "cannot be used with TLS";
	}
}

bool tls_setup_accepts(SSL_CTX *context, const struct tls_certificate *c, const char *file,
	const struct tls_option *option)
{
	ERR_clear_error();
	SSL *ssl = SSL_new(context);
	bool is_good = ssl && SSL_use_cert_and_key(ssl, c->leaf, c->keys[0], c->chain, 1) == 1;
	int reason = ERR_GET_REASON(ERR_peek_error());
	SSL_free(ssl);
	ERR_clear_error();
	if (!is_good)
		conf_errors_add(option->errors, option->at, option->path,
			"\"%s\" %s (%s of %d bits), expected RSA of 2048 bits or P-256, signed "
			"with "
			"SHA-256",
			file, what_is_weak(reason), tls_certificate_kind(c),
			EVP_PKEY_get_bits(c->keys[0]));
	return is_good;
}

bool tls_setup_expiry(const struct tls_setup *s, size_t n, struct tls_expiry *out)
{
	if (n >= s->certificate_count)
		return false;
	*out = (struct tls_expiry){
		.name = s->certificates[n]->names[0], .at_s = s->certificates[n]->until_s};
	return true;
}

SSL *tls_setup_accept(const struct tls_setup *s, unsigned worker)
{
	SSL *ssl = SSL_new(s->contexts[worker]);
	if (ssl)
		SSL_set_accept_state(ssl);
	return ssl;
}
