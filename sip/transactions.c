/* SPDX-License-Identifier: BSD-2-Clause */
#include "sip/transactions.h"

#include "sip/header.h"

#include <stdlib.h>
#include <string.h>

static uint64_t add_bytes(uint64_t hash, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
	return hash;
}

static bool line_at(const uint8_t *message, const struct frame *frame, uint32_t offset,
	struct header_line *line)
{
	size_t at = offset;
	return offset && header_next(message, frame->header_length, &at, line);
}

/* White space in a CSeq may be any: number and method count. */
static uint64_t add_cseq(uint64_t hash, const struct header_line *cseq)
{
	for (size_t i = 0; i < cseq->value_length; i++)
		if (cseq->value[i] > ' ')
			hash = add_bytes(hash, cseq->value + i, 1);
	return hash;
}

/* 0: it has none. */
static uint64_t key_of(const uint8_t *message, const struct frame *frame)
{
	struct header_line call_id, cseq;
	if (!line_at(message, frame, frame->call_id, &call_id) ||
		!line_at(message, frame, frame->cseq, &cseq))
		return 0;
	uint64_t hash =
		add_bytes(UINT64_C(0xcbf29ce484222325), call_id.value, call_id.value_length);
	hash = add_cseq(add_bytes(hash, (const uint8_t *)"", 1), &cseq);
	return hash ? hash : 1;
}

static struct transaction *rows_of(struct transactions *t)
{
	return t->more ? t->more : t->few;
}

static struct transaction *find(struct transactions *t, uint64_t key)
{
	struct transaction *rows = rows_of(t);
	for (unsigned i = 0; i < t->count; i++)
		if (rows[i].key == key)
			return &rows[i];
	return NULL;
}

static bool grow(struct transactions *t)
{
	uint16_t room = t->more ? t->room : TRANSACTIONS_FEW;
	if (t->count < room)
		return true;
	size_t more = (size_t)room * 2;
	struct transaction *grown =
		more <= UINT16_MAX ? realloc(t->more, more * sizeof(*grown)) : NULL;
	if (!grown)
		return false;
	if (!t->more)
		memcpy(grown, t->few, sizeof(t->few));
	t->more = grown;
	t->room = (uint16_t)more;
	return true;
}

static void quote(struct transactions *t, const struct transaction_room *room,
	struct transaction *row, const uint8_t *message, size_t length)
{
	if (length > room->max_quoted || t->quoted > room->max_quoted - length)
		return;
	row->quote = quotes_keep(room->quotes, message, length);
	if (row->quote)
		t->quoted += row->quote->room;
}

void transactions_add(struct transactions *t, const struct transaction_room *room,
	const uint8_t *message, const struct frame *frame, uint32_t now_ms)
{
	uint64_t key;
	if (frame->kind != FRAME_REQUEST || frame->method == METHOD_ACK || !room->max ||
		!(key = key_of(message, frame)))
		return;
	struct transaction *known = find(t, key);
	if (known) {
		known->has_credentials |= frame->has_credentials;
		return;
	}
	if (t->count >= room->max || !grow(t))
		return;
	struct transaction *row = &rows_of(t)[t->count++];
	*row = (struct transaction){
		.key = key,
		.at_ms = now_ms,
		.method = (uint8_t)frame->method,
		.has_credentials = frame->has_credentials,
	};
	quote(t, room, row, message, frame->header_length);
}

/* Whoever takes the row has its quote. */
static struct transaction take_row(struct transactions *t, struct transaction *row)
{
	struct transaction taken = *row;
	t->quoted -= taken.quote ? taken.quote->room : 0;
	*row = rows_of(t)[--t->count];
	if (!t->count) {
		free(t->more);
		*t = (struct transactions){0};
	}
	return taken;
}

bool transactions_take(struct transactions *t, struct quotes *quotes, const uint8_t *message,
	const struct frame *frame, struct transaction *out)
{
	if (!t->count || frame->kind != FRAME_RESPONSE || frame->status < 200)
		return false;
	struct transaction *known = find(t, key_of(message, frame));
	if (!known)
		return false;
	*out = take_row(t, known);
	quotes_release(quotes, out->quote);
	out->quote = NULL;
	return true;
}

void transactions_forget(struct transactions *t, struct quotes *quotes, const uint8_t *message,
	const struct frame *frame)
{
	struct transaction *known = t->count ? find(t, key_of(message, frame)) : NULL;
	if (known)
		quotes_release(quotes, take_row(t, known).quote);
}

bool transactions_pop(struct transactions *t, struct transaction *out)
{
	if (!t->count)
		return false;
	*out = take_row(t, &rows_of(t)[t->count - 1]);
	return true;
}

bool transactions_oldest(const struct transactions *t, uint32_t now_ms, uint32_t *age_ms)
{
	const struct transaction *rows = t->more ? t->more : t->few;
	*age_ms = 0;
	for (unsigned i = 0; i < t->count; i++)
		if (now_ms - rows[i].at_ms > *age_ms)
			*age_ms = now_ms - rows[i].at_ms;
	return t->count > 0;
}

size_t transactions_bytes(const struct transactions *t)
{
	return (t->more ? t->room * sizeof(*t->more) : 0) + t->quoted;
}

void transactions_free(struct transactions *t, struct quotes *quotes)
{
	struct transaction *rows = rows_of(t);
	for (unsigned i = 0; i < t->count; i++)
		quotes_release(quotes, rows[i].quote);
	free(t->more);
	*t = (struct transactions){0};
}
