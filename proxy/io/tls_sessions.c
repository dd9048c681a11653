/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_sessions.h"
#include "limits/siphash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 64 }; /* servers of a pool; of more some do without */

struct slot {
	struct addr_port server;
	uint64_t name; /* siphash of what its certificate is for; 0: the address */
	unsigned user; /* counts those whom it was given to */
	SSL_SESSION *session;
};

struct sessions {
	unsigned next; /* to be overwritten, once all are taken */
	struct slot slots[SLOTS];
};

static int of_context, of_connection; /* OpenSSL's places for our pointers */

static void free_sessions(
	void *parent, void *pointer, CRYPTO_EX_DATA *data, int index, long number, void *argument)
{
	struct sessions *s = pointer;
	(void)parent;
	(void)data;
	(void)index;
	(void)number;
	(void)argument;
	for (unsigned i = 0; s && i < SLOTS; i++)
		SSL_SESSION_free(s->slots[i].session);
	free(s);
}

static void make_indices(void)
{
	of_context = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_sessions);
	of_connection = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/* Which slot, and of which of its users: a connection must not fill one that has become another server's. */
static void *mark_of(const struct sessions *s, const struct slot *slot)
{
	uintptr_t index = (uintptr_t)(slot - s->slots);
	return (void *)((uintptr_t)slot->user * SLOTS + index + 1);
}

static struct slot *slot_of_mark(struct sessions *s, void *mark)
{
	uintptr_t number = (uintptr_t)mark;
	struct slot *slot = number ? &s->slots[(number - 1) % SLOTS] : NULL;
	return slot && mark_of(s, slot) == mark ? slot : NULL;
}

static struct sessions *sessions_of(const SSL *ssl)
{
	return SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), of_context);
}

/* With TLS 1.3 it comes some time after the handshake. Returns 1: the session is ours now. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	struct slot *slot = slot_of_mark(sessions_of(ssl), SSL_get_ex_data(ssl, of_connection));
	if (!slot)
		return 0;
	SSL_SESSION_free(slot->session);
	slot->session = session;
	return 1;
}

bool tls_sessions_attach(SSL_CTX *context)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_indices);
	struct sessions *s = calloc(1, sizeof(*s));
	if (!s || SSL_CTX_set_ex_data(context, of_context, s) != 1) {
		free(s);
		return false;
	}
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, on_session);
	return true;
}

/* A session vouches for the name that was looked at when it was made, and for no other. */
static uint64_t hash_of(const char *name)
{
	static const uint8_t key[16] = "sipweir names";
	return name ? siphash13(key, name, strlen(name)) : 0;
}

static bool is_of(const struct slot *slot, const struct addr_port *to, uint64_t name)
{
	return slot->name == name && addr_port_equal(&slot->server, to);
}

static struct slot *slot_of(struct sessions *s, const struct addr_port *to, uint64_t name)
{
	unsigned i = 0;
	while (i < SLOTS && s->slots[i].server.port && !is_of(&s->slots[i], to, name))
		i++;
	if (i < SLOTS && s->slots[i].server.port)
		return &s->slots[i];
	if (i == SLOTS)
		i = s->next++ % SLOTS;
	SSL_SESSION_free(s->slots[i].session);
	s->slots[i] = (struct slot){.server = *to, .name = name, .user = s->slots[i].user + 1};
	return &s->slots[i];
}

void tls_sessions_use(SSL *ssl, const struct addr_port *to, const char *name)
{
	struct sessions *s = sessions_of(ssl);
	struct slot *slot = slot_of(s, to, hash_of(name));
	if (SSL_set_ex_data(ssl, of_connection, mark_of(s, slot)) != 1)
		return;
	if (slot->session && SSL_SESSION_is_resumable(slot->session))
		SSL_set_session(ssl, slot->session);
}
