/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * throttle.c - the rates of messages. Only requests that may start something count; who is slowed is not punished: its next
 * message waits, unread, until its time comes, so that TCP pushes back and nothing is lost.
 */
#include "proxy/core/penalty.h"
#include "proxy/core/session.h"
#include "sip/request.h"

enum {
	SLOW_MS = 5000, /* from then on somebody should know */
	AGAIN_MS = 100, /* its time has come, and it cannot be handed on yet */
};

/* Which of the two rates says no. */
static enum reason ask(struct session *s, const struct class_settings *c)
{
	uint64_t now_us = s->core->now_ms * 1000, at_us;
	if (!gcra_conforms(&s->message_word, &c->connection_message_rate, now_us)) {
		s->limit_max = c->connection_message_rate_conf.count;
		return REASON_LIMIT_CONNECTION_MESSAGE_RATE;
	}
	if (!limiter_take_message(&s->token, &c->message_rate, now_us, &at_us)) {
		s->limit_max = c->message_rate_conf.count;
		return REASON_LIMIT_MESSAGE_RATE;
	}
	gcra_take(&s->message_word, &c->connection_message_rate, now_us, &at_us);
	return REASON_NONE;
}

static void fall_behind(struct session *s)
{
	if (!s->slowed_ms)
		s->slowed_ms = s->core->now_ms;
}

static void catch_up(struct session *s)
{
	s->slowed_ms = 0;
	s->is_slow_told = false;
}

/* Each message takes its time slot now, so that all who wait for one rate are served one after the other. */
static enum throttle delay(struct session *s, const struct class_settings *c)
{
	uint64_t now_us = s->core->now_ms * 1000;
	uint64_t own_us = gcra_reserve(&s->message_word, &c->connection_message_rate, now_us);
	uint64_t all_us = limiter_reserve_message(&s->token, &c->message_rate, now_us);
	uint64_t at_us = own_us > all_us ? own_us : all_us;
	if (at_us <= now_us) {
		catch_up(s);
		return THROTTLE_PASS;
	}
	counter_count(&s->class_counters->delayed);
	fall_behind(s);
	s->held_until_ms = (at_us + 999) / 1000;
	s->slowed_by =
		own_us > all_us ? REASON_LIMIT_CONNECTION_MESSAGE_RATE : REASON_LIMIT_MESSAGE_RATE;
	s->current = 0;
	s->limit_max = own_us > all_us ? c->connection_message_rate_conf.count
				       : c->message_rate_conf.count;
	return THROTTLE_HOLD;
}

/* In observe mode, and where it is refused: nothing waits. */
static enum throttle refuse(
	struct session *s, enum reason reason, const uint8_t *message, const struct frame *frame)
{
	bool is_close = session_class(s)->over == CONF_OVER_CLOSE;
	enum conf_action action = is_close ? CONF_ACTION_CLOSE : CONF_ACTION_REFUSE;
	s->current = 0;
	counter_count(&s->class_counters->refused[reason][action]);
	verdict_refused(s, reason, is_close ? "close" : "refuse");
	penalty_give(s, PENALTY_REFUSED);
	if (is_close) {
		s->refused = (uint8_t)reason;
		s->action = CONF_ACTION_CLOSE;
		return THROTTLE_CLOSE;
	}
	delivery_refuse_limited(s, message, frame->header_length);
	return THROTTLE_DROP;
}

enum throttle throttle_judge(struct session *s, const uint8_t *message, const struct frame *frame)
{
	const struct class_settings *c = session_class(s);
	bool is_paid = s->is_paid;
	s->is_paid = false;
	if (is_paid || (!c->message_rate.interval_us && !c->connection_message_rate.interval_us) ||
		!request_may_start(message, frame) || request_is_emergency(message, frame))
		return THROTTLE_PASS;
	if (c->over == CONF_OVER_DELAY && !c->is_observing)
		return delay(s, c);
	enum reason reason = ask(s, c);
	if (reason == REASON_NONE)
		return THROTTLE_PASS;
	if (!c->is_observing)
		return refuse(s, reason, message, frame);
	s->current = 0;
	counter_count(&s->class_counters->would_refuse[reason]);
	verdict_would_refuse(s, reason);
	return THROTTLE_PASS;
}

/* --- those who wait --- */

static uint64_t tell_ms(const struct session *s)
{
	return s->is_slow_told ? UINT64_MAX : s->slowed_ms + SLOW_MS;
}

uint64_t throttle_due_ms(const struct session *s)
{
	return s->held_until_ms < tell_ms(s) ? s->held_until_ms : tell_ms(s);
}

static void let_pass(struct session *s)
{
	s->held_until_ms = 0;
	s->is_paid = true;
	intake_held(s);
}

void throttle_expired(struct session *s)
{
	uint64_t now_ms = s->core->now_ms;
	if (now_ms >= tell_ms(s)) {
		s->is_slow_told = true;
		verdict_delayed(s);
	}
	if (now_ms < s->held_until_ms)
		return;
	if (s->paused || s->starved || s->out.length)
		s->held_until_ms = now_ms + AGAIN_MS;
	else
		let_pass(s);
}

void throttle_adopt(struct session *s)
{
	if (s->held_until_ms && s->held_until_ms > s->core->now_ms)
		s->held_until_ms = s->core->now_ms;
}
