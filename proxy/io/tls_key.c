/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_key.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

/* OpenSSL would ask at the terminal. */
static int no_passphrase(char *out, int size, int is_write, void *argument)
{
	(void)out;
	(void)size;
	(void)is_write;
	(void)argument;
	return -1;
}

static const char *what_is_wrong(const struct tls_file *f, bool is_beside)
{
	if (strstr(f->bytes, "-----BEGIN ENCRYPTED PRIVATE KEY") ||
		strstr(f->bytes, "Proc-Type: 4,ENCRYPTED"))
		return "holds a key that is encrypted, and nobody is there to type its passphrase, "
		       "expected one without: openssl pkey -in FILE -out FILE.plain";
	if (strstr(f->bytes, "PRIVATE KEY-----"))
		return "holds a private key that cannot be read, expected PEM as openssl writes it";
	if (is_beside)
		return "holds no private key beside the certificate, expected one there, or "
		       "private_key with the path of its file";
	if (strstr(f->bytes, "-----BEGIN CERTIFICATE"))
		return "holds a certificate and no private key, expected the key; the certificate "
		       "belongs to certificate";
	return "holds no private key in PEM format, expected -----BEGIN PRIVATE KEY-----";
}

EVP_PKEY *tls_key_read(
	const struct tls_file *f, const char *name, bool is_beside, const struct tls_option *option)
{
	BIO *bio = BIO_new_mem_buf(f->bytes, (int)f->length);
	ERR_clear_error();
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	BIO_free(bio);
	ERR_clear_error();
	if (!key)
		conf_errors_add(option->errors, option->at, option->path, "\"%s\" %s", name,
			what_is_wrong(f, is_beside));
	return key;
}

EVP_PKEY *tls_key_copy(EVP_PKEY *key, OSSL_LIB_CTX *context)
{
	const char *kind = EVP_PKEY_get0_type_name(key);
	EVP_PKEY_CTX *maker = kind ? EVP_PKEY_CTX_new_from_name(context, kind, NULL) : NULL;
	OSSL_PARAM *parts = NULL;
	EVP_PKEY *copy = NULL;
	bool is_made = maker && EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &parts) == 1 &&
		       EVP_PKEY_fromdata_init(maker) == 1 &&
		       EVP_PKEY_fromdata(maker, &copy, EVP_PKEY_KEYPAIR, parts) == 1;
	OSSL_PARAM_free(parts);
	EVP_PKEY_CTX_free(maker);
	ERR_clear_error();
	if (is_made)
		return copy;
	EVP_PKEY_up_ref(key);
	return key;
}
