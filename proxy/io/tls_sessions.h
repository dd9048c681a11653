/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_sessions.h - sessions with servers, to be resumed: the last one of each server, in one worker's context of one setup.
 *
 * They belong to the context and go with it, so that none is resumed under other rules than it was made with.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_SESSIONS_H
#define SIPWEIR_PROXY_IO_TLS_SESSIONS_H

#include "limits/addr.h"

#include <openssl/ssl.h>
#include <stdbool.h>

/* Keep sessions of this client context's connections. False when memory is short. Main thread. */
bool tls_sessions_attach(SSL_CTX *context);

/* This connection goes to `to`, for whose certificate `name` is (NULL: its address): offer the session that is kept of it, and keep what it brings. The worker's thread. */
void tls_sessions_use(SSL *ssl, const struct addr_port *to, const char *name);

#endif
