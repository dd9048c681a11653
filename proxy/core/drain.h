/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drain.h - the end of all connections of a worker, at an even rate: phones that are closed a few at a time register elsewhere
 * a few at a time. First those who have not sent a SIP message, last those with an open INVITE dialog; always between two
 * messages; while there is time, nobody who is owed an answer. Who is busy when its turn comes is passed over and looked at
 * again; calls wait for those, but only until a twentieth of all is late.
 */
#ifndef SIPWEIR_PROXY_CORE_DRAIN_H
#define SIPWEIR_PROXY_CORE_DRAIN_H

#include "proxy/core/reason.h"

#include <stdbool.h>
#include <stdint.h>

struct core;
struct session;

/* Belongs to a core. Zeroed: it goes on. */
struct drain {
	uint64_t began_ms, over_ms;
	uint32_t total; /* sessions that were open when it began */
	uint32_t gone;	/* of these, told all or closed */
	uint32_t pass;	/* marks who has been looked at */
	bool is_on;
	bool is_last;	  /* this pass is about those with an open dialog */
	bool is_awaiting; /* somebody without one was passed over in this pass */
	bool is_hurried;
};

/*
 * Nobody new comes any more. Close what is open within so many milliseconds; then, or with 0 at once, all that is left, whatever
 * it is doing: but what is half written to somebody has a little longer.
 */
void drain_begin(struct core *c, uint64_t over_ms);

/* Part of core_tend(). */
void drain_tend(struct core *c);

/* True between two messages in both directions, with nothing unsent or unread and no answer due. */
bool drain_is_quiet(const struct session *s);

/* It is told to go: our FIN goes first, and what it still sends is thrown away, so that no RST
 * destroys what it was sent. Requests whose answer is due get 503. */
void drain_dismiss(struct session *s, enum reason reason);

/* True when more are to be closed now than one turn may close: the next must not wait for an event. */
bool drain_is_hurried(const struct core *c);

/* Sessions that are still to be told to go. */
uint32_t drain_left(const struct core *c);

#endif
