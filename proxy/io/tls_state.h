/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_state.h - what a TLS stream is made of, private to tls_stream.c, tls_verdict.c and tls_write.c.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_STATE_H
#define SIPWEIR_PROXY_IO_TLS_STATE_H

#include "proxy/io/tls_stream.h"

#include <openssl/err.h>

struct tls_stream {
	struct stream stream;
	struct tls *tls;
	SSL *ssl;
	struct tls_wire wire;
	struct list_node ready;
	uint32_t stuck_sum; /* of those bytes */
	uint16_t stuck;	    /* bytes of payload that are encrypted and did not all go out */
	uint16_t records;   /* read since the last byte of payload */
	uint8_t wanted;	    /* by the owner */
	uint8_t raw_wanted; /* of the raw stream */
	uint8_t refused;    /* enum tls_fault: what a callback has found wrong */
	uint8_t fault;	    /* enum tls_fault: what it has failed for, if it was TLS */
	bool is_up;	    /* the handshake is done */
	bool has_more;	    /* input that no event will announce */
	bool has_failed;    /* nothing but close() is left */
	bool has_ended;	    /* the peer's close_notify or FIN was read */
	bool lacks_certificate;
	bool is_shutting; /* our close_notify must go before our FIN */
	bool is_shut;
	bool step_writes; /* the handshake, or read(), waits to write */
	bool write_reads; /* writev() waits to read */
};

/* Before each call into OpenSSL: whom it is about. */
static inline void tls_state_enter(struct tls_stream *ts)
{
	tls_wires_turn(&ts->tls->wires, &ts->wire);
	ERR_clear_error();
}

/* From within such a call. */
static inline struct tls_stream *tls_state_of(const SSL *ssl)
{
	return LIST_OBJECT(tls_wire_of(SSL_get_rbio(ssl)), struct tls_stream, wire);
}

/* Whether the peer is a server. */
static inline bool tls_state_has_server(const struct tls_stream *ts)
{
	return !SSL_is_server(ts->ssl);
}

#endif
