/* SPDX-License-Identifier: BSD-2-Clause */
/* core_fake_stream.c - the streams of the fake world, and what a test does with them. See core_fake.h. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void *grown(void *block, size_t size)
{
	void *bytes = realloc(block, size);
	assert_non_null(bytes);
	return bytes;
}

static struct fake_stream *of(struct stream *s)
{
	struct fake_stream *fs = (struct fake_stream *)(void *)s;
	assert_false(fs->is_closed);
	assert_false(fs->is_under_tls); /* what is below belongs to TLS alone */
	return fs;
}

/* --- the operations of a stream --- */

static int tell_failure(struct fake_stream *fs, int failure)
{
	fs->has_failed = true;
	fs->stream.failure = fs->secured.failure = failure;
	return STREAM_FAILED;
}

/* The end of the piece that is to be read. */
static size_t piece_end(const struct fake_stream *fs)
{
	for (size_t i = 0; i < fs->piece_count; i++)
		if (fs->pieces[i] > fs->taken)
			return fs->pieces[i];
	return fs->taken;
}

static ssize_t do_read(struct fake_stream *fs, void *to, size_t size)
{
	assert_false(fs->has_failed);
	size_t length = piece_end(fs) - fs->taken;
	if (length > size)
		length = size;
	if (length) {
		memcpy(to, fs->input + fs->taken, length);
		fs->taken += length;
		return (ssize_t)length;
	}
	if (fs->is_failing)
		return tell_failure(fs, fs->is_failing);
	return fs->is_ended ? STREAM_END : STREAM_AGAIN;
}

static void keep_written(struct fake_stream *fs, const void *bytes, size_t length)
{
	if (!length)
		return;
	fs->written = grown(fs->written, fs->written_length + length + 1);
	memcpy(fs->written + fs->written_length, bytes, length);
	fs->written_length += length;
	fs->written[fs->written_length] = '\0';
}

static ssize_t do_writev(struct fake_stream *fs, const struct iovec *ranges, int count)
{
	assert_false(fs->has_failed);
	assert_false(fs->is_shut);
	if (fs->is_failing)
		return tell_failure(fs, fs->is_failing);
	if (fs->is_pending)
		return STREAM_AGAIN;
	size_t sent = 0, most = fs->gulp && fs->gulp < fs->room ? fs->gulp : fs->room;
	for (int i = 0; i < count && sent < most; i++) {
		size_t left = most - sent;
		size_t length = ranges[i].iov_len < left ? ranges[i].iov_len : left;
		keep_written(fs, ranges[i].iov_base, length);
		sent += length;
		if (fs->room != SIZE_MAX)
			fs->room -= length;
	}
	return sent ? (ssize_t)sent : STREAM_AGAIN;
}

static void do_want(struct fake_stream *fs, unsigned readiness)
{
	fs->wants++;
	assert_false(fs->has_failed);
	assert_int_equal(readiness & ~(unsigned)(STREAM_READABLE | STREAM_WRITABLE), 0);
	fs->wanted = readiness;
	fs->has_wanted = true;
}

static void do_shutdown(struct fake_stream *fs)
{
	assert_false(fs->has_failed);
	assert_false(fs->is_shut);
	fs->is_shut = true;
}

static void do_close(struct fake_stream *fs, enum stream_close how)
{
	fs->is_closed = true;
	fs->how = how;
	fs->was_unread = fs->taken < fs->input_length;
}

static ssize_t on_read(struct stream *s, void *to, size_t size)
{
	return do_read(of(s), to, size);
}

static ssize_t on_writev(struct stream *s, const struct iovec *ranges, int count)
{
	return do_writev(of(s), ranges, count);
}

static void on_want(struct stream *s, unsigned readiness)
{
	do_want(of(s), readiness);
}

static void on_shutdown(struct stream *s)
{
	do_shutdown(of(s));
}

static void on_close(struct stream *s, enum stream_close how)
{
	do_close(of(s), how);
}

static const struct stream_ops fake_ops = {
	.read = on_read,
	.writev = on_writev,
	.want = on_want,
	.shutdown = on_shutdown,
	.close = on_close,
};

/* --- the same under TLS --- */

static struct fake_stream *secured_of(struct stream *s)
{
	struct fake_stream *fs = LIST_OBJECT(s, struct fake_stream, secured);
	assert_false(fs->is_closed);
	return fs;
}

static ssize_t secured_read(struct stream *s, void *to, size_t size)
{
	struct fake_stream *fs = secured_of(s);
	assert_true(fs->is_secured);
	fs->was_read = true;
	fs->inside = fs->input_length;
	return do_read(fs, to, size);
}

static ssize_t secured_writev(struct stream *s, const struct iovec *ranges, int count)
{
	struct fake_stream *fs = secured_of(s);
	assert_true(fs->is_secured);
	return do_writev(fs, ranges, count);
}

static void secured_want(struct stream *s, unsigned readiness)
{
	do_want(secured_of(s), readiness);
}

static void secured_shutdown(struct stream *s)
{
	do_shutdown(secured_of(s));
}

static void secured_close(struct stream *s, enum stream_close how)
{
	do_close(secured_of(s), how);
}

static int secured_handshake(struct stream *s)
{
	struct fake_stream *fs = secured_of(s);
	assert_false(fs->has_failed || fs->is_secured);
	fs->steps++;
	fs->fake->steps++;
	fs->fake->spent_us += fs->fake->step_us;
	fs->inside = fs->input_length;
	while (fs->taken < fs->inside) {
		char c = (char)fs->input[fs->taken++];
		if (c == FINISHED[0]) {
			fs->is_secured = true;
			return STREAM_SECURED;
		}
		if (c != HELLO[0]) {
			s->fault = fs->fault;
			s->is_alert = fs->is_alert;
			s->detail = fs->detail;
			return tell_failure(fs, 0);
		}
	}
	if (fs->is_failing)
		return tell_failure(fs, fs->is_failing);
	if (!fs->is_ended)
		return STREAM_AGAIN;
	s->fault = STREAM_FAULT_CLOSED;
	return tell_failure(fs, 0);
}

static const struct stream_ops secured_ops = {
	.read = secured_read,
	.writev = secured_writev,
	.want = secured_want,
	.shutdown = secured_shutdown,
	.close = secured_close,
	.handshake = secured_handshake,
};

/* What was read ahead is what was read last, so that it can be put back. */
struct stream *fake_secure(struct stream *raw, const uint8_t *ahead, size_t length)
{
	struct fake_stream *fs = of(raw);
	assert_false(fs->has_failed);
	assert_true(length <= fs->taken);
	fs->inside = fs->taken;
	fs->taken -= length;
	if (length)
		assert_memory_equal(fs->input + fs->taken, ahead, length);
	fs->secured = *raw;
	fs->secured.ops = &secured_ops;
	fs->is_under_tls = true;
	fs->wanted = 0;
	fs->has_wanted = false;
	return &fs->secured;
}

void fake_probe(struct stream *s, bool is_urgent)
{
	struct fake_stream *fs = s->ops == &secured_ops ? secured_of(s) : of(s);
	assert_int_not_equal(fs->is_probed, is_urgent);
	fs->is_probed = is_urgent;
}

bool fake_has_ended(const struct stream *raw)
{
	const struct fake_stream *fs = (const struct fake_stream *)(const void *)raw;
	assert_false(fs->is_under_tls || fs->is_closed);
	return fs->is_ended || fs->is_failing;
}

void fake_describe(const struct stream *secured, struct stream_security *out)
{
	const struct fake_stream *fs = LIST_OBJECT((uintptr_t)secured, struct fake_stream, secured);
	assert_true(fs->is_under_tls);
	assert_false(fs->is_closed);
	*out = fs->security;
}

struct fake_stream *fake_stream_new(struct fake *f)
{
	struct fake_stream *fs = calloc(1, sizeof(*fs));
	assert_non_null(fs);
	fs->stream.ops = &fake_ops;
	fs->fake = f;
	fs->room = SIZE_MAX;
	fs->security.version = "1.3";
	fs->fault = "bad_hello";
	fs->detail = "what was said is no hello";
	*f->last_stream = fs;
	f->last_stream = &fs->next;
	return fs;
}

/* --- what a test does --- */

struct session *fake_accept(
	struct fake_stream *s, unsigned worker, unsigned listener, const char *peer)
{
	struct fake *f = s->fake;
	struct newcomer n = {.client = &s->stream};
	assert_true(addr_port_parse(&n.peer, peer));
	s->worker = f->workers[worker];
	session_expect(&s->worker->core, fake_listener(f, listener), &n);
	session_open(&s->worker->core, fake_listener(f, listener), &n);
	return s->stream.owner;
}

struct fake_stream *fake_client_from(struct fake *f, const char *peer)
{
	struct fake_stream *s = fake_stream_new(f);
	fake_accept(s, 0, 0, peer);
	fake_run(f);
	return s;
}

struct fake_stream *fake_client(struct fake *f)
{
	return fake_client_from(f, "192.0.2.10:40000");
}

void fake_queue(struct fake_stream *s, const void *bytes, size_t length)
{
	if (!length)
		return;
	s->input = grown(s->input, s->input_length + length);
	memcpy(s->input + s->input_length, bytes, length);
	s->input_length += length;
	s->pieces = grown(s->pieces, (s->piece_count + 1) * sizeof(*s->pieces));
	s->pieces[s->piece_count++] = s->input_length;
}

void fake_say(struct fake_stream *s, const void *bytes, size_t length)
{
	fake_queue(s, bytes, length);
	fake_run(s->fake);
}

void fake_finish(struct fake_stream *s)
{
	s->is_ended = true;
	fake_run(s->fake);
}

void fake_fail(struct fake_stream *s, int failure)
{
	s->is_failing = failure;
	fake_run(s->fake);
}

void fake_fail_tls(struct fake_stream *s, const char *fault, const char *detail)
{
	s->is_failing = EPROTO;
	s->stream.fault = s->secured.fault = fault;
	s->stream.detail = s->secured.detail = detail;
}

void fake_connected(struct fake_stream *s)
{
	s->is_pending = false;
	fake_run(s->fake);
}

void fake_give_room(struct fake_stream *s, size_t bytes)
{
	s->room = bytes == SIZE_MAX ? bytes : s->room + bytes;
	fake_run(s->fake);
}

struct fake_stream *fake_server(struct fake *f, unsigned n)
{
	for (struct fake_stream *s = f->streams; s; s = s->next)
		if (s->to.port && n-- == 0)
			return s;
	fail_msg("the core has connected fewer streams");
	return NULL;
}

void fake_assert_written(const struct fake_stream *s, const void *bytes, size_t length)
{
	assert_int_equal(s->written_length, length);
	if (length)
		assert_memory_equal(s->written, bytes, length);
}

unsigned fake_wrote_times(const struct fake_stream *s, const char *text)
{
	unsigned times = 0;
	for (const char *at = s->written; at && (at = strstr(at, text)); at++)
		times++;
	return times;
}

bool fake_wrote(const struct fake_stream *s, const char *text)
{
	return fake_wrote_times(s, text) > 0;
}

void fake_forget(struct fake_stream *s)
{
	free(s->written);
	s->written = NULL;
	s->written_length = 0;
}

/* --- what came of it --- */

enum session_state fake_state(const struct fake_stream *client)
{
	const struct session *s = client->stream.owner;
	return client->is_closed ? SESSION_CLOSED : (enum session_state)s->state;
}

const struct record *fake_last(const struct fake *f, enum record_event event)
{
	for (size_t i = f->record_count; i > 0; i--)
		if (f->records[i - 1].event == event)
			return &f->records[i - 1];
	return NULL;
}

unsigned fake_count(const struct fake *f, enum record_event event)
{
	unsigned count = 0;
	for (size_t i = 0; i < f->record_count; i++)
		count += f->records[i].event == event;
	return count;
}

void fake_assert_closed(const struct fake_stream *client, enum reason reason)
{
	const struct record *closed = fake_last(client->fake, RECORD_CONNECTION_CLOSED);
	assert_true(client->is_closed);
	assert_non_null(closed);
	assert_string_equal(closed->reason, reason_name(reason));
}

void fake_fill_memory(struct fake *f, uint64_t held)
{
	f->shared.memory.held += held - f->filled;
	f->filled = held;
}
