/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_sip_frame.c - the framer against itself and against models of other framers.
 *
 * Input: one byte chooses the limits, one says how many pieces (0..15) have their length in the
 * bytes that follow, the rest is the stream. Two properties are checked:
 *
 * - However the stream is cut, the same messages, pings and fault come out of it.
 * - Of every message that passes, a model of the Kamailio and OpenSIPS framer and one of the PJSIP
 *   framer find the same length: what the framer lets through cannot be read as two different
 *   messages behind it.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sip/dialogs.h"
#include "sip/frame.h"
#include "sip/header.h"

enum {
	EVENTS_MAX = 256,
	PIECES_MAX = 15,
	COPIED_MAX = 2048, /* longer windows are not copied: byte by byte it takes too long */
	NO_LENGTH = -1,
};

struct event {
	enum frame_verdict verdict;
	size_t start, end; /* in the stream; a ping is its end alone */
	struct frame frame;
};

struct outcome {
	struct event events[EVENTS_MAX];
	size_t count;
	size_t consumed;
	bool is_open;
};

struct stream {
	const uint8_t *bytes;
	size_t length;
	const uint8_t
		*pieces; /* lengths of the first pieces, less one; the last piece is the rest */
	size_t piece_count;
	bool bytewise;
};

static const struct frame_limits limits[] = {
	{65536, 16384, 128, 64, false, false, 0},
	{600, 300, 8, 4, false, false, UINT64_MAX},
	{64, 4096, 3, 1, false, true, 0}, /* not takes_missing_length: the models refuse that */
	{4096, 5000, 1, 0, false, true, 0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool truth)
{
	if (!truth)
		abort();
}

/* How much more has come when `received` bytes have and the framer asks for more. */
static size_t next_piece(const struct stream *s, size_t received, size_t *piece)
{
	size_t left = s->length - received;
	size_t wanted = left;

	if (s->bytewise)
		wanted = 1;
	else if (*piece < s->piece_count)
		wanted = (size_t)s->pieces[(*piece)++] + 1;
	return wanted < left ? wanted : left;
}

/* One call, on a copy of exactly the bytes that have come, so that a read beyond them is caught. */
static enum frame_verdict call(struct framer *f, const struct frame_limits *l, const uint8_t *bytes,
	size_t length, struct frame *out)
{
	uint32_t scanned = f->scanned;
	uint8_t *copy = length && length < COPIED_MAX ? malloc(length) : NULL;
	enum frame_verdict verdict;

	if (copy)
		memcpy(copy, bytes, length);
	verdict = frame_next(f, l, copy ? copy : bytes, length, out);
	free(copy);
	expect(out->consumed <= length && out->start <= length);
	if (verdict == FRAME_MORE)
		expect(f->scanned >= scanned && f->scanned <= length - out->consumed);
	return verdict;
}

static void record(
	struct outcome *o, enum frame_verdict verdict, size_t begin, const struct frame *frame)
{
	struct event *e = &o->events[o->count++];

	memset(e, 0, sizeof *e);
	e->verdict = verdict;
	e->end = begin + frame->consumed;
	e->start = verdict == FRAME_PING ? e->end : begin + frame->start;
	e->frame.kind = frame->kind;
	e->frame.method = frame->method;
	e->frame.status = frame->status;
	e->frame.header_length = frame->header_length;
	e->frame.fault = frame->fault;
	e->frame.offset = frame->offset;
	e->frame.checked = frame->checked;
	e->frame.call_id = verdict == FRAME_MESSAGE ? frame->call_id : 0;
	e->frame.cseq = verdict == FRAME_MESSAGE ? frame->cseq : 0;
}

static void run(const struct stream *s, const struct frame_limits *l, struct outcome *o)
{
	struct framer f = {0};
	size_t begin = 0;
	size_t received = 0;
	size_t piece = 0;

	memset(o, 0, sizeof *o);
	while (o->count < EVENTS_MAX) {
		struct frame frame;
		enum frame_verdict v = call(&f, l, s->bytes + begin, received - begin, &frame);

		if (v != FRAME_MORE)
			record(o, v, begin, &frame);
		begin += frame.consumed;
		if (v == FRAME_BAD || (v == FRAME_MORE && received == s->length))
			break;
		if (v == FRAME_MORE)
			received += next_piece(s, received, &piece);
	}
	o->consumed = begin;
	o->is_open = frame_is_open(&f);
}

static bool same_event(const struct event *a, const struct event *b)
{
	return a->verdict == b->verdict && a->start == b->start && a->end == b->end &&
	       a->frame.kind == b->frame.kind && a->frame.method == b->frame.method &&
	       a->frame.status == b->frame.status && a->frame.fault == b->frame.fault &&
	       a->frame.header_length == b->frame.header_length &&
	       a->frame.offset == b->frame.offset && a->frame.checked == b->frame.checked;
}

static void expect_same(const struct outcome *a, const struct outcome *b)
{
	expect(a->count == b->count && a->consumed == b->consumed && a->is_open == b->is_open);
	for (size_t i = 0; i < a->count; i++)
		expect(same_event(&a->events[i], &b->events[i]));
}

/* The models below are written from descriptions of those framers, not from their sources. */

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte + 32) : byte;
}

/* Bytes of a Content-Length name at `line`, 0 if it is none. */
static size_t length_name(const uint8_t *line, size_t left, bool underscore)
{
	static const char name[] = "content-length";

	if (left && lower(line[0]) == 'l')
		return 1;
	for (size_t i = 0; i < sizeof name - 1; i++) {
		if (i >= left)
			return 0;
		if (lower(line[i]) != (uint8_t)name[i] && !(underscore && i == 7 && line[i] == '_'))
			return 0;
	}
	return sizeof name - 1;
}

static size_t skip_blanks(const uint8_t *line, size_t left, size_t at)
{
	while (at < left && is_blank(line[at]))
		at++;
	return at;
}

/* A number behind name, blanks and colon; the byte behind it goes to *stop. */
static long length_value(const uint8_t *line, size_t left, bool underscore, uint8_t *stop)
{
	size_t at = length_name(line, left, underscore);
	long value = 0;
	size_t first;

	if (!at)
		return NO_LENGTH;
	at = skip_blanks(line, left, at);
	if (at >= left || line[at] != ':')
		return NO_LENGTH;
	first = at = skip_blanks(line, left, at + 1);
	for (; at < left && line[at] >= '0' && line[at] <= '9' && at - first < 18; at++)
		value = value * 10 + (line[at] - '0');
	if (at == first || at >= left)
		return NO_LENGTH;
	*stop = line[at];
	return value;
}

/*
 * Every line, the first and continuations too, white space before it ignored; the first number
 * wins.
 */
static long kamailio_length(const uint8_t *message, size_t header_length)
{
	for (size_t at = 0; at < header_length;) {
		size_t text = skip_blanks(message, header_length, at);
		const uint8_t *lf = memchr(message + at, '\n', header_length - at);
		uint8_t stop;
		long value = length_value(message + text, header_length - text, true, &stop);

		if (value != NO_LENGTH && (stop == '\r' || stop == '\n' || is_blank(stop)))
			return value;
		if (!lf)
			break;
		at = (size_t)(lf - message) + 1;
	}
	return NO_LENGTH;
}

/* Where a message ends for a reader to whom LF LF and LF CR LF end a header section. */
static size_t kamailio_header_end(const uint8_t *message, size_t length)
{
	for (size_t at = 0; at + 1 < length; at++)
		if (message[at] == '\n') {
			if (message[at + 1] == '\n')
				return at + 2;
			if (message[at + 1] == '\r' && at + 2 < length && message[at + 2] == '\n')
				return at + 3;
		}
	return 0;
}

/* Lines behind the first, not continuations; digits, blanks, line end; the first sound one wins. */
static long pjsip_length(const uint8_t *message, size_t header_length)
{
	const uint8_t *lf = memchr(message, '\n', header_length);

	while (lf) {
		size_t at = (size_t)(lf - message) + 1;
		uint8_t stop;
		long value = length_value(message + at, header_length - at, false, &stop);

		if (value != NO_LENGTH && (stop == '\r' || stop == '\n' || is_blank(stop)))
			return value;
		lf = memchr(message + at, '\n', header_length - at);
	}
	return NO_LENGTH;
}

static void expect_unambiguous(const uint8_t *stream, const struct event *e)
{
	const uint8_t *message = stream + e->start;
	long body = (long)(e->end - e->start - e->frame.header_length);

	expect(kamailio_header_end(message, e->end - e->start) == e->frame.header_length);
	expect(kamailio_length(message, e->frame.header_length) == body);
	expect(pjsip_length(message, e->frame.header_length) == body);
	expect(memcmp(message, "MSRP ", 5) != 0);
}

/* The lines that the framer remembers are the first of their name; who reads them stays within the header section. */
static void expect_lines(const uint8_t *bytes, const struct event *e)
{
	size_t length = e->frame.header_length;
	uint8_t *copy = malloc(length);
	struct header_line line;
	struct dialogs dialogs = {0};

	memcpy(copy, bytes + e->start, length);
	bool is_there = header_find(copy, length, "Call-ID", 'i', &line);
	expect(is_there ? line.whole == copy + e->frame.call_id : !e->frame.call_id);
	is_there = header_find(copy, length, "CSeq", 0, &line);
	expect(is_there ? line.whole == copy + e->frame.cseq : !e->frame.cseq);
	dialogs_see(&dialogs, copy, &e->frame);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct outcome whole, pieces, bytewise;
	const struct frame_limits *l;
	struct stream s = {0};
	size_t count;

	if (size < 2 || size > 8192)
		return 0;
	l = &limits[data[0] % (sizeof limits / sizeof limits[0])];
	count = data[1] & PIECES_MAX;
	if (size < 2 + count)
		return 0;
	s.bytes = data + 2 + count;
	s.length = size - 2 - count;

	run(&s, l, &whole);
	s.pieces = data + 2;
	s.piece_count = count;
	run(&s, l, &pieces);
	expect_same(&whole, &pieces);
	s.bytewise = true;
	run(&s, l, &bytewise);
	expect_same(&whole, &bytewise);
	for (size_t i = 0; i < whole.count; i++)
		if (whole.events[i].verdict == FRAME_MESSAGE)
			expect_unambiguous(s.bytes, &whole.events[i]);
	for (size_t i = 0; i < whole.count; i++)
		if (whole.events[i].verdict == FRAME_MESSAGE)
			expect_lines(s.bytes, &whole.events[i]);
	return 0;
}
