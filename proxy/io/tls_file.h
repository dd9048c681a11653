/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_file.h - a file that an option of TLS names: read whole, with an error for whoever has to mend it.
 *
 * Read into memory once, so that what is parsed is what the digest is of. Main thread.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_FILE_H
#define SIPWEIR_PROXY_IO_TLS_FILE_H

#include "conf/errors.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TLS_FILE_MAX = 16 << 20, TLS_DIGEST = 32 };

/* An option, for messages about what it names. */
struct tls_option {
	const struct conf_place *at;
	const char *path; /* its full name */
	struct conf_errors *errors;
};

struct tls_file {
	char *bytes; /* with a NUL behind them */
	size_t length;
	uint8_t digest[TLS_DIGEST]; /* SHA-256 */
};

/* False, holding nothing, when it cannot be read; the option's errors say why. */
bool tls_file_read(struct tls_file *f, const char *name, const struct tls_option *option);

/* What it held is wiped: it may have been a key. */
void tls_file_fini(struct tls_file *f);

/*
 * All certificates in a PEM file, in its order; other things in it are passed over. NULL when memory is short or one cannot be
 * read (*bad: which, from 1; else 0). Empty when there is none. Freed with sk_X509_pop_free().
 */
STACK_OF(X509) * tls_file_certificates(const struct tls_file *f, unsigned *bad);

/* A digest, put together from parts. */
struct tls_digest {
	EVP_MD_CTX *context; /* NULL: memory is short, and what comes of it is equal to nothing */
};

void tls_digest_begin(struct tls_digest *d);
void tls_digest_add(struct tls_digest *d, const void *bytes, size_t length);
void tls_digest_add_text(struct tls_digest *d, const char *text);

/* False when memory was short; then `out` is random, so that nothing is taken for unchanged. */
bool tls_digest_end(struct tls_digest *d, uint8_t out[TLS_DIGEST]);

#endif
