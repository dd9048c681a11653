/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_verify.h - looking at the certificate of a peer, and saying what did not match. The worker's thread.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_VERIFY_H
#define SIPWEIR_PROXY_IO_TLS_VERIFY_H

#include <openssl/x509_vfy.h>

/* OpenSSL's callback for SSL_CTX_set_verify(), of contexts whose connections are TLS streams: what fails is told to the stream. */
int tls_verify_callback(int is_good, X509_STORE_CTX *store);

#endif
