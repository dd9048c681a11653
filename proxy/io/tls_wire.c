/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool tls_wire_init(struct tls_wire *w, struct stream *raw, bool is_preface, const uint8_t *bytes,
	size_t length)
{
	*w = (struct tls_wire){.raw = raw, .is_preface = is_preface};
	if (!length)
		return true;
	w->is_dry = !is_preface;
	w->kept = malloc(length);
	if (!w->kept)
		return false;
	memcpy(w->kept, bytes, length);
	w->kept_length = (uint32_t)length;
	return true;
}

void tls_wire_fini(struct tls_wire *w)
{
	free(w->kept);
	w->kept = NULL;
}

static void use_kept(struct tls_wire *w, size_t length)
{
	w->kept_at += (uint32_t)length;
	assert(w->kept_at <= w->kept_length);
	if (w->kept_at == w->kept_length)
		tls_wire_fini(w);
}

static ssize_t read_kept(struct tls_wire *w, void *to, size_t size)
{
	size_t length = w->kept_length - w->kept_at;
	if (length > size)
		length = size;
	memcpy(to, w->kept + w->kept_at, length);
	use_kept(w, length);
	return (ssize_t)length;
}

static void remember_first(struct tls_wire *w, const char *bytes, size_t length)
{
	size_t room = sizeof(w->first) - w->first_length;
	if (length > room)
		length = room;
	memcpy(w->first + w->first_length, bytes, length);
	w->first_length = (uint8_t)(w->first_length + length);
}

/* OpenSSL asks for more than there is after each flight of a handshake. */
static ssize_t read_next(struct tls_wire *w, void *to, size_t size)
{
	if (tls_wire_has_ahead(w))
		return read_kept(w, to, size);
	if (w->is_dry)
		return STREAM_AGAIN;
	ssize_t got = stream_read(w->raw, to, size);
	w->is_dry = got > 0 && (size_t)got < size;
	return got;
}

static int on_read(BIO *bio, char *to, int size)
{
	struct tls_wire *w = tls_wire_of(bio);
	BIO_clear_retry_flags(bio);
	if (size <= 0 || w->is_cut_off || w->has_failed)
		return -1;
	ssize_t got = read_next(w, to, (size_t)size);
	if (got > 0) {
		remember_first(w, to, (size_t)got);
		return (int)got;
	}
	if (got == STREAM_AGAIN)
		BIO_set_retry_read(bio);
	w->has_ended = got == STREAM_END;
	w->has_failed = got == STREAM_FAILED;
	return got == STREAM_END ? 0 : -1;
}

/* One write for the preface and the first record: one segment, where the connect is up by then. */
static ssize_t write_behind_preface(struct tls_wire *w, const char *bytes, size_t length)
{
	size_t ahead = w->kept_length - w->kept_at;
	struct iovec ranges[2] = {
		{.iov_base = w->kept + w->kept_at, .iov_len = ahead},
		{.iov_base = (void *)(uintptr_t)bytes, .iov_len = length},
	};
	ssize_t wrote = stream_writev(w->raw, ranges, 2);
	if (wrote < 0)
		return wrote;
	if ((size_t)wrote <= ahead) {
		use_kept(w, (size_t)wrote);
		return STREAM_AGAIN;
	}
	use_kept(w, ahead);
	return wrote - (ssize_t)ahead;
}

static int on_write(BIO *bio, const char *bytes, int length)
{
	struct tls_wire *w = tls_wire_of(bio);
	BIO_clear_retry_flags(bio);
	if (length <= 0 || w->has_failed)
		return -1;
	struct iovec range = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = (size_t)length};
	ssize_t wrote = w->kept && w->is_preface ? write_behind_preface(w, bytes, (size_t)length)
						 : stream_writev(w->raw, &range, 1);
	if (wrote == STREAM_AGAIN)
		BIO_set_retry_write(bio);
	w->has_failed = wrote == STREAM_FAILED;
	return wrote < 0 ? -1 : (int)wrote;
}

static long on_control(BIO *bio, int command, long number, void *pointer)
{
	(void)number;
	(void)pointer;
	switch (command) {
	case BIO_CTRL_FLUSH: /* nothing is buffered here */
		return 1;
	case BIO_CTRL_EOF:
		return tls_wire_of(bio)->has_ended;
	default:
		return 0;
	}
}

bool tls_wires_init(struct tls_wires *all)
{
	all->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "stream");
	if (!all->method)
		return false;
	BIO_meth_set_read(all->method, on_read);
	BIO_meth_set_write(all->method, on_write);
	BIO_meth_set_ctrl(all->method, on_control);
	all->bio = BIO_new(all->method);
	if (!all->bio) {
		BIO_meth_free(all->method);
		return false;
	}
	BIO_set_init(all->bio, 1);
	return true;
}

void tls_wires_fini(struct tls_wires *all)
{
	BIO_free(all->bio);
	BIO_meth_free(all->method);
}

struct tls_wire *tls_wire_of(BIO *bio)
{
	return BIO_get_data(bio);
}
