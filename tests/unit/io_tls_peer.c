/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/io_tls_peer.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* --- certificates --- */

static void add_extension(X509 *certificate, const X509 *issuer, int kind, const char *value)
{
	X509V3_CTX context;
	if (!value)
		return;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, (X509 *)(uintptr_t)issuer, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static void set_times(X509 *certificate, const struct io_identity_plan *plan)
{
	bool is_usual = !plan->from_s && !plan->until_s;
	X509_gmtime_adj(X509_getm_notBefore(certificate), is_usual ? -86400 : plan->from_s);
	X509_gmtime_adj(X509_getm_notAfter(certificate), is_usual ? 365 * 86400L : plan->until_s);
}

struct io_identity io_identity_new(const struct io_identity_plan *plan)
{
	static long serials = 1000;
	struct io_identity i;
	i.key = plan->is_rsa ? EVP_RSA_gen(plan->bits ? plan->bits : 2048u) : EVP_EC_gen("P-256");
	i.certificate = X509_new();
	assert_true(i.key && i.certificate);
	const struct io_identity *issuer = plan->issuer ? plan->issuer : &i;
	X509_set_version(i.certificate, X509_VERSION_3);
	ASN1_INTEGER_set(
		X509_get_serialNumber(i.certificate), plan->serial ? plan->serial : serials++);
	set_times(i.certificate, plan);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(i.certificate), "CN", MBSTRING_UTF8,
		(const unsigned char *)plan->name, -1, -1, 0);
	X509_set_issuer_name(i.certificate, X509_get_subject_name(issuer->certificate));
	X509_set_pubkey(i.certificate, i.key);
	add_extension(i.certificate, issuer->certificate, NID_basic_constraints,
		plan->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
	add_extension(i.certificate, issuer->certificate, NID_subject_key_identifier, "hash");
	add_extension(i.certificate, issuer->certificate, NID_subject_alt_name, plan->alternatives);
	add_extension(i.certificate, issuer->certificate, NID_ext_key_usage, plan->usage);
	assert_true(X509_sign(i.certificate, issuer->key, EVP_sha256()) > 0);
	return i;
}

void io_identity_free(struct io_identity *i)
{
	X509_free(i->certificate);
	EVP_PKEY_free(i->key);
	*i = (struct io_identity){0};
}

/* --- a peer --- */

SSL_CTX *io_context_new(bool is_server, const struct io_identity *identity)
{
	SSL_CTX *context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
	assert_non_null(context);
	if (identity) {
		assert_int_equal(SSL_CTX_use_certificate(context, identity->certificate), 1);
		assert_int_equal(SSL_CTX_use_PrivateKey(context, identity->key), 1);
	}
	return context;
}

void io_peer_init(struct io_peer *p, SSL_CTX *context, bool is_server)
{
	*p = (struct io_peer){.ssl = SSL_new(context)};
	p->in = BIO_new(BIO_s_mem());
	p->out = BIO_new(BIO_s_mem());
	assert_true(p->ssl && p->in && p->out);
	SSL_set_bio(p->ssl, p->in, p->out);
	if (is_server)
		SSL_set_accept_state(p->ssl);
	else
		SSL_set_connect_state(p->ssl);
}

void io_peer_fini(struct io_peer *p)
{
	SSL_free(p->ssl);
	io_bytes_free(&p->got);
	p->ssl = NULL;
}

static void remember_failure(struct io_peer *p, int result)
{
	int error = SSL_get_error(p->ssl, result);
	if (error == SSL_ERROR_ZERO_RETURN)
		p->has_ended = true;
	if (error != SSL_ERROR_SSL || p->error)
		return;
	p->error = ERR_peek_error();
	if (ERR_GET_REASON(p->error) > SSL_AD_REASON_OFFSET)
		p->alert = ERR_GET_REASON(p->error) - SSL_AD_REASON_OFFSET;
}

static void work(struct io_peer *p)
{
	uint8_t bytes[20000];
	ERR_clear_error();
	if (!p->is_up) {
		int done = SSL_do_handshake(p->ssl);
		p->is_up = done == 1;
		if (!p->is_up)
			remember_failure(p, done);
	}
	while (p->is_up && !p->error) {
		ERR_clear_error();
		int got = SSL_read(p->ssl, bytes, sizeof(bytes));
		if (got <= 0) {
			remember_failure(p, got);
			break;
		}
		io_bytes_add(&p->got, bytes, (size_t)got);
	}
	ERR_clear_error();
}

void io_peer_turn(struct io_peer *p, struct io_pipe *pipe)
{
	char *bytes;
	if (pipe->out.length)
		BIO_write(p->in, pipe->out.bytes, (int)pipe->out.length);
	pipe->out.length = 0;
	if (!p->error)
		work(p);
	long length = BIO_get_mem_data(p->out, &bytes);
	io_bytes_add(&pipe->in, bytes, (size_t)length);
	(void)BIO_reset(p->out);
}

void io_peer_write(struct io_peer *p, const void *bytes, size_t length)
{
	size_t wrote;
	assert_int_equal(SSL_write_ex(p->ssl, bytes, length, &wrote), 1);
	assert_int_equal(wrote, length);
}
