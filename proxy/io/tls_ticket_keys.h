/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_ticket_keys.h - the keys of session tickets, as a file that several instances share.
 *
 * A key is 80 bytes in base64, in one line or as `openssl rand -base64 80` breaks it into two; the newest comes first. Empty
 * lines and lines that begin with # stand between keys. Pure; any thread.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_TICKET_KEYS_H
#define SIPWEIR_PROXY_IO_TLS_TICKET_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TLS_TICKET_KEYS_MAX = 16 };

/* In the order of the 80 bytes, which is HAProxy's. */
struct tls_ticket_key {
	uint8_t name[16];
	uint8_t mac[32];    /* HMAC-SHA256 */
	uint8_t cipher[32]; /* AES-256-CBC */
};

struct tls_ticket_keys {
	unsigned count;
	struct tls_ticket_key keys[TLS_TICKET_KEYS_MAX]; /* the first encrypts, all decrypt */
};

enum tls_ticket_fault {
	TLS_TICKET_OK,
	TLS_TICKET_NO_BASE64, /* a character that is none */
	TLS_TICKET_SIZE,      /* not 80 bytes */
	TLS_TICKET_TWICE,     /* a key, or its name, for the second time */
	TLS_TICKET_MANY,      /* more than TLS_TICKET_KEYS_MAX */
	TLS_TICKET_NONE,      /* no key at all */
};

/* Read a whole file. Not TLS_TICKET_OK: nothing in *k means anything, and *line is where, from 1. */
enum tls_ticket_fault tls_ticket_keys_read(
	struct tls_ticket_keys *k, const char *text, size_t length, unsigned *line);

/* What is wrong and what was expected, behind the line number. A constant. */
const char *tls_ticket_fault_text(enum tls_ticket_fault fault);

#endif
