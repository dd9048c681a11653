/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_sip_border.c - whoever else reads a message that the framer has passed finds the same borders in it: a naive reading line
 * by line, written here from RFC 3261 section 7 and nothing of sip/, and libosip2.
 *
 * Input: two bytes say where the stream is cut in two, the rest is the stream. The cut changes nothing.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <osipparser2/osip_parser.h>

#include "sip/frame.h"
#include "sip/message.h"

enum { EVENTS_MAX = 512, STREAM_MAX = 70000 };

static const struct frame_limits limits = {65536, 16384, 128, 64, false, false, 0};

struct event {
	enum frame_verdict verdict;
	struct frame frame; /* start and consumed: in the stream */
};

struct outcome {
	struct event events[EVENTS_MAX];
	size_t count;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool rule)
{
	if (!rule)
		abort();
}

/* --- whole and in two pieces --- */

/* Every verdict on `length` bytes of the stream but the last FRAME_MORE; false when nothing can follow. */
static bool feed(
	struct framer *f, const uint8_t *stream, size_t length, size_t *begin, struct outcome *o)
{
	while (o->count < EVENTS_MAX) {
		struct event e = {0};
		e.verdict = frame_next(f, &limits, stream + *begin, length - *begin, &e.frame);
		require(e.frame.start <= e.frame.consumed && e.frame.consumed <= length - *begin);
		e.frame.start += *begin;
		e.frame.consumed += *begin;
		*begin = e.frame.consumed;
		if (e.verdict == FRAME_MORE)
			return true;
		/* Where the CRLFs before a ping began depends on what was consumed before. */
		if (e.verdict == FRAME_PING)
			e.frame.start = e.frame.consumed;
		o->events[o->count++] = e;
		if (e.verdict == FRAME_BAD)
			return false;
	}
	return false;
}

static void require_same(const struct frame *a, const struct frame *b)
{
	require(a->consumed == b->consumed && a->start == b->start);
	require(a->kind == b->kind && a->method == b->method && a->status == b->status);
	require(a->header_length == b->header_length);
	require(a->call_id == b->call_id && a->cseq == b->cseq);
	require(a->via == b->via && a->to == b->to && a->has_credentials == b->has_credentials);
	require(a->fault == b->fault && a->offset == b->offset && a->checked == b->checked);
}

static void check_cut(const uint8_t *stream, size_t length, size_t cut, const struct outcome *whole)
{
	static struct outcome pieces;
	struct framer f = {0};
	size_t begin = 0;
	uint8_t *first = malloc(cut ? cut : 1); /* so that a read behind the cut is seen */
	require(first != NULL);
	memcpy(first, stream, cut);
	pieces.count = 0;
	if (feed(&f, first, cut, &begin, &pieces))
		feed(&f, stream, length, &begin, &pieces);
	free(first);
	require(pieces.count == whole->count);
	for (size_t i = 0; i < whole->count; i++) {
		require(pieces.events[i].verdict == whole->events[i].verdict);
		require_same(&pieces.events[i].frame, &whole->events[i].frame);
	}
}

/* --- the naive reading --- */

struct text {
	char *at;
	size_t length;
};

struct reading {
	char *section; /* a copy that is written to */
	size_t section_length;
	struct text word; /* the first of the start line */
	unsigned status;  /* 0: a request */
	unsigned lengths; /* Content-Length headers */
	uint64_t content_length;
};

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct text trim(struct text t)
{
	for (; t.length && is_white(*t.at); t.at++)
		t.length--;
	while (t.length && is_white(t.at[t.length - 1]))
		t.length--;
	return t;
}

static bool is_word(struct text t, const char *word)
{
	return t.length == strlen(word) && !strncasecmp(t.at, word, t.length);
}

/* Digits alone. */
static uint64_t number_of(struct text t)
{
	uint64_t number = 0;
	require(t.length > 0 && t.length < 19);
	for (size_t i = 0; i < t.length; i++) {
		require(t.at[i] >= '0' && t.at[i] <= '9');
		number = number * 10 + (uint64_t)(t.at[i] - '0');
	}
	return number;
}

/* Behind the first empty line. Who ends lines otherwise than at CRLF, or at a NUL, sees no other lines. */
static size_t section_end(const uint8_t *message, size_t length)
{
	const uint8_t *empty = memmem(message, length, "\r\n\r\n", 4);
	require(empty != NULL);
	size_t end = (size_t)(empty - message) + 4;
	for (size_t i = 0; i < end; i++) {
		require(message[i] != '\0');
		require(message[i] != '\r' || message[i + 1] == '\n');
		require(message[i] != '\n' || (i > 0 && message[i - 1] == '\r'));
	}
	return end;
}

static void unfold(char *section, size_t length)
{
	for (size_t i = 0; i + 2 < length; i++)
		if (section[i] == '\r' && (section[i + 2] == ' ' || section[i + 2] == '\t'))
			section[i] = section[i + 1] = ' ';
}

static void read_first_line(struct reading *r, struct text line)
{
	const char *space = memchr(line.at, ' ', line.length);
	require(space != NULL);
	r->word = (struct text){line.at, (size_t)(space - line.at)};
	if (!is_word(r->word, "SIP/2.0")) {
		require(line.length > 8 && !strncasecmp(line.at + line.length - 8, " SIP/2.0", 8));
		return;
	}
	require(line.length >= 12 && line.at[11] == ' ');
	r->status = (unsigned)number_of((struct text){line.at + 8, 3});
}

static void read_header_line(struct reading *r, struct text line)
{
	char *colon = memchr(line.at, ':', line.length);
	require(colon != NULL);
	struct text name = trim((struct text){line.at, (size_t)(colon - line.at)});
	struct text value = {colon + 1, line.length - (size_t)(colon + 1 - line.at)};
	if (!is_word(name, "Content-Length") && !is_word(name, "l"))
		return;
	r->lengths++;
	r->content_length = number_of(trim(value));
}

static void read_lines(struct reading *r, const uint8_t *message, size_t length)
{
	size_t at = 0;
	r->section_length = section_end(message, length);
	r->section = malloc(r->section_length);
	require(r->section != NULL);
	memcpy(r->section, message, r->section_length);
	unfold(r->section, r->section_length - 2);
	while (at < r->section_length - 2) {
		char *line = r->section + at;
		const char *end = memmem(line, r->section_length - at, "\r\n", 2);
		struct text text = {line, (size_t)(end - line)};
		if (at == 0)
			read_first_line(r, text);
		else
			read_header_line(r, text);
		at += text.length + 2;
	}
}

static void check_method(const struct frame *frame, struct text word)
{
	enum frame_method found = METHOD_OTHER;
	for (unsigned m = METHOD_OTHER + 1; m < METHODS; m++) {
		const char *name = frame_method_name((enum frame_method)m);
		if (strlen(name) == word.length && !memcmp(name, word.at, word.length))
			found = (enum frame_method)m;
	}
	require(frame->kind == FRAME_REQUEST && frame->method == found);
}

/* `length` is all that follows in the stream: the border is found, not told. */
static void check_naive(
	struct reading *r, const uint8_t *message, size_t length, const struct frame *frame)
{
	read_lines(r, message, length);
	require(r->section_length == frame->header_length);
	require(r->lengths == 1);
	require(frame->start + r->section_length + r->content_length == frame->consumed);
	if (r->status)
		require(frame->kind == FRAME_RESPONSE && frame->status == r->status);
	else
		check_method(frame, r->word);
}

/* --- libosip2 --- */

/* libosip2 5.3.0 leaks memory on some multipart bodies; it is not what is tested here. */
static bool is_multipart(const struct reading *r)
{
	static const char word[] = "multipart";
	for (size_t i = 0; i + sizeof(word) <= r->section_length; i++)
		if (!strncasecmp(r->section + i, word, sizeof(word) - 1))
			return true;
	return false;
}

static void check_parsed(const osip_message_t *parsed, const struct reading *r)
{
	const osip_body_t *body = osip_list_get(&parsed->bodies, 0);
	if (r->status) {
		require((unsigned)parsed->status_code == r->status);
	} else {
		require(parsed->sip_method && strlen(parsed->sip_method) == r->word.length);
		require(!memcmp(parsed->sip_method, r->word.at, r->word.length));
	}
	require(parsed->content_length && parsed->content_length->value);
	require(number_of((struct text){parsed->content_length->value,
			strlen(parsed->content_length->value)}) == r->content_length);
	/* Without a Content-Type it drops the body. */
	require(!body || body->length == r->content_length);
}

/* What it refuses is no finding: it is asked for a second opinion on what it understands. */
static void check_osip(const struct reading *r, const uint8_t *message, size_t length)
{
	osip_message_t *parsed;
	if (is_multipart(r))
		return;
	require(!osip_message_init(&parsed));
	if (!osip_message_parse(parsed, (const char *)message, length))
		check_parsed(parsed, r);
	osip_message_free(parsed);
}

static void check_message(const uint8_t *stream, size_t length, const struct frame *frame)
{
	const uint8_t *message = stream + frame->start;
	struct reading r = {0};
	check_naive(&r, message, length - frame->start, frame);
	check_osip(&r, message, frame->consumed - frame->start);
	free(r.section);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct outcome whole;
	static bool is_ready;
	struct framer f = {0};
	size_t begin = 0;
	if (!is_ready)
		message_init();
	is_ready = true;
	if (size < 3 || size > STREAM_MAX)
		return 0;
	const uint8_t *stream = data + 2;
	size_t length = size - 2;
	whole.count = 0;
	feed(&f, stream, length, &begin, &whole);
	check_cut(stream, length, ((size_t)data[0] << 8 | data[1]) % (length + 1), &whole);
	for (size_t i = 0; i < whole.count; i++)
		if (whole.events[i].verdict == FRAME_MESSAGE)
			check_message(stream, length, &whole.events[i].frame);
	return 0;
}
