/* SPDX-License-Identifier: BSD-2-Clause */
#include "sip/request.h"

#include "sip/header.h"
#include "sip/scan.h"

#include <string.h>

static bool line_at(const uint8_t *message, const struct frame *frame, uint32_t offset,
	struct header_line *line)
{
	size_t at = offset;
	return offset && header_next(message, frame->header_length, &at, line);
}

static bool is_space(uint8_t byte)
{
	return scan_is_blank(byte) || byte == '\r' || byte == '\n';
}

static size_t skip_space(const struct header_line *l, size_t at)
{
	while (at < l->value_length && is_space(l->value[at]))
		at++;
	return at;
}

/* Behind a quoted string that begins at `at`. */
static size_t skip_quoted(const struct header_line *l, size_t at)
{
	for (at++; at < l->value_length && l->value[at] != '"'; at++)
		if (l->value[at] == '\\')
			at++;
	return at < l->value_length ? at + 1 : l->value_length;
}

/* Behind the address of a To, where its parameters begin: those inside of <> are the URI's. */
static size_t skip_address(const struct header_line *l)
{
	size_t at = 0;
	while (at < l->value_length && l->value[at] != '<' && l->value[at] != ';')
		at = l->value[at] == '"' ? skip_quoted(l, at) : at + 1;
	if (at < l->value_length && l->value[at] == '<')
		while (at < l->value_length && l->value[at] != '>')
			at++;
	return at;
}

/* ";tag=", with white space wherever it may stand. */
static bool has_tag(const struct header_line *l)
{
	size_t at = skip_address(l);
	while (at < l->value_length) {
		if (l->value[at] == '"') {
			at = skip_quoted(l, at);
			continue;
		}
		if (l->value[at++] != ';')
			continue;
		at = skip_space(l, at);
		if (at + 3 > l->value_length || !scan_equals_folded(l->value + at, "tag"))
			continue;
		at = skip_space(l, at + 3);
		if (at < l->value_length && l->value[at] == '=')
			return true;
	}
	return false;
}

bool request_may_start(const uint8_t *message, const struct frame *frame)
{
	struct header_line to;
	if (frame->kind != FRAME_REQUEST)
		return false;
	switch (frame->method) {
	case METHOD_ACK:
	case METHOD_BYE:
	case METHOD_CANCEL:
	case METHOD_PRACK:
		return false;
	default:
		return !line_at(message, frame, frame->to, &to) || !has_tag(&to);
	}
}

bool request_is_emergency(const uint8_t *message, const struct frame *frame)
{
	static const char urn[] = "urn:service:sos";
	const size_t length = sizeof(urn) - 1;
	const uint8_t *end = message + frame->header_length;
	const uint8_t *uri = memchr(message, ' ', frame->header_length);
	if (frame->kind != FRAME_REQUEST || !uri || (size_t)(end - ++uri) <= length)
		return false;
	return scan_equals_folded(uri, urn) && (uri[length] == ' ' || uri[length] == '.');
}

/* Between the scheme and the "@", up to a ":" or ";". */
static struct request_text user_of(const uint8_t *uri, size_t length)
{
	struct request_text none = {NULL, 0};
	const uint8_t *colon = memchr(uri, ':', length);
	if (!colon)
		return none;
	length -= (size_t)(colon + 1 - uri);
	uri = colon + 1;
	const uint8_t *host = memchr(uri, '@', length);
	if (!host)
		return none;
	struct request_text user = {uri, (size_t)(host - uri)};
	for (size_t i = 0; i < user.length; i++)
		if (uri[i] == ':' || uri[i] == ';')
			user.length = i;
	return user;
}

struct request_text request_user(const uint8_t *message, const struct frame *frame)
{
	struct header_line to;
	if (!line_at(message, frame, frame->to, &to))
		return (struct request_text){NULL, 0};
	size_t end = skip_address(&to), begin = 0;
	for (size_t i = 0; i < end; i++)
		if (to.value[i] == '<')
			begin = i + 1;
	return user_of(to.value + begin, end - begin);
}

struct request_text request_user_agent(const uint8_t *message, const struct frame *frame)
{
	struct header_line line;
	if (!header_find(message, frame->header_length, "User-Agent", 0, &line))
		return (struct request_text){NULL, 0};
	return (struct request_text){line.value, line.value_length};
}

/* Does one of these words stand in the first such line? */
static bool line_has(const uint8_t *message, const struct frame *frame, const char *name,
	char compact, const char *const *words)
{
	struct header_line line;
	return header_find(message, frame->header_length, name, compact, &line) &&
	       request_text_has_any((struct request_text){line.value, line.value_length}, words);
}

/* stale = true, quoted or not, between other parameters. */
static bool says_stale(const struct header_line *l)
{
	for (size_t at = 0; at + 5 < l->value_length; at++) {
		bool begins = at == 0 || is_space(l->value[at - 1]) || l->value[at - 1] == ',';
		if (l->value[at] == '"') {
			at = skip_quoted(l, at) - 1;
			continue;
		}
		if (!begins || !scan_equals_folded(l->value + at, "stale"))
			continue;
		size_t value = skip_space(l, at + 5);
		if (value >= l->value_length || l->value[value] != '=')
			continue;
		value = skip_space(l, value + 1);
		if (value < l->value_length && l->value[value] == '"')
			value++;
		return value + 4 <= l->value_length && scan_equals_folded(l->value + value, "true");
	}
	return false;
}

bool response_is_stale(const uint8_t *message, const struct frame *frame)
{
	struct header_line line;
	for (size_t at = 0; header_next(message, frame->header_length, &at, &line);)
		if ((header_is(&line, "WWW-Authenticate", 0) ||
			    header_is(&line, "Proxy-Authenticate", 0)) &&
			says_stale(&line))
			return true;
	return false;
}

bool request_text_has_any(struct request_text text, const char *const *words)
{
	for (; words && *words; words++) {
		size_t length = strlen(*words);
		for (size_t at = 0; length && at + length <= text.length; at++)
			if (scan_equals_folded(text.bytes + at, *words))
				return true;
	}
	return false;
}

/* What these programs send unless somebody changes them: their Request-URI, and the names that they go by in From. */
enum request_scanner request_scanner(
	const uint8_t *message, const struct frame *frame, const char *const *agents)
{
	static const char *const vicious[] = {"\"sipvicious\"", "sip:100@1.1.1.1>", NULL};
	static const char *const nmap[] = {"<sip:nm@nm>", NULL};
	if (frame->kind != FRAME_REQUEST)
		return SCANNER_NONE;
	if (request_text_has_any(request_user_agent(message, frame), agents))
		return SCANNER_AGENT;
	const uint8_t *uri = memchr(message, ' ', frame->header_length);
	size_t left = uri ? (size_t)(message + frame->header_length - ++uri) : 0;
	if (left > 7 && scan_equals_folded(uri, "sip:nm ") &&
		line_has(message, frame, "From", 'f', nmap))
		return SCANNER_NMAP;
	return line_has(message, frame, "From", 'f', vicious) ? SCANNER_SIPVICIOUS : SCANNER_NONE;
}

const char *request_scanner_name(enum request_scanner scanner)
{
	static const char *const names[] = {
#define X(constant, name) name,
		REQUEST_SCANNERS(X)
#undef X
	};
	return names[scanner];
}
