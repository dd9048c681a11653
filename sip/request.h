/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * request.h - what a framed message is about, as far as limits and penalties ask: read from the lines that the framer has found.
 * `message` is what frame_next() passed. No state; any thread.
 */
#ifndef SIPWEIR_SIP_REQUEST_H
#define SIPWEIR_SIP_REQUEST_H

#include "sip/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part of a message. length 0: there is none. */
struct request_text {
	const uint8_t *bytes;
	size_t length;
};

/*
 * A request that may start something: not ACK, BYE, CANCEL or PRACK, and nothing inside a dialog (a tag in To, RFC 3261
 * section 12.2). Slowing down the others would only keep resources busy.
 */
bool request_may_start(const uint8_t *message, const struct frame *frame);

/* An emergency call: the Request-URI is urn:service:sos, or a service below it (RFC 5031). */
bool request_is_emergency(const uint8_t *message, const struct frame *frame);

/* The user of the URI in To (of a REGISTER: whose registration it is), without password and parameters. */
struct request_text request_user(const uint8_t *message, const struct frame *frame);

/* The value of User-Agent. */
struct request_text request_user_agent(const uint8_t *message, const struct frame *frame);

/* A challenge that only says that the nonce is too old: the password was right (RFC 7616 section 3.3). */
bool response_is_stale(const uint8_t *message, const struct frame *frame);

/* X(constant, name in logs and metrics) */
#define REQUEST_SCANNERS(X)       \
	X(SCANNER_NONE, "none")   \
	X(SCANNER_AGENT, "agent") \
	X(SCANNER_NMAP, "nmap")   \
	X(SCANNER_SIPVICIOUS, "sipvicious")

enum request_scanner {
#define X(constant, name) constant,
	REQUEST_SCANNERS(X)
#undef X
		SCANNERS
};

/*
 * Who sends such a request is a scanner: by one of these words (NULL behind the last) in its User-Agent, or by a request that
 * nobody else sends.
 */
enum request_scanner request_scanner(
	const uint8_t *message, const struct frame *frame, const char *const *agents);
const char *request_scanner_name(enum request_scanner scanner);

/* Is one of these words (NULL behind the last) in the text, whatever the case? */
bool request_text_has_any(struct request_text text, const char *const *words);

#endif
