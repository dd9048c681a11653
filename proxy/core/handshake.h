/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * handshake.h - from NAMED to SECURED: whose TLS handshake is worked on, and when.
 *
 * A handshake costs ten times what everything else costs until the first message, and is worth nothing if it is done when
 * the client has lost patience. So a bounded number of clients is worked on at once (limits.max_handshakes, all workers
 * together), in the order in which they got their places; the rest wait unread. The place that comes free goes to the newest
 * of those: it has the most patience left, while who has waited long may have gone. All in progress together would all be
 * late, return, and be late again for ever.
 *
 *   QUIET ─► WAITING ─► CALLED ─► STEPPING ◄─► LISTENING
 *   no byte   no place  a place   work to do   for its client
 *
 * The stages of a session that is NAMED and admitted, on a listener with TLS; all others are at HANDSHAKE_NONE. The session's
 * thread alone.
 */
#ifndef SIPWEIR_PROXY_CORE_HANDSHAKE_H
#define SIPWEIR_PROXY_CORE_HANDSHAKE_H

#include "proxy/core/list.h"
#include "proxy/core/reason.h"

#include <stdbool.h>
#include <stdint.h>

struct core;
struct session;

enum handshake_stage {
	HANDSHAKE_NONE,
	HANDSHAKE_QUIET,     /* nothing has come yet: who is silent asks for no place */
	HANDSHAKE_WAITING,   /* for a place, unread; in core->handshakes.waiting */
	HANDSHAKE_CALLED,    /* has a place, its first step is due; in .ready */
	HANDSHAKE_STEPPING,  /* a step is due; in .ready */
	HANDSHAKE_LISTENING, /* its client has to say something */
};

/* A worker's. */
struct handshakes {
	struct list waiting; /* the newest last */
	struct list ready;   /* first come, first served */
	struct list placed;  /* begun, and hold a place; the oldest first */
};

/* A session's. */
struct handshake {
	struct list_node placed; /* in core->handshakes.placed */
	uint64_t began_ms;	 /* its first step, from STEPPING on */
	uint64_t looked_ms;	 /* when it was last looked whether a WAITING client is there */
	uint8_t stage;		 /* enum handshake_stage */
	bool has_place;
	bool has_memory; /* until the end of the session */
};

void handshakes_init(struct handshakes *h);

/* The limits admit the session: it is SECURED at once over plain TCP, else TLS comes next. */
void handshake_expect(struct session *s);

/*
 * The stream of a NAMED session is readable. False: it is to be read. True: not by the session, for TLS reads for itself;
 * the session waits for a place from now on, or for its next step.
 */
bool handshake_hear(struct session *s);

/* The end of an event: bytes that came behind the PROXY header ask for a place. */
void handshake_settle(struct session *s);

/* It has a place, and the stream that it has is about to be replaced: to watch it would be two syscalls for nothing. */
bool handshake_is_called(const struct session *s);

/* Its client is not to be read: no place, no step. */
bool handshake_is_unread(const struct session *s);

/* When a NAMED session has to be looked at, and then *reason to end it, or REASON_NONE: just looked at. */
uint64_t handshake_due_ms(const struct session *s, enum reason *reason);
void handshake_expired(struct session *s, enum reason reason);

/* The session is closed, for this reason: whatever it has here goes. */
void handshake_end(struct session *s, enum reason reason);

/* Give out places, and do the steps that are due as long as the turn's budget lasts. Sessions may be closed by it. */
void handshake_tend(struct core *c);

#endif
