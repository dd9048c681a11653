/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_trust.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAME_TEXT = 128 };

static const char *name_of(const X509_NAME *name, char text[NAME_TEXT])
{
	X509_NAME_oneline(name, text, NAME_TEXT);
	return text;
}

static bool tell(const struct tls_option *o, const char *file, const char *what)
{
	conf_errors_add(o->errors, o->at, o->path, "\"%s\" %s", file, what);
	return false;
}

/* --- authorities --- */

static bool add_authorities(
	struct tls_trust *t, const struct tls_file *f, const char *name, const struct tls_option *o)
{
	unsigned bad;
	t->authorities = tls_file_certificates(f, &bad);
	if (bad) {
		conf_errors_add(o->errors, o->at, o->path,
			"\"%s\": certificate %u in it cannot be read, expected PEM as openssl "
			"writes it",
			name, bad);
		return false;
	}
	if (!t->authorities)
		return tell(o, name, "needs more memory than there is");
	if (!sk_X509_num(t->authorities))
		return tell(o, name,
			"holds no certificate in PEM format, expected those of the authorities "
			"that are trusted: -----BEGIN CERTIFICATE-----");
	for (int i = 0; i < sk_X509_num(t->authorities); i++)
		if (X509_STORE_add_cert(t->store, sk_X509_value(t->authorities, i)) != 1)
			return tell(o, name, "needs more memory than there is");
	return true;
}

static void warn_of_authorities(const struct tls_trust *t, const struct tls_option *o)
{
	char name[NAME_TEXT];
	for (int i = 0; i < sk_X509_num(t->authorities); i++) {
		const X509 *authority = sk_X509_value(t->authorities, i);
		if (X509_cmp_current_time(X509_get0_notAfter(authority)) > 0)
			continue;
		conf_errors_warn(o->errors, o->at, o->path,
			"the authority \"%s\" has expired, expected one that is valid: what it "
			"signed is refused",
			name_of(X509_get_subject_name(authority), name));
	}
}

/* --- revocation lists --- */

static bool is_listed(const struct tls_trust *t, const X509_NAME *issuer)
{
	bool is_found = false;
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(t->store);
	for (int i = 0; !is_found && i < sk_X509_OBJECT_num(objects); i++) {
		const X509_CRL *list = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
		is_found = list && X509_NAME_cmp(X509_CRL_get_issuer(list), issuer) == 0;
	}
	return is_found;
}

static void warn_of_lists(const struct tls_trust *t, const struct tls_option *o)
{
	char name[NAME_TEXT];
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(t->store);
	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
		const X509_CRL *list = X509_OBJECT_get0_X509_CRL(sk_X509_OBJECT_value(objects, i));
		const ASN1_TIME *next = list ? X509_CRL_get0_nextUpdate(list) : NULL;
		if (next && X509_cmp_current_time(next) <= 0)
			conf_errors_warn(o->errors, o->at, o->path,
				"the list of \"%s\" is out of date, expected a new one: all "
				"clients "
				"of that authority are refused",
				name_of(X509_CRL_get_issuer(list), name));
	}
	for (int i = 0; i < sk_X509_num(t->authorities); i++) {
		const X509_NAME *issuer = X509_get_subject_name(sk_X509_value(t->authorities, i));
		if (!is_listed(t, issuer))
			conf_errors_warn(o->errors, o->at, o->path,
				"there is no list of \"%s\", expected one of each authority in "
				"client_ca: all clients of that one are refused",
				name_of(issuer, name));
	}
}

static bool add_lists(
	struct tls_trust *t, const struct tls_file *f, const char *name, const struct tls_option *o)
{
	BIO *bio = BIO_new_mem_buf(f->bytes, (int)f->length);
	X509_CRL *list;
	unsigned count = 0;
	bool is_added = bio != NULL;
	ERR_clear_error();
	while (is_added && (list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL))) {
		is_added = X509_STORE_add_crl(t->store, list) == 1;
		X509_CRL_free(list);
		count++;
	}
	bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	BIO_free(bio);
	ERR_clear_error();
	if (!is_added)
		return tell(o, name, "needs more memory than there is");
	if (!is_end) {
		conf_errors_add(o->errors, o->at, o->path,
			"\"%s\": revocation list %u in it cannot be read, expected PEM as openssl "
			"writes it",
			name, count + 1);
		return false;
	}
	if (!count)
		return tell(o, name,
			"holds no revocation list in PEM format, expected -----BEGIN X509 "
			"CRL-----; "
			"from DER: openssl crl -inform DER -in FILE -out FILE.pem");
	return true;
}

/* --- the world's trusts --- */

static void trust_free(struct tls_trust *t)
{
	sk_X509_pop_free(t->authorities, X509_free);
	X509_STORE_free(t->store);
	free(t);
}

void tls_trust_release(struct tls_trust *t)
{
	if (!t || --t->holders)
		return;
	list_remove(&t->order);
	trust_free(t);
}

static struct tls_trust *find(struct tls_world *w, const uint8_t digest[TLS_DIGEST])
{
	for (struct list_node *n = w->trusts.head.next; n != &w->trusts.head; n = n->next) {
		struct tls_trust *t = LIST_OBJECT(n, struct tls_trust, order);
		if (!memcmp(t->digest, digest, TLS_DIGEST))
			return t;
	}
	return NULL;
}

static struct tls_trust *make(struct tls_world *w, const struct tls_file *ca, const char *ca_name,
	const struct tls_file *crl, const struct tls_trust_files *files)
{
	struct tls_trust *t = calloc(1, sizeof(*t));
	bool is_made = t && (t->store = X509_STORE_new());
	if (!is_made)
		tell(&files->of_ca, ca_name, "needs more memory than there is");
	is_made = is_made && add_authorities(t, ca, ca_name, &files->of_ca);
	if (is_made && *files->crl)
		is_made = add_lists(t, crl, files->crl, &files->of_crl);
	if (!is_made) {
		if (t)
			trust_free(t);
		return NULL;
	}
	list_append(&w->trusts, &t->order);
	return t;
}

static struct tls_trust *get(struct tls_world *w, const struct tls_file *ca, const char *ca_name,
	const struct tls_file *crl, const struct tls_trust_files *files)
{
	struct tls_digest digest;
	uint8_t sum[TLS_DIGEST];
	tls_digest_begin(&digest);
	tls_digest_add(&digest, ca->digest, TLS_DIGEST);
	tls_digest_add(&digest, crl->digest, TLS_DIGEST);
	tls_digest_end(&digest, sum);
	struct tls_trust *t = find(w, sum);
	if (!t)
		t = make(w, ca, ca_name, crl, files);
	if (!t)
		return NULL;
	memcpy(t->digest, sum, TLS_DIGEST);
	t->holders++;
	if (*files->ca)
		warn_of_authorities(t, &files->of_ca);
	if (*files->crl) {
		/* At a reload it may be in use: the first search of a worker sorts what is looked at here. */
		X509_STORE_lock(t->store);
		warn_of_lists(t, &files->of_crl);
		X509_STORE_unlock(t->store);
	}
	return t;
}

/* Where OpenSSL itself looks, read as a file: its folders would be searched in the midst of a handshake. */
static const char *system_file(const struct tls_option *o)
{
	const char *named = getenv(X509_get_default_cert_file_env());
	const char *file = named ? named : X509_get_default_cert_file();
	if (access(file, F_OK) == 0)
		return file;
	conf_errors_add(o->errors, o->at, o->path,
		"this host has no list of authorities (\"%s\"), expected the package "
		"ca-certificates, or ca with the path of a file",
		file);
	return NULL;
}

struct tls_trust *tls_trust_get(struct tls_world *w, const struct tls_trust_files *files)
{
	struct tls_file ca = {0}, crl = {0};
	struct tls_trust *t = NULL;
	const char *name = *files->ca ? files->ca : system_file(&files->of_ca);
	bool has_ca = name && tls_file_read(&ca, name, &files->of_ca);
	bool has_crl = !*files->crl || tls_file_read(&crl, files->crl, &files->of_crl);
	if (has_ca && has_crl)
		t = get(w, &ca, name, &crl, files);
	tls_file_fini(&ca);
	tls_file_fini(&crl);
	return t;
}
