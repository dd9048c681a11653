/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay.c - one backend connection per client connection; bytes pass unchanged, behind a PROXY header that names the client.
 *
 * A link holds what it could not send yet. While it connects that is all it was given, so that the next server can be
 * tried with the same bytes; nothing is given up before every server that may be tried has refused.
 */
#include "proxy/core/relay.h"
#include "proxy/core/session.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum link_state { LINK_CONNECTING, LINK_UP, LINK_ENDED };

enum {
	DRAIN_READS = 4,
	PING_LENGTH = 4, /* CRLFCRLF */
};

struct link {
	struct session *session;
	struct stream *stream;
	const struct conf_server *server;
	struct deadline deadline;
	struct framer framer;
	struct buffer in;  /* what has come of a message that is not whole */
	struct buffer out; /* what the server has not taken yet */
	uint64_t began_ms; /* to connect to this server */
	uint64_t sent_ms;
	unsigned first, tries; /* index of the first server tried, and how many were */
	uint8_t state;	       /* enum link_state */
	uint8_t wanted;
	uint8_t pongs_due; /* pings sent since the last message from there */
	bool is_held;	   /* not read: the client is full, or memory is short */
	bool has_written;  /* since it was last read: an answer may lie unread */
};

size_t relay_link_size(void)
{
	return sizeof(struct link);
}

static void link_on_ready(struct stream *stream, unsigned readiness);
static void link_on_deadline(struct deadline *d);

static struct memory_gauge *link_memory(const struct link *k)
{
	return &k->session->core->shared->memory;
}

/* --- the end of a link --- */

/* Closing with unread input is a RST, which would destroy what the server has not read yet. */
static void link_drain(struct link *k)
{
	uint8_t sink[4096];
	for (int i = 0; i < DRAIN_READS && k->has_written; i++)
		if (stream_read(k->stream, sink, sizeof(sink)) <= 0)
			return;
}

static void link_disconnect(struct link *k)
{
	if (!k->stream)
		return;
	if (k->state == LINK_UP)
		link_drain(k);
	stream_close(k->stream, STREAM_CLOSE_FIN);
	k->stream = NULL;
	wheel_clear(&k->deadline);
}

static void relay_leave(struct session *s)
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

/* --- what is said about servers --- */

static void report_failed(const struct link *k, const char *reason)
{
	struct session *s = k->session;
	struct record r;
	record_init(&r, RECORD_BACKEND_FAILED);
	r.listener = s->listener->conf->name;
	r.pool = s->pool->conf->name;
	r.server = k->server->name;
	r.address = k->server->address;
	r.has |= RECORD_HAS_ADDRESS;
	r.reason = reason;
	s->core->host->report(s->core->host, &r);
}

static const char *failure_name(int failure)
{
	const char *name = strerrorname_np(failure);
	return name ? name : "failed";
}

/* --- connecting --- */

static const struct addr_port *session_destination(struct session *s)
{
	static const struct addr_port unspecified;
	if (!memcmp(&s->destination, &unspecified, sizeof(unspecified)) &&
		!s->core->host->local_address(s->core->host, s->client, &s->destination))
		s->destination = s->listener->address;
	return &s->destination;
}

static size_t link_preface(struct link *k, uint8_t out[PROXY_HEADER_WRITE_MAX])
{
	struct session *s = k->session;
	unsigned version = s->pool->conf->proxy_protocol == CONF_SEND_PROXY_V2 ? 2 : 1;
	if (s->pool->conf->proxy_protocol == CONF_SEND_PROXY_OFF)
		return 0;
	return proxy_header_write(out, version, &s->source, session_destination(s));
}

enum attempt { ATTEMPT_UP, ATTEMPT_PENDING, ATTEMPT_FAILED };

/*
 * The header and the first bytes in one write. It is tried as soon as the connect has begun: on one host or a fast
 * network the connection is up already, and waiting to hear so costs two syscalls and a turn.
 */
static enum attempt link_write_first(struct link *k, const struct iovec *ranges, int count)
{
	uint8_t preface[PROXY_HEADER_WRITE_MAX];
	struct iovec all[BATCH_RANGES + 1] = {{.iov_base = preface}};
	all[0].iov_len = link_preface(k, preface);
	memcpy(all + 1, ranges, (size_t)count * sizeof(*ranges));

	ssize_t wrote = stream_writev(k->stream, all, count + 1);
	if (wrote == STREAM_AGAIN)
		return ATTEMPT_PENDING;
	if (wrote < 0)
		return ATTEMPT_FAILED;
	struct buffer rest = {0};
	if (!buffer_append_ranges(&rest, link_memory(k), all, count + 1, (size_t)wrote)) {
		k->session->failed = REASON_NO_RESOURCES;
		return ATTEMPT_FAILED;
	}
	buffer_free(&k->out, link_memory(k));
	k->out = rest;
	k->state = LINK_UP;
	k->has_written = true;
	k->sent_ms = k->session->core->now_ms;
	return ATTEMPT_UP;
}

/* False when this server cannot be connected to; said in the log. */
static bool link_begin(struct link *k, const struct iovec *ranges, int count)
{
	struct core *c = k->session->core;
	int failure = 0;
	k->state = LINK_CONNECTING;
	k->began_ms = c->now_ms;
	k->wanted = 0;
	k->stream = c->host->connect(c->host, &k->server->address, &failure);
	if (!k->stream) {
		report_failed(k, failure_name(failure));
		return false;
	}
	k->stream->owner = k;
	k->stream->on_ready = link_on_ready;
	if (link_write_first(k, ranges, count) != ATTEMPT_FAILED)
		return true;
	report_failed(k, failure_name(k->stream->failure));
	link_disconnect(k);
	return false;
}

/* Try servers from the next in turn on, each at most once. False: none is left. */
static bool link_connect(struct link *k, const struct iovec *ranges, int count)
{
	const struct conf_pool *pool = k->session->pool->conf;
	while (k->tries < pool->server_count && k->tries <= pool->retries) {
		k->server = &pool->servers[(k->first + k->tries++) % pool->server_count];
		if (link_begin(k, ranges, count))
			return true;
	}
	return false;
}

static struct link *link_new(struct session *s)
{
	struct link *k = slab_take(&s->core->links);
	if (!k)
		return NULL;
	k->session = s;
	k->deadline.on_expired = link_on_deadline;
	k->first = atomic_fetch_add_explicit(&s->pool->next, 1, memory_order_relaxed);
	s->link = k;
	return k;
}

/* --- conclusions --- */

static void link_arm(struct link *k)
{
	const struct session *s = k->session;
	uint32_t interval_ms = s->pool->conf->keepalive_interval_ms;
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

static void link_settle(struct link *k)
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

/* --- towards the server --- */

static bool link_keep(struct link *k, const struct iovec *ranges, int count, size_t sent)
{
	if (buffer_append_ranges(&k->out, link_memory(k), ranges, count, sent))
		return true;
	k->session->failed = REASON_NO_RESOURCES;
	return false;
}

static void link_end(struct link *k, enum reason reason)
{
	if (reason == REASON_SERVER_RESET)
		k->has_written = false; /* nothing but close() is left of the stream */
	link_disconnect(k);
	buffer_free(&k->out, link_memory(k));
	k->state = LINK_ENDED;
	session_server_ended(k->session, reason);
}

static enum pool_verdict link_write(struct link *k, const struct batch *b)
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

static enum pool_verdict relay_send_first(struct session *s, const struct batch *b)
{
	struct link *k = link_new(s);
	if (!k || !link_connect(k, b->ranges, b->count)) {
		relay_leave(s);
		return POOL_REFUSED;
	}
	if (k->state == LINK_UP)
		session_connected(s);
	else if (!link_keep(k, b->ranges, b->count, 0))
		return POOL_SENT;
	return k->out.length ? POOL_WAIT : POOL_SENT;
}

static enum pool_verdict relay_send(struct session *s, const struct batch *b)
{
	enum pool_verdict verdict;
	struct link *k = s->link;
	if (!k) {
		verdict = relay_send_first(s, b);
	} else if (k->state == LINK_UP) {
		verdict = link_write(k, b);
	} else if (k->state == LINK_CONNECTING) {
		link_keep(k, b->ranges, b->count, 0);
		verdict = POOL_WAIT;
	} else {
		verdict = POOL_SENT; /* the session is about to end with its server */
	}
	if (s->link)
		link_settle(s->link);
	return verdict;
}

static void link_flush(struct link *k)
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

/* --- a connect that took its time --- */

/* No server is left: the client hears it for each request that waited. */
static void link_give_up(struct link *k)
{
	struct session *s = k->session;
	struct buffer held = k->out;
	k->out = (struct buffer){0};
	relay_leave(s);
	session_unreachable(s, held.bytes, held.length);
	buffer_free(&held, &s->core->shared->memory);
	session_continue(s);
}

static void link_connected(struct link *k)
{
	session_connected(k->session);
	if (!k->out.length)
		session_continue(k->session);
}

static void link_try_next(struct link *k, const char *why)
{
	report_failed(k, why);
	link_disconnect(k);
	struct iovec held = {.iov_base = k->out.bytes, .iov_len = k->out.length};
	if (!link_connect(k, &held, 1))
		link_give_up(k);
	else if (k->state == LINK_UP)
		link_connected(k);
}

static void link_finish_connect(struct link *k)
{
	struct iovec held = {.iov_base = k->out.bytes, .iov_len = k->out.length};
	switch (link_write_first(k, &held, 1)) {
	case ATTEMPT_UP:
		link_connected(k);
		break;
	case ATTEMPT_PENDING:
		break;
	case ATTEMPT_FAILED:
		link_try_next(k, failure_name(k->stream->failure));
		break;
	}
}

/* --- from the server --- */

/* CRLFs go between messages, and not at all while something is unsent. */
static void link_say(struct link *k, const char *crlf, size_t length)
{
	struct iovec range = {.iov_base = (void *)(uintptr_t)crlf, .iov_len = length};
	if (k->state != LINK_UP || k->out.length)
		return;
	ssize_t wrote = stream_writev(k->stream, &range, 1);
	if (wrote == STREAM_FAILED)
		link_end(k, REASON_SERVER_RESET);
	else if (wrote > 0)
		link_keep(k, &range, 1, (size_t)wrote);
}

/* A ping whose first half came in an earlier read is two pongs to pings of ours, if so many are due. */
static void link_pong(struct link *k, size_t ping_length)
{
	if (ping_length < PING_LENGTH && k->pongs_due >= 2)
		k->pongs_due = (uint8_t)(k->pongs_due - 2);
	else
		link_say(k, "\r\n", 2);
}

/* Returns how many bytes are done with. */
static size_t link_run(struct link *k, const uint8_t *bytes, size_t length)
{
	struct session *s = k->session;
	struct batch batch = {0};
	struct frame frame;
	enum frame_verdict verdict;
	size_t at = 0;
	do {
		verdict = frame_next(
			&k->framer, &s->core->frame_limits, bytes + at, length - at, &frame);
		if (verdict == FRAME_MESSAGE) {
			k->pongs_due = 0; /* a half that came before it is forgotten */
			if (batch_is_full(&batch)) {
				k->is_held |= !session_take_batch(s, &batch);
				batch = (struct batch){0};
			}
			batch_add(&batch, bytes + at + frame.start, &frame);
		} else if (verdict == FRAME_PING) {
			link_pong(k, frame.consumed);
		}
		at += frame.consumed;
	} while (verdict == FRAME_MESSAGE || verdict == FRAME_PING);
	if (batch.count)
		k->is_held |= !session_take_batch(s, &batch);
	if (verdict == FRAME_BAD) {
		verdict_sip_bad(s, "server", frame_fault_name(frame.fault), bytes + at, length - at,
			frame.offset);
		link_end(k, REASON_SERVER_BAD);
		return length;
	}
	return at;
}

static void link_take(struct link *k, const uint8_t *bytes, size_t length)
{
	if (k->in.length) {
		if (!buffer_append(&k->in, link_memory(k), bytes, length)) {
			k->session->failed = REASON_NO_RESOURCES;
			return;
		}
		buffer_consume(&k->in, link_memory(k), link_run(k, k->in.bytes, k->in.length));
		return;
	}
	size_t used = link_run(k, bytes, length);
	if (!buffer_append(&k->in, link_memory(k), bytes + used, length - used))
		k->session->failed = REASON_NO_RESOURCES;
}

static void link_read(struct link *k)
{
	struct core *c = k->session->core;
	if (core_is_starved(c)) {
		k->is_held = true;
		session_starve(k->session);
		return;
	}
	ssize_t got = stream_read(k->stream, c->scratch, core_read_size(c));
	if (got == STREAM_AGAIN)
		return;
	k->has_written = false;
	if (got == STREAM_END)
		link_end(k, REASON_SERVER_CLOSED);
	else if (got == STREAM_FAILED)
		link_end(k, REASON_SERVER_RESET);
	else
		link_take(k, c->scratch, (size_t)got);
}

static void link_on_ready(struct stream *stream, unsigned readiness)
{
	struct link *k = stream->owner;
	struct session *s = k->session;
	if (k->state == LINK_CONNECTING) {
		link_finish_connect(k);
	} else {
		if (readiness & STREAM_GONE)
			link_end(k, REASON_SERVER_RESET);
		if (readiness & STREAM_WRITABLE && k->state == LINK_UP)
			link_flush(k);
		if (readiness & STREAM_READABLE && k->state == LINK_UP)
			link_read(k);
	}
	if (s->link)
		link_settle(s->link);
	session_settle(s);
}

/* --- deadlines, and the rest of the interface --- */

/* A stock Kamailio closes a connection that is silent for 120 s, and with it the phone's only way in. */
static void link_ping(struct link *k)
{
	k->sent_ms = k->session->core->now_ms;
	k->has_written = true;
	k->pongs_due = (uint8_t)(k->pongs_due < UINT8_MAX ? k->pongs_due + 1 : UINT8_MAX);
	link_say(k, "\r\n\r\n", PING_LENGTH);
}

static void link_on_deadline(struct deadline *d)
{
	struct link *k = LIST_OBJECT(d, struct link, deadline);
	struct session *s = k->session;
	uint64_t now_ms = s->core->now_ms;
	uint32_t interval_ms = s->pool->conf->keepalive_interval_ms;
	if (k->state == LINK_CONNECTING &&
		now_ms >= k->began_ms + s->core->conf->timeouts.connect_ms)
		link_try_next(k, "connect_timeout");
	else if (k->state == LINK_UP && interval_ms && now_ms >= k->sent_ms + interval_ms)
		link_ping(k);
	if (s->link)
		link_settle(s->link);
	session_settle(s);
}

static void relay_resume(struct session *s)
{
	struct link *k = s->link;
	if (!k || !k->is_held || s->out.length || s->starved)
		return;
	k->is_held = false;
	link_settle(k);
}

static bool relay_is_alive(const struct session *s)
{
	return s->link && s->link->state == LINK_UP;
}

static bool relay_is_idle(const struct session *s)
{
	return !s->link || !s->link->out.length;
}

static const char *relay_server_name(const struct session *s)
{
	bool is_connected = s->link && s->link->state != LINK_CONNECTING;
	return is_connected ? s->link->server->name : NULL;
}

const struct pool_ops *relay_ops(void)
{
	static const struct pool_ops ops = {
		.send = relay_send,
		.resume = relay_resume,
		.is_alive = relay_is_alive,
		.is_idle = relay_is_idle,
		.leave = relay_leave,
		.server_name = relay_server_name,
	};
	return &ops;
}
