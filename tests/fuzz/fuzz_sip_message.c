/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_sip_message.c - what is done with a message that has been framed: judged by message_check()
 * and answered. Input: one byte of choices, then a stream. Every answer must itself be one whole
 * response, with each field once, and must not change when it is made again or when there is just
 * enough room for it.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sip/answer.h"
#include "sip/frame.h"
#include "sip/header.h"
#include "sip/message.h"

enum { ANSWER_MAX = 16384, STREAM_MAX = 8192 };

/* Small numbers: libosip2 is quadratic in what they bound. */
static const struct frame_limits limits = {8192, 8192, 64, 16, false, false, 0};
/* An answer has a tag and a line or two more than its request. */
static const struct frame_limits answer_limits = {ANSWER_MAX, ANSWER_MAX, 128, 64, false, false, 0};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool truth)
{
	if (!truth)
		abort();
}

static unsigned count_lines(const uint8_t *message, size_t length, const char *name, char compact)
{
	struct header_line line;
	size_t at = 0;
	unsigned count = 0;

	while (header_next(message, length, &at, &line))
		count += header_is(&line, name, compact);
	return count;
}

static void expect_response(const uint8_t *answer, size_t length, unsigned status)
{
	struct framer f = {0};
	struct frame frame;

	expect(frame_next(&f, &answer_limits, answer, length, &frame) == FRAME_MESSAGE);
	expect(frame.start == 0 && frame.consumed == length && frame.header_length == length);
	expect(frame.kind == FRAME_RESPONSE && frame.status == status);
	expect(count_lines(answer, length, "From", 'f') == 1);
	expect(count_lines(answer, length, "To", 't') == 1);
	expect(count_lines(answer, length, "Call-ID", 'i') == 1);
	expect(count_lines(answer, length, "CSeq", 0) == 1);
	expect(count_lines(answer, length, "Via", 'v') >= 1);
}

static void answer(const uint8_t *request, size_t length, unsigned status, const char *phrase)
{
	static uint8_t out[ANSWER_MAX], again[ANSWER_MAX];
	struct answer a = {status, phrase, status % 7, 0x5eed};
	size_t written = answer_write(&a, request, length, out, sizeof out);

	if (!written)
		return;
	expect_response(out, written, status);
	expect(answer_write(&a, request, length, again, written) == written);
	expect(!memcmp(out, again, written));
	expect(answer_write(&a, request, length, again, written - 1) == 0);
}

static void judge(
	const uint8_t *message, const struct frame *frame, const struct message_rules *rules)
{
	enum message_fault fault = message_check(message, frame, rules);

	expect(fault != MESSAGE_FAULT_MEMORY);
	answer(message, frame->header_length, fault ? message_fault_status(fault) : 200,
		message_fault_phrase(fault));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const schemes[] = {"sip", "sips", "tel", NULL};
	static bool ready;
	struct message_rules rules = {NULL};
	struct framer f = {0};
	struct frame frame;

	if (!ready)
		message_init();
	ready = true;
	if (size < 1 || size > STREAM_MAX)
		return 0;
	if (data[0] & 1)
		rules.schemes = schemes;
	for (size_t at = 1; at < size; at += frame.consumed) {
		enum frame_verdict v = frame_next(&f, &limits, data + at, size - at, &frame);

		if (v == FRAME_MORE)
			break;
		if (v == FRAME_MESSAGE)
			judge(data + at + frame.start, &frame, &rules);
		if (v != FRAME_BAD)
			continue;
		if (frame_fault_status(frame.fault))
			answer(data + at + frame.start, frame.checked,
				frame_fault_status(frame.fault), frame_fault_phrase(frame.fault));
		break;
	}
	return 0;
}
