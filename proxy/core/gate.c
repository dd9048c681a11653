/* SPDX-License-Identifier: BSD-2-Clause */
/* gate.c - may a message pass that is well framed? The first one shows that somebody is there who speaks SIP. */
#include "proxy/core/penalty.h"
#include "proxy/core/session.h"
#include "sip/request.h"

#include <string.h>

enum { MISUNDERSTOOD_MAX = 8 };

/* A response is no one's to answer, and an ACK neither (RFC 3261 section 17.1.1.3): they are dropped. */
static bool is_answered_by_nobody(const struct frame *frame)
{
	return frame->kind == FRAME_RESPONSE || frame->method == METHOD_ACK;
}

/*
 * Well framed, and yet not understood: the next message can be found, so the client is told and may try again. Not for
 * ever as long as it has said nothing that was, because a parse costs more here than it costs to send.
 */
static enum gate misunderstood(struct session *s, const uint8_t *message, const struct frame *frame,
	enum message_fault fault)
{
	verdict_sip_bad(
		s, "message", message_fault_name(fault), message, batch_message_length(frame), 0);
	counter_count(&s->counters->sip_bad[REFUSAL_MESSAGE + fault]);
	penalty_give(s, PENALTY_BAD_SIP);
	if (!is_answered_by_nobody(frame) &&
		!delivery_refuse(s, message, frame->header_length, REFUSAL_MESSAGE + fault))
		return GATE_END;
	bool is_proven = session_is_proven(s);
	return !is_proven && ++s->misunderstood == MISUNDERSTOOD_MAX ? GATE_END_TOLD : GATE_DROP;
}

static bool is_observing(const struct session *s)
{
	return s->core->conf->sip.mode == CONF_MODE_OBSERVE;
}

/* What libosip2 makes of a message that could be framed in spite of a fault, nobody wants to know. */
static enum gate judge(struct session *s, const uint8_t *message, const struct frame *frame)
{
	const struct message_rules rules = {
		.schemes = (const char *const *)s->core->conf->sip.schemes,
	};
	if (frame->fault != FRAME_FAULT_NONE)
		return GATE_PASS;
	enum message_fault fault = message_check(message, frame, &rules);
	if (fault == MESSAGE_FAULT_NONE)
		return GATE_PASS;
	if (!is_observing(s))
		return misunderstood(s, message, frame, fault);
	counter_count(&s->counters->sip_would[REFUSAL_MESSAGE + fault]);
	verdict_sip_would_refuse(s, "message", message_fault_name(fault), message, frame);
	return GATE_PASS;
}

/* Whoever says that it is a scanner is believed, and who sends what only scanners send is one. */
static void look_for_scanner(struct session *s, const uint8_t *message, const struct frame *frame)
{
	const char *const *agents = (const char *const *)s->core->conf->sip.scanner_agents;
	struct request_text agent = request_user_agent(message, frame);
	size_t fits = sizeof(s->user_agent) - 1;
	enum request_scanner scanner = request_scanner(message, frame, agents);
	if (agent.length)
		memcpy(s->user_agent, agent.bytes, agent.length < fits ? agent.length : fits);
	if (scanner == SCANNER_NONE)
		return;
	counter_count(&s->counters->scanners[scanner]);
	verdict_scanner(s, request_scanner_name(scanner), message, frame);
	penalty_give(s, PENALTY_SCANNER);
}

/* The gate: no server is bothered before the client has shown that it speaks SIP. */
static enum gate prove(struct session *s, const uint8_t *message, const struct frame *frame)
{
	enum gate verdict = judge(s, message, frame);
	if (verdict != GATE_PASS)
		return verdict;
	if (!admission_prove(s)) {
		if (s->state == SESSION_SECURED && s->action == CONF_ACTION_REFUSE)
			refusing_answer(s, message, frame);
		return GATE_DROP;
	}
	look_for_scanner(s, message, frame);
	session_enter(s, SESSION_PROVEN);
	histogram_count(&s->counters->admission, s->core->now_ms - s->opened_ms);
	pool_choose(s, message, frame);
	list_remove(&s->order);
	list_append(&s->core->proven, &s->order);
	admission_spare(s, false);
	return GATE_PASS;
}

/* In observe mode the framer lets pass what it would refuse, as long as all agree where the message ends. */
static void tell_noted(const struct session *s, const uint8_t *message, const struct frame *frame)
{
	if (frame->fault == FRAME_FAULT_NONE)
		return;
	counter_count(&s->counters->sip_would[REFUSAL_FRAME + frame->fault]);
	verdict_sip_would_refuse(s, "frame", frame_fault_name(frame->fault), message, frame);
}

/* A response from a client is judged when it is the first; what had to wait for a rate has been judged. */
enum gate gate_judge(struct session *s, const uint8_t *message, const struct frame *frame)
{
	if (s->is_paid)
		return GATE_PASS;
	tell_noted(s, message, frame);
	if (!session_is_proven(s))
		return prove(s, message, frame);
	if (s->core->conf->sip.check != CONF_CHECK_ALL || frame->kind != FRAME_REQUEST)
		return GATE_PASS;
	return judge(s, message, frame);
}
