/* SPDX-License-Identifier: BSD-2-Clause */
/* limits_admit.h - an admission of a source, every other time looked ahead for. */
#ifndef SIPWEIR_TESTS_UNIT_LIMITS_ADMIT_H
#define SIPWEIR_TESTS_UNIT_LIMITS_ADMIT_H

#include "limits/limiter.h"

static inline void admit_source(struct limiter *l, const struct limit_rules *rules,
	const struct limit_source *source, uint64_t now_us, struct limit_token *token,
	struct limit_result *result)
{
	struct limit_aim aim;
	static _Thread_local unsigned turns;
	limiter_aim(l, source, &aim);
	if (turns++ % 2)
		limiter_look_ahead(l, &aim);
	limiter_admit(l, rules, &aim, now_us, token, result);
}

#endif
