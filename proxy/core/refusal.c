/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/refusal.h"

static const struct {
	unsigned status;
	const char *phrase, *name;
} ours[REFUSAL_FRAME] = {
	[REFUSAL_UNREACHABLE] = {503, "Service Unavailable", "unreachable"},
	[REFUSAL_TOO_LARGE] = {513, "Message Too Large", "pool.max_message"},
};

unsigned refusal_status(enum refusal r)
{
	if (r < REFUSAL_FRAME)
		return ours[r].status;
	return r < REFUSAL_MESSAGE ? frame_fault_status(r - REFUSAL_FRAME)
				   : message_fault_status(r - REFUSAL_MESSAGE);
}

const char *refusal_phrase(enum refusal r)
{
	if (r < REFUSAL_FRAME)
		return ours[r].phrase;
	return r < REFUSAL_MESSAGE ? frame_fault_phrase(r - REFUSAL_FRAME)
				   : message_fault_phrase(r - REFUSAL_MESSAGE);
}

const char *refusal_name(enum refusal r)
{
	if (r < REFUSAL_FRAME)
		return ours[r].name;
	return r < REFUSAL_MESSAGE ? frame_fault_name(r - REFUSAL_FRAME)
				   : message_fault_name(r - REFUSAL_MESSAGE);
}
