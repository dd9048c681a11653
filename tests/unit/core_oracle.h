/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core_oracle.h - messages that tell who sent them and when, and the rules that every stream must keep, whatever has
 * happened: whole messages of one sender, unchanged, in order, each once.
 */
#ifndef SIPWEIR_TESTS_CORE_ORACLE_H
#define SIPWEIR_TESTS_CORE_ORACLE_H

#include "tests/unit/core_fake.h"

enum {
	ORACLE_MESSAGE_MAX = 4096,
	ORACLE_NUMBERS = 8192,
	ORACLE_LARGE =
		1024, /* what pools under test take (`max_message`); a large message is longer */
};

/* Message `number` of `sender` ('c' for a client, 's' for a server, and its index), always the same. Returns its length. */
size_t oracle_message(char out[ORACLE_MESSAGE_MAX], char side, unsigned sender, unsigned number);

/* Is it a request that is owed an answer, and is it a large one? */
bool oracle_is_request(char side, unsigned number);
bool oracle_is_large(char side, unsigned number);

/* What has been found in the streams of one receiver. */
struct oracle_tally {
	bool has_any;
	unsigned sender;
	unsigned last;			  /* number of the last message of that sender */
	unsigned messages;		  /* requests that are no large ones */
	unsigned answers;		  /* made here: 503 and 513 */
	uint8_t answered[ORACLE_NUMBERS]; /* whether number n was */
	unsigned refusals;		  /* made here: any other */
};

/*
 * Check what was written to a stream: nothing but whole messages of `side`, CRLFs between them and, to a client, answers
 * made here. Only the last may be torn, and only where more could not be written. `tally` goes on from an earlier stream
 * of the same receiver. Fails the test at hand.
 */
void oracle_check(const struct fake_stream *s, char side, struct oracle_tally *tally);

#endif
