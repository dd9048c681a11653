/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_key.h - private keys: reading one, and what is wrong where there is none.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_KEY_H
#define SIPWEIR_PROXY_IO_TLS_KEY_H

#include "proxy/io/tls_file.h"

#include <openssl/evp.h>
#include <stdbool.h>

/*
 * The key in a PEM file that is called `name`; with `is_beside` it was looked for beside a certificate, for want of a file of
 * its own. NULL, said in the option's errors, when there is none that can be used. Never asks for a passphrase.
 */
EVP_PKEY *tls_key_read(const struct tls_file *f, const char *name, bool is_beside,
	const struct tls_option *option);

/*
 * The key as one of that library context, where it works without a look-up at each signature. Reading it again there would
 * take fifteen times as long. Where the context cannot have it the key itself is given, held once more.
 */
EVP_PKEY *tls_key_copy(EVP_PKEY *key, OSSL_LIB_CTX *context);

#endif
