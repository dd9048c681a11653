/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_pool.c - the setup of a pool: we are the client of its servers. */
#include "proxy/io/tls_prepare.h"
#include "proxy/io/tls_sessions.h"
#include "proxy/io/tls_stream.h"
#include "proxy/io/tls_verify.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

/* What a preparation has at hand. */
struct preparing {
	struct tls_world *world;
	const struct conf_pool_tls *conf;
	struct conf_errors *errors;
	char path[CONF_PATH_MAX]; /* of the tls group */
	struct tls_setup *setup;
};

static bool no_memory(const struct preparing *p)
{
	conf_errors_add(p->errors, &p->conf->place, p->path, "the host has no memory for it");
	return false;
}

static struct tls_option option(const struct preparing *p, char path[CONF_PATH_MAX],
	const char *name, const struct conf_place *at)
{
	conf_path_member(path, p->path, name);
	return (struct tls_option){.at = at, .path = path, .errors = p->errors};
}

/* --- what the files hold --- */

static bool get_certificate(struct preparing *p)
{
	const struct conf_pool_tls *conf = p->conf;
	char certificate[CONF_PATH_MAX], key[CONF_PATH_MAX];
	bool is_one = !*conf->private_key;
	if (!*conf->certificate)
		return true;
	struct tls_certificate *c = tls_certificate_get(p->world,
		&(struct tls_certificate_files){
			.certificate = conf->certificate,
			.private_key = conf->private_key,
			.of_certificate =
				option(p, certificate, "certificate", &conf->at.certificate),
			.of_key = option(p, key, is_one ? "certificate" : "private_key",
				is_one ? &conf->at.certificate : &conf->at.private_key),
		});
	if (!c)
		return false;
	p->setup->certificates[p->setup->certificate_count++] = c;
	return true;
}

static bool get_trust(struct preparing *p)
{
	char path[CONF_PATH_MAX];
	if (!p->conf->verify)
		return true;
	p->setup->trust =
		tls_trust_get(p->world, &(struct tls_trust_files){
						.ca = p->conf->ca,
						.crl = "",
						.of_ca = option(p, path, "ca", &p->conf->at.ca),
					});
	return p->setup->trust != NULL;
}

static void digest_all(const struct preparing *p, uint8_t out[TLS_DIGEST])
{
	const struct tls_setup *s = p->setup;
	struct tls_digest d;
	tls_digest_begin(&d);
	tls_digest_add_text(&d, p->conf->server_name);
	tls_digest_add(&d, s->trust ? s->trust->digest : NULL, s->trust ? TLS_DIGEST : 0);
	for (size_t i = 0; i < s->certificate_count; i++)
		tls_digest_add(&d, s->certificates[i]->digest, TLS_DIGEST);
	tls_digest_end(&d, out);
}

/* --- contexts --- */

/* OpenSSL asks for the certificate that a server wants, and there is none. */
static int on_certificate_wanted(SSL *ssl, void *argument)
{
	(void)argument;
	tls_stream_lacks_certificate(ssl);
	return 1;
}

static bool set_certificate(const struct preparing *p, SSL_CTX *context, unsigned worker)
{
	const struct tls_certificate *c = p->setup->certificates[0];
	if (c)
		return SSL_CTX_use_cert_and_key(context, c->leaf, c->keys[worker], c->chain, 1) ==
		       1;
	SSL_CTX_set_cert_cb(context, on_certificate_wanted, NULL);
	return true;
}

static bool set_servers(const struct preparing *p, SSL_CTX *context)
{
	X509_VERIFY_PARAM *wanted = SSL_CTX_get0_param(context);
	if (!p->setup->trust)
		return true;
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, tls_verify_callback);
	X509_VERIFY_PARAM_set_hostflags(wanted, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (*p->conf->server_name &&
		X509_VERIFY_PARAM_set1_host(wanted, p->conf->server_name, 0) != 1)
		return false;
	return X509_VERIFY_PARAM_set_flags(wanted, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
	       SSL_CTX_set1_verify_cert_store(context, p->setup->trust->store) == 1;
}

static bool add_context(struct preparing *p, unsigned worker)
{
	struct tls_setup *s = p->setup;
	SSL_CTX *context = tls_setup_new_context(p->world->contexts[worker], TLS_client_method());
	if (!context)
		return no_memory(p);
	s->contexts[s->workers++] = context;
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	tls_setup_set_level(context, false);
	if (worker == 0 && s->certificate_count) {
		char path[CONF_PATH_MAX];
		struct tls_option o = option(p, path, "certificate", &p->conf->at.certificate);
		if (!tls_setup_accepts(context, s->certificates[0], p->conf->certificate, &o))
			return false;
	}
	if (set_certificate(p, context, worker) && set_servers(p, context) &&
		tls_sessions_attach(context))
		return true;
	return no_memory(p);
}

static struct tls_setup *finish(struct preparing *p, struct tls_setup *previous)
{
	struct tls_setup *s = p->setup;
	bool is_good = get_certificate(p);
	is_good &= get_trust(p);
	s->server_name = strdup(p->conf->server_name);
	if (is_good && !s->server_name)
		is_good = no_memory(p);
	if (is_good) {
		digest_all(p, s->digest);
		if (tls_setup_is_unchanged(s, previous)) {
			tls_setup_release(p->world, s);
			return tls_setup_hold(previous);
		}
	}
	for (unsigned w = 0; is_good && w < p->world->workers; w++)
		is_good = add_context(p, w);
	if (is_good)
		return s;
	tls_setup_release(p->world, s);
	return NULL;
}

struct tls_setup *tls_setup_pool(struct tls_world *w, const struct conf_pool *conf,
	struct tls_setup *previous, struct conf_errors *errors)
{
	/* A pool may speak TLS without a word about it. */
	const struct conf_pool_tls defaults = {
		.place = conf->place,
		.at = {.ca = conf->place},
		.ca = "",
		.verify = true,
		.server_name = "",
		.certificate = "",
		.private_key = "",
	};
	struct preparing p = {
		.world = w, .conf = conf->tls ? conf->tls : &defaults, .errors = errors};
	char pool[CONF_PATH_MAX];
	conf_path_element(pool, "pools", conf->name, 0);
	conf_path_member(p.path, pool, "tls");
	p.setup = tls_setup_new(w, 1);
	if (p.setup)
		return finish(&p, previous);
	no_memory(&p);
	return NULL;
}

/* --- connections --- */

static bool expect_address(SSL *ssl, const struct addr *a)
{
	bool is_ipv4 = addr_is_ipv4(a);
	return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), a->bytes + (is_ipv4 ? 12 : 0),
		       is_ipv4 ? 4 : sizeof(a->bytes)) == 1;
}

static bool expect_name(SSL *ssl, const char *name)
{
	char *writable =
		(char *)(uintptr_t)name; /* OpenSSL's macro wants one, and writes nothing */
	return SSL_set_tlsext_host_name(ssl, writable) == 1 &&
	       X509_VERIFY_PARAM_set1_host(SSL_get0_param(ssl), name, 0) == 1;
}

SSL *tls_setup_connect(const struct tls_setup *s, unsigned worker, const struct addr_port *to,
	const char *identity)
{
	SSL *ssl = SSL_new(s->contexts[worker]);
	if (!ssl)
		return NULL;
	SSL_set_connect_state(ssl);
	bool is_set;
	if (*s->server_name)
		is_set = SSL_set_tlsext_host_name(ssl, s->server_name) == 1;
	else
		is_set = identity ? expect_name(ssl, identity) : expect_address(ssl, &to->addr);
	if (!is_set) {
		SSL_free(ssl);
		return NULL;
	}
	tls_sessions_use(ssl, to, identity);
	return ssl;
}
