/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refusing.c - a limit has said no: what becomes of the connection. Reset and closed ones go at once; the others are kept for
 * a while without a slot, so many and no more: to be told no in SIP, or unread in the tarpit.
 */
#include "proxy/core/session.h"

static bool take_place(atomic_uint *taken, uint32_t most)
{
	uint32_t have = atomic_load_explicit(taken, memory_order_relaxed);
	while (have < most)
		if (atomic_compare_exchange_weak_explicit(
			    taken, &have, have + 1, memory_order_relaxed, memory_order_relaxed))
			return true;
	return false;
}

/* Past the bounds it is reset, whatever the class says. */
static enum conf_action find_action(struct session *s)
{
	const struct conf_limits *limits = &s->core->conf->limits;
	struct shared *sh = s->core->shared;
	enum conf_action action = session_class(s)->action;
	switch (action) {
	case CONF_ACTION_RESET:
	case CONF_ACTION_CLOSE:
		return action;
	case CONF_ACTION_REFUSE:
		s->has_refusing_place = take_place(&sh->refusing, limits->max_refusing);
		return s->has_refusing_place ? action : CONF_ACTION_RESET;
	case CONF_ACTION_TARPIT:
		s->has_tarpit_place = take_place(&sh->tarpitted, limits->max_tarpit);
		return s->has_tarpit_place ? action : CONF_ACTION_RESET;
	}
	return CONF_ACTION_RESET;
}

static const char *action_name(enum conf_action action)
{
#define WORD(constant, word) [constant] = word,
	static const char *const names[] = {CONF_ACTIONS(WORD)};
#undef WORD
	return names[action];
}

void refusing_begin(struct session *s, enum reason reason)
{
	enum conf_action action = find_action(s);
	counter_count(&s->class_counters->refused[reason][action]);
	verdict_refused(s, reason, action_name(action));
	s->refused = (uint8_t)reason;
	s->action = (uint8_t)action;
	s->refused_ms = s->core->now_ms;
	if (action == CONF_ACTION_RESET || action == CONF_ACTION_CLOSE) {
		session_close(s, reason);
		return;
	}
	if (action == CONF_ACTION_TARPIT)
		return;
	if (s->state == SESSION_NAMED)
		handshake_expect(s);
	if (s->state == SESSION_SECURED && s->in.length)
		intake_held(s);
}

bool refusing_is_tarpit(const struct session *s)
{
	return s->refused && s->action == CONF_ACTION_TARPIT && s->state < SESSION_REFUSING;
}

void refusing_end(struct session *s)
{
	struct shared *sh = s->core->shared;
	if (s->has_refusing_place)
		atomic_fetch_sub_explicit(&sh->refusing, 1, memory_order_relaxed);
	if (s->has_tarpit_place)
		atomic_fetch_sub_explicit(&sh->tarpitted, 1, memory_order_relaxed);
	s->has_refusing_place = s->has_tarpit_place = false;
}

/* --- the answer --- */

uint32_t refusing_retry_after_s(const struct session *s, uint32_t retry_after_ms)
{
	if (!retry_after_ms)
		return 0;
	uint32_t seconds = (retry_after_ms + 999) / 1000;
	uint64_t mixed = (s->core->shared->tag_key ^ s->messages ^ s->opened_ms ^ (uintptr_t)s) *
			 0x9e3779b97f4a7c15u;
	return seconds + (uint32_t)(mixed >> 33) % (seconds / 2 + 1);
}

void refusing_answer(struct session *s, const uint8_t *message, const struct frame *frame)
{
	bool is_told = frame->kind == FRAME_REQUEST && frame->method != METHOD_ACK &&
		       delivery_refuse_limited(s, message, frame->header_length);
	if (!is_told) {
		session_close(s, s->refused);
		return;
	}
	s->reason = s->refused;
	session_enter(s, SESSION_REFUSING);
}
