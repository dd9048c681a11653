/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * message.h - as much SIP as a benchmark needs: number a request, find the end of a message, answer
 * 200.
 *
 * Not a parser: both ends of the benchmark are ours. What is between them must be strict, this need
 * not be.
 */
#ifndef BENCH_MESSAGE_H
#define BENCH_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_REQUEST_MAX 1024

/* A request with room for two numbers of 8 digits: who sends it, and which of his it is. */
struct message_template {
	char text[MESSAGE_REQUEST_MAX];
	size_t length;
	size_t sender_at[8]; /* ends with 0 */
	size_t count_at[8];
};

/*
 * Prepare requests of `method`, "REGISTER" or "OPTIONS", about 500 bytes each. False: another
 * method.
 */
bool message_prepare(struct message_template *template, const char *method);

/*
 * Write the request `count` of `sender` into `out`, MESSAGE_REQUEST_MAX bytes. Returns its length.
 */
size_t message_write_request(
	const struct message_template *template, char *out, uint32_t sender, uint32_t count);

/*
 * The length of the message that `data` begins with, body included; 0: more is needed; -1: never a
 * message.
 */
long message_measure(const char *data, size_t length);

/* Is this whole message the 200 to request `count` of `sender`? */
bool message_is_answer(const char *data, size_t length, uint32_t sender, uint32_t count);

/*
 * Write the 200 to the whole request `data` into `out`: Via, From, To, Call-ID and CSeq copied, a
 * To tag added. Returns its length; 0 if `size` is too small.
 */
size_t message_write_answer(char *out, size_t size, const char *data, size_t length);

#endif
