/* SPDX-License-Identifier: BSD-2-Clause */
/* tls_self_signed.c - a certificate for whoever has none yet: good for a first try, trusted by nobody. */
#include "proxy/server.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

enum {
	SERIAL_BYTES = 16,
	EARLIER_S = 3600, /* clocks differ */
	LIFE_S = 30 * 24 * 3600,
};

/* Another one each time: who has accepted the last one by hand shall see that this is not it. */
static bool set_serial(X509 *certificate)
{
	unsigned char bytes[SERIAL_BYTES];
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	bytes[0] &= 0x7f; /* positive */
	BIGNUM *number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	bool is_set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
	BN_free(number);
	return is_set;
}

static bool set_names(X509 *certificate)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
		       (const unsigned char *)"localhost", -1, -1, 0) == 1 &&
	       X509_set_issuer_name(certificate, name) == 1;
}

static bool set_times(X509 *certificate)
{
	return X509_gmtime_adj(X509_getm_notBefore(certificate), -EARLIER_S) &&
	       X509_gmtime_adj(X509_getm_notAfter(certificate), LIFE_S);
}

static bool add_extension(X509 *certificate, int kind, const char *value)
{
	X509V3_CTX context;
	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
	bool is_added = extension && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return is_added;
}

static bool fill(X509 *certificate, EVP_PKEY *key)
{
	return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
	       set_names(certificate) && set_times(certificate) &&
	       X509_set_pubkey(certificate, key) == 1 &&
	       add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
	       add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
	       add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
	       add_extension(certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1") &&
	       X509_sign(certificate, key, EVP_sha256()) > 0;
}

bool server_make_certificate(int fd)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	BIO *out = BIO_new_fd(fd, BIO_NOCLOSE);
	bool is_written = key && certificate && out && fill(certificate, key) &&
			  PEM_write_bio_X509(out, certificate) == 1 &&
			  PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1;
	BIO_free(out);
	X509_free(certificate);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return is_written;
}
