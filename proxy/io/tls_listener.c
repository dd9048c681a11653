/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_listener.c - the setup of a listener: we are the server. */
#include "proxy/io/tls_prepare.h"
#include "proxy/io/tls_site.h"
#include "proxy/io/tls_verify.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* What a preparation has at hand. */
struct preparing {
	struct tls_world *world;
	const struct conf_listener_tls *conf;
	struct conf_errors *errors;
	char path[CONF_PATH_MAX]; /* of the tls group */
	struct tls_setup *setup;
	struct tls_ticket_keys tickets;
};

static bool no_memory(const struct preparing *p)
{
	conf_errors_add(p->errors, &p->conf->place, p->path, "the host has no memory for it");
	return false;
}

/* --- what the files hold --- */

static struct tls_option option(const struct preparing *p, char path[CONF_PATH_MAX],
	const char *name, const struct conf_place *at)
{
	conf_path_member(path, p->path, name);
	return (struct tls_option){.at = at, .path = path, .errors = p->errors};
}

static void certificate_path(
	const struct preparing *p, size_t i, const char *member, char path[CONF_PATH_MAX])
{
	char list[CONF_PATH_MAX], element[CONF_PATH_MAX];
	conf_path_member(list, p->path, "certificates");
	conf_path_element(element, list, NULL, i);
	conf_path_member(path, element, member);
}

static bool get_certificate(struct preparing *p, size_t i)
{
	const struct conf_certificate *conf = &p->conf->certificates[i];
	char of_certificate[CONF_PATH_MAX], of_key[CONF_PATH_MAX];
	bool is_one = !*conf->private_key;
	certificate_path(p, i, "certificate", of_certificate);
	certificate_path(p, i, is_one ? "certificate" : "private_key", of_key);
	struct tls_certificate *c = tls_certificate_get(p->world,
		&(struct tls_certificate_files){
			.certificate = conf->certificate,
			.private_key = conf->private_key,
			.of_certificate = {&conf->at.certificate, of_certificate, p->errors},
			.of_key = {is_one ? &conf->at.certificate : &conf->at.private_key, of_key,
				p->errors},
		});
	if (!c)
		return false;
	p->setup->certificates[p->setup->certificate_count++] = c;
	return true;
}

static bool get_trust(struct preparing *p)
{
	const struct conf_listener_tls *conf = p->conf;
	char ca[CONF_PATH_MAX], crl[CONF_PATH_MAX];
	if (conf->verify_client == CONF_VERIFY_OFF)
		return true;
	p->setup->trust = tls_trust_get(
		p->world, &(struct tls_trust_files){
				  .ca = conf->client_ca,
				  .crl = conf->client_crl,
				  .of_ca = option(p, ca, "client_ca", &conf->at.client_ca),
				  .of_crl = option(p, crl, "client_crl", &conf->at.client_crl),
			  });
	return p->setup->trust != NULL;
}

static bool get_tickets(struct preparing *p)
{
	const char *name = p->conf->ticket_keys;
	char path[CONF_PATH_MAX];
	struct tls_option o = option(p, path, "ticket_keys", &p->conf->at.ticket_keys);
	struct tls_file file;
	unsigned line;
	if (!*name) {
		p->tickets = p->world->tickets;
		return true;
	}
	if (!tls_file_read(&file, name, &o))
		return false;
	enum tls_ticket_fault fault =
		tls_ticket_keys_read(&p->tickets, file.bytes, file.length, &line);
	tls_file_fini(&file);
	if (fault != TLS_TICKET_OK)
		conf_errors_add(p->errors, o.at, o.path, "\"%s\" line %u: %s", name, line,
			tls_ticket_fault_text(fault));
	return fault == TLS_TICKET_OK;
}

static bool get_all(struct preparing *p)
{
	bool is_good = true;
	for (size_t i = 0; i < p->conf->certificate_count; i++)
		is_good &= get_certificate(p, i);
	is_good &= get_trust(p);
	is_good &= get_tickets(p);
	return is_good;
}

/* --- what it comes to --- */

/* What a session must not be taken across: who is let in, and how well it is protected. */
static void digest_rules(const struct preparing *p, uint8_t out[TLS_DIGEST])
{
	const struct tls_trust *trust = p->setup->trust;
	struct tls_digest d;
	tls_digest_begin(&d);
	tls_digest_add(&d, &p->conf->verify_client, sizeof(p->conf->verify_client));
	tls_digest_add(&d, trust ? trust->digest : NULL, trust ? TLS_DIGEST : 0);
	tls_digest_add_text(&d, p->conf->ciphers);
	tls_digest_add_text(&d, p->conf->ciphersuites);
	tls_digest_end(&d, out);
}

static void digest_all(const struct preparing *p, uint8_t out[TLS_DIGEST])
{
	uint8_t rules[TLS_DIGEST];
	struct tls_digest d;
	digest_rules(p, rules);
	tls_digest_begin(&d);
	tls_digest_add(&d, rules, sizeof(rules));
	tls_digest_add(&d, &p->conf->min_version, sizeof(p->conf->min_version));
	tls_digest_add(&d, p->tickets.keys, p->tickets.count * sizeof(p->tickets.keys[0]));
	for (size_t i = 0; i < p->setup->certificate_count; i++)
		tls_digest_add(&d, p->setup->certificates[i]->digest, TLS_DIGEST);
	tls_digest_end(&d, out);
}

/* --- contexts --- */

static void set_version(SSL_CTX *context, enum conf_tls_version min)
{
	static const int versions[] = {
		[CONF_TLS_1_0] = TLS1_VERSION,
		[CONF_TLS_1_1] = TLS1_1_VERSION,
		[CONF_TLS_1_2] = TLS1_2_VERSION,
		[CONF_TLS_1_3] = TLS1_3_VERSION,
	};
	SSL_CTX_set_min_proto_version(context, versions[min]);
	tls_setup_set_level(context, min < CONF_TLS_1_2);
}

static bool set_ciphers(const struct preparing *p, SSL_CTX *context)
{
	const struct conf_listener_tls *conf = p->conf;
	char path[CONF_PATH_MAX];
	bool is_good = true;
	if (*conf->ciphers && SSL_CTX_set_cipher_list(context, conf->ciphers) != 1) {
		conf_path_member(path, p->path, "ciphers");
		conf_errors_add(p->errors, &conf->at.ciphers, path,
			"no cipher up to TLS 1.2 is left of \"%s\", expected names as in openssl "
			"ciphers, such as \"ECDHE+AESGCM:ECDHE+CHACHA20\"",
			conf->ciphers);
		is_good = false;
	}
	if (*conf->ciphersuites && SSL_CTX_set_ciphersuites(context, conf->ciphersuites) != 1) {
		conf_path_member(path, p->path, "ciphersuites");
		conf_errors_add(p->errors, &conf->at.ciphersuites, path,
			"\"%s\" are no cipher suites of TLS 1.3, expected names such as "
			"\"TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256\"",
			conf->ciphersuites);
		is_good = false;
	}
	ERR_clear_error();
	return is_good;
}

static bool set_client_names(SSL_CTX *context, const struct tls_trust *t)
{
	for (int i = 0; i < sk_X509_num(t->authorities); i++)
		if (SSL_CTX_add_client_CA(context, sk_X509_value(t->authorities, i)) != 1)
			return false;
	return true;
}

static bool set_clients(const struct preparing *p, SSL_CTX *context)
{
	const struct tls_trust *trust = p->setup->trust;
	unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN; /* what is in the file is trusted */
	if (!trust)
		return true;
	if (*p->conf->client_crl)
		flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
	SSL_CTX_set_verify(context,
		SSL_VERIFY_PEER | (p->conf->verify_client == CONF_VERIFY_REQUIRE
						  ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT
						  : 0),
		tls_verify_callback);
	return X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), flags) == 1 &&
	       SSL_CTX_set1_verify_cert_store(context, trust->store) == 1 &&
	       set_client_names(context, trust);
}

/* Tickets alone: nothing of a client that is gone is kept here. */
static bool set_sessions(const struct preparing *p, SSL_CTX *context)
{
	uint8_t rules[TLS_DIGEST];
	digest_rules(p, rules);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	return SSL_CTX_set_num_tickets(context, 1) == 1 &&
	       SSL_CTX_set_session_id_context(context, rules, sizeof(rules)) == 1;
}

/* Once, with the first of the contexts: the others are alike. */
static bool check_certificates(const struct preparing *p, SSL_CTX *context)
{
	bool is_good = true;
	for (size_t i = 0; i < p->setup->certificate_count; i++) {
		const struct conf_certificate *conf = &p->conf->certificates[i];
		char path[CONF_PATH_MAX];
		struct tls_option o = {&conf->at.certificate, path, p->errors};
		certificate_path(p, i, "certificate", path);
		is_good &= tls_setup_accepts(
			context, p->setup->certificates[i], conf->certificate, &o);
	}
	return is_good;
}

static bool add_context(struct preparing *p, struct tls_site *site, unsigned worker)
{
	OSSL_LIB_CTX *library = p->world->contexts[worker];
	SSL_CTX *context = tls_setup_new_context(library, TLS_server_method());
	if (!context)
		return no_memory(p);
	p->setup->contexts[p->setup->workers++] = context;
	set_version(context, p->conf->min_version);
	if (!set_ciphers(p, context) || (worker == 0 && !check_certificates(p, context)))
		return false;
	if (set_clients(p, context) && set_sessions(p, context) &&
		tls_site_attach(site, context, library, worker))
		return true;
	return no_memory(p);
}

static void warn_of_shadowed(const struct preparing *p, const char *const *shadowed)
{
	for (size_t i = 0; i < p->conf->certificate_count; i++) {
		char path[CONF_PATH_MAX];
		if (!shadowed[i])
			continue;
		certificate_path(p, i, "certificate", path);
		conf_errors_warn(p->errors, &p->conf->certificates[i].at.certificate, path,
			"a certificate before it is for \"%s\" too and has a key of the same kind "
			"(%s), expected one for each name and kind: this one is not used for it",
			shadowed[i], tls_certificate_kind(p->setup->certificates[i]));
	}
}

static bool add_contexts(struct preparing *p, const char **shadowed)
{
	struct tls_setup *s = p->setup;
	struct tls_site *site =
		tls_site_new(s->certificates, s->certificate_count, &p->tickets, shadowed);
	bool is_good = site != NULL;
	if (!is_good)
		return no_memory(p);
	for (unsigned w = 0; is_good && w < p->world->workers; w++)
		is_good = add_context(p, site, w);
	warn_of_shadowed(p, shadowed);
	tls_site_release(site);
	return is_good;
}

static struct tls_setup *finish(struct preparing *p, struct tls_setup *previous)
{
	const char **shadowed = NULL;
	bool is_good = get_all(p);
	if (is_good) {
		digest_all(p, p->setup->digest);
		if (tls_setup_is_unchanged(p->setup, previous)) {
			tls_setup_release(p->world, p->setup);
			return tls_setup_hold(previous);
		}
		shadowed = calloc(p->conf->certificate_count, sizeof(*shadowed));
		is_good = shadowed ? add_contexts(p, shadowed) : no_memory(p);
	}
	free(shadowed);
	if (is_good)
		return p->setup;
	tls_setup_release(p->world, p->setup);
	return NULL;
}

struct tls_setup *tls_setup_listener(struct tls_world *w, const struct conf_listener *conf,
	struct tls_setup *previous, struct conf_errors *errors)
{
	struct preparing p = {.world = w, .conf = conf->tls, .errors = errors};
	char listener[CONF_PATH_MAX];
	conf_path_element(listener, "listeners", conf->name, 0);
	conf_path_member(p.path, listener, "tls");
	p.setup = tls_setup_new(w, conf->tls->certificate_count);
	if (!p.setup) {
		no_memory(&p);
		return NULL;
	}
	struct tls_setup *made = finish(&p, previous);
	OPENSSL_cleanse(&p.tickets, sizeof(p.tickets));
	return made;
}
