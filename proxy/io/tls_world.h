/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_world.h - what TLS has of its own in this process: a library context per worker, the ticket keys of this start, and
 * what was read from files and may serve again.
 *
 * OpenSSL 3.0 takes thousands of locks of the library context in one handshake: shared by two threads it costs a quarter of
 * their work. They are made for the first setup, because without TLS nobody needs them, and stay. Main thread.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_WORLD_H
#define SIPWEIR_PROXY_IO_TLS_WORLD_H

#include "proxy/core/list.h"
#include "proxy/io/tls_ticket_keys.h"

#include <openssl/types.h>
#include <stdbool.h>

struct tls_world {
	unsigned workers;
	OSSL_LIB_CTX **contexts;	/* one per worker; NULL before tls_world_open() */
	struct tls_ticket_keys tickets; /* random, for as long as the process lives */
	struct list certificates;	/* struct tls_certificate: all that somebody uses */
	struct list trusts;		/* struct tls_trust, the same */
};

/* NULL when memory is short. */
struct tls_world *tls_world_new(unsigned workers);

/* Make what setups need, unless it is there. False when memory is short, or randomness. */
bool tls_world_open(struct tls_world *w);

/* After all setups and all connections are gone. NULL is fine. */
void tls_world_free(struct tls_world *w);

#endif
