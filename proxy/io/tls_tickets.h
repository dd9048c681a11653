/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_tickets.h - session tickets with keys of our own, so that they outlive contexts, workers and, with a file of keys, the
 * process. One worker's.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_TICKETS_H
#define SIPWEIR_PROXY_IO_TLS_TICKETS_H

#include "proxy/io/tls_ticket_keys.h"

#include <openssl/evp.h>
#include <stdbool.h>

struct tls_tickets {
	const struct tls_ticket_keys *keys;
	OSSL_LIB_CTX *library;
	EVP_CIPHER *cipher; /* fetched once: by name it would be looked up at each ticket */
};

/* Both must outlive it. False when memory is short; tls_tickets_fini() is owed in either case. */
bool tls_tickets_init(
	struct tls_tickets *t, const struct tls_ticket_keys *keys, OSSL_LIB_CTX *library);
void tls_tickets_fini(struct tls_tickets *t);

/*
 * What SSL_CTX_set_tlsext_ticket_key_evp_cb() asks for, with its return values: the first key for a new ticket; and the key
 * that a ticket names, which is replaced by a new one when its key is not the first, or with `is_single_use`.
 */
int tls_tickets_seal(const struct tls_tickets *t, unsigned char name[16], unsigned char iv[16],
	EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac);
int tls_tickets_open(const struct tls_tickets *t, const unsigned char name[16],
	const unsigned char iv[16], EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, bool is_single_use);

#endif
