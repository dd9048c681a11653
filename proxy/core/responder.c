/* SPDX-License-Identifier: BSD-2-Clause */
/* responder.c - a pool without servers: every request is answered here. The demo, and the maintenance page for SIP. */
#include "proxy/core/session.h"
#include "sip/answer.h"
#include "sip/phrase.h"

static void respond(struct session *s, const uint8_t *request, const struct frame *frame)
{
	struct core *c = s->core;
	const struct conf_respond *conf = session_pool(s)->conf->respond;
	const struct answer answer = {
		.status = conf->status,
		.phrase = *conf->reason ? conf->reason : phrase_of_status(conf->status),
		.retry_after_s = refusing_retry_after_s(s, conf->retry_after_ms),
		.tag_key = c->shared->tag_key,
	};
	size_t size =
		answer_write(&answer, request, frame->header_length, c->answer, sizeof(c->answer));
	struct batch back = {
		.ranges = {{.iov_base = c->answer, .iov_len = size}},
		.count = 1,
		.length = size,
		.messages = 1,
		.finals = 1,
	};
	if (size) {
		counter_count(&s->counters->responded[conf->status - COUNTERS_STATUS_MIN]);
		session_take_batch(s, &back);
		if (conf->status < 300)
			answers_registered(s, frame->method);
	} else {
		s->pending -= s->pending > 0; /* nothing that could be answered */
	}
}

static enum pool_verdict responder_send(struct session *s, const struct batch *b)
{
	session_connected(s);
	for (int i = 0; i < b->count; i++)
		session_each_request(s, b->ranges[i].iov_base, b->ranges[i].iov_len, respond);
	return POOL_SENT;
}

/* Nothing is behind that would wait. */
static void responder_resume(struct session *s)
{
	(void)s;
}

static bool responder_is_alive(const struct session *s)
{
	return s->state == SESSION_RELAYING;
}

static bool responder_is_idle(const struct session *s)
{
	(void)s;
	return true;
}

static void responder_leave(struct session *s)
{
	(void)s;
}

static const char *responder_server_name(const struct session *s)
{
	(void)s;
	return NULL;
}

const struct pool_ops *responder_ops(void)
{
	static const struct pool_ops ops = {
		.send = responder_send,
		.expect = responder_resume,
		.resume = responder_resume,
		.adopt = responder_resume,
		.is_alive = responder_is_alive,
		.is_idle = responder_is_idle,
		.is_quiet = responder_is_idle,
		.leave = responder_leave,
		.server_name = responder_server_name,
	};
	return &ops;
}
