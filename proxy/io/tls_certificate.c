/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_certificate.h"
#include "proxy/io/tls_key.h"

#include <ctype.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- names --- */

static bool add_name(struct tls_certificate *c, const unsigned char *bytes, size_t length)
{
	if (!length || memchr(bytes, '\0', length))
		return true; /* a name with a NUL is nobody's */
	char *name = strndup((const char *)bytes, length);
	char **names = realloc(c->names, (c->name_count + 1) * sizeof(*names));
	if (names)
		c->names = names;
	if (!name || !names) {
		free(name);
		return false;
	}
	for (char *at = name; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	c->names[c->name_count++] = name;
	return true;
}

static bool add_alternatives(struct tls_certificate *c)
{
	bool is_added = true;
	GENERAL_NAMES *names = X509_get_ext_d2i(c->leaf, NID_subject_alt_name, NULL, NULL);
	for (int i = 0; is_added && i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		if (name->type == GEN_DNS)
			is_added = add_name(c, ASN1_STRING_get0_data(name->d.dNSName),
				(size_t)ASN1_STRING_length(name->d.dNSName));
	}
	GENERAL_NAMES_free(names);
	return is_added;
}

/* The common name counts where there is no other (RFC 6125, section 6.4.4); one that is for an address alone has neither. */
static bool find_names(struct tls_certificate *c)
{
	unsigned char *text = NULL;
	bool is_added = add_alternatives(c);
	X509_NAME *subject = X509_get_subject_name(c->leaf);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	if (is_added && !c->name_count && at >= 0) {
		X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, at);
		int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
		is_added = length < 0 || add_name(c, text, (size_t)length);
		OPENSSL_free(text);
	}
	if (is_added && !c->name_count)
		is_added = add_name(c, (const unsigned char *)"unnamed", strlen("unnamed"));
	return is_added;
}

/* --- times --- */

static time_t time_of(const ASN1_TIME *time, time_t otherwise)
{
	struct tm parts;
	if (!time || ASN1_TIME_to_tm(time, &parts) != 1)
		return otherwise;
	return timegm(&parts);
}

static void find_times(struct tls_certificate *c)
{
	c->from_s = time_of(X509_get0_notBefore(c->leaf), 0);
	c->until_s = time_of(X509_get0_notAfter(c->leaf), 0);
	for (int i = 0; i < sk_X509_num(c->chain); i++) {
		const X509 *link = sk_X509_value(c->chain, i);
		time_t from_s = time_of(X509_get0_notBefore(link), 0);
		time_t until_s = time_of(X509_get0_notAfter(link), 0);
		c->from_s = from_s > c->from_s ? from_s : c->from_s;
		c->until_s = until_s < c->until_s ? until_s : c->until_s;
	}
}

static const char *day_of(time_t time_s, char text[32])
{
	struct tm parts;
	gmtime_r(&time_s, &parts);
	strftime(text, 32, "%Y-%m-%d %H:%M UTC", &parts);
	return text;
}

static void warn_of_times(
	const struct tls_certificate *c, const char *file, const struct tls_option *o)
{
	char day[32];
	time_t now_s = time(NULL);
	if (c->until_s <= now_s)
		conf_errors_warn(o->errors, o->at, o->path,
			"\"%s\", or a certificate of its chain, has expired on %s, expected a new "
			"one: clients will refuse it",
			file, day_of(c->until_s, day));
	else if (c->from_s > now_s)
		conf_errors_warn(o->errors, o->at, o->path,
			"\"%s\", or a certificate of its chain, is not valid before %s, expected "
			"one "
			"that is, or another clock",
			file, day_of(c->from_s, day));
}

/* --- reading --- */

static bool tell(const struct tls_option *o, const char *file, const char *what)
{
	conf_errors_add(o->errors, o->at, o->path, "\"%s\" %s", file, what);
	return false;
}

static bool read_chain(struct tls_certificate *c, const struct tls_file *f,
	const struct tls_certificate_files *files)
{
	unsigned bad;
	const struct tls_option *o = &files->of_certificate;
	STACK_OF(X509) *all = tls_file_certificates(f, &bad);
	if (bad) {
		conf_errors_add(o->errors, o->at, o->path,
			"\"%s\": certificate %u in it cannot be read, expected PEM as openssl "
			"writes it",
			files->certificate, bad);
		return false;
	}
	if (!all)
		return tell(o, files->certificate, "needs more memory than there is");
	c->leaf = sk_X509_shift(all);
	c->chain = all;
	if (c->leaf)
		return true;
	if (strstr(f->bytes, "PRIVATE KEY-----"))
		return tell(o, files->certificate,
			"holds a private key and no certificate, expected the certificate; the key "
			"belongs to private_key");
	return tell(o, files->certificate,
		"holds no certificate in PEM format, expected -----BEGIN CERTIFICATE-----, the "
		"server's own first and its chain behind it");
}

static bool is_leaf_of_key(
	struct tls_certificate *c, EVP_PKEY *key, const struct tls_certificate_files *files)
{
	const struct tls_option *o = &files->of_key;
	const char *file = *files->private_key ? files->private_key : files->certificate;
	bool is_pair = X509_check_private_key(c->leaf, key) == 1;
	ERR_clear_error();
	for (int i = 0; !is_pair && i < sk_X509_num(c->chain); i++) {
		bool is_other = X509_check_private_key(sk_X509_value(c->chain, i), key) == 1;
		ERR_clear_error();
		if (is_other)
			return tell(&files->of_certificate, files->certificate,
				"begins with another certificate than that of the key, expected "
				"the "
				"server's own first and its chain behind it");
	}
	if (!is_pair)
		conf_errors_add(o->errors, o->at, o->path,
			"the key in \"%s\" is not that of the certificate in \"%s\", expected the "
			"two of one pair",
			file, files->certificate);
	return is_pair;
}

static bool fill(struct tls_certificate *c, struct tls_world *w, const struct tls_file *certificate,
	const struct tls_file *key, const struct tls_certificate_files *files)
{
	if (!read_chain(c, certificate, files))
		return false;
	bool is_same = key == certificate;
	EVP_PKEY *pair = tls_key_read(
		key, is_same ? files->certificate : files->private_key, is_same, &files->of_key);
	bool is_good = pair && is_leaf_of_key(c, pair, files);
	if (is_good && (!find_names(c) || !(c->keys = calloc(w->workers, sizeof(EVP_PKEY *))))) {
		is_good = tell(&files->of_certificate, files->certificate,
			"needs more memory than there is");
	}
	for (unsigned i = 0; is_good && i < w->workers; i++)
		c->keys[c->key_count++] = tls_key_copy(pair, w->contexts[i]);
	find_times(c);
	EVP_PKEY_free(pair);
	return is_good;
}

/* --- the world's certificates --- */

static void certificate_free(struct tls_certificate *c)
{
	for (unsigned i = 0; i < c->key_count; i++)
		EVP_PKEY_free(c->keys[i]);
	for (size_t i = 0; i < c->name_count; i++)
		free(c->names[i]);
	sk_X509_pop_free(c->chain, X509_free);
	X509_free(c->leaf);
	free(c->names);
	free(c->keys);
	free(c);
}

struct tls_certificate *tls_certificate_hold(struct tls_certificate *c)
{
	atomic_fetch_add_explicit(&c->holders, 1, memory_order_relaxed);
	return c;
}

void tls_certificate_release(struct tls_certificate *c)
{
	if (c)
		atomic_fetch_sub_explicit(&c->holders, 1, memory_order_release);
}

/* Whoever sees that only the world is left may free it: nobody but the world gives it to others. */
void tls_certificate_sweep(struct tls_world *w)
{
	struct list_node *next;
	for (struct list_node *n = w->certificates.head.next; n != &w->certificates.head;
		n = next) {
		struct tls_certificate *c = LIST_OBJECT(n, struct tls_certificate, order);
		next = n->next;
		if (atomic_load_explicit(&c->holders, memory_order_acquire) > 1)
			continue;
		list_remove(n);
		certificate_free(c);
	}
}

static struct tls_certificate *find(struct tls_world *w, const uint8_t digest[TLS_DIGEST])
{
	for (struct list_node *n = w->certificates.head.next; n != &w->certificates.head;
		n = n->next) {
		struct tls_certificate *c = LIST_OBJECT(n, struct tls_certificate, order);
		if (!memcmp(c->digest, digest, TLS_DIGEST))
			return tls_certificate_hold(c);
	}
	return NULL;
}

static struct tls_certificate *make(struct tls_world *w, const struct tls_file *certificate,
	const struct tls_file *key, const struct tls_certificate_files *files)
{
	struct tls_certificate *c = calloc(1, sizeof(*c));
	if (!c) {
		tell(&files->of_certificate, files->certificate, "needs more memory than there is");
		return NULL;
	}
	if (!fill(c, w, certificate, key, files)) {
		certificate_free(c);
		return NULL;
	}
	atomic_init(&c->holders, 2);
	list_append(&w->certificates, &c->order);
	return c;
}

static struct tls_certificate *get(struct tls_world *w, const struct tls_file *certificate,
	const struct tls_file *key, const struct tls_certificate_files *files)
{
	struct tls_digest digest;
	uint8_t sum[TLS_DIGEST];
	tls_digest_begin(&digest);
	tls_digest_add(&digest, certificate->digest, TLS_DIGEST);
	tls_digest_add(&digest, key->digest, TLS_DIGEST);
	tls_digest_end(&digest, sum);
	struct tls_certificate *c = find(w, sum);
	if (!c)
		c = make(w, certificate, key, files);
	if (c) {
		memcpy(c->digest, sum, TLS_DIGEST);
		warn_of_times(c, files->certificate, &files->of_certificate);
	}
	return c;
}

struct tls_certificate *tls_certificate_get(
	struct tls_world *w, const struct tls_certificate_files *files)
{
	struct tls_file certificate, key = {0};
	struct tls_certificate *c = NULL;
	bool is_one = !*files->private_key;
	bool has_certificate =
		tls_file_read(&certificate, files->certificate, &files->of_certificate);
	bool has_key = is_one || tls_file_read(&key, files->private_key, &files->of_key);
	if (has_certificate && has_key)
		c = get(w, &certificate, is_one ? &certificate : &key, files);
	tls_file_fini(&certificate);
	tls_file_fini(&key);
	return c;
}

const char *tls_certificate_kind(const struct tls_certificate *c)
{
	return EVP_PKEY_get0_type_name(c->keys[0]);
}
