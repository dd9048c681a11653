/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_setup.h - what a TLS listener, or the TLS side of a pool, was prepared to be: a context of OpenSSL's per worker.
 *
 * Preparing is the main thread's, while the workers run; nothing of it stops them. A setup that a reload has replaced may be
 * released at once when no worker uses it any more for new connections: old ones keep what they need.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_SETUP_H
#define SIPWEIR_PROXY_IO_TLS_SETUP_H

#include "conf/conf.h"
#include "proxy/core/core.h"
#include "proxy/io/tls_world.h"

#include <openssl/types.h>
#include <time.h>

/*
 * The setup of a listener with transport "tls", or of a pool with servers that have, held for the caller. `previous` (or
 * NULL) is the one in force: where nothing has changed, neither an option nor a file, it is returned itself, held once more.
 * NULL: `errors` say what is wrong. What is out of date is a warning, each time. Main thread.
 */
struct tls_setup *tls_setup_listener(struct tls_world *w, const struct conf_listener *conf,
	struct tls_setup *previous, struct conf_errors *errors);
struct tls_setup *tls_setup_pool(struct tls_world *w, const struct conf_pool *conf,
	struct tls_setup *previous, struct conf_errors *errors);

struct tls_setup *tls_setup_hold(struct tls_setup *s);

/* NULL is fine. Main thread. */
void tls_setup_release(struct tls_world *w, struct tls_setup *s);

/* One of its certificates: what it is called, and when it or one of its chain expires. */
struct tls_expiry {
	const char *name; /* the setup's */
	time_t at_s;	  /* Unix time */
};

/* The n-th certificate; false behind the last. Whoever holds the setup. */
bool tls_setup_expiry(const struct tls_setup *s, size_t n, struct tls_expiry *out);

/*
 * A connection of this worker's: as the server of a client, or as the client of the server at `to`. For tls_stream_new(),
 * which takes it. NULL when memory is short. The worker's thread.
 */
SSL *tls_setup_accept(const struct tls_setup *s, unsigned worker);
SSL *tls_setup_connect(const struct tls_setup *s, unsigned worker, const struct addr_port *to,
	const char *identity);

#endif
