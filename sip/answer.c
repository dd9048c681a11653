/* SPDX-License-Identifier: BSD-2-Clause */
/* answer.c - a final response made from the lines of its request. */
#include "sip/answer.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "sip/header.h"
#include "sip/scan.h"
#include "sip/tag.h"

/* What an answer repeats; the first of each kind. There may be more Vias. */
struct quoted {
	struct header_line via, from, to, call_id, cseq;
};

/* Text grows in out[0..size) until it does not fit; then `full` stays set. */
struct writer {
	uint8_t *out;
	size_t size;
	size_t length;
	bool full;
};

static void put(struct writer *w, const void *bytes, size_t length)
{
	if (w->full || length > w->size - w->length) {
		w->full = true;
		return;
	}
	memcpy(w->out + w->length, bytes, length);
	w->length += length;
}

static void put_text(struct writer *w, const char *text)
{
	put(w, text, strlen(text));
}

static void put_number(struct writer *w, unsigned number)
{
	char digits[12];

	snprintf(digits, sizeof digits, "%u", number);
	put_text(w, digits);
}

/* Not an ACK, which is never answered (RFC 3261 section 17), and not itself a response. */
static bool is_answerable(const uint8_t *request, size_t length)
{
	return length >= 4 && memcmp(request, "ACK ", 4) != 0 && !scan_equals(request, 4, "SIP/");
}

/* Sort out the lines to repeat. False when one is missing, or has no value. */
static bool find_quoted(const uint8_t *request, size_t length, struct quoted *q)
{
	struct header_line line;
	size_t at = 0;
	const struct {
		struct header_line *field;
		const char *name;
		char compact;
	} wanted[] = {
		{&q->via, "Via", 'v'},
		{&q->from, "From", 'f'},
		{&q->to, "To", 't'},
		{&q->call_id, "Call-ID", 'i'},
		{&q->cseq, "CSeq", 0},
	};
	enum { WANTED = sizeof wanted / sizeof wanted[0] };
	unsigned found = 0;

	memset(q, 0, sizeof *q);
	while (header_next(request, length, &at, &line))
		for (size_t i = 0; i < WANTED; i++) {
			if (wanted[i].field->whole || line.value_length == 0 ||
				!header_is(&line, wanted[i].name, wanted[i].compact))
				continue;
			*wanted[i].field = line;
			found++;
		}
	return found == WANTED;
}

/* Behind a quoted string or a <...> that begins at `at`; its length when it does not end. */
static size_t skip_enclosed(const uint8_t *value, size_t length, size_t at)
{
	uint8_t close = value[at] == '"' ? '"' : '>';

	for (at++; at < length && value[at] != close; at++)
		if (close == '"' && value[at] == '\\')
			at++;
	return at < length ? at + 1 : length;
}

/* Is value[at..) the parameter `tag`, white space and folds before it? */
static bool is_tag(const uint8_t *value, size_t length, size_t at)
{
	while (at < length && (scan_is_blank(value[at]) || value[at] == '\r' || value[at] == '\n'))
		at++;
	return at + 3 <= length && scan_equals(value + at, 3, "tag") &&
	       (at + 3 == length || !scan_is_token(value[at + 3]));
}

/* Has this To a tag of its own? What stands in its display name or its URI is none. */
static bool has_tag(const struct header_line *to)
{
	const uint8_t *value = to->value;
	size_t at = 0;

	while (at < to->value_length) {
		if (value[at] == '"' || value[at] == '<') {
			at = skip_enclosed(value, to->value_length, at);
			continue;
		}
		if (value[at++] == ';' && is_tag(value, to->value_length, at))
			return true;
	}
	return false;
}

/*
 * The same for each copy of a request, and for its CANCEL: the method of CSeq is left out, and the
 * top Via holds the branch.
 */
static void make_tag(const struct answer *a, const struct quoted *q, char tag[TAG_LENGTH + 1])
{
	struct tag_hash h;
	size_t digits = 0;

	while (digits < q->cseq.value_length && scan_is_digit(q->cseq.value[digits]))
		digits++;
	tag_begin(&h, a->tag_key);
	tag_add(&h, q->via.value, q->via.value_length);
	tag_add(&h, q->from.value, q->from.value_length);
	tag_add(&h, q->call_id.value, q->call_id.value_length);
	tag_add(&h, q->cseq.value, digits);
	tag_end(&h, tag);
}

static void put_to(struct writer *w, const struct answer *a, const struct quoted *q)
{
	char tag[TAG_LENGTH + 1];

	if (has_tag(&q->to)) {
		put(w, q->to.whole, q->to.whole_length);
		return;
	}
	make_tag(a, q, tag);
	put(w, q->to.whole, (size_t)(q->to.value + q->to.value_length - q->to.whole));
	put_text(w, ";tag=");
	put_text(w, tag);
	put_text(w, "\r\n");
}

static void put_status_line(struct writer *w, const struct answer *a)
{
	put_text(w, "SIP/2.0 ");
	put_number(w, a->status);
	put_text(w, " ");
	put_text(w, a->phrase);
	put_text(w, "\r\n");
}

static void put_vias(struct writer *w, const uint8_t *request, size_t length)
{
	struct header_line line;
	size_t at = 0;

	while (header_next(request, length, &at, &line))
		if (header_is(&line, "Via", 'v'))
			put(w, line.whole, line.whole_length);
}

size_t answer_write(
	const struct answer *a, const uint8_t *request, size_t length, uint8_t *out, size_t size)
{
	struct writer w = {.out = out, .size = size};
	struct quoted q;

	if (!is_answerable(request, length) || !find_quoted(request, length, &q))
		return 0;
	put_status_line(&w, a);
	put_vias(&w, request, length);
	put(&w, q.from.whole, q.from.whole_length);
	put_to(&w, a, &q);
	put(&w, q.call_id.whole, q.call_id.whole_length);
	put(&w, q.cseq.whole, q.cseq.whole_length);
	if (a->retry_after_s) {
		put_text(&w, "Retry-After: ");
		put_number(&w, a->retry_after_s);
		put_text(&w, "\r\n");
	}
	put_text(&w, "Content-Length: 0\r\n\r\n");
	return w.full ? 0 : w.length;
}
