/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/link.h"

enum { DRAIN_READS = 4 };

struct memory_gauge *link_memory(const struct link *k)
{
	return &k->session->core->shared->memory;
}

/* Closing with unread input is a RST, which would destroy what the server has not read yet. */
static void link_drain(struct link *k)
{
	uint8_t sink[4096];
	for (int i = 0; i < DRAIN_READS && k->has_written; i++)
		if (stream_read(k->stream, sink, sizeof(sink)) <= 0)
			return;
}

void link_disconnect(struct link *k)
{
	if (!k->stream)
		return;
	if (k->state == LINK_UP)
		link_drain(k);
	stream_close(k->stream, STREAM_CLOSE_FIN);
	k->stream = NULL;
	counter_uncount(&k->counters->connections);
	if (k->is_secured)
		memory_give(link_memory(k), MEMORY_PER_TLS);
	wheel_clear(&k->deadline);
}

void link_leave(struct session *s)
{
	struct link *k = s->link;
	if (!k)
		return;
	link_disconnect(k);
	buffer_free(&k->in, link_memory(k));
	buffer_free(&k->out, link_memory(k));
	slab_give(&s->core->links, k);
	s->link = NULL;
}

void link_end(struct link *k, enum reason reason)
{
	if (reason == REASON_SERVER_RESET)
		k->has_written = false; /* nothing but close() is left of the stream */
	if (k->stream && k->stream->fault)
		link_report_failure(
			k); /* TLS 1.3: servers refuse a certificate after the handshake */
	link_disconnect(k);
	buffer_free(&k->out, link_memory(k));
	k->state = LINK_ENDED;
	session_server_ended(k->session, reason);
}

static void link_arm(struct link *k)
{
	const struct session *s = k->session;
	uint32_t interval_ms = session_pool(s)->conf->keepalive_interval_ms;
	uint64_t due_ms;
	if (k->state == LINK_CONNECTING)
		due_ms = k->began_ms + s->core->conf->timeouts.connect_ms;
	else if (k->state == LINK_UP && interval_ms)
		due_ms = k->sent_ms + interval_ms;
	else
		return;
	if (!wheel_is_set(&k->deadline) || k->deadline.at_ms > due_ms)
		wheel_set(&s->core->wheel, &k->deadline, due_ms);
}

void link_settle(struct link *k)
{
	if (!k->stream)
		return;
	unsigned wants = k->out.length || k->state == LINK_CONNECTING ? STREAM_WRITABLE : 0;
	if (k->state == LINK_UP && !k->is_held)
		wants |= STREAM_READABLE;
	if (wants != k->wanted) {
		k->wanted = (uint8_t)wants;
		stream_want(k->stream, wants);
	}
	link_arm(k);
}

bool link_keep(struct link *k, const struct iovec *ranges, int count, size_t sent)
{
	if (buffer_append_ranges(&k->out, link_memory(k), ranges, count, sent))
		return true;
	k->session->failed = REASON_NO_RESOURCES;
	return false;
}

enum pool_verdict link_write(struct link *k, const struct batch *b)
{
	ssize_t wrote =
		k->out.length ? STREAM_AGAIN : stream_writev(k->stream, b->ranges, b->count);
	if (wrote == STREAM_FAILED) {
		link_end(k, REASON_SERVER_RESET);
		return POOL_SENT;
	}
	size_t sent = wrote > 0 ? (size_t)wrote : 0;
	if (sent) {
		k->has_written = true;
		k->sent_ms = k->session->core->now_ms;
	}
	if (sent == b->length)
		return POOL_SENT;
	link_keep(k, b->ranges, b->count, sent);
	return POOL_WAIT;
}

void link_flush(struct link *k)
{
	struct iovec range = {.iov_base = k->out.bytes, .iov_len = k->out.length};
	ssize_t wrote = k->out.length ? stream_writev(k->stream, &range, 1) : STREAM_AGAIN;
	if (wrote == STREAM_FAILED) {
		link_end(k, REASON_SERVER_RESET);
		return;
	}
	if (wrote <= 0)
		return;
	k->has_written = true;
	k->sent_ms = k->session->core->now_ms;
	buffer_consume(&k->out, link_memory(k), (size_t)wrote);
	if (!k->out.length)
		session_continue(k->session);
}

void link_say(struct link *k, const char *crlf, size_t length)
{
	struct iovec range = {.iov_base = (void *)(uintptr_t)crlf, .iov_len = length};
	if (k->state != LINK_UP || k->out.length)
		return;
	ssize_t wrote = stream_writev(k->stream, &range, 1);
	if (wrote == STREAM_FAILED)
		link_end(k, REASON_SERVER_RESET);
	else if (wrote < (ssize_t)length)
		link_keep(k, &range, 1, wrote > 0 ? (size_t)wrote : 0);
}
