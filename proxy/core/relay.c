/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * relay.c - one backend connection per client connection; bytes pass unchanged, behind a PROXY header that names the client.
 */
#include "proxy/core/relay.h"
#include "proxy/core/link.h"
#include "proxy/core/loss.h"

size_t relay_link_size(void)
{
	return sizeof(struct link);
}

/* --- from the server --- */

/* A ping whose first half came in an earlier read is two pongs to pings of ours, if so many are due. */
static void relay_pong(struct link *k, size_t ping_length)
{
	if (ping_length < LINK_PING_LENGTH && k->pong_bytes_due >= LINK_PING_LENGTH)
		k->pong_bytes_due = (uint8_t)(k->pong_bytes_due - LINK_PING_LENGTH);
	else
		link_say(k, "\r\n", 2);
}

/* CRLFs between messages are the client's, but for the pongs to pings of ours. */
static void relay_pass_crlfs(
	struct link *k, struct batch *batch, const uint8_t *bytes, size_t length)
{
	size_t ours = length < k->pong_bytes_due ? length : k->pong_bytes_due;
	k->pong_bytes_due = (uint8_t)(k->pong_bytes_due - ours);
	if (ours == length)
		return;
	if (batch_is_full(batch)) {
		k->is_held |= !session_take_batch(k->session, batch);
		*batch = (struct batch){0};
	}
	batch_add_bytes(batch, bytes + ours, length - ours);
}

static bool forwards_pings(const struct link *k)
{
	return k->session->core->conf->sip.keepalive == CONF_KEEPALIVE_FORWARD;
}

static void relay_count(struct link *k, const struct frame *frame)
{
	counter_count(&k->session->counters->messages[DIRECTION_OUT][counters_kind(frame)]);
	if (frame->kind == FRAME_RESPONSE)
		counter_count(&k->counters->responses[counters_status_slot(frame->status)]);
}

/* Returns how many bytes are done with. */
static size_t relay_run(struct link *k, const uint8_t *bytes, size_t length)
{
	struct session *s = k->session;
	struct batch batch = {0};
	struct frame frame;
	enum frame_verdict verdict;
	size_t at = 0;
	do {
		verdict = frame_next(&k->framer, &s->core->settings->server_limits, bytes + at,
			length - at, &frame);
		if (forwards_pings(k) && verdict != FRAME_BAD)
			relay_pass_crlfs(k, &batch, bytes + at, frame.start);
		if (verdict == FRAME_MESSAGE) {
			if (!forwards_pings(k))
				k->pong_bytes_due = 0; /* a half that came before it is forgotten */
			if (batch_is_full(&batch)) {
				k->is_held |= !session_take_batch(s, &batch);
				batch = (struct batch){0};
			}
			session_see(s, bytes + at + frame.start, &frame);
			batch_add(&batch, bytes + at + frame.start, &frame);
			answers_told(s, bytes + at + frame.start, &frame, &k->counters->answer);
			relay_count(k, &frame);
		} else if (verdict == FRAME_PING && !forwards_pings(k)) {
			relay_pong(k, frame.consumed);
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

static void relay_take(struct link *k, const uint8_t *bytes, size_t length)
{
	if (k->in.length) {
		if (!buffer_append(&k->in, link_memory(k), bytes, length)) {
			k->session->failed = REASON_NO_RESOURCES;
			return;
		}
		buffer_consume(&k->in, link_memory(k), relay_run(k, k->in.bytes, k->in.length));
		return;
	}
	size_t used = relay_run(k, bytes, length);
	if (!buffer_append(&k->in, link_memory(k), bytes + used, length - used))
		k->session->failed = REASON_NO_RESOURCES;
}

static void relay_read(struct link *k)
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
	queue_give_place(k);
	if (got == STREAM_END)
		link_end(k, REASON_SERVER_CLOSED);
	else if (got == STREAM_FAILED)
		link_end(k, REASON_SERVER_RESET);
	else
		relay_take(k, c->scratch, (size_t)got);
}

/* --- events --- */

static void relay_on_ready(struct stream *stream, unsigned readiness)
{
	struct link *k = stream->owner;
	struct session *s = k->session;
	if (k->state == LINK_CONNECTING) {
		link_finish_connect(k);
	} else if (readiness & STREAM_GONE) {
		link_end(k, REASON_SERVER_RESET);
	} else {
		if (readiness & STREAM_WRITABLE && k->state == LINK_UP)
			link_flush(k);
		if (readiness & STREAM_READABLE && s->link == k && k->state == LINK_UP)
			relay_read(k);
	}
	if (s->link)
		link_settle(s->link);
	session_settle(s);
}

/* A stock Kamailio closes a connection that is silent for 120 s, and with it the phone's only way in. */
static void relay_ping(struct link *k)
{
	k->sent_ms = k->session->core->now_ms;
	k->has_written = true;
	if (k->pong_bytes_due < UINT8_MAX - 1)
		k->pong_bytes_due = (uint8_t)(k->pong_bytes_due + 2);
	link_say(k, "\r\n\r\n", LINK_PING_LENGTH);
}

static void relay_on_deadline(struct deadline *d)
{
	struct link *k = LIST_OBJECT(d, struct link, deadline);
	struct session *s = k->session;
	uint64_t now_ms = s->core->now_ms;
	uint32_t interval_ms = session_pool(s)->conf->keepalive_interval_ms;
	if (k->state == LINK_QUEUED && now_ms >= k->began_ms + LINK_QUEUE_MS)
		link_give_up(k);
	else if (k->state == LINK_CONNECTING &&
		 now_ms >= k->began_ms + s->core->conf->timeouts.connect_ms)
		link_try_next(k, "connect_timeout");
	else if (k->state == LINK_UP && k->has_place && now_ms >= k->up_ms + LINK_PLACE_MS)
		queue_give_place(k);
	else if (k->state == LINK_UP && interval_ms && now_ms >= k->sent_ms + interval_ms)
		relay_ping(k);
	if (s->link)
		link_settle(s->link);
	session_settle(s);
}

/* --- what a pool does --- */

static enum pool_verdict relay_send_first(struct session *s, const struct batch *b)
{
	struct link *k = link_new(s, relay_on_ready, relay_on_deadline);
	if (!k || !link_connect(k, b->ranges, b->count)) {
		link_leave(s);
		return POOL_REFUSED;
	}
	if (k->state == LINK_UP)
		session_connected(s);
	else if (!link_keep(k, b->ranges, b->count, 0))
		return POOL_SENT;
	return k->out.length ? POOL_WAIT : POOL_SENT;
}

/* A ping is something to write, by which it is known that the connection stands; and what a TLS handshake needs to begin. */
void relay_rejoin(struct session *s, const struct backend *lost)
{
	struct iovec ping = {
		.iov_base = (void *)(uintptr_t) "\r\n\r\n", .iov_len = LINK_PING_LENGTH};
	struct link *k = link_new(s, relay_on_ready, relay_on_deadline);
	if (!k)
		return;
	if (lost)
		link_rule_out(k, lost);
	k->preamble = LINK_PING_LENGTH;
	k->pong_bytes_due = LINK_PING_LENGTH / 2;
	if (!link_connect(k, &ping, 1)) {
		link_leave(s);
		return;
	}
	if (k->state == LINK_UP)
		session_connected(s);
	else
		link_keep(k, &ping, 1, 0);
	link_settle(k);
}

static enum pool_verdict relay_send(struct session *s, const struct batch *b)
{
	enum pool_verdict verdict;
	struct link *k = s->link;
	if (!k) {
		verdict = relay_send_first(s, b);
	} else if (k->state == LINK_UP) {
		verdict = link_write(k, b);
	} else if (k->state != LINK_ENDED) {
		link_keep(k, b->ranges, b->count, 0);
		verdict = POOL_WAIT;
	} else {
		verdict = POOL_SENT; /* the session is about to end with its server */
	}
	if (s->link)
		link_settle(s->link);
	return verdict;
}

static void relay_resume(struct session *s)
{
	struct link *k = s->link;
	if (!k || !k->is_held || s->out.length || s->starved)
		return;
	k->is_held = false;
	link_settle(k);
}

static void relay_adopt(struct session *s)
{
	if (s->link)
		link_settle(s->link);
}

static bool relay_is_alive(const struct session *s)
{
	return s->link && s->link->state == LINK_UP;
}

static bool relay_is_idle(const struct session *s)
{
	return !s->link || !s->link->out.length;
}

static bool relay_is_quiet(const struct session *s)
{
	return relay_is_idle(s) && (!s->link || !frame_is_open(&s->link->framer));
}

static const char *relay_server_name(const struct session *s)
{
	bool is_connected = s->link && s->link->state >= LINK_UP;
	return is_connected ? s->link->backend->name : NULL;
}

const struct pool_ops *relay_ops(void)
{
	static const struct pool_ops ops = {
		.send = relay_send,
		.expect = loss_expect,
		.resume = relay_resume,
		.adopt = relay_adopt,
		.is_alive = relay_is_alive,
		.is_idle = relay_is_idle,
		.is_quiet = relay_is_quiet,
		.leave = link_leave,
		.server_name = relay_server_name,
	};
	return &ops;
}
