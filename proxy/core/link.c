/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/link.h"
#include "proxy/core/loss.h"

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

struct backend_lane *link_lane(const struct link *k)
{
	return &k->backend->lanes[k->session->core->index];
}

/* --- at a server --- */

bool link_attach(struct link *k, const struct server_settings *server)
{
	struct backend *b = server->backend;
	if (!backend_take(b, server->conf->max_connections))
		return false;
	k->backend = b;
	k->counters = &b->counters[k->session->core->index];
	k->address = server->address;
	k->is_secured = server->conf->transport == CONF_TLS;
	counter_count(&k->counters->connections);
	list_append(&link_lane(k)->links, &k->of_server);
	return true;
}

static void link_detach(struct link *k)
{
	if (!list_has(&k->of_server))
		return;
	struct backend_lane *lane = link_lane(k);
	queue_leave(k);
	queue_give_place(k);
	list_remove(&k->of_server);
	lane->drain_gone += lane->drained_ms != 0;
	counter_uncount(&k->counters->connections);
	backend_give(k->backend);
}

void link_disconnect(struct link *k)
{
	if (k->stream) {
		if (k->state == LINK_UP)
			link_drain(k);
		stream_close(k->stream, STREAM_CLOSE_FIN);
		k->stream = NULL;
		if (k->is_secured)
			memory_give(link_memory(k), MEMORY_PER_TLS);
	}
	link_detach(k);
	wheel_clear(&k->deadline);
}

void link_abandon(struct link *k)
{
	link_disconnect(k);
	buffer_free(&k->in, link_memory(k));
	buffer_free(&k->out, link_memory(k));
	k->state = LINK_ENDED;
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

/* Closed before it got anything of a message, where that may be tried elsewhere: what is held is whole. */
static bool is_early(const struct link *k)
{
	return !k->has_sent && k->out.length > k->preamble &&
	       session_pool(k->session)->conf->retry_on == CONF_RETRY_EARLY_CLOSE;
}

void link_end(struct link *k, enum reason reason)
{
	struct session *s = k->session;
	bool is_lost = backend_ends(k->backend, s->core->now_ms);
	if (reason == REASON_SERVER_RESET)
		k->has_written = false; /* nothing but close() is left of the stream */
	if (k->stream && k->stream->fault)
		link_report_failure(
			k); /* TLS 1.3: servers refuse a certificate after the handshake */
	loss_complain(k);
	link_disconnect(k);
	if (reason != REASON_SERVER_BAD && is_early(k)) {
		buffer_free(&k->in, link_memory(k));
		buffer_consume(&k->out, link_memory(k), k->preamble);
		k->preamble = 0;
		k->pong_bytes_due = 0;
		k->framer = (struct framer){0};
		if (s->state == SESSION_RELAYING)
			session_enter(s, SESSION_PROVEN);
		link_go_on(k);
		return;
	}
	link_abandon(k);
	loss_of_link(k, reason, is_lost && reason != REASON_SERVER_BAD);
}

static void link_arm(struct link *k)
{
	const struct session *s = k->session;
	uint32_t interval_ms = session_pool(s)->conf->keepalive_interval_ms;
	uint64_t due_ms;
	if (k->state == LINK_QUEUED)
		due_ms = k->began_ms + LINK_QUEUE_MS;
	else if (k->state == LINK_CONNECTING)
		due_ms = k->began_ms + s->core->conf->timeouts.connect_ms;
	else if (k->state == LINK_UP && k->has_place)
		due_ms = k->up_ms + LINK_PLACE_MS;
	else if (k->state == LINK_UP && interval_ms)
		due_ms = k->sent_ms + interval_ms;
	else
		return;
	if (!wheel_is_set(&k->deadline) || k->deadline.at_ms > due_ms)
		wheel_set(&s->core->wheel, &k->deadline, due_ms);
}

void link_settle(struct link *k)
{
	if (k->is_broken && k->state == LINK_UP) {
		link_end(k, REASON_SERVER_RESET);
		return;
	}
	if (!k->stream) {
		link_arm(k);
		return;
	}
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

/* Nothing of the batch was taken: while nothing else was either, another server may get it. */
static enum pool_verdict link_fail(struct link *k, const struct batch *b)
{
	if (!k->has_sent)
		link_keep(k, b->ranges, b->count, 0);
	link_end(k, REASON_SERVER_RESET);
	return POOL_SENT;
}

enum pool_verdict link_write(struct link *k, const struct batch *b)
{
	if (k->is_broken)
		return link_fail(k, b);
	ssize_t wrote =
		k->out.length ? STREAM_AGAIN : stream_writev(k->stream, b->ranges, b->count);
	if (wrote == STREAM_FAILED)
		return link_fail(k, b);
	size_t sent = wrote > 0 ? (size_t)wrote : 0;
	if (sent) {
		k->has_written = k->has_sent = true;
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
	k->has_sent |= (size_t)wrote > k->preamble;
	k->preamble -= (size_t)wrote < k->preamble ? (uint32_t)wrote : k->preamble;
	buffer_consume(&k->out, link_memory(k), (size_t)wrote);
	if (!k->out.length)
		session_continue(k->session);
}

/* A write that fails is found at the end of the event: whoever is in the middle of reading still needs the link. */
void link_say(struct link *k, const char *crlf, size_t length)
{
	struct iovec range = {.iov_base = (void *)(uintptr_t)crlf, .iov_len = length};
	if (k->state != LINK_UP || k->out.length || k->is_broken)
		return;
	ssize_t wrote = stream_writev(k->stream, &range, 1);
	k->is_broken = wrote == STREAM_FAILED;
	if (k->is_broken || wrote >= (ssize_t)length)
		return;
	size_t sent = wrote > 0 ? (size_t)wrote : 0;
	if (link_keep(k, &range, 1, sent))
		k->preamble = (uint32_t)(length - sent);
}
