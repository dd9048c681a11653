/* SPDX-License-Identifier: BSD-2-Clause */
/* intake.c - what comes from the client: cut into messages, the first one judged, all handed to the pool. */
#include "proxy/core/hint.h"
#include "proxy/core/introduce.h"
#include "proxy/core/penalty.h"
#include "proxy/core/session.h"
#include "sip/strip.h"

#include <assert.h>
#include <string.h>

enum {
	PINGS_AT_ONCE = 16,	/* more in one read is no phone: they come one in a minute or two */
	PING_INTERVALS_CAP = 3, /* enough to know that the client pings */
	PING_INTERVAL_MIN_MS = 1000, /* closer together they were pressed by the network */
	DISCARD_MAX =
		64 * 1024, /* read for the sake of an answer that is on its way; then it is lost */
};

/* One run over what has come. */
struct intake {
	struct session *s;
	struct batch batch;
	uint8_t *lines; /* that go into each request, once the first has come; room for them */
	size_t lines_length;
	unsigned pings;
	bool is_held; /* the message at hand has to wait, and all behind it */
};

/* Draining: the write of an earlier message has found the server dead. */
static bool is_over(const struct session *s)
{
	return s->state >= SESSION_REFUSING;
}

/* Bad input costs its sender the connection: after the answer, where there is one. */
static void end_refused(struct session *s, bool is_told)
{
	s->reason = REASON_SIP_BAD;
	if (is_told)
		session_enter(s, SESSION_REFUSING);
	else
		session_close(s, REASON_SIP_BAD);
}

/* --- the batch --- */

static void intake_submit(struct intake *in)
{
	struct session *s = in->s;
	struct batch *b = &in->batch;
	if (!b->count || is_over(s))
		return;
	s->messages += b->messages;
	s->pending += b->requests;
	s->asked -= b->finals < s->asked ? b->finals : s->asked;
	switch (pool_send(s, b)) {
	case POOL_SENT:
		break;
	case POOL_WAIT:
		s->paused = true;
		break;
	case POOL_REFUSED:
		session_unreachable_batch(s, b, in->lines);
		break;
	}
	*b = (struct batch){0};
}

/* --- one message --- */

/* What these servers do not take would cost the connection that it is sent on. */
static void refuse_large(struct session *s, const uint8_t *message, const struct frame *frame)
{
	counter_count(&s->counters->sip_bad[REFUSAL_TOO_LARGE]);
	verdict_sip_bad(s, "pool", "max_message", message, batch_message_length(frame), 0);
	if (frame->kind == FRAME_REQUEST)
		delivery_refuse(s, message, frame->header_length, REFUSAL_TOO_LARGE);
}

/* Nothing more is read; what is due is waited for, as when the client had closed its side. */
static void end_behind_answers(struct session *s)
{
	s->reason = s->refused;
	session_enter(s, SESSION_HALF_CLOSED);
}

/* False: it goes no further. What came before it goes on its way first, where the connection is closed for it. */
static bool may_pass(struct intake *in, const uint8_t *message, const struct frame *frame)
{
	switch (throttle_judge(in->s, message, frame)) {
	case THROTTLE_PASS:
		return true;
	case THROTTLE_HOLD:
		in->is_held = true;
		return false;
	case THROTTLE_DROP:
		return false;
	case THROTTLE_CLOSE:
		intake_submit(in);
		if (!is_over(in->s))
			end_behind_answers(in->s);
		return false;
	}
	return true;
}

static bool pass_gate(struct intake *in, const uint8_t *message, const struct frame *frame)
{
	struct session *s = in->s;
	enum gate verdict = gate_judge(s, message, frame);
	if (verdict == GATE_PASS || verdict == GATE_DROP)
		return verdict == GATE_PASS;
	intake_submit(in);
	if (is_over(s))
		return false;
	pool_leave(s);
	end_refused(s, verdict == GATE_END_TOLD);
	return false;
}

/* The lines that tell the servers of this pool in each request who is calling; 0: there are none in it. */
static size_t lines_for(struct intake *in, const struct frame *frame)
{
	if (!session_pool(in->s)->names.list[0] || frame->kind != FRAME_REQUEST)
		return 0;
	if (!in->lines_length)
		in->lines_length = introduce_lines(in->s, in->lines);
	return in->lines_length;
}

/* What servers would believe, were it not for whoever sends it, is taken out; what they are told here is put in. */
static void hand_on(struct intake *in, uint8_t *message, const struct frame *frame)
{
	struct session *s = in->s;
	struct frame whole = *frame;
	bool is_told = introduce_is_done(s, message, frame);
	if (frame->has_marked && !session_class(s)->keeps_headers)
		message += strip_headers(
			message, &whole, (const char *const *)s->core->conf->sip.strip_headers);
	if (frame->has_marked && !is_told)
		message += strip_headers(message, &whole, session_pool(s)->names.list);
	session_see(s, message, &whole);
	answers_asked(s, message, &whole);
	size_t length = is_told ? 0 : lines_for(in, frame);
	if (length)
		batch_add_lined(&in->batch, message, &whole, in->lines, length);
	else
		batch_add(&in->batch, message, &whole);
}

/* False: the run ends here, because the session is over, or kept for nothing but a no, or the message has to wait. */
static bool intake_message(struct intake *in, uint8_t *message, const struct frame *frame)
{
	struct session *s = in->s;
	if (s->refused) {
		refusing_answer(s, message, frame);
		return false;
	}
	if (!pass_gate(in, message, frame))
		return !is_over(s) && !s->refused;
	if (!may_pass(in, message, frame))
		return s->state < SESSION_HALF_CLOSED && !in->is_held;
	counter_count(&s->counters->messages[DIRECTION_IN][counters_kind(frame)]);
	size_t lines = lines_for(in, frame);
	if (batch_message_length(frame) + lines > session_pool(s)->conf->max_message) {
		refuse_large(s, message, frame);
		return true;
	}
	if (!in->batch.count)
		pool_expect(s);
	if (!batch_has_room(&in->batch, lines ? BATCH_LINED : 1))
		intake_submit(in);
	/* A server found dead: nobody empties the batch any more. */
	if (is_over(s))
		return false;
	hand_on(in, message, frame);
	return true;
}

static void intake_bad(
	struct intake *in, const uint8_t *message, size_t length, const struct frame *frame)
{
	struct session *s = in->s;
	intake_submit(in);
	if (is_over(s))
		return;
	if (s->is_probe && frame->fault == FRAME_FAULT_HTTP) {
		session_close(s, REASON_NO_DATA); /* a load balancer's HTTP check on the SIP port */
		return;
	}
	if (frame->fault == FRAME_FAULT_PROXY_HEADER)
		hint_unexpected_header(s);
	counter_count(&s->counters->sip_bad[REFUSAL_FRAME + frame->fault]);
	verdict_sip_bad(s, "frame", frame_fault_name(frame->fault), message, length, frame->offset);
	penalty_give(s, PENALTY_BAD_SIP);
	bool is_due = frame->kind == FRAME_REQUEST && frame_fault_status(frame->fault);
	pool_leave(s);
	end_refused(s, is_due && delivery_refuse(
					 s, message, frame->checked, REFUSAL_FRAME + frame->fault));
}

/* --- pings --- */

static void intake_ping(struct session *s)
{
	uint64_t now_ms = s->core->now_ms;
	uint64_t interval_ms = now_ms - s->pinged_ms;
	if (s->pings && interval_ms < PING_INTERVAL_MIN_MS)
		return;
	if (s->pings && interval_ms > s->ping_interval_ms)
		s->ping_interval_ms = (uint32_t)interval_ms;
	s->pinged_ms = now_ms;
	if (s->pings < PING_INTERVALS_CAP)
		s->pings++;
}

static bool forwards_pings(const struct session *s)
{
	return s->core->conf->sip.keepalive == CONF_KEEPALIVE_FORWARD && pool_server_name(s);
}

/* CRLFs between messages, where the server shall have them; before there is one nobody is there to have them. */
static void pass_crlfs(struct intake *in, const uint8_t *bytes, size_t length)
{
	struct session *s = in->s;
	if (!length || is_over(s) || !forwards_pings(s) || !pool_is_alive(s))
		return;
	if (batch_is_full(&in->batch))
		intake_submit(in);
	batch_add_bytes(&in->batch, bytes, length);
}

/* A pong promises that the way to the server is open (RFC 5626 section 4.4.1). None waits behind other output. */
static void intake_pong(struct session *s, unsigned pings)
{
	if (!pings || is_over(s))
		return;
	if (pings > PINGS_AT_ONCE) {
		verdict_sip_bad(s, "ping", "ping_flood", NULL, 0, 0);
		penalty_give(s, PENALTY_PING_FLOOD);
		session_close(s, REASON_PING_FLOOD);
		return;
	}
	if (!pool_is_alive(s) || s->out.length || forwards_pings(s))
		return;
	struct iovec pongs[PINGS_AT_ONCE];
	for (unsigned i = 0; i < pings; i++)
		pongs[i] = (struct iovec){.iov_base = (void *)(uintptr_t) "\r\n", .iov_len = 2};
	delivery_write(s, pongs, (int)pings);
}

/* --- a run --- */

/* Returns how many bytes are done with; the rest is the beginning of a message, or has to wait for its time. */
static size_t intake_run(struct session *s, uint8_t *bytes, size_t length)
{
	uint8_t lines[INTRODUCE_LINES_MAX];
	struct intake in = {.s = s, .lines = lines};
	size_t at = 0;
	enum frame_verdict verdict;
	do {
		struct frame frame;
		verdict = frame_next(&s->framer, &s->core->settings->client_limits, bytes + at,
			length - at, &frame);
		uint8_t *message = bytes + at + frame.start;
		if (verdict != FRAME_BAD)
			pass_crlfs(&in, bytes + at, frame.start);
		if (verdict == FRAME_MESSAGE && !intake_message(&in, message, &frame)) {
			if (!in.is_held)
				return length;
			at += frame.start;
			break;
		}
		if (verdict == FRAME_BAD) {
			intake_bad(&in, message, (size_t)(bytes + length - message), &frame);
			return length;
		}
		if (verdict == FRAME_PING) {
			counter_count(&s->counters->pings);
			intake_ping(s);
			in.pings++;
		}
		at += frame.consumed;
	} while (verdict != FRAME_MORE);
	intake_submit(&in);
	intake_pong(s, in.pings);
	return at;
}

static void intake_mark_time(struct session *s, bool is_new)
{
	if (!frame_is_open(&s->framer))
		s->message_ms = 0;
	else if (is_new || !s->message_ms)
		s->message_ms = s->core->now_ms;
}

bool intake_keep(struct session *s, const uint8_t *bytes, size_t length)
{
	bool may_grow = session_is_proven(s) || !core_is_starved(s->core);
	if (length && !may_grow)
		session_close(s, REASON_LIMIT_MEMORY);
	else if (!buffer_append(&s->in, &s->core->shared->memory, bytes, length))
		session_close(s, REASON_NO_RESOURCES);
	return s->state != SESSION_CLOSED;
}

void intake_take(struct session *s, uint8_t *bytes, size_t length)
{
	if (s->in.length) {
		if (intake_keep(s, bytes, length))
			intake_held(s);
		return;
	}
	size_t used = intake_run(s, bytes, length);
	if (is_over(s))
		return;
	intake_mark_time(s, used > 0);
	intake_keep(s, bytes + used, length - used);
}

/* The buffer leaves the session while it is read, because what happens to the session meanwhile may close it. */
void intake_held(struct session *s)
{
	struct memory_gauge *memory = &s->core->shared->memory;
	struct buffer held = s->in;
	s->in = (struct buffer){0};
	size_t used = intake_run(s, held.bytes, held.length);
	if (is_over(s)) {
		buffer_free(&held, memory);
		return;
	}
	intake_mark_time(s, used > 0);
	buffer_consume(&held, memory, used);
	s->in = held;
}

/* --- the stream --- */

static void intake_ended_unnamed(struct session *s)
{
	if (s->is_suspect) {
		naming_refuse_untrusted(s);
		return;
	}
	session_close(s, s->in.length ? REASON_HEADER_TRUNCATED : REASON_NO_DATA);
}

static void intake_ended_proven(struct session *s, bool is_torn)
{
	enum reason plain = is_torn ? REASON_TRUNCATED : REASON_CLIENT_CLOSED;
	if (!s->pending && !s->out.length && pool_is_idle(s)) {
		session_close(s, plain);
		return;
	}
	s->reason = (uint8_t)(s->pending && !is_torn ? REASON_ANSWERED : plain);
	session_enter(s, SESSION_HALF_CLOSED);
}

/*
 * The FIN is not passed on while an answer is due: a server that sees it drops the answer. With nothing due both sides
 * close at once, so that a phone that comes back does not meet its own past at the limit.
 */
static void intake_ended(struct session *s)
{
	s->client_ended = true;
	bool is_torn = frame_is_open(&s->framer);
	switch (s->state) {
	case SESSION_UNNAMED:
		intake_ended_unnamed(s);
		break;
	case SESSION_NAMED:
	case SESSION_SECURED:
		session_close(s, s->is_probe ? REASON_NO_DATA
				 : is_torn   ? REASON_TRUNCATED
					     : REASON_CLIENT_CLOSED);
		break;
	case SESSION_PROVEN:
	case SESSION_RELAYING:
		intake_ended_proven(s, is_torn);
		break;
	default:
		break;
	}
}

static void discard(struct session *s, size_t length)
{
	s->discarded += (uint32_t)length;
	if (s->discarded > DISCARD_MAX)
		s->failed = s->reason;
}

void intake_read(struct session *s)
{
	struct core *c = s->core;
	if (s->state == SESSION_NAMED && handshake_hear(s))
		return;
	if ((s->state == SESSION_PROVEN || s->state == SESSION_RELAYING) && core_is_starved(c)) {
		session_starve(s);
		return;
	}
	ssize_t got = stream_read(s->client, c->scratch, core_read_size(c));
	if (got == STREAM_AGAIN)
		return;
	if (got == STREAM_FAILED) {
		session_close(s, verdict_client_lost(s));
		return;
	}
	if (got == STREAM_END) {
		intake_ended(s);
		return;
	}
	s->active_ms = c->now_ms;
	s->bytes_in += (uint64_t)got;
	if (s->state == SESSION_UNNAMED)
		naming_take(s, c->scratch, (size_t)got);
	else if (s->state == SESSION_NAMED)
		intake_keep(s, c->scratch, (size_t)got);
	else if (s->is_shut)
		discard(s, (size_t)got);
	else
		intake_take(s, c->scratch, (size_t)got);
}
