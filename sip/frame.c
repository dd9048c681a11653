/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame.c - where one SIP message ends and the next begins: the CRLFs between them, and the bodies.
 * What stands between start line and body is section.c's.
 */
#include "sip/frame.h"

#include "sip/section.h"
#include "sip/start_line.h"

/*
 * Move over CRLFs. FRAME_MORE: nothing else is there; FRAME_MESSAGE: a message begins at
 * out->start.
 */
static enum frame_verdict skip_crlf(
	struct framer *f, const uint8_t *bytes, size_t length, struct frame *out)
{
	enum { PASSED = 4 };

	for (size_t i = 0; i < length; i++) {
		bool wants_lf = f->crlf == 1 || f->crlf == 3;

		out->start = out->consumed = i;
		if (bytes[i] != '\r' && bytes[i] != '\n' && !wants_lf)
			return FRAME_MESSAGE;
		if (bytes[i] != (wants_lf ? '\n' : '\r')) {
			out->fault = FRAME_FAULT_LINE_END;
			return FRAME_BAD;
		}
		f->crlf = (uint8_t)(f->crlf == PASSED ? 1 : f->crlf + 1);
		out->start = out->consumed = i + 1;
		if (f->crlf == PASSED)
			return FRAME_PING;
	}
	return FRAME_MORE;
}

static enum frame_verdict begin_message(struct framer *f, uint8_t byte, struct frame *out)
{
	/* CRLFCRLF NUL is how a PROXY header of version 2 begins; nothing else does. */
	bool is_proxy = f->crlf == 4 && byte == 0;

	out->fault = is_proxy ? FRAME_FAULT_PROXY_HEADER : start_line_first(byte);
	if (out->fault)
		return FRAME_BAD;
	*f = (struct framer){.state = AT_FIRST_WORD};
	return FRAME_MORE;
}

/* The header section has passed: is the body here? */
static enum frame_verdict read_body(struct framer *f, size_t available, struct frame *out)
{
	size_t whole = (size_t)f->header_length + f->content_length;

	if (available < whole) {
		f->scanned = (uint32_t)available;
		return FRAME_MORE;
	}
	out->header_length = f->header_length;
	out->call_id = f->call_id;
	out->cseq = f->cseq;
	out->via = f->via;
	out->to = f->to;
	out->has_credentials = f->has_credentials;
	out->has_marked = f->has_marked;
	out->fault = (enum frame_fault)f->noted;
	out->offset = f->noted_offset;
	out->consumed = out->start + whole;
	*f = (struct framer){0};
	return FRAME_MESSAGE;
}

enum frame_verdict frame_next(struct framer *f, const struct frame_limits *limits,
	const uint8_t *bytes, size_t length, struct frame *out)
{
	bool sound = true;

	*out = (struct frame){0};
	if (f->state == AT_BORDER) {
		enum frame_verdict verdict = skip_crlf(f, bytes, length, out);

		if (verdict == FRAME_MESSAGE)
			verdict = begin_message(f, bytes[out->start], out);
		if (f->state == AT_BORDER)
			return verdict;
	}
	if (f->state != AT_BODY)
		sound = section_read(f, limits, bytes + out->start, length - out->start, out);
	out->kind = (enum frame_kind)f->kind;
	out->method = (enum frame_method)f->method;
	out->status = f->status;
	if (!sound)
		return FRAME_BAD;
	return f->state == AT_BODY ? read_body(f, length - out->start, out) : FRAME_MORE;
}

bool frame_is_open(const struct framer *f)
{
	return f->state != AT_BORDER;
}

const char *frame_fault_name(enum frame_fault fault)
{
	static const char *const names[] = {
#define X(constant, name, status, phrase) name,
		FRAME_FAULTS(X)
#undef X
	};

	return names[fault];
}

unsigned frame_fault_status(enum frame_fault fault)
{
	static const unsigned statuses[] = {
#define X(constant, name, status, phrase) status,
		FRAME_FAULTS(X)
#undef X
	};

	return statuses[fault];
}

const char *frame_fault_phrase(enum frame_fault fault)
{
	static const char *const phrases[] = {
#define X(constant, name, status, phrase) phrase,
		FRAME_FAULTS(X)
#undef X
	};

	return phrases[fault];
}

const char *frame_method_name(enum frame_method method)
{
	static const char *const names[] = {
#define X(constant, name) name,
		FRAME_METHODS(X)
#undef X
	};

	return names[method];
}
