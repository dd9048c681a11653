/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * section.c - the start line and the header lines of one message.
 *
 * One function for each thing that may come next, each of which takes as many bytes as it can.
 * Every decision is made at one certain byte and from nothing behind it, so that the verdict cannot
 * depend on how the stream was cut.
 */
#include "sip/section.h"

#include <assert.h>
#include <string.h>

#include "sip/content_length.h"
#include "sip/scan.h"
#include "sip/start_line.h"

/* One call of section_read(). */
struct cursor {
	struct framer *f;
	const struct frame_limits *limits;
	const uint8_t *message;
	uint32_t at;  /* the next byte to judge */
	uint32_t end; /* of what has come and may be header */
	struct frame *out;
};

/* A fault held back comes first. What stands before the line being read has passed. */
static bool refuse(struct cursor *c, enum frame_fault fault, uint32_t offset)
{
	c->out->fault = c->f->fault ? (enum frame_fault)c->f->fault : fault;
	c->out->offset = c->f->fault ? c->f->fault_offset : offset;
	c->out->checked = c->f->line;
	return false;
}

/* Refuse, but read the header section to its end before saying so. */
static void hold_back(struct framer *f, enum frame_fault fault, uint32_t offset)
{
	if (f->fault)
		return;
	f->fault = (uint8_t)fault;
	f->fault_offset = offset;
}

/* What another reader of the same bytes would take no border from. */
static bool is_harmless(enum frame_fault fault)
{
	return fault == FRAME_FAULT_VERSION || fault == FRAME_FAULT_HEADERS ||
	       fault == FRAME_FAULT_PARAMETERS || fault == FRAME_FAULT_CONTROL;
}

/* Let it pass, and remember the first; false: it may not pass. */
static bool let_pass(struct cursor *c, enum frame_fault fault, uint32_t offset)
{
	struct framer *f = c->f;

	if (!c->limits->is_lenient || !is_harmless(fault))
		return false;
	if (!f->noted) {
		f->noted = (uint8_t)fault;
		f->noted_offset = offset;
	}
	return true;
}

/* A byte came that cannot stand where a name, a colon or text belongs. */
static bool refuse_byte(struct cursor *c, enum frame_fault fault)
{
	uint8_t byte = c->message[c->at];

	if (byte == '\n')
		fault = FRAME_FAULT_LINE_END;
	else if (byte != '\r' && scan_is_control(byte))
		fault = FRAME_FAULT_CONTROL;
	return refuse(c, fault, c->at);
}

/* At most so many separators? A line no longer than their limit need not be counted. */
static bool check_parameters(struct cursor *c, uint32_t from, uint32_t to)
{
	uint32_t most = c->limits->max_parameters;

	if (to - from <= most || scan_separators(c->message, from, to) <= most)
		return true;
	from = scan_separator(c->message, from, to, most);
	return let_pass(c, FRAME_FAULT_PARAMETERS, from) || refuse(c, FRAME_FAULT_PARAMETERS, from);
}

static bool read_lf(struct cursor *c, enum section_state next)
{
	if (c->message[c->at] != '\n')
		return refuse(c, FRAME_FAULT_LINE_END, c->at);
	c->at++;
	c->f->state = (uint8_t)next;
	return true;
}

static bool read_first_word(struct cursor *c)
{
	bool whole;
	enum frame_fault fault = start_line_word(c->message, &c->at, c->end, &whole);

	if (fault)
		return refuse(c, fault, c->at);
	if (whole)
		c->f->state = AT_START_LINE;
	return true;
}

/* Judge the start line, which ends at c->at. */
static bool finish_start_line(struct cursor *c)
{
	struct framer *f = c->f;
	struct start_line s = start_line_read(c->message, c->at);

	f->kind = (uint8_t)s.kind;
	f->method = (uint8_t)s.method;
	f->status = s.status;
	if (s.fault && s.kind != FRAME_REQUEST)
		return refuse(c, s.fault, s.offset);
	/* Not sooner: there are other protocols whose lines end so. */
	if (c->message[c->at] == '\n')
		return refuse(c, FRAME_FAULT_LINE_END, c->at);
	if (s.fault && !let_pass(c, s.fault, s.offset))
		hold_back(f, s.fault, s.offset);
	return check_parameters(c, 0, c->at);
}

static bool read_start_line(struct cursor *c)
{
	uint32_t end = c->end > START_LINE_MAX + 1 ? START_LINE_MAX + 1 : c->end;

	c->at = scan_text(c->message, c->at, end);
	if (c->at > START_LINE_MAX)
		return refuse(c, FRAME_FAULT_START_LINE, START_LINE_MAX);
	if (c->at == end)
		return true;
	if (c->message[c->at] != '\r' && c->message[c->at] != '\n')
		return refuse(c, FRAME_FAULT_CONTROL, c->at);
	if (!finish_start_line(c))
		return false;
	c->at++;
	c->f->state = AT_START_LF;
	return true;
}

static bool read_start_lf(struct cursor *c)
{
	if (!read_lf(c, AT_LINE))
		return false;
	c->f->line = c->at;
	return true;
}

/* The value of the Content-Length line that ends, without its CRLF, at `end`. */
static void read_content_length(struct cursor *c, uint32_t end)
{
	struct framer *f = c->f;
	const uint8_t *colon = memchr(c->message + f->line, ':', end - f->line);
	uint32_t value, wrong;
	enum frame_fault fault;

	assert(colon);
	value = (uint32_t)(colon - c->message) + 1;
	fault = content_length_read(c->message + value, end - value, &f->content_length, &wrong);
	if (fault)
		hold_back(f, fault, value + wrong);
	f->has_content_length = true;
}

/*
 * A continuation line, if that is what ends at c->at, that another reader would take for a Content-
 * Length.
 */
static bool check_fold(struct cursor *c)
{
	uint32_t fold = c->f->fold;

	if (!fold || !content_length_resembles(c->message + fold, c->at - 2 - fold))
		return true;
	return refuse(c, FRAME_FAULT_FOLDING, fold);
}

/* A header line ended before c->at, where no continuation begins. */
static bool finish_line(struct cursor *c)
{
	struct framer *f = c->f;
	uint32_t end = c->at - 2; /* before its CRLF */

	if (f->headers == 0)
		return true;
	if (!check_fold(c) || !check_parameters(c, f->line, end))
		return false;
	if (f->in_content_length)
		read_content_length(c, end);
	return true;
}

static bool begin_fold(struct cursor *c)
{
	struct framer *f = c->f;

	if (f->headers == 0 || f->in_content_length)
		return refuse(c, FRAME_FAULT_FOLDING, c->at);
	f->state = AT_FOLD;
	return check_fold(c);
}

/* Can this begin one of the lines below, or Content-Length? Most lines cannot. */
static inline bool may_matter(uint8_t first)
{
	const uint32_t letters = 1u << ('a' & 31) | 1u << ('c' & 31) | 1u << ('i' & 31) |
				 1u << ('l' & 31) | 1u << ('p' & 31) | 1u << ('t' & 31) |
				 1u << ('v' & 31);

	return letters >> (first & 31) & 1;
}

static inline void note_first(uint32_t *place, uint32_t at)
{
	*place = *place ? *place : at;
}

/* Remember where the lines begin that say which call and transaction a message belongs to: the first of each. */
static void note_line(struct framer *f, const uint8_t *name, uint32_t length, uint32_t at)
{
	switch (*name | 0x20) {
	case 'v':
		if (scan_equals(name, length, "Via") || length == 1)
			note_first(&f->via, at);
		break;
	case 't':
		if (scan_equals(name, length, "To") || length == 1)
			note_first(&f->to, at);
		break;
	case 'c':
		if (scan_equals(name, length, "CSeq"))
			note_first(&f->cseq, at);
		else if (scan_equals(name, length, "Call-ID"))
			note_first(&f->call_id, at);
		break;
	case 'i':
		if (length == 1)
			note_first(&f->call_id, at);
		break;
	case 'a':
		f->has_credentials |= scan_equals(name, length, "Authorization");
		break;
	case 'p':
		f->has_credentials |= scan_equals(name, length, "Proxy-Authorization");
		break;
	default:
		break;
	}
}

/*
 * Go past the lines that need no more judging than this, with all in registers: most of the work on
 * most messages is done here. What is anything else is left to the functions for single parts.
 */
static void pass_lines(struct cursor *c)
{
	struct framer *f = c->f;
	uint32_t most = c->limits->max_parameters;
	uint64_t marked = c->limits->marked;
	uint32_t at = c->at;
	uint32_t headers = f->headers;

	while (headers < c->limits->max_headers) {
		uint32_t colon;
		uint32_t next = scan_line(c->message, at, c->end, &colon);
		const uint8_t *name = c->message + at;
		bool matters = may_matter(*name);

		if (next == at || (matters && content_length_name(name, colon - at)))
			break;
		if (next - at > most && scan_separators(c->message, colon, next) > most)
			break;
		if (matters)
			note_line(f, name, colon - at, at);
		f->has_marked |= (marked & frame_name_mark(name, colon - at)) != 0;
		headers++;
		at = next;
	}
	f->headers = headers;
	c->at = at;
}

static bool read_line(struct cursor *c)
{
	struct framer *f = c->f;
	uint8_t byte;

	if (scan_is_blank(c->message[c->at]))
		return begin_fold(c);
	if (!finish_line(c))
		return false;
	pass_lines(c);
	f->line = c->at;
	f->fold = 0;
	byte = c->message[c->at];
	if (byte == '\r') {
		c->at++;
		f->state = AT_END_LF;
		return true;
	}
	if (!scan_is_token(byte))
		return refuse_byte(c, FRAME_FAULT_HEADER_NAME);
	if (f->headers >= c->limits->max_headers && !let_pass(c, FRAME_FAULT_HEADERS, c->at))
		return refuse(c, FRAME_FAULT_HEADERS, c->at);
	f->headers++;
	f->state = AT_NAME;
	return true;
}

static void judge_name(struct cursor *c)
{
	struct framer *f = c->f;
	enum content_length_name name = content_length_name(c->message + f->line, c->at - f->line);

	note_line(f, c->message + f->line, c->at - f->line, f->line);
	f->has_marked |=
		(c->limits->marked & frame_name_mark(c->message + f->line, c->at - f->line)) != 0;
	f->in_content_length = name == CONTENT_LENGTH_YES;
	if (name == CONTENT_LENGTH_LOOK_ALIKE || (f->in_content_length && f->has_content_length))
		hold_back(f, FRAME_FAULT_CONTENT_LENGTH, f->line);
}

static bool read_name(struct cursor *c)
{
	c->at = scan_token(c->message, c->at, c->end);
	if (c->at == c->end)
		return true;
	if (c->message[c->at] != ':' && !scan_is_blank(c->message[c->at]))
		return refuse_byte(c, FRAME_FAULT_HEADER_NAME);
	judge_name(c);
	c->f->state = AT_COLON;
	return true;
}

static bool read_colon(struct cursor *c)
{
	while (c->at < c->end && scan_is_blank(c->message[c->at]))
		c->at++;
	if (c->at == c->end)
		return true;
	if (c->message[c->at] != ':')
		return refuse_byte(c, FRAME_FAULT_HEADER_NAME);
	c->at++;
	c->f->state = AT_VALUE;
	return true;
}

static bool read_fold(struct cursor *c)
{
	while (c->at < c->end && scan_is_blank(c->message[c->at]))
		c->at++;
	if (c->at == c->end)
		return true;
	/* A line of only white space: some readers take it for the empty line. */
	if (c->message[c->at] == '\r')
		return refuse(c, FRAME_FAULT_FOLDING, c->at);
	c->f->fold = c->at;
	c->f->state = AT_VALUE;
	return true;
}

static bool read_value(struct cursor *c)
{
	c->at = scan_text(c->message, c->at, c->end);
	if (c->at == c->end)
		return true;
	uint8_t byte = c->message[c->at];
	if (byte != '\r' && (!byte || byte == '\n' || !let_pass(c, FRAME_FAULT_CONTROL, c->at)))
		return refuse_byte(c, FRAME_FAULT_CONTROL);
	c->at++;
	if (byte != '\r')
		return true;
	c->f->state = AT_VALUE_LF;
	/* Thousands of folds are nobody's, and should cost no more than other bytes. */
	const uint8_t *next = c->message + c->at;
	bool is_fold = c->end - c->at >= 2 && next[0] == '\n' && scan_is_blank(next[1]);
	c->at += is_fold;
	return !is_fold || (begin_fold(c) && read_fold(c));
}

static bool finish_header(struct cursor *c)
{
	struct framer *f = c->f;

	if (!read_lf(c, AT_BODY))
		return false;
	if (f->fault)
		return refuse(c, FRAME_FAULT_NONE, 0);
	if (!f->has_content_length && !c->limits->takes_missing_length)
		return refuse(c, FRAME_FAULT_NO_CONTENT_LENGTH, f->line);
	if ((uint64_t)c->at + f->content_length > c->limits->max_message)
		return refuse(c, FRAME_FAULT_MESSAGE_SIZE, f->line);
	f->header_length = c->at;
	return true;
}

static bool read_next(struct cursor *c)
{
	switch ((enum section_state)c->f->state) {
	case AT_FIRST_WORD:
		return read_first_word(c);
	case AT_START_LINE:
		return read_start_line(c);
	case AT_START_LF:
		return read_start_lf(c);
	case AT_LINE:
		return read_line(c);
	case AT_NAME:
		return read_name(c);
	case AT_COLON:
		return read_colon(c);
	case AT_VALUE:
		return read_value(c);
	case AT_VALUE_LF:
		return read_lf(c, AT_LINE);
	case AT_FOLD:
		return read_fold(c);
	case AT_END_LF:
		return finish_header(c);
	case AT_BORDER:
	case AT_BODY:
		break;
	}
	assert(false); /* no header section is being read */
	return false;
}

bool section_read(struct framer *f, const struct frame_limits *limits, const uint8_t *message,
	size_t available, struct frame *out)
{
	size_t most = limits->max_header_bytes;
	struct cursor c = {
		.f = f, .limits = limits, .message = message, .at = f->scanned, .out = out};

	c.end = (uint32_t)(available < most ? available : most);
	while (c.at < c.end && f->state != AT_BODY)
		if (!read_next(&c))
			return false;
	f->scanned = c.at;
	if (f->state != AT_BODY && available > most)
		return refuse(&c, FRAME_FAULT_HEADER_BYTES, (uint32_t)most);
	return true;
}
