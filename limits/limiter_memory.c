/* SPDX-License-Identifier: BSD-2-Clause */
/* limiter_memory.c - what is remembered of a source beside its counts: points, marks, and to forget them. */
#include "limits/limiter_state.h"
#include "limits/points.h"

/* --- penalties --- */

float limiter_punish(
	struct limit_token *token, float points, uint32_t half_life_ms, uint64_t now_us)
{
	return token->memory == NULL
		       ? 0
		       : points_add(&token->memory->points, points, half_life_ms, now_us);
}

float limiter_punish_source(struct limiter *l, const struct limit_source *source, float points,
	uint32_t half_life_ms, uint64_t now_us)
{
	struct limit_aim aim;
	struct limit_place p;
	float sum = 0;
	limiter_aim(l, source, &aim);
	limiter_lock_place(l, &aim, &p);
	if (limiter_fill_place(l, &p, now_us))
		sum = points_add(
			&limiter_memory(l, p.source)->points, points, half_life_ms, now_us);
	limiter_unlock_place(&p);
	return sum;
}

void limiter_absolve(struct limiter *l, const struct limit_source *source, float points,
	uint32_t half_life_ms, uint64_t now_us)
{
	struct limit_aim aim;
	struct limit_place p;
	limiter_aim(l, source, &aim);
	limiter_lock_place(l, &aim, &p);
	if (p.source != NULL)
		points_add(&limiter_memory(l, p.source)->points, -points, half_life_ms, now_us);
	limiter_unlock_place(&p);
}

bool limiter_forget(struct limiter *l, const struct limit_source *source)
{
	struct limit_aim aim;
	struct limit_place p;
	limiter_aim(l, source, &aim);
	limiter_lock_place(l, &aim, &p);
	if (p.source != NULL) {
		struct limit_memory *m = limiter_memory(l, p.source);
		atomic_store_explicit(&m->points, 0, memory_order_relaxed);
		atomic_store_explicit(&m->message_rate, 0, memory_order_relaxed);
		atomic_store_explicit(&m->refused, 0, memory_order_relaxed);
		atomic_store_explicit(&p.source->connection_rate, 0, memory_order_relaxed);
	}
	limiter_unlock_place(&p);
	return p.source != NULL;
}

/* --- marks --- */

bool limiter_mark(
	struct limiter *l, const struct limit_source *source, uint32_t now_s, uint32_t interval_s)
{
	struct limit_aim aim;
	struct limit_place p;
	bool is_due = false;
	limiter_aim(l, source, &aim);
	limiter_lock_place(l, &aim, &p);
	if (p.source != NULL) {
		_Atomic uint32_t *mark = &limiter_memory(l, p.source)->marked_s;
		uint32_t marked_s = limiter_count(mark);
		is_due = limiter_count(&p.source->slots) != 0 &&
			 (marked_s == 0 || (int32_t)(now_s - marked_s) >= (int32_t)interval_s);
		if (is_due)
			atomic_store_explicit(mark, now_s, memory_order_relaxed);
	}
	limiter_unlock_place(&p);
	return is_due;
}

uint32_t limiter_marked_s(const struct limit_token *token)
{
	return token->memory ? limiter_count(&token->memory->marked_s) : 0;
}

uint32_t limiter_held(const struct limit_token *token)
{
	return token->entry ? limiter_count(&token->entry->slots) : 0;
}
