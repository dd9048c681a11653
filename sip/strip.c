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

/* A line that frame_next() has found is elsewhere now; 0: it is gone. */
static void move_place(struct frame *frame, uint32_t from, uint32_t to)
{
	uint32_t *const places[] = {&frame->via, &frame->to, &frame->call_id, &frame->cseq};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (*places[i] == from)
			*places[i] = to;
}

/* What stays is moved to the front, line by line, and then once, as a whole, up to the empty line: no line twice more. */
size_t strip_headers(uint8_t *message, struct frame *frame, const char *const *names)
{
	const size_t end = frame->header_length - 2; /* where the empty line begins */
	size_t taken = 0, at = 0;
	struct header_line line;
	while (names && header_next(message, frame->header_length, &at, &line)) {
		size_t from = at - line.whole_length;
		if (is_named(&line, names)) {
			taken += line.whole_length;
			move_place(frame, (uint32_t)from, 0);
		} else if (taken != 0) {
			memmove(message + from - taken, line.whole, line.whole_length);
			move_place(frame, (uint32_t)from, (uint32_t)(from - taken));
		}
	}
	if (taken != 0)
		memmove(message + taken, message, end - taken);
	frame->header_length -= (uint32_t)taken;
	frame->start += taken;
	return taken;
}
