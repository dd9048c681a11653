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
	list_init(&w->certificates);
	list_init(&w->trusts);
	w->tickets.count = 1;
	w->contexts = calloc(workers, sizeof(OSSL_LIB_CTX *));
	if (!w->contexts ||
		RAND_bytes((uint8_t *)w->tickets.keys, sizeof(w->tickets.keys[0])) != 1) {
		tls_world_free(w);
		return NULL;
	}
	while (w->workers < workers) {
		w->contexts[w->workers] = OSSL_LIB_CTX_new();
		if (!w->contexts[w->workers++]) {
			tls_world_free(w);
			return NULL;
		}
	}
	return w;
}

void tls_world_free(struct tls_world *w)
{
	if (!w)
		return;
	tls_certificate_sweep(w); /* their last connections may have ended after their setups */
	assert(list_is_empty(&w->certificates) && list_is_empty(&w->trusts));
	for (unsigned i = 0; i < w->workers; i++)
		OSSL_LIB_CTX_free(w->contexts[i]);
	OPENSSL_cleanse(&w->tickets, sizeof(w->tickets));
	free(w->contexts);
	free(w);
}
