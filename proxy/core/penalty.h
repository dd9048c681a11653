/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * penalty.h - points for what no good client does, and the bans that follow from them.
 *
 * Points belong to the source and fade with limits.penalty.half_life; each session remembers what its source has because of
 * it, so that a right password clears the mistakes of that connection, and of that one alone. In a worker's thread.
 */
#ifndef SIPWEIR_PROXY_CORE_PENALTY_H
#define SIPWEIR_PROXY_CORE_PENALTY_H

#include "proxy/core/sweep.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct core;
struct session;

/* X(constant, name: of the option and in the log) */
#define PENALTY_CAUSES(X)                                  \
	X(PENALTY_AUTH_FAILED, auth_failed, "auth_failed") \
	X(PENALTY_SCANNER, scanner, "scanner")             \
	X(PENALTY_BAD_SIP, bad_sip, "bad_sip")             \
	X(PENALTY_BAD_TLS, bad_tls, "bad_tls")             \
	X(PENALTY_REFUSED, refused, "refused")             \
	X(PENALTY_NOT_FOUND, not_found, "not_found")       \
	X(PENALTY_PING_FLOOD, ping_flood, "ping_flood")

enum penalty_cause {
#define X(constant, option, name) constant,
	PENALTY_CAUSES(X)
#undef X
		PENALTIES
};

/* Who did it, as far as a message says so: not terminated, escaped by whoever prints it. NULL: nothing is known. */
struct penalty_author {
	const uint8_t *user;
	size_t user_length;
};

/*
 * The source of this named session has done that: points, and a ban when they are too many (or, with mode "observe", a line
 * that says so). Nothing happens to a class that is exempt. The session is not closed here.
 */
void penalty_give(struct session *s, enum penalty_cause cause);
void penalty_give_author(
	struct session *s, enum penalty_cause cause, const struct penalty_author *author);

/* It has proved who it is: the points that its source has because of it are taken back. */
void penalty_clear(struct session *s);

/* Belongs to a core: looking for open connections of those who were banned. Zeroed: nothing to do. */
struct banning {
	struct sweep sweep;
	unsigned seen;
};

/* The next few of them. */
void penalty_tend(struct core *c);

/* Seconds since the epoch, of this turn. */
int64_t penalty_now_s(const struct core *c);

#endif
