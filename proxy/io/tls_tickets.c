/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <string.h>

enum { TICKET_ERROR = -1, TICKET_UNKNOWN = 0, TICKET_GOOD = 1, TICKET_RENEW = 2 };

bool tls_tickets_init(
	struct tls_tickets *t, const struct tls_ticket_keys *keys, OSSL_LIB_CTX *library)
{
	*t = (struct tls_tickets){.keys = keys, .library = library};
	t->cipher = EVP_CIPHER_fetch(library, "AES-256-CBC", NULL);
	return t->cipher != NULL;
}

void tls_tickets_fini(struct tls_tickets *t)
{
	EVP_CIPHER_free(t->cipher);
	t->cipher = NULL;
}

static bool set_mac(EVP_MAC_CTX *mac, const struct tls_ticket_key *key)
{
	char digest[] = "SHA256";
	uint8_t bytes[sizeof(key->mac)];
	memcpy(bytes, key->mac, sizeof(bytes));
	OSSL_PARAM parts[] = {
		OSSL_PARAM_octet_string(OSSL_MAC_PARAM_KEY, bytes, sizeof(bytes)),
		OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, sizeof(digest) - 1),
		OSSL_PARAM_END,
	};
	bool is_set = EVP_MAC_CTX_set_params(mac, parts) == 1;
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return is_set;
}

int tls_tickets_seal(const struct tls_tickets *t, unsigned char name[16], unsigned char iv[16],
	EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	const struct tls_ticket_key *key = &t->keys->keys[0];
	memcpy(name, key->name, sizeof(key->name));
	if (RAND_bytes_ex(t->library, iv, 16, 0) != 1 ||
		EVP_EncryptInit_ex2(cipher, t->cipher, key->cipher, iv, NULL) != 1 ||
		!set_mac(mac, key))
		return TICKET_ERROR;
	return TICKET_GOOD;
}

int tls_tickets_open(const struct tls_tickets *t, const unsigned char name[16],
	const unsigned char iv[16], EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, bool is_single_use)
{
	for (unsigned i = 0; i < t->keys->count; i++) {
		const struct tls_ticket_key *key = &t->keys->keys[i];
		if (memcmp(key->name, name, sizeof(key->name)) != 0)
			continue;
		if (EVP_DecryptInit_ex2(cipher, t->cipher, key->cipher, iv, NULL) != 1 ||
			!set_mac(mac, key))
			return TICKET_ERROR;
		return i || is_single_use ? TICKET_RENEW : TICKET_GOOD;
	}
	return TICKET_UNKNOWN;
}
