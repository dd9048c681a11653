/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * message.c - see message.h
 */
#include "tests/bench/message.h"

#include <string.h>
#include <strings.h>

#define SENDER	     "########"
#define COUNT	     "@@@@@@@@"
#define DIGITS	     8
#define BODY_MAX     60000
/* No number begins with a zero: some parsers dislike that in CSeq. */
#define FIRST_NUMBER 10000000u

static const char register_text[] =
	"REGISTER sip:sip.example.com SIP/2.0\r\n"
	"Via: SIP/2.0/TCP 192.0.2.17:5060;branch=z9hG4bK" SENDER "." COUNT ";rport\r\n"
	"Max-Forwards: 70\r\n"
	"From: \"User\" <sip:u" SENDER "@sip.example.com>;tag=a" SENDER "\r\n"
	"To: \"User\" <sip:u" SENDER "@sip.example.com>\r\n"
	"Call-ID: c" SENDER "-7f31@192.0.2.17\r\n"
	"CSeq: " COUNT " REGISTER\r\n"
	"Contact: <sip:u" SENDER "@192.0.2.17:5060;transport=tcp>;expires=3600\r\n"
	"Supported: path, outbound\r\n"
	"User-Agent: Benchphone T48G 66.86.0.15\r\n"
	"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REFER\r\n"
	"Content-Length: 0\r\n"
	"\r\n";

static const char options_text[] =
	"OPTIONS sip:sip.example.com SIP/2.0\r\n"
	"Via: SIP/2.0/TCP 192.0.2.17:5060;branch=z9hG4bK" SENDER "." COUNT ";rport\r\n"
	"Max-Forwards: 70\r\n"
	"From: \"User\" <sip:u" SENDER "@sip.example.com>;tag=a" SENDER "\r\n"
	"To: <sip:sip.example.com>\r\n"
	"Call-ID: c" SENDER "-7f31@192.0.2.17\r\n"
	"CSeq: " COUNT " OPTIONS\r\n"
	"Contact: <sip:u" SENDER "@192.0.2.17:5060;transport=tcp>\r\n"
	"Accept: application/sdp\r\n"
	"Supported: path, outbound, replaces, timer\r\n"
	"User-Agent: Benchphone T48G 66.86.0.15\r\n"
	"Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, REFER\r\n"
	"Content-Length: 0\r\n"
	"\r\n";

static void find_all(const char *text, const char *mark, size_t *at)
{
	const char *found = text;

	while ((found = strstr(found, mark)) != NULL) {
		*at++ = (size_t)(found - text);
		found += DIGITS;
	}
	*at = 0;
}

bool message_prepare(struct message_template *template, const char *method)
{
	const char *text;

	if (strcmp(method, "REGISTER") == 0)
		text = register_text;
	else if (strcmp(method, "OPTIONS") == 0)
		text = options_text;
	else
		return false;
	template->length = strlen(text);
	memcpy(template->text, text, template->length);
	find_all(text, SENDER, template->sender_at);
	find_all(text, COUNT, template->count_at);
	return true;
}

static void write_digits(char *out, uint32_t number)
{
	number = FIRST_NUMBER + number % (9 * FIRST_NUMBER);
	for (int i = DIGITS - 1; i >= 0; i--) {
		out[i] = (char)('0' + number % 10);
		number /= 10;
	}
}

static void fill_in(char *out, const size_t *at, uint32_t number)
{
	char digits[DIGITS];

	write_digits(digits, number);
	for (; *at != 0; at++)
		memcpy(out + *at, digits, DIGITS);
}

size_t message_write_request(
	const struct message_template *template, char *out, uint32_t sender, uint32_t count)
{
	memcpy(out, template->text, template->length);
	fill_in(out, template->sender_at, sender);
	fill_in(out, template->count_at, count);
	return template->length;
}

/* One header line. `next` is where the line behind it begins. */
struct line {
	const char *start;
	size_t length; /* without CRLF */
	const char *next;
};

static struct line line_at(const char *start, const char *end)
{
	const char *feed = memchr(start, '\n', (size_t)(end - start));
	const char *next = feed ? feed + 1 : end;
	size_t length = (size_t)((feed ? feed : end) - start);

	if (length > 0 && start[length - 1] == '\r')
		length--;
	return (struct line){start, length, next};
}

static bool is_header(const struct line *line, const char *name, const char *compact)
{
	const char *colon = memchr(line->start, ':', line->length);
	size_t length;

	if (colon == NULL)
		return false;
	length = (size_t)(colon - line->start);
	while (length > 0 && line->start[length - 1] == ' ')
		length--;
	return (length == strlen(name) && strncasecmp(line->start, name, length) == 0) ||
	       (length == strlen(compact) && strncasecmp(line->start, compact, length) == 0);
}

/* The number behind the colon; -1: none, or none that could be the length of a body here. */
static long length_value(const struct line *line)
{
	const char *end = line->start + line->length;
	const char *at = (const char *)memchr(line->start, ':', line->length) + 1;
	long value = 0;

	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	if (at == end)
		return -1;
	for (; at < end; at++) {
		if (*at < '0' || *at > '9' || value > BODY_MAX)
			return -1;
		value = value * 10 + (*at - '0');
	}
	return value > BODY_MAX ? -1 : value;
}

static long body_length(const char *data, const char *end)
{
	struct line line = line_at(data, end);

	for (; line.start < end; line = line_at(line.next, end)) {
		if (is_header(&line, "Content-Length", "l"))
			return length_value(&line);
	}
	return 0;
}

long message_measure(const char *data, size_t length)
{
	const char *blank = memmem(data, length, "\r\n\r\n", 4);
	size_t head;
	long body;

	if (blank == NULL)
		return 0;
	head = (size_t)(blank - data) + 4;
	body = body_length(data, blank + 2);
	if (body < 0)
		return -1;
	return length - head < (size_t)body ? 0 : (long)head + body;
}

bool message_is_answer(const char *data, size_t length, uint32_t sender, uint32_t count)
{
	char branch[7 + 2 * DIGITS + 1];

	if (length < 12 || memcmp(data, "SIP/2.0 200 ", 12) != 0)
		return false;
	memcpy(branch, "z9hG4bK", 7);
	write_digits(branch + 7, sender);
	branch[7 + DIGITS] = '.';
	write_digits(branch + 8 + DIGITS, count);
	return memmem(data, length, branch, sizeof(branch)) != NULL;
}

static bool is_copied(const struct line *line)
{
	return is_header(line, "Via", "v") || is_header(line, "From", "f") ||
	       is_header(line, "Call-ID", "i") || is_header(line, "CSeq", "CSeq");
}

struct writer {
	char *out;
	size_t size;
	size_t length;
	bool full;
};

static void put(struct writer *writer, const char *data, size_t length)
{
	if (length > writer->size - writer->length) {
		writer->full = true;
		return;
	}
	memcpy(writer->out + writer->length, data, length);
	writer->length += length;
}

#define PUT(writer, literal) put(writer, literal, sizeof(literal) - 1)

size_t message_write_answer(char *out, size_t size, const char *data, size_t length)
{
	struct writer writer = {out, size, 0, false};
	const char *end = data + length;
	struct line line = line_at(data, end);

	PUT(&writer, "SIP/2.0 200 OK\r\n");
	for (line = line_at(line.next, end); line.length > 0; line = line_at(line.next, end)) {
		bool is_to = is_header(&line, "To", "t");

		if (!is_to && !is_copied(&line))
			continue;
		put(&writer, line.start, line.length);
		if (is_to && memmem(line.start, line.length, ";tag=", 5) == NULL)
			PUT(&writer, ";tag=bench");
		PUT(&writer, "\r\n");
	}
	PUT(&writer, "Content-Length: 0\r\n\r\n");
	return writer.full ? 0 : writer.length;
}
