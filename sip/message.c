/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * message.c - libosip2's opinion of a message, and what libosip2 does not look at.
 *
 * libosip2 gets a copy of the header section, written so that its known faults cannot matter: no
 * body, no Content-Length and no Content-Type (a multipart body leaks memory in 5.3.0), a status
 * line in upper case and a Request-URI that it can take (it refuses schemes with a dot, which are
 * valid).
 */
#include "sip/message.h"

#include "sip/parse_memory.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <osipparser2/osip_parser.h>
#include <osipparser2/osip_port.h>

#include "sip/header.h"
#include "sip/scan.h"

static const char VERSION[] = "SIP/2.0";
static const char ANY_URI[] =
	"sip:a"; /* stands for a Request-URI of a scheme that libosip2 need not know */

enum {
	CSEQ_MAX = 2147483647, /* RFC 3261 section 8.1.1.5: below 2^31 */
	PORT_MAX = 65535,
	MAX_FORWARDS_DIGITS = 10,
	COPY_SLACK = sizeof VERSION + sizeof ANY_URI +
		     8, /* what a copy may be longer than its message */
};

/* A run of bytes inside the message. */
struct span {
	const uint8_t *bytes;
	uint32_t length;
};

/* The start line of a framed request. */
struct request_line {
	struct span method;
	struct span uri;
	uint32_t scheme_length;
};

static void discard_trace(
	const char *file, int line, osip_trace_level_t level, const char *format, va_list values)
{
	(void)file;
	(void)line;
	(void)level;
	(void)format;
	(void)values;
}

void message_init(void)
{
	/*
	 * Without a sink of our own the first error makes libosip2 print to stdout, from any
	 * thread.
	 */
	osip_trace_initialize_func(TRACE_LEVEL0, discard_trace);
	osip_set_allocators(parse_memory_take, parse_memory_resize, parse_memory_give);
	parser_init();
}

static struct request_line read_request_line(const uint8_t *message, uint32_t length)
{
	struct request_line r = {{message, scan_token(message, 0, length)}, {NULL, 0}, 0};
	const uint8_t *uri = message + r.method.length + 1;
	const uint8_t *end = memchr(uri, ' ', length - r.method.length - 1);
	const uint8_t *colon;

	r.uri = (struct span){uri, (uint32_t)(end - uri)};
	colon = memchr(uri, ':', r.uri.length);
	r.scheme_length = colon ? (uint32_t)(colon - uri) : 0;
	return r;
}

/* scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ), and something behind its colon. */
static bool is_absolute(const struct request_line *r)
{
	const uint8_t *uri = r->uri.bytes;

	if (r->scheme_length == 0 || r->scheme_length + 1 == r->uri.length ||
		!scan_is_letter(uri[0]))
		return false;
	for (uint32_t i = 1; i < r->scheme_length; i++)
		if (!scan_is_letter(uri[i]) && !scan_is_digit(uri[i]) && !memchr("+-.", uri[i], 3))
			return false;
	return true;
}

static bool is_sip(const struct request_line *r)
{
	return scan_equals(r->uri.bytes, r->scheme_length, "sip") ||
	       scan_equals(r->uri.bytes, r->scheme_length, "sips");
}

static bool has_scheme(const struct request_line *r, const char *const *schemes)
{
	if (!schemes || !schemes[0])
		return true;
	for (; *schemes; schemes++)
		if (scan_equals(r->uri.bytes, r->scheme_length, *schemes))
			return true;
	return false;
}

/* Nothing, or ":" and a number that a port can be. */
static bool is_port(const uint8_t *text, const uint8_t *end)
{
	unsigned port = 0;

	if (text == end)
		return true;
	if (*text++ != ':' || text == end)
		return false;
	for (; text < end; text++) {
		if (!scan_is_digit(*text))
			return false;
		port = port * 10 + (unsigned)(*text - '0');
		if (port > PORT_MAX)
			return false;
	}
	return true;
}

/*
 * Host and port of a SIP URI. An IPv6 address without brackets is refused, for its last part might
 * be a port (RFC 5118 section 4.2); what stands within brackets is not judged, for some send ":::"
 * (section 4.10).
 */
static bool is_hostport(const uint8_t *host, const uint8_t *end)
{
	const uint8_t *behind;

	if (host < end && *host == '[') {
		behind = memchr(host, ']', (size_t)(end - host));
		return behind && behind > host + 1 && is_port(behind + 1, end);
	}
	behind = memchr(host, ':', (size_t)(end - host));
	if (!behind)
		behind = end;
	return behind > host && is_port(behind, end);
}

static bool is_sip_uri(const struct request_line *r)
{
	const uint8_t *end = r->uri.bytes + r->uri.length;
	const uint8_t *host = r->uri.bytes + r->scheme_length + 1;
	const uint8_t *at = memrchr(host, '@', (size_t)(end - host));
	const uint8_t *host_end;

	if (at)
		host = at + 1;
	for (host_end = host; host_end < end && *host_end != ';' && *host_end != '?'; host_end++)
		;
	return is_hostport(host, host_end);
}

static enum message_fault check_request_uri(
	const struct request_line *r, const struct message_rules *rules)
{
	if (!is_absolute(r))
		return MESSAGE_FAULT_REQUEST_URI;
	if (!has_scheme(r, rules->schemes))
		return MESSAGE_FAULT_SCHEME;
	return !is_sip(r) || is_sip_uri(r) ? MESSAGE_FAULT_NONE : MESSAGE_FAULT_REQUEST_URI;
}

static char *append(char *to, const void *bytes, size_t length)
{
	memcpy(to, bytes, length);
	return to + length;
}

static char *append_span(char *to, struct span s)
{
	return append(to, s.bytes, s.length);
}

/* The header section as libosip2 shall see it, to be freed; NULL without memory. */
static char *copy_section(const uint8_t *message, const struct frame *frame,
	const struct request_line *r, size_t *length)
{
	static const char crlf[] = "\r\n";
	const uint8_t *behind = message + sizeof VERSION - 1; /* of the version of a response */
	const uint8_t *line_end = memchr(message, '\r', frame->header_length);
	char *copy = malloc((size_t)frame->header_length + COPY_SLACK);
	struct header_line line;
	size_t at = 0;
	char *to = copy;

	if (!copy)
		return NULL;
	if (frame->kind == FRAME_REQUEST) {
		to = append_span(to, r->method);
		*to++ = ' ';
		to = is_sip(r) ? append_span(to, r->uri) : append(to, ANY_URI, sizeof ANY_URI - 1);
		*to++ = ' ';
		to = append(to, VERSION, sizeof VERSION - 1);
	} else {
		to = append(to, VERSION, sizeof VERSION - 1);
		to = append(to, behind, (size_t)(line_end - behind));
	}
	to = append(to, crlf, 2);
	while (header_next(message, frame->header_length, &at, &line))
		if (!header_is(&line, "Content-Length", 'l') &&
			!header_is(&line, "Content-Type", 'c'))
			to = append(to, line.whole, line.whole_length);
	to = append(to, crlf, 3); /* with its NUL, which the parser may read */
	*length = (size_t)(to - copy) - 1;
	return copy;
}

static enum message_fault parse(osip_message_t *parsed, const uint8_t *message,
	const struct frame *frame, const struct request_line *r)
{
	size_t length;
	char *copy = copy_section(message, frame, r, &length);
	int result;

	if (!copy)
		return MESSAGE_FAULT_MEMORY;
	result = osip_message_parse(parsed, copy, length);
	free(copy);
	if (result == OSIP_NOMEM)
		return MESSAGE_FAULT_MEMORY;
	return result == OSIP_SUCCESS ? MESSAGE_FAULT_NONE : MESSAGE_FAULT_SYNTAX;
}

static bool is_cseq_number(const char *text)
{
	uint64_t number = 0;

	if (!text || !*text)
		return false;
	for (; *text; text++) {
		if (!scan_is_digit((uint8_t)*text))
			return false;
		number = number * 10 + (uint64_t)(*text - '0');
		if (number > CSEQ_MAX)
			return false;
	}
	return true;
}

static bool is_cseq(
	const osip_cseq_t *cseq, const struct frame *frame, const struct request_line *r)
{
	if (!cseq || !is_cseq_number(cseq->number) || !cseq->method)
		return false;
	if (frame->kind != FRAME_REQUEST)
		return true;
	return strlen(cseq->method) == r->method.length &&
	       !memcmp(cseq->method, r->method.bytes, r->method.length);
}

/* A relay is no hop: it takes nothing off it, and 0 passes as well as none (RFC 3261 section 20.22). */
static bool is_max_forwards(const osip_message_t *parsed)
{
	osip_header_t *header;

	for (int at = 0;
		(at = osip_message_header_get_byname(parsed, "max-forwards", at, &header)) >= 0;
		at++) {
		size_t digits = header->hvalue ? strspn(header->hvalue, "0123456789") : 0;

		if (digits == 0 || digits > MAX_FORWARDS_DIGITS || header->hvalue[digits] != '\0')
			return false;
	}
	return true;
}

/* The topmost is where the answer goes (RFC 3261 section 18.2.2). */
static bool is_via(const osip_via_t *via)
{
	const char *port = via->port;

	if (!via->version || strcmp(via->version, "2.0") != 0 || !via->protocol || !via->host ||
		!*via->host)
		return false;
	return !port || (*port && strlen(port) <= 5 && port[strspn(port, "0123456789")] == '\0' &&
				strtoul(port, NULL, 10) <= PORT_MAX);
}

static enum message_fault check_headers(
	const osip_message_t *parsed, const struct frame *frame, const struct request_line *r)
{
	if (osip_list_size(&parsed->vias) < 1)
		return MESSAGE_FAULT_NO_VIA;
	if (!parsed->from)
		return MESSAGE_FAULT_NO_FROM;
	if (!parsed->to)
		return MESSAGE_FAULT_NO_TO;
	if (!parsed->call_id)
		return MESSAGE_FAULT_NO_CALL_ID;
	if (!is_cseq(parsed->cseq, frame, r))
		return MESSAGE_FAULT_CSEQ;
	if (!is_via(osip_list_get(&parsed->vias, 0)))
		return MESSAGE_FAULT_VIA;
	return is_max_forwards(parsed) ? MESSAGE_FAULT_NONE : MESSAGE_FAULT_MAX_FORWARDS;
}

static enum message_fault check_parsed(
	const uint8_t *message, const struct frame *frame, const struct request_line *r)
{
	enum message_fault fault;
	osip_message_t *parsed;

	if (osip_message_init(&parsed))
		return MESSAGE_FAULT_MEMORY;
	fault = parse(parsed, message, frame, r);
	if (!fault)
		fault = check_headers(parsed, frame, r);
	osip_message_free(parsed);
	return fault;
}

enum message_fault message_check(
	const uint8_t *message, const struct frame *frame, const struct message_rules *rules)
{
	struct request_line r = {0};
	enum message_fault fault;

	if (frame->kind == FRAME_REQUEST) {
		r = read_request_line(message, frame->header_length);
		fault = check_request_uri(&r, rules);
		if (fault)
			return fault;
	}
	parse_memory_begin();
	fault = check_parsed(message, frame, &r);
	parse_memory_end();
	return fault;
}

const char *message_fault_name(enum message_fault fault)
{
	static const char *const names[] = {
#define X(constant, name, status, phrase) name,
		MESSAGE_FAULTS(X)
#undef X
	};

	return names[fault];
}

unsigned message_fault_status(enum message_fault fault)
{
	static const unsigned statuses[] = {
#define X(constant, name, status, phrase) status,
		MESSAGE_FAULTS(X)
#undef X
	};

	return statuses[fault];
}

const char *message_fault_phrase(enum message_fault fault)
{
	static const char *const phrases[] = {
#define X(constant, name, status, phrase) phrase,
		MESSAGE_FAULTS(X)
#undef X
	};

	return phrases[fault];
}
