/* SPDX-License-Identifier: BSD-2-Clause */
/* delivery.c - what goes to the client: batches from behind, answers made here, pongs. */
#include "proxy/core/introduce.h"
#include "proxy/core/session.h"
#include "sip/answer.h"
#include "sip/phrase.h"

static void keep_unsent(struct session *s, const struct iovec *ranges, int count, size_t sent)
{
	size_t total = 0;
	for (int i = 0; i < count; i++)
		total += ranges[i].iov_len;
	if (!s->out.length)
		s->out_ms = s->core->now_ms;
	if (s->out.length + (total - sent) > s->core->conf->memory.per_connection)
		s->failed = REASON_LIMIT_MEMORY;
	else if (!buffer_append_ranges(&s->out, &s->core->shared->memory, ranges, count, sent))
		s->failed = REASON_NO_RESOURCES;
}

void delivery_write(struct session *s, const struct iovec *ranges, int count)
{
	size_t total = 0, sent = 0;
	if (s->failed != REASON_NONE)
		return;
	for (int i = 0; i < count; i++)
		total += ranges[i].iov_len;
	if (!s->out.length) {
		ssize_t wrote = stream_writev(s->client, ranges, count);
		if (wrote == STREAM_FAILED) {
			s->failed = (uint8_t)verdict_client_lost(s);
			return;
		}
		sent = wrote > 0 ? (size_t)wrote : 0;
	}
	s->bytes_out += total;
	if (sent < total)
		keep_unsent(s, ranges, count, sent);
}

void delivery_flush(struct session *s)
{
	if (!s->out.length || s->failed != REASON_NONE)
		return;
	struct iovec range = {.iov_base = s->out.bytes, .iov_len = s->out.length};
	ssize_t wrote = stream_writev(s->client, &range, 1);
	if (wrote == STREAM_FAILED)
		s->failed = (uint8_t)verdict_client_lost(s);
	if (wrote <= 0)
		return;
	buffer_consume(&s->out, &s->core->shared->memory, (size_t)wrote);
	if (!s->out.length)
		pool_resume(s);
}

/* Counted before it is written: who has read an answer finds it in the metrics. False: the request cannot be answered. */
static bool write_answer(struct session *s, const struct answer *answer, struct counter *counter,
	const uint8_t *request, size_t length)
{
	struct core *c = s->core;
	size_t size = answer_write(answer, request, length, c->answer, sizeof(c->answer));
	struct iovec range = {.iov_base = c->answer, .iov_len = size};
	if (!size)
		return false;
	counter_count(counter);
	delivery_write(s, &range, 1);
	return true;
}

bool delivery_refuse(struct session *s, const uint8_t *request, size_t length, enum refusal refusal)
{
	const struct answer answer = {
		.status = refusal_status(refusal),
		.phrase = refusal_phrase(refusal),
		.tag_key = s->core->shared->tag_key,
	};
	return write_answer(s, &answer, &s->counters->refusals[refusal], request, length);
}

bool delivery_refuse_limited(struct session *s, const uint8_t *request, size_t length)
{
	const struct class_settings *c = session_class(s);
	const struct answer answer = {
		.status = c->refuse_status,
		.phrase = phrase_of_status(c->refuse_status),
		.retry_after_s = refusing_retry_after_s(s, c->retry_after_ms),
		.tag_key = s->core->shared->tag_key,
	};
	struct counter *counter = &s->counters->limited[c->refuse_status - COUNTERS_STATUS_MIN];
	return write_answer(s, &answer, counter, request, length);
}

/* --- what the pool tells the session --- */

void session_connected(struct session *s)
{
	if (s->state == SESSION_PROVEN)
		session_enter(s, SESSION_RELAYING);
}

bool session_take_batch(struct session *s, const struct batch *b)
{
	/* Repeated 2xx to one INVITE are usual, so more finals may come than requests went. */
	s->pending -= b->finals < s->pending ? b->finals : s->pending;
	s->asked += b->requests;
	s->messages += b->messages;
	delivery_write(s, b->ranges, b->count);
	return !s->out.length && s->failed == REASON_NONE;
}

void session_continue(struct session *s)
{
	s->paused = false;
}

void session_each_request(struct session *s, const uint8_t *messages, size_t length,
	void (*answer)(struct session *s, const uint8_t *request, const struct frame *frame))
{
	struct frame_limits limits = s->core->settings->client_limits;
	struct framer framer = {0};
	struct frame frame;
	enum frame_verdict verdict;
	/* They have passed once, and what was put into them since must not make them fail. */
	limits.max_message += INTRODUCE_LINES_MAX;
	limits.max_header_bytes += INTRODUCE_LINES_MAX;
	limits.max_headers += INTRODUCE_LINES;
	while (length && ((verdict = frame_next(&framer, &limits, messages, length, &frame)) ==
					 FRAME_MESSAGE ||
				 verdict == FRAME_PING)) {
		if (frame.kind == FRAME_REQUEST && frame.method != METHOD_ACK)
			answer(s, messages + frame.start, &frame);
		messages += frame.consumed;
		length -= frame.consumed;
	}
}

static void answer_unavailable(struct session *s, const uint8_t *request, const struct frame *frame)
{
	delivery_refuse(s, request, frame->header_length, REFUSAL_UNREACHABLE);
	answers_forget(s, request, frame);
	s->pending -= s->pending > 0;
}

void session_unreachable(struct session *s, const uint8_t *messages, size_t length)
{
	session_each_request(s, messages, length, answer_unavailable);
}

void session_unreachable_batch(struct session *s, const struct batch *b, const uint8_t *lines)
{
	const uint8_t *run = NULL;
	size_t length = 0;
	for (int i = 0; i < b->count; i++) {
		const uint8_t *bytes = b->ranges[i].iov_base;
		if (bytes == lines)
			continue;
		if (run && run + length != bytes) {
			session_unreachable(s, run, length);
			length = 0;
		}
		if (!length)
			run = bytes;
		length += b->ranges[i].iov_len;
	}
	session_unreachable(s, run, length);
}

void session_server_ended(struct session *s, enum reason reason)
{
	if (s->state != SESSION_PROVEN && s->state != SESSION_RELAYING)
		return;
	s->reason = (uint8_t)reason;
	session_enter(s, SESSION_DRAINING);
}
