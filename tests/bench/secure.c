/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * secure.c - see secure.h
 */
#include "tests/bench/secure.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct secure {
	SSL *ssl;
	char *waiting; /* for the end of the handshake; NULL while empty */
	size_t waiting_length;
};

static _Noreturn void give_up(const char *what)
{
	fprintf(stderr, "sipweir-load: %s\n", what);
	abort();
}

static int on_ticket(SSL *ssl, SSL_SESSION *session)
{
	uint64_t *tickets = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	(void)session;
	(*tickets)++;
	return 0; /* not kept */
}

struct secure_client *secure_client_new(uint64_t *tickets)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());

	if (context == NULL)
		return NULL;
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_set_app_data(context, tickets);
	SSL_CTX_sess_set_new_cb(context, on_ticket);
	SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
	return (struct secure_client *)context;
}

void secure_client_free(struct secure_client *client)
{
	SSL_CTX_free((SSL_CTX *)client);
}

static bool give_memory(SSL *ssl)
{
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());

	if (in == NULL || out == NULL) {
		BIO_free(in);
		BIO_free(out);
		return false;
	}
	BIO_set_mem_eof_return(in, -1);
	BIO_set_mem_eof_return(out, -1);
	SSL_set_bio(ssl, in, out);
	return true;
}

struct secure *secure_new(struct secure_client *client)
{
	struct secure *secure = calloc(1, sizeof(*secure));

	if (secure == NULL)
		return NULL;
	secure->ssl = SSL_new((SSL_CTX *)client);
	if (secure->ssl == NULL || !give_memory(secure->ssl)) {
		secure_free(secure);
		return NULL;
	}
	ERR_clear_error();
	SSL_connect(secure->ssl);
	return secure;
}

void secure_free(struct secure *secure)
{
	if (secure == NULL)
		return;
	SSL_free(secure->ssl);
	free(secure->waiting);
	free(secure);
}

void secure_put(struct secure *secure, const char *data, size_t length)
{
	if (BIO_write(SSL_get_rbio(secure->ssl), data, (int)length) != (int)length)
		give_up("no memory for what was received");
}

size_t secure_take(struct secure *secure, char *out, size_t size)
{
	int got = BIO_read(SSL_get_wbio(secure->ssl), out, (int)size);

	return got > 0 ? (size_t)got : 0;
}

static void encrypt(struct secure *secure, const char *data, size_t length)
{
	ERR_clear_error();
	while (length > 0) {
		size_t written;

		/* Memory takes everything; what fails now has failed before, and is read. */
		if (SSL_write_ex(secure->ssl, data, length, &written) != 1)
			return;
		data += written;
		length -= written;
	}
}

void secure_write(struct secure *secure, const char *data, size_t length)
{
	char *grown;

	if (SSL_is_init_finished(secure->ssl)) {
		encrypt(secure, data, length);
		return;
	}
	grown = realloc(secure->waiting, secure->waiting_length + length);
	if (grown == NULL)
		give_up("no memory for what is to be sent");
	memcpy(grown + secure->waiting_length, data, length);
	secure->waiting = grown;
	secure->waiting_length += length;
}

static enum secure_status status_of(const SSL *ssl, int result)
{
	switch (SSL_get_error(ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return SECURE_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return SECURE_END;
	default:
		return SECURE_FAILED;
	}
}

static enum secure_status shake_hands(struct secure *secure)
{
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(secure->ssl);
	if (result != 1)
		return status_of(secure->ssl, result);
	encrypt(secure, secure->waiting, secure->waiting_length);
	free(secure->waiting);
	secure->waiting = NULL;
	secure->waiting_length = 0;
	return SECURE_OK;
}

enum secure_status secure_read(struct secure *secure, char *out, size_t size, size_t *got)
{
	int result;

	if (!SSL_is_init_finished(secure->ssl)) {
		enum secure_status status = shake_hands(secure);

		if (status != SECURE_OK)
			return status;
	}
	ERR_clear_error();
	result = SSL_read_ex(secure->ssl, out, size, got);
	return result == 1 ? SECURE_OK : status_of(secure->ssl, result);
}

void secure_finish(struct secure *secure)
{
	ERR_clear_error();
	if (SSL_is_init_finished(secure->ssl))
		SSL_shutdown(secure->ssl);
}
