/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_world.h"
#include "proxy/io/tls_certificate.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>

struct tls_world *tls_world_new(unsigned workers)
{
	struct tls_world *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->workers = workers;
	list_init(&w->certificates);
	list_init(&w->trusts);
	return w;
}

static void close_world(struct tls_world *w)
{
	for (unsigned i = 0; w->contexts && i < w->workers; i++)
		OSSL_LIB_CTX_free(w->contexts[i]);
	free(w->contexts);
	w->contexts = NULL;
}

bool tls_world_open(struct tls_world *w)
{
	if (w->contexts)
		return true;
	w->contexts = calloc(w->workers, sizeof(OSSL_LIB_CTX *));
	bool is_open = w->contexts &&
		       RAND_bytes((uint8_t *)w->tickets.keys, sizeof(w->tickets.keys[0])) == 1;
	for (unsigned i = 0; is_open && i < w->workers; i++) {
		w->contexts[i] = OSSL_LIB_CTX_new();
		is_open = w->contexts[i] != NULL;
	}
	w->tickets.count = 1;
	if (!is_open)
		close_world(w);
	return is_open;
}

void tls_world_free(struct tls_world *w)
{
	if (!w)
		return;
	tls_certificate_sweep(w); /* their last connections may have ended after their setups */
	assert(list_is_empty(&w->certificates) && list_is_empty(&w->trusts));
	close_world(w);
	OPENSSL_cleanse(&w->tickets, sizeof(w->tickets));
	free(w);
}
