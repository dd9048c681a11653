/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/io_tls_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { TURNS_MAX = 400000 };

static void owner_settle(struct io_pair *p)
{
	if (p->has_failed)
		return;
	unsigned wants = p->wants;
	if (p->sent < p->due.length || (!p->is_server && !p->is_up))
		wants |= STREAM_WRITABLE;
	stream_want(p->stream, wants);
}

/* As stream.h demands: what was not taken comes first again. */
static void owner_write(struct io_pair *p)
{
	struct iovec ranges[16];
	int count = 0;
	size_t at = p->sent;
	do {
		size_t left = p->due.length - at;
		size_t length = p->range_size && left > p->range_size ? p->range_size : left;
		ranges[count++] = (struct iovec){p->due.bytes + at, length};
		at += length;
	} while (at < p->due.length && count < 16);
	ssize_t wrote = stream_writev(p->stream, ranges, count);
	if (wrote > 0)
		p->sent += (size_t)wrote;
	if (wrote > 0 && !p->is_server)
		p->is_up = true;
	p->has_failed |= wrote == STREAM_FAILED;
}

static void owner_read(struct io_pair *p)
{
	static uint8_t bytes[70000];
	ssize_t got = stream_read(p->stream, bytes, p->read_size);
	if (got > 0)
		io_bytes_add(&p->got, bytes, (size_t)got);
	p->has_failed |= got == STREAM_FAILED;
	if (got == STREAM_END) {
		p->has_ended = true;
		p->wants &= ~(unsigned)STREAM_READABLE;
	}
}

static void owner_shake(struct io_pair *p)
{
	int verdict = stream_handshake(p->stream);
	p->is_up = verdict == STREAM_SECURED;
	p->has_failed |= verdict == STREAM_FAILED;
	if (p->is_up)
		owner_read(p);
}

static void on_ready(struct stream *s, unsigned readiness)
{
	struct io_pair *p = s->owner;
	p->told |= readiness;
	p->calls++;
	assert_false(p->has_failed);
	p->has_failed |= (readiness & STREAM_GONE) != 0;
	if (readiness & STREAM_WRITABLE)
		owner_write(p);
	if (p->is_lazy)
		return;
	if (readiness & STREAM_READABLE && !p->has_failed) {
		if (p->is_server && !p->is_up)
			owner_shake(p);
		else
			owner_read(p);
	}
	owner_settle(p);
}

static void begin(struct io_pair *p, struct tls *tls, bool is_server)
{
	*p = (struct io_pair){.tls = tls, .is_server = is_server, .read_size = 65536};
	p->wants = STREAM_READABLE;
	io_pipe_init(&p->pipe);
	p->pipe.stream.owner = p;
	p->pipe.stream.on_ready = on_ready;
}

void io_tls_begin(struct tls **tls, SSL_CTX **server, SSL_CTX **client)
{
	struct io_identity identity = io_identity_new(&(struct io_identity_plan){.name = "a"});
	*tls = malloc(sizeof(**tls));
	assert_non_null(*tls);
	assert_true(tls_init(*tls, 16));
	*server = io_context_new(true, &identity);
	*client = io_context_new(false, NULL);
	io_identity_free(&identity);
}

void io_tls_end(struct tls *tls, SSL_CTX *server, SSL_CTX *client)
{
	assert_int_equal(tls->streams.taken, 0);
	assert_false(tls_has_ready(tls));
	SSL_CTX_free(server);
	SSL_CTX_free(client);
	tls_fini(tls);
	free(tls);
}

void io_pair_accept(struct io_pair *p, struct tls *tls, SSL *ssl, SSL_CTX *theirs, size_t ahead)
{
	begin(p, tls, true);
	io_peer_init(&p->peer, theirs, false);
	if (ahead)
		io_peer_turn(&p->peer, &p->pipe);
	if (ahead > p->pipe.in.length)
		ahead = p->pipe.in.length;
	p->pipe.taken = ahead;
	p->stream = tls_stream_new(tls, &p->pipe.stream, ssl, p->pipe.in.bytes, ahead);
	assert_non_null(p->stream);
	assert_ptr_equal(p->stream->owner, p);
	owner_settle(p);
}

void io_pair_begin(struct io_pair *p, struct tls *tls, SSL_CTX *ours, SSL_CTX *theirs, size_t ahead)
{
	SSL *ssl = SSL_new(ours);
	SSL_set_accept_state(ssl);
	io_pair_accept(p, tls, ssl, theirs, ahead);
}

void io_pair_connect(struct io_pair *p, struct tls *tls, SSL *ssl, SSL_CTX *theirs,
	const void *preface, size_t length)
{
	begin(p, tls, false);
	SSL_set_connect_state(ssl);
	io_peer_init(&p->peer, theirs, true);
	p->stream = tls_stream_new(tls, &p->pipe.stream, ssl, preface, length);
	assert_non_null(p->stream);
}

void io_pair_end(struct io_pair *p)
{
	if (!p->pipe.is_closed)
		stream_close(p->stream, STREAM_CLOSE_RST);
	assert_true(p->pipe.is_closed);
	io_peer_fini(&p->peer);
	io_pipe_fini(&p->pipe);
	io_bytes_free(&p->got);
	io_bytes_free(&p->due);
}

bool io_pair_turn(struct io_pair *p)
{
	bool has_moved = io_pipe_turn(&p->pipe);
	if (tls_has_ready(p->tls)) {
		tls_run_ready(p->tls);
		has_moved = true;
	}
	return has_moved;
}

void io_pair_run(struct io_pair *p)
{
	unsigned turns = 0;
	bool has_moved;
	do {
		size_t before = p->pipe.in.length + p->peer.got.length;
		has_moved = !p->has_failed && io_pair_turn(p);
		io_peer_turn(&p->peer, &p->pipe);
		has_moved |= before != p->pipe.in.length + p->peer.got.length;
		assert_true(++turns < TURNS_MAX); /* it spins */
	} while (has_moved);
}

void io_pair_say(struct io_pair *p, const void *bytes, size_t length)
{
	bool was_idle = p->sent == p->due.length;
	io_bytes_add(&p->due, bytes, length);
	if (was_idle && !p->has_failed)
		owner_write(p);
	owner_settle(p);
}

void io_pair_want(struct io_pair *p, unsigned wants)
{
	p->wants = wants;
	owner_settle(p);
}
