/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_stream.h"
#include "proxy/io/tls_state.h"
#include "proxy/io/tls_verdict.h"
#include "proxy/io/tls_write.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
	NOTHING_WANTED_YET =
		0x80,	/* unlike any readiness: what the raw stream was last told is not known */
	LAST_READS = 4, /* behind a handshake that failed, for the sake of the alert */
};

static const struct stream_ops tls_ops;

bool tls_init(struct tls *t, uint32_t capacity)
{
	list_init(&t->ready);
	if (!tls_wires_init(&t->wires))
		return false;
	if (slab_init(&t->streams, sizeof(struct tls_stream), capacity))
		return true;
	tls_wires_fini(&t->wires);
	return false;
}

void tls_fini(struct tls *t)
{
	slab_fini(&t->streams);
	tls_wires_fini(&t->wires);
}

static struct tls_stream *of(struct stream *s)
{
	return (struct tls_stream *)(void *)s;
}

/* --- what to watch for --- */

static unsigned raw_wants(const struct tls_stream *ts)
{
	unsigned wants = ts->is_shutting ? STREAM_WRITABLE : 0;
	unsigned to_read = ts->step_writes ? STREAM_WRITABLE : STREAM_READABLE;
	unsigned to_write = ts->write_reads ? STREAM_READABLE : STREAM_WRITABLE;
	if (!ts->is_up && !ts->has_failed && !SSL_is_server(ts->ssl))
		return wants | to_read; /* a client's handshake runs whatever its owner wants */
	if (ts->wanted & STREAM_READABLE)
		wants |= to_read;
	if (ts->wanted & STREAM_WRITABLE)
		wants |= to_write;
	return wants;
}

/* After everything that may have changed what is waited for, or whether input lies here. */
static void settle(struct tls_stream *ts)
{
	unsigned wants = raw_wants(ts);
	if (wants != ts->raw_wanted && ts->raw_wanted != NOTHING_WANTED_YET) {
		ts->raw_wanted = (uint8_t)wants;
		stream_want(ts->wire.raw, wants);
	}
	bool is_ready = ts->has_more && ts->wanted & STREAM_READABLE;
	if (is_ready && !list_has(&ts->ready))
		list_append(&ts->tls->ready, &ts->ready);
	else if (!is_ready)
		list_remove(&ts->ready);
}

static void tls_want(struct stream *s, unsigned readiness)
{
	struct tls_stream *ts = of(s);
	ts->wanted = (uint8_t)readiness;
	if (ts->raw_wanted == NOTHING_WANTED_YET) {
		ts->raw_wanted = (uint8_t)raw_wants(ts);
		stream_want(ts->wire.raw, ts->raw_wanted);
	}
	settle(ts);
}

bool tls_has_ready(const struct tls *t)
{
	return !list_is_empty(&t->ready);
}

/* A stream stays in the list while it is called, so that one that is not read is called again in the next turn. */
void tls_run_ready(struct tls *t)
{
	struct list_node *node;
	list_append(&t->ready, &t->turn_end);
	while ((node = list_first(&t->ready)) != &t->turn_end) {
		struct tls_stream *ts = LIST_OBJECT(node, struct tls_stream, ready);
		list_remove(node);
		list_append(&t->ready, node);
		ts->stream.on_ready(&ts->stream, STREAM_READABLE);
	}
	list_remove(&t->turn_end);
}

/* --- the handshake --- */

static bool has_input(const struct tls_stream *ts)
{
	return SSL_has_pending(ts->ssl) || tls_wire_has_ahead(&ts->wire);
}

static ssize_t step(struct tls_stream *ts)
{
	if (ts->has_failed)
		return tls_verdict_again(ts);
	tls_state_enter(ts);
	int done = SSL_do_handshake(ts->ssl);
	if (done == 1) {
		ts->records = 0;
		ts->is_up = true;
		ts->step_writes = false;
		ts->has_more = has_input(ts);
		return STREAM_SECURED;
	}
	ssize_t verdict = tls_verdict(ts, done, &ts->step_writes);
	ts->has_more = false;
	return verdict;
}

static int tls_handshake(struct stream *s)
{
	struct tls_stream *ts = of(s);
	assert(SSL_is_server(ts->ssl) && !ts->is_up);
	ssize_t verdict = step(ts);
	settle(ts);
	return (int)verdict;
}

/* --- reading --- */

/* What comes next is the end or a failure: no event tells, because what caused it was read already. */
static ssize_t read_stopped(struct tls_stream *ts, int result, size_t got)
{
	ssize_t verdict = tls_verdict(ts, result, &ts->step_writes);
	ts->has_ended |= verdict == STREAM_END;
	ts->has_more = verdict != STREAM_AGAIN && got;
	return got ? (ssize_t)got : verdict;
}

static ssize_t read_records(struct tls_stream *ts, uint8_t *to, size_t size)
{
	size_t got = 0, length;
	do {
		tls_state_enter(ts);
		int result = SSL_read_ex(ts->ssl, to + got, size - got, &length);
		if (result != 1)
			return read_stopped(ts, result, got);
		got += length;
		ts->records = 0;
		ts->step_writes = false;
		ts->has_more = has_input(ts);
	} while (got < size && ts->has_more);
	return (ssize_t)got;
}

static ssize_t tls_read(struct stream *s, void *to, size_t size)
{
	struct tls_stream *ts = of(s);
	ssize_t got;
	if (ts->has_failed)
		got = tls_verdict_again(ts);
	else if (ts->has_ended)
		got = STREAM_END;
	else if (!ts->is_up)
		got = STREAM_AGAIN;
	else
		got = read_records(ts, to, size);
	if (got <= 0)
		ts->has_more = false;
	settle(ts);
	return got;
}

/* --- writing --- */

static ssize_t tls_writev(struct stream *s, const struct iovec *ranges, int count)
{
	struct tls_stream *ts = of(s);
	ssize_t verdict = STREAM_SECURED;
	assert(!ts->is_shut && !ts->is_shutting);
	if (ts->has_failed)
		return tls_verdict_again(ts);
	if (!ts->is_up)
		verdict = step(ts);
	if (verdict == STREAM_SECURED) {
		verdict = tls_write(ts, ranges, count);
		ts->wire.is_dry = false; /* an answer may come, and whoever closes looks for it */
	}
	settle(ts);
	return verdict;
}

/* --- events --- */

/* What an event of the raw stream means to the owner. */
static unsigned translate(const struct tls_stream *ts, unsigned readiness)
{
	unsigned to_read = ts->step_writes ? STREAM_WRITABLE : STREAM_READABLE;
	unsigned to_write = ts->write_reads ? STREAM_READABLE : STREAM_WRITABLE;
	unsigned told = 0;
	if (readiness & to_read)
		told |= STREAM_READABLE;
	if (readiness & to_write)
		told |= STREAM_WRITABLE;
	return told & ts->wanted;
}

static void say_goodbye(struct tls_stream *ts)
{
	bool wants_write = false;
	tls_state_enter(ts);
	int result = SSL_shutdown(ts->ssl);
	if (result < 0)
		wants_write = SSL_get_error(ts->ssl, result) == SSL_ERROR_WANT_WRITE;
	ts->is_shutting = wants_write;
	if (wants_write)
		return;
	ts->is_shut = true;
	stream_shutdown(ts->wire.raw);
}

/* A client's handshake; its owner hears of nothing before the end of it. */
static unsigned continue_handshake(struct tls_stream *ts)
{
	ssize_t verdict = step(ts);
	settle(ts);
	return verdict == STREAM_AGAIN ? 0 : ts->wanted & STREAM_WRITABLE;
}

static void on_raw_ready(struct stream *raw, unsigned readiness)
{
	struct tls_stream *ts = raw->owner;
	unsigned told;
	ts->wire.is_dry = false;
	if (readiness & STREAM_GONE) {
		tls_verdict_fail_raw(ts);
		/* who waits to read reads the failure; who is paused is told as with TCP */
		told = ts->wanted & STREAM_READABLE ? STREAM_READABLE : STREAM_GONE;
	} else if (!ts->is_up && !ts->has_failed && !SSL_is_server(ts->ssl)) {
		told = continue_handshake(ts);
	} else {
		told = translate(ts, readiness);
	}
	if (ts->is_shutting && readiness & STREAM_WRITABLE)
		say_goodbye(ts);
	if (!told) {
		if (ts->raw_wanted == NOTHING_WANTED_YET)
			tls_want(&ts->stream, ts->wanted); /* it was armed by the owner before us */
		settle(ts);
		return;
	}
	settle(ts);
	ts->stream.on_ready(&ts->stream, told);
}

/* --- beginning and end --- */

struct stream *tls_stream_new(
	struct tls *t, struct stream *raw, SSL *ssl, const uint8_t *bytes, size_t length)
{
	struct tls_stream *ts = ssl ? slab_take(&t->streams) : NULL;
	if (!ts)
		goto close_raw;
	ts->tls = t;
	ts->ssl = ssl;
	if (!tls_wire_init(&ts->wire, raw, !SSL_is_server(ssl), bytes, length))
		goto give_stream;
	BIO_up_ref(t->wires.bio);
	SSL_set_bio(ssl, t->wires.bio, t->wires.bio);
	tls_wires_turn(&t->wires, &ts->wire);
	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				  SSL_MODE_RELEASE_BUFFERS);
	SSL_set_read_ahead(ssl, 1);
	SSL_set_msg_callback(ssl, tls_verdict_on_record);
	SSL_set_msg_callback_arg(ssl, ts);
	ts->stream.ops = &tls_ops;
	ts->stream.owner = raw->owner;
	ts->stream.on_ready = raw->on_ready;
	ts->raw_wanted = NOTHING_WANTED_YET;
	ts->has_more = tls_wire_has_ahead(&ts->wire);
	raw->owner = ts;
	raw->on_ready = on_raw_ready;
	return &ts->stream;

give_stream:
	slab_give(&t->streams, ts);
close_raw:
	SSL_free(ssl);
	stream_close(raw, STREAM_CLOSE_RST);
	return NULL;
}

static void tls_shutdown(struct stream *s)
{
	struct tls_stream *ts = of(s);
	if (ts->is_up && !ts->has_failed && !ts->stuck) {
		say_goodbye(ts);
	} else {
		ts->is_shut = true;
		stream_shutdown(ts->wire.raw);
	}
	settle(ts);
}

/* Closing with unread input is a RST, which would destroy the alert that says why. */
static void let_alert_arrive(struct tls_stream *ts)
{
	uint8_t *sink = ts->tls->record;
	stream_shutdown(ts->wire.raw);
	for (int i = 0; i < LAST_READS; i++)
		if (stream_read(ts->wire.raw, sink, sizeof(ts->tls->record)) <= 0)
			return;
}

/* Nobody hears our close_notify any more: it would be a segment for nothing, and a RST in answer. */
static bool has_peer_left(struct tls_stream *ts)
{
	uint8_t byte;
	return ts->has_ended &&
	       (ts->wire.has_ended || stream_read(ts->wire.raw, &byte, 1) == STREAM_END);
}

/* OpenSSL takes a session of ours from use when its connection ends without close_notify; TLS 1.1 has given that up. */
static void end_session(struct tls_stream *ts, enum stream_close how)
{
	if (ts->has_failed || !ts->is_up || ts->is_shut)
		return;
	tls_state_enter(ts);
	if (how == STREAM_CLOSE_FIN && !has_peer_left(ts))
		SSL_shutdown(ts->ssl);
	else
		SSL_set_shutdown(ts->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

static void tls_close(struct stream *s, enum stream_close how)
{
	struct tls_stream *ts = of(s);
	end_session(ts, how);
	if (ts->tls->failed == ts)
		ts->tls->failed = NULL;
	if (how == STREAM_CLOSE_FIN && ts->stream.fault && !ts->is_up && !ts->wire.has_failed)
		let_alert_arrive(ts);
	list_remove(&ts->ready);
	SSL_free(ts->ssl);
	ERR_clear_error();
	tls_wire_fini(&ts->wire);
	stream_close(ts->wire.raw, how);
	slab_give(&ts->tls->streams, ts);
}

static const struct stream_ops tls_ops = {
	.read = tls_read,
	.writev = tls_writev,
	.want = tls_want,
	.shutdown = tls_shutdown,
	.close = tls_close,
	.handshake = tls_handshake,
};

const struct stream *tls_stream_raw(const struct stream *s)
{
	const struct tls_stream *ts = (const struct tls_stream *)(const void *)s;
	return s->ops == &tls_ops ? ts->wire.raw : s;
}

/* --- telling --- */

static const char *version_of(const SSL *ssl)
{
	if (!SSL_get_current_cipher(ssl) && !SSL_get_pending_cipher(ssl))
		return NULL; /* what SSL_version() says is only the newest that is possible */
	switch (SSL_version(ssl)) {
	case TLS1_VERSION:
		return "1.0";
	case TLS1_1_VERSION:
		return "1.1";
	case TLS1_2_VERSION:
		return "1.2";
	case TLS1_3_VERSION:
		return "1.3";
	default:
		return NULL;
	}
}

/* The common name in the certificate that the client has shown and that was found good; NULL: there is none. */
static const char *name_of_peer(const struct tls_stream *ts)
{
	X509 *certificate = SSL_get0_peer_certificate(ts->ssl);
	char *name = ts->tls->certificate;
	if (!certificate || SSL_get_verify_result(ts->ssl) != X509_V_OK)
		return NULL;
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	const X509_NAME_ENTRY *entry = at >= 0 ? X509_NAME_get_entry(subject, at) : NULL;
	const ASN1_STRING *text = entry ? X509_NAME_ENTRY_get_data(entry) : NULL;
	int length = text ? ASN1_STRING_length(text) : 0;
	if (length <= 0 || length >= TLS_NAME_MAX)
		return NULL;
	memcpy(name, ASN1_STRING_get0_data(text), (size_t)length);
	name[length] = '\0';
	return strlen(name) == (size_t)length ? name : NULL; /* a NUL inside is a trick */
}

void tls_stream_describe(const struct stream *s, struct stream_security *out)
{
	const struct tls_stream *ts = (const struct tls_stream *)(const void *)s;
	*out = (struct stream_security){0};
	if (s->ops != &tls_ops)
		return;
	out->version = version_of(ts->ssl);
	out->cipher = out->version ? SSL_get_cipher_name(ts->ssl) : NULL;
	out->sni = SSL_get_servername(ts->ssl, TLSEXT_NAMETYPE_host_name);
	out->is_resumed = SSL_session_reused(ts->ssl);
	if (SSL_is_server(ts->ssl))
		out->certificate = name_of_peer(ts);
}
