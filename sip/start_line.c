/* SPDX-License-Identifier: BSD-2-Clause */
/* start_line.c - request lines, status lines, and what other protocols begin with. */
#include "sip/start_line.h"

#include <string.h>

#include "sip/scan.h"

enum {
	TLS_HANDSHAKE = 0x16,	 /* the record type of a ClientHello; no token begins with it */
	TPKT_VERSION = 0x03,	 /* of the first packet of RDP (RFC 1006) */
	VERSION_LENGTH = 7,	 /* "SIP/2.0" */
	STATUS_LINE_LENGTH = 12, /* "SIP/2.0 200 ", the shortest */
};

enum frame_fault start_line_first(uint8_t byte)
{
	if (byte == TLS_HANDSHAKE)
		return FRAME_FAULT_TLS;
	if (byte == TPKT_VERSION)
		return FRAME_FAULT_RDP;
	if (scan_is_control(byte) || byte >= 0x80)
		return FRAME_FAULT_BINARY;
	return scan_is_token(byte) ? FRAME_FAULT_NONE : FRAME_FAULT_NOT_SIP;
}

/* RFC 4253 section 4.2. */
static bool is_ssh(const uint8_t *line, uint32_t length)
{
	return length >= 4 && !memcmp(line, "SSH-", 4);
}

enum frame_fault start_line_word(const uint8_t *line, uint32_t *at, uint32_t end, bool *whole)
{
	*at = scan_token(line, *at, end < START_LINE_WORD_MAX ? end : START_LINE_WORD_MAX);
	*whole = *at < end;
	if (!*whole || line[*at] == ' ')
		return FRAME_FAULT_NONE;
	if (line[*at] != '/')
		return is_ssh(line, *at) ? FRAME_FAULT_SSH : FRAME_FAULT_NOT_SIP;
	if (scan_equals(line, *at, "SIP"))
		return FRAME_FAULT_NONE;
	return scan_equals(line, *at, "HTTP") ? FRAME_FAULT_HTTP : FRAME_FAULT_NOT_SIP;
}

static struct start_line wrong(struct start_line s, enum frame_fault fault, uint32_t offset)
{
	s.fault = fault;
	s.offset = offset;
	return s;
}

/*
 * The fault in a word that begins with "SIP/": none for 2.0, another version, or nothing that is a
 * version.
 */
static enum frame_fault version_fault(const uint8_t *word, uint32_t length)
{
	uint32_t dot, end;

	if (scan_equals(word, length, "SIP/2.0"))
		return FRAME_FAULT_NONE;
	for (dot = 4; dot < length && scan_is_digit(word[dot]); dot++)
		;
	for (end = dot + 1; end < length && scan_is_digit(word[end]); end++)
		;
	if (dot == 4 || end <= dot + 1 || end != length || word[dot] != '.')
		return FRAME_FAULT_START_LINE;
	return FRAME_FAULT_VERSION;
}

static enum frame_method method_of(const uint8_t *word, uint32_t length)
{
	static const struct {
		uint32_t length;
		enum frame_method method;
		const char *name;
	} methods[] = {
#define X(constant, name) {sizeof(name) - 1, constant, name},
		FRAME_METHODS(X)
#undef X
	};

	/* METHOD_OTHER stands first and has no name that could come. */
	for (size_t i = 1; i < sizeof methods / sizeof methods[0]; i++)
		if (methods[i].length == length && !memcmp(word, methods[i].name, length))
			return methods[i].method;
	return METHOD_OTHER;
}

/* Something else than "SIP/" stands where the version of a request belongs. */
static enum frame_fault foreign(
	const uint8_t *line, uint32_t word, const uint8_t *last, uint32_t length)
{
	if (length >= 5 && scan_equals(last, 5, "HTTP/"))
		return FRAME_FAULT_HTTP;
	if (is_ssh(line, word))
		return FRAME_FAULT_SSH;
	return word == 5 && !memcmp(line, "PROXY", 5) ? FRAME_FAULT_PROXY_HEADER
						      : FRAME_FAULT_NOT_SIP;
}

/*
 * The fault in the Request-URI line[from..to), *at set to the byte. That it begins with a letter is
 * more than the grammar of a scheme: of "l :5 SIP/2.0" Kamailio's framer takes the 5 for a
 * Content-Length.
 */
static enum frame_fault uri_fault(const uint8_t *line, uint32_t from, uint32_t to, uint32_t *at)
{
	const uint8_t *blank;

	*at = from;
	if (from >= to || !scan_is_letter(line[from]))
		return FRAME_FAULT_START_LINE;
	blank = memchr(line + from, ' ', to - from);
	if (!blank)
		blank = memchr(line + from, '\t', to - from);
	if (!blank)
		return FRAME_FAULT_NONE;
	*at = (uint32_t)(blank - line);
	return FRAME_FAULT_START_LINE;
}

static struct start_line read_request(const uint8_t *line, uint32_t length, uint32_t word)
{
	struct start_line s = {0};
	uint32_t end = length; /* of the version, whatever blanks follow it */
	uint32_t version;
	uint32_t at;

	while (end > word && scan_is_blank(line[end - 1]))
		end--;
	for (version = end; version > word && !scan_is_blank(line[version - 1]); version--)
		;
	if (end - version < 4 || !scan_equals(line + version, 4, "SIP/"))
		return wrong(s, foreign(line, word, line + version, end - version), version);
	/* Kamailio frames a message of this method by the rules of MSRP. */
	if (word == 4 && !memcmp(line, "MSRP", 4))
		return wrong(s, FRAME_FAULT_NOT_SIP, 0);
	s.kind = FRAME_REQUEST;
	s.method = method_of(line, word);
	s.fault = version_fault(line + version, end - version);
	if (s.fault)
		return wrong(s, s.fault, version);
	if (end != length || line[version - 1] != ' ')
		return wrong(s, FRAME_FAULT_START_LINE, end != length ? end : version - 1);
	s.fault = uri_fault(line, word + 1, version - 1, &at);
	return s.fault ? wrong(s, s.fault, at) : s;
}

static struct start_line read_status(const uint8_t *line, uint32_t length)
{
	struct start_line s = {.kind = FRAME_RESPONSE};
	const uint8_t *blank = memchr(line, ' ', length);
	uint32_t version = blank ? (uint32_t)(blank - line) : length;

	s.fault = version_fault(line, version);
	if (s.fault)
		return wrong(s, s.fault, 0);
	for (uint32_t i = VERSION_LENGTH; i < STATUS_LINE_LENGTH; i++) {
		bool space = i == VERSION_LENGTH || i == STATUS_LINE_LENGTH - 1;

		if (i >= length || (space ? line[i] != ' ' : !scan_is_digit(line[i])))
			return wrong(s, FRAME_FAULT_START_LINE, i);
		if (!space)
			s.status = (uint16_t)(s.status * 10 + line[i] - '0');
	}
	if (s.status < 100 || s.status > 699)
		return wrong(s, FRAME_FAULT_START_LINE, VERSION_LENGTH + 1);
	return s;
}

struct start_line start_line_read(const uint8_t *line, uint32_t length)
{
	uint32_t word = scan_token(line, 0, length);

	return word < length && line[word] == '/' ? read_status(line, length)
						  : read_request(line, length, word);
}
