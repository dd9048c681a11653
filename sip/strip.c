/* SPDX-License-Identifier: BSD-2-Clause */
#include "sip/strip.h"

#include "sip/header.h"

#include <stdbool.h>
#include <string.h>

uint64_t strip_marks(const char *const *names)
{
	uint64_t marks = 0;
	for (; names && *names; names++)
		marks |= frame_name_mark((const uint8_t *)*names, (uint32_t)strlen(*names));
	return marks;
}

static bool is_named(const struct header_line *line, const char *const *names)
{
	for (; *names; names++)
		if (header_is(line, *names, 0))
			return true;
	return false;
}

/* Where a line begins in the shorter message, by what was taken out before it; 0, if it was none or is gone, stays 0. */
static void shift(uint32_t *place, uint32_t from, uint32_t length)
{
	if (*place >= from + length)
		*place -= length;
	else if (*place >= from)
		*place = 0;
}

static void forget_line(struct frame *frame, uint32_t from, uint32_t length)
{
	shift(&frame->via, from, length);
	shift(&frame->to, from, length);
	shift(&frame->call_id, from, length);
	shift(&frame->cseq, from, length);
	frame->header_length -= length;
	frame->start += length;
}

size_t strip_headers(uint8_t *message, struct frame *frame, const char *const *names)
{
	size_t taken = 0, at = 0;
	struct header_line line;
	while (names && header_next(message + taken, frame->header_length, &at, &line)) {
		if (!is_named(&line, names))
			continue;
		size_t from = at - line.whole_length;
		memmove(message + taken + line.whole_length, message + taken, from);
		taken += line.whole_length;
		forget_line(frame, (uint32_t)from, (uint32_t)line.whole_length);
		at = from;
	}
	return taken;
}
