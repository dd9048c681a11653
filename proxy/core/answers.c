/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * answers.c - what the answers of the servers say about a client: that it is registered, that its password was wrong, that it
 * looks for what is not there.
 */
#include "proxy/core/loss.h"
#include "proxy/core/penalty.h"
#include "proxy/core/session.h"
#include "sip/request.h"

enum {
	CHALLENGES_MAX = 10,  /* in a row that were not followed by credentials */
	FOLLOW_UP_MS = 32000, /* within this time */
};

static void hold(struct session *s, size_t before)
{
	struct memory_gauge *memory = &s->core->shared->memory;
	size_t after = transactions_bytes(&s->transactions);
	if (after > before)
		memory_take(memory, (uint32_t)(after - before));
	else if (after < before)
		memory_give(memory, (uint32_t)(before - after));
}

/* Answers may be quoted in at most a quarter of what a connection may hold; in want of memory not at all. */
static struct transaction_room room_of(struct session *s)
{
	struct core *c = s->core;
	return (struct transaction_room){
		.quotes = &c->quotes,
		.max = c->conf->sip.max_pending,
		.max_quoted =
			core_is_starved(c) ? 0 : (uint32_t)(c->conf->memory.per_connection / 4),
	};
}

void answers_asked(struct session *s, const uint8_t *message, const struct frame *frame)
{
	size_t before = transactions_bytes(&s->transactions);
	if (frame->kind != FRAME_REQUEST)
		return;
	if (frame->has_credentials)
		s->challenges = 0;
	if (session_pool(s)->conf->respond)
		return; /* answered at once */
	const struct transaction_room room = room_of(s);
	transactions_add(&s->transactions, &room, message, frame, (uint32_t)s->core->now_ms);
	hold(s, before);
}

void answers_registered(struct session *s, enum frame_method method)
{
	if (method != METHOD_REGISTER && method != METHOD_INVITE)
		return;
	s->is_registered = true;
	limiter_register(&s->token);
	if (method != METHOD_REGISTER)
		return;
	penalty_clear(s);
	loss_spare(s);
}

/*
 * A challenge is how digest works, and costs nothing. Who is challenged again and again and never shows credentials is
 * looking for those who need none.
 */
static bool is_never_followed(struct session *s)
{
	uint64_t now_ms = s->core->now_ms;
	if (s->challenges < CHALLENGES_MAX && ++s->challenges == CHALLENGES_MAX)
		s->challenged_ms = now_ms;
	if (s->challenges < CHALLENGES_MAX || now_ms - s->challenged_ms < FOLLOW_UP_MS)
		return false;
	s->challenges = 0;
	return true;
}

static bool has_failed(struct session *s, const struct transaction *asked, const uint8_t *message,
	const struct frame *frame)
{
	if (frame->status == 403)
		return asked->method == METHOD_REGISTER;
	if (frame->status != 401 && frame->status != 407)
		return false;
	return asked->has_credentials ? !response_is_stale(message, frame) : is_never_followed(s);
}

void answers_told(struct session *s, const uint8_t *message, const struct frame *frame,
	struct histogram *times)
{
	struct transaction asked;
	size_t before = transactions_bytes(&s->transactions);
	if (!transactions_take(&s->transactions, &s->core->quotes, message, frame, &asked))
		return;
	hold(s, before);
	histogram_count(times, (uint32_t)s->core->now_ms - asked.at_ms);
	if (frame->status < 300) {
		answers_registered(s, (enum frame_method)asked.method);
	} else if (has_failed(s, &asked, message, frame)) {
		struct request_text user = request_user(message, frame);
		penalty_give_author(
			s, PENALTY_AUTH_FAILED, &(struct penalty_author){user.bytes, user.length});
	} else if (frame->status == 404) {
		penalty_give(s, PENALTY_NOT_FOUND);
	}
}

void answers_forget(struct session *s, const uint8_t *message, const struct frame *frame)
{
	size_t before = transactions_bytes(&s->transactions);
	transactions_forget(&s->transactions, &s->core->quotes, message, frame);
	hold(s, before);
}

uint32_t answers_age_ms(const struct session *s)
{
	uint32_t age_ms;
	transactions_oldest(&s->transactions, (uint32_t)s->core->now_ms, &age_ms);
	return age_ms;
}

void answers_lose(struct session *s)
{
	size_t before = transactions_bytes(&s->transactions);
	struct transaction lost;
	uint32_t told = 0;
	while (transactions_pop(&s->transactions, &lost)) {
		if (lost.quote && delivery_refuse(s, lost.quote->bytes, lost.quote->length,
					  REFUSAL_UNREACHABLE))
			told++;
		quotes_release(&s->core->quotes, lost.quote);
	}
	hold(s, before);
	s->is_owed = s->pending > told;
	s->pending = s->asked = 0;
}

void answers_end(struct session *s)
{
	size_t before = transactions_bytes(&s->transactions);
	transactions_free(&s->transactions, &s->core->quotes);
	hold(s, before);
}
