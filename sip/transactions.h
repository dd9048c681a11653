/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * transactions.h - the requests of one connection whose final answer is due, so that it is known what an answer is to.
 *
 * An answer belongs to the request with the same Call-ID and CSeq (RFC 3261 sections 8.2.6.2 and 17.1.3 copy both). Belongs to
 * one connection and one thread.
 */
#ifndef SIPWEIR_SIP_TRANSACTIONS_H
#define SIPWEIR_SIP_TRANSACTIONS_H

#include "sip/frame.h"
#include "sip/quotes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRANSACTIONS_FEW = 2 };

struct transaction {
	uint64_t key;
	struct quote *quote; /* its header section; NULL: there was no room for it */
	uint32_t at_ms;	     /* when it passed, of a clock that wraps */
	uint8_t method;	     /* enum frame_method */
	bool has_credentials;
};

/* Zeroed: none is due. Nearly all have a place for the few that are due at once; the others ask for memory. */
struct transactions {
	struct transaction few[TRANSACTIONS_FEW];
	struct transaction *more; /* all of them then; NULL while they are few */
	uint16_t count, room;
	uint32_t quoted; /* bytes of all quotes */
};

/* What there is room for, and where. */
struct transaction_room {
	struct quotes *quotes;
	uint32_t max;	     /* requests at once */
	uint32_t max_quoted; /* bytes of their quotes: past them they are remembered without */
};

/*
 * A request passes. Nothing happens to an ACK, which is not answered, nor when `max` are due already or memory is short: its
 * answer will not be recognized. One that comes again is one.
 */
void transactions_add(struct transactions *t, const struct transaction_room *room,
	const uint8_t *message, const struct frame *frame, uint32_t now_ms);

/*
 * A final response passes: what it answers, which is due no longer; *out has no quote any more. False: it is not known.
 */
bool transactions_take(struct transactions *t, struct quotes *quotes, const uint8_t *message,
	const struct frame *frame, struct transaction *out);

/* A request that has passed was answered here, or never went on: it is due no longer. */
void transactions_forget(struct transactions *t, struct quotes *quotes, const uint8_t *message,
	const struct frame *frame);

/* One that is due, which is from then on not any more: its quote is the caller's to release. False: none is due. */
bool transactions_pop(struct transactions *t, struct transaction *out);

/* When the oldest of those that are due has passed. False: none is due. */
bool transactions_oldest(const struct transactions *t, uint32_t now_ms, uint32_t *age_ms);

/* Bytes that it holds beyond its own, for whoever counts them. */
size_t transactions_bytes(const struct transactions *t);

void transactions_free(struct transactions *t, struct quotes *quotes);

#endif
