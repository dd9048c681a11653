/* SPDX-License-Identifier: BSD-2-Clause */
#include "sip/dialogs.h"
#include "sip/header.h"
#include "sip/scan.h"

#include <string.h>

static uint32_t hash_of(const uint8_t *bytes, size_t length)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 16777619u;
	return hash ? hash : 1;
}

/* The line that begins there. False: it is not there. */
static bool line_at(const uint8_t *message, const struct frame *frame, uint32_t offset,
	struct header_line *line)
{
	size_t at = offset;
	return offset && header_next(message, frame->header_length, &at, line);
}

/* White space may be a fold here. */
static bool is_gap(uint8_t byte)
{
	return scan_is_blank(byte) || byte == '\r' || byte == '\n';
}

/* CSeq = number, white space, method (RFC 3261 section 20.16). */
static bool is_of(const struct header_line *cseq, const char *method)
{
	size_t at = 0;
	while (at < cseq->value_length && scan_is_digit(cseq->value[at]))
		at++;
	while (at < cseq->value_length && is_gap(cseq->value[at]))
		at++;
	return cseq->value_length - at == strlen(method) &&
	       memcmp(cseq->value + at, method, strlen(method)) == 0;
}

static uint32_t *find(struct dialogs *d, uint32_t hash)
{
	for (unsigned i = 0; i < DIALOGS_KNOWN; i++)
		if (d->known[i] == hash)
			return &d->known[i];
	return NULL;
}

static void open_dialog(struct dialogs *d, uint32_t hash)
{
	if (find(d, hash))
		return;
	uint32_t *free = find(d, 0);
	if (free)
		*free = hash;
	else if (d->more < UINT32_MAX)
		d->more++;
}

static void end_dialog(struct dialogs *d, uint32_t hash)
{
	uint32_t *known = find(d, hash);
	if (known)
		*known = 0;
	else if (d->more)
		d->more--;
}

/* The same answers come to an INVITE that has opened nothing: who is not known is not counted off. */
static void lose_dialog(struct dialogs *d, uint32_t hash)
{
	uint32_t *known = find(d, hash);
	if (known)
		*known = 0;
}

enum meaning { NOTHING, OPENS, ENDS, LOST };

static enum meaning meaning_of_answer(const uint8_t *message, const struct frame *frame)
{
	struct header_line cseq;
	bool is_success = frame->status >= 200 && frame->status < 300;
	bool is_unknown = frame->status == 481 || frame->status == 408;
	if ((!is_success && !is_unknown) || !line_at(message, frame, frame->cseq, &cseq))
		return NOTHING;
	if (is_success)
		return is_of(&cseq, "INVITE") ? OPENS : NOTHING;
	return is_of(&cseq, "INVITE") || is_of(&cseq, "UPDATE") ? LOST : NOTHING;
}

static enum meaning meaning_of(const uint8_t *message, const struct frame *frame)
{
	if (frame->kind == FRAME_RESPONSE)
		return meaning_of_answer(message, frame);
	return frame->method == METHOD_BYE ? ENDS : NOTHING;
}

void dialogs_see(struct dialogs *d, const uint8_t *message, const struct frame *frame)
{
	struct header_line call_id;
	enum meaning meaning = meaning_of(message, frame);
	if (meaning == NOTHING || !line_at(message, frame, frame->call_id, &call_id))
		return;
	uint32_t hash = hash_of(call_id.value, call_id.value_length);
	if (meaning == OPENS)
		open_dialog(d, hash);
	else if (meaning == ENDS)
		end_dialog(d, hash);
	else
		lose_dialog(d, hash);
}

bool dialogs_any(const struct dialogs *d)
{
	if (d->more)
		return true;
	for (unsigned i = 0; i < DIALOGS_KNOWN; i++)
		if (d->known[i])
			return true;
	return false;
}
