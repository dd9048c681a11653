/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_site.h"
#include "proxy/io/tls_tickets.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A site as one worker's context has it. */
struct face {
	struct tls_site *site;
	struct tls_tickets tickets;
	unsigned worker;
};

/* --- the site --- */

static bool is_same_kind(
	const struct tls_site *s, const struct tls_name *a, const struct tls_name *b)
{
	return !strcmp(tls_certificate_kind(s->certificates[a->certificate]),
		tls_certificate_kind(s->certificates[b->certificate]));
}

/* Among the names before it there is the same one of a certificate that the client's algorithms do not tell from this one's. */
static bool is_taken(const struct tls_site *s, const struct tls_name *names, size_t count,
	const struct tls_name *name)
{
	for (size_t i = count; i > 0 && !strcmp(names[i - 1].name, name->name); i--)
		if (is_same_kind(s, &names[i - 1], name))
			return true;
	return false;
}

static void drop_shadowed(struct tls_site *s, const char **shadowed)
{
	struct tls_name *names = s->names.names;
	size_t kept = 0;
	for (size_t i = 0; i < s->names.count; i++) {
		struct tls_name name = names[i];
		if (!is_taken(s, names, kept, &name))
			names[kept++] = name;
		else if (kept && names[kept - 1].certificate != name.certificate)
			shadowed[name.certificate] = name.name;
	}
	s->names.count = kept;
}

static bool index_names(struct tls_site *s, const char **shadowed)
{
	size_t room = 0, count = 0;
	for (size_t i = 0; i < s->count; i++)
		room += s->certificates[i]->name_count;
	struct tls_name *names = calloc(room + 1, sizeof(*names));
	if (!names)
		return false;
	for (size_t i = 0; i < s->count; i++) {
		const struct tls_certificate *c = s->certificates[i];
		shadowed[i] = NULL;
		for (size_t j = 0; j < c->name_count; j++)
			names[count++] = (struct tls_name){c->names[j], (uint32_t)i};
	}
	tls_names_init(&s->names, names, count);
	drop_shadowed(s, shadowed);
	return true;
}

struct tls_site *tls_site_new(struct tls_certificate *const *certificates, size_t count,
	const struct tls_ticket_keys *tickets, const char **shadowed)
{
	struct tls_site *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	atomic_init(&s->holders, 1);
	s->tickets = *tickets;
	s->certificates = calloc(count, sizeof(struct tls_certificate *));
	if (!s->certificates) {
		tls_site_release(s);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		s->certificates[i] = tls_certificate_hold(certificates[i]);
	s->count = count;
	if (!index_names(s, shadowed)) {
		tls_site_release(s);
		return NULL;
	}
	s->standard = tls_names_find(&s->names, certificates[0]->names[0]);
	return s;
}

void tls_site_release(struct tls_site *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->holders, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < s->count; i++)
		tls_certificate_release(s->certificates[i]);
	free(s->certificates);
	tls_names_fini(&s->names);
	OPENSSL_cleanse(&s->tickets, sizeof(s->tickets));
	free(s);
}

/* --- what a context has of it --- */

static int face_index;

static void free_face(
	void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long number, void *argument)
{
	struct face *f = pointer;
	(void)parent;
	(void)data;
	(void)index;
	(void)number;
	(void)argument;
	if (!f)
		return;
	tls_tickets_fini(&f->tickets);
	tls_site_release(f->site);
	free(f);
}

static void make_index(void)
{
	face_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_face);
}

static int get_face_index(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_index);
	return face_index;
}

static struct face *face_of(SSL *ssl)
{
	return SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), face_index);
}

/* --- callbacks of OpenSSL's --- */

/* Whoever asks for an unknown name is given the default, as most servers do: that name is ours all the same. */
static int on_name(SSL *ssl, int *alert, void *argument)
{
	(void)ssl;
	(void)alert;
	(void)argument;
	return SSL_TLSEXT_ERR_OK;
}

/* Not called for those who resume. Where it is the default that is wanted nothing has to be done. */
static int on_certificate(SSL *ssl, void *argument)
{
	const struct face *f = argument;
	const struct tls_site *s = f->site;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	struct tls_names_found found = {0};
	if (name)
		found = tls_names_find(&s->names, name);
	if (!found.count || tls_names_are_same(found, s->standard))
		return 1;
	SSL_certs_clear(ssl);
	for (size_t i = 0; i < found.count; i++) {
		const struct tls_certificate *c = s->certificates[found.first[i].certificate];
		if (SSL_use_cert_and_key(ssl, c->leaf, c->keys[f->worker], c->chain, 1) != 1)
			return 0;
	}
	return 1;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac, int is_new)
{
	const struct tls_tickets *t = &face_of(ssl)->tickets;
	if (is_new)
		return tls_tickets_seal(t, name, iv, cipher, mac);
	return tls_tickets_open(t, name, iv, cipher, mac, SSL_version(ssl) == TLS1_3_VERSION);
}

static bool use_standard(const struct tls_site *s, SSL_CTX *context, unsigned worker)
{
	for (size_t i = 0; i < s->standard.count; i++) {
		const struct tls_certificate *c = s->certificates[s->standard.first[i].certificate];
		if (SSL_CTX_use_cert_and_key(context, c->leaf, c->keys[worker], c->chain, 1) != 1)
			return false;
	}
	return true;
}

bool tls_site_attach(struct tls_site *s, SSL_CTX *context, OSSL_LIB_CTX *library, unsigned worker)
{
	struct face *f = calloc(1, sizeof(*f));
	if (!f)
		return false;
	f->worker = worker;
	f->site = s;
	atomic_fetch_add_explicit(&s->holders, 1, memory_order_relaxed);
	bool is_set = tls_tickets_init(&f->tickets, &s->tickets, library) &&
		      SSL_CTX_set_ex_data(context, get_face_index(), f) == 1;
	if (!is_set) {
		free_face(NULL, f, NULL, 0, 0, NULL);
		return false;
	}
	SSL_CTX_set_tlsext_servername_callback(context, on_name);
	SSL_CTX_set_cert_cb(context, on_certificate, f);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
	return use_standard(s, context, worker);
}
