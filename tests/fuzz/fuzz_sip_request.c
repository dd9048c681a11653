/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_sip_request.c - what is read from a framed message lies inside of it, and agrees with a slow reading line by line; answers
 * find their requests.
 */
#include "sip/header.h"
#include "sip/request.h"
#include "sip/strip.h"
#include "sip/transactions.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool rule)
{
	if (!rule)
		abort();
}

/* Where the first such line begins; 0: there is none. */
static uint32_t place_of(
	const uint8_t *message, const struct frame *frame, const char *name, char compact)
{
	struct header_line line;
	if (!header_find(message, frame->header_length, name, compact, &line))
		return 0;
	return (uint32_t)(line.whole - message);
}

static void check_view(const uint8_t *message, const struct frame *frame)
{
	require(frame->via == place_of(message, frame, "Via", 'v'));
	require(frame->to == place_of(message, frame, "To", 't'));
	require(frame->call_id == place_of(message, frame, "Call-ID", 'i'));
	require(frame->cseq == place_of(message, frame, "CSeq", 0));
	bool has_credentials = place_of(message, frame, "Authorization", 0) ||
			       place_of(message, frame, "Proxy-Authorization", 0);
	require(frame->has_credentials == has_credentials);
}

static void check_inside(
	const uint8_t *message, const struct frame *frame, struct request_text text)
{
	require(!text.length || (text.bytes > message && text.bytes + text.length <=
								 message + frame->header_length));
}

static void check_transaction(const uint8_t *message, const struct frame *frame)
{
	struct transactions t = {0};
	struct transaction found;
	bool is_due = frame->kind == FRAME_REQUEST && frame->method != METHOD_ACK &&
		      frame->call_id && frame->cseq;
	struct quotes quotes = {0};
	const struct transaction_room room = {.quotes = &quotes, .max = 4, .max_quoted = 65536};
	transactions_add(&t, &room, message, frame, 7);
	require(t.count == is_due);
	if (is_due) {
		struct frame answer = *frame;
		answer.kind = FRAME_RESPONSE;
		answer.status = 200;
		require(transactions_take(&t, &quotes, message, &answer, &found));
		require(found.method == frame->method && found.at_ms == 7);
	}
	transactions_free(&t, &quotes);
	quotes_fini(&quotes);
}

/* What is left is framed as it was said to be, and has none of the names in it. */
static void check_strip(
	const uint8_t *message, const struct frame *frame, const struct frame_limits *limits)
{
	static const char *const names[] = {"Subject", "X", NULL};
	size_t length = frame->consumed - frame->start;
	uint8_t *copy = malloc(length);
	struct frame left = *frame, again;
	struct framer framer = {0};
	require(copy != NULL);
	memcpy(copy, message, length);
	size_t taken = strip_headers(copy, &left, names);
	require(frame_next(&framer, limits, copy + taken, length - taken, &again) == FRAME_MESSAGE);
	require(again.consumed == length - taken && again.header_length == left.header_length);
	check_view(copy + taken, &left);
	require(!place_of(copy + taken, &left, "Subject", 0) &&
		!place_of(copy + taken, &left, "X", 0));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const struct frame_limits limits = {65536, 16384, 128, 64, false, false, 0};
	static const char *const words[] = {"scanner", "vicious", NULL};
	struct framer framer = {0};
	struct frame frame;
	if (frame_next(&framer, &limits, bytes, length, &frame) != FRAME_MESSAGE)
		return 0;
	const uint8_t *message = bytes + frame.start;
	check_view(message, &frame);
	check_inside(message, &frame, request_user(message, &frame));
	check_inside(message, &frame, request_user_agent(message, &frame));
	check_transaction(message, &frame);
	bool is_agent = request_text_has_any(request_user_agent(message, &frame), words);
	require((request_scanner(message, &frame, words) == SCANNER_AGENT) ==
		(is_agent && frame.kind == FRAME_REQUEST));
	check_strip(message, &frame, &limits);
	(void)request_may_start(message, &frame);
	(void)request_is_emergency(message, &frame);
	(void)response_is_stale(message, &frame);
	return 0;
}
