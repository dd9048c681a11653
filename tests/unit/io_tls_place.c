/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/io_tls_place.h"

#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

void io_place_begin(struct io_place *p)
{
	*p = (struct io_place){0};
	snprintf(p->folder, sizeof(p->folder), "/tmp/sipweir-tls-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	p->world = tls_world_new(IO_PLACE_WORKERS);
	assert_non_null(p->world);
}

void io_place_end(struct io_place *p)
{
	char command[128];
	for (unsigned i = 0; i < p->conf_count; i++)
		conf_free(p->confs[i]);
	conf_errors_fini(&p->errors);
	tls_world_free(p->world);
	snprintf(command, sizeof(command), "rm -rf '%s'", p->folder);
	assert_int_equal(system(command), 0);
}

/* --- files --- */

static FILE *create(const struct io_place *p, const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", p->folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	return file;
}

void io_place_text(const struct io_place *p, const char *name, const char *text)
{
	FILE *file = create(p, name);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

void io_place_identity(const struct io_place *p, const char *name, const struct io_identity *i,
	unsigned what, const struct io_identity *const *chain)
{
	FILE *file = create(p, name);
	if (what & IO_WITH_CERTIFICATE)
		assert_int_equal(PEM_write_X509(file, i->certificate), 1);
	for (; chain && *chain; chain++)
		assert_int_equal(PEM_write_X509(file, (*chain)->certificate), 1);
	if (what & IO_WITH_KEY)
		assert_int_equal(PEM_write_PrivateKey(file, i->key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(file), 0);
}

void io_place_remove(const struct io_place *p, const char *name)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", p->folder, name);
	assert_int_equal(unlink(path), 0);
}

void io_place_crl(const struct io_place *p, const char *name, const struct io_identity *issuer,
	const long *serials, long until_s)
{
	X509_CRL *list = X509_CRL_new();
	ASN1_TIME *time = ASN1_TIME_new();
	X509_CRL_set_version(list, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer->certificate));
	X509_gmtime_adj(time, -86400);
	X509_CRL_set1_lastUpdate(list, time);
	for (; *serials; serials++) {
		X509_REVOKED *revoked = X509_REVOKED_new();
		ASN1_INTEGER *serial = ASN1_INTEGER_new();
		ASN1_INTEGER_set(serial, *serials);
		X509_REVOKED_set_serialNumber(revoked, serial);
		X509_REVOKED_set_revocationDate(revoked, time);
		X509_CRL_add0_revoked(list, revoked);
		ASN1_INTEGER_free(serial);
	}
	X509_gmtime_adj(time, until_s);
	X509_CRL_set1_nextUpdate(list, time);
	assert_true(X509_CRL_sign(list, issuer->key, EVP_sha256()) > 0);
	FILE *file = create(p, name);
	assert_int_equal(PEM_write_X509_CRL(file, list), 1);
	assert_int_equal(fclose(file), 0);
	ASN1_TIME_free(time);
	X509_CRL_free(list);
}

/* --- setups --- */

static struct conf *load(
	struct io_place *p, const char *head, const char *options, const char *tail)
{
	static char text[8192], whole[8192];
	size_t length = 0;
	snprintf(whole, sizeof(whole), "%s%s%s", head, options, tail);
	for (const char *at = whole; *at; at++)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
			*at == '@' ? "%s" : "%.1s", *at == '@' ? p->folder : at);
	conf_errors_fini(&p->errors);
	struct conf *conf = conf_load_text(text, "test.conf", &p->errors);
	if (!conf)
		conf_errors_print(&p->errors.errors, "", stderr);
	assert_non_null(conf);
	conf_errors_fini(&p->errors); /* what the options alone are warned of is no matter here */
	assert_true(p->conf_count < IO_PLACE_CONFS);
	p->confs[p->conf_count++] = conf;
	return conf;
}

struct tls_setup *io_place_listener(
	struct io_place *p, const char *options, struct tls_setup *previous)
{
	const struct conf *conf = load(p,
		"listeners = ( { name = \"in\"; address = \"127.0.0.1:0\"; pool = \"p\";\n"
		"transport = \"tls\"; tls: {\n",
		options,
		"\n}; } );\n"
		"pools = ( { name = \"p\"; respond: { status = 200; }; } );\n");
	return tls_setup_listener(p->world, &conf->listeners[0], previous, &p->errors);
}

struct tls_setup *io_place_pool(struct io_place *p, const char *options, struct tls_setup *previous)
{
	const struct conf *conf = load(p,
		"listeners = ( { name = \"in\"; address = \"127.0.0.1:0\"; pool = \"p\"; } );\n"
		"pools = ( { name = \"p\"; servers = ( { name = \"s\"; address = "
		"\"192.0.2.1:5061\";\ntransport = \"tls\"; } ); ",
		options, "} );\n");
	return tls_setup_pool(p->world, &conf->pools[0], previous, &p->errors);
}

/* --- messages --- */

static bool has(const struct conf_messages *m, const char *option, const char *text)
{
	char about[256];
	snprintf(about, sizeof(about), ": %s: ", option);
	for (size_t i = 0; i < m->kept_count; i++)
		if (!strncmp(m->kept[i].text, "test.conf:", 10) && strstr(m->kept[i].text, about) &&
			strstr(m->kept[i].text, text))
			return true;
	conf_errors_print(m, "instead: ", stderr);
	return false;
}

void io_place_assert_error(const struct io_place *p, const char *option, const char *text)
{
	assert_true(has(&p->errors.errors, option, text));
	assert_int_equal(p->errors.errors.count, 1);
}

void io_place_assert_warning(const struct io_place *p, const char *option, const char *text)
{
	assert_true(has(&p->errors.warnings, option, text));
	assert_int_equal(p->errors.errors.count, 0);
}

void io_place_assert_silent(const struct io_place *p)
{
	conf_errors_print(&p->errors.errors, "instead: ", stderr);
	conf_errors_print(&p->errors.warnings, "instead: ", stderr);
	assert_int_equal(p->errors.errors.count + p->errors.warnings.count, 0);
}
