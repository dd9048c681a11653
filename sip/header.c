/* SPDX-License-Identifier: BSD-2-Clause */
/* header.c - a view of the header lines of a message that the framer has passed. */
#include "sip/header.h"

#include <string.h>

#include "sip/scan.h"

/* White space as it stands inside a folded value. */
static bool is_space(uint8_t byte)
{
	return scan_is_blank(byte) || byte == '\r' || byte == '\n';
}

/* Behind the line feed that ends the line at `at`, or `length`. */
static size_t line_end(const uint8_t *message, size_t length, size_t at)
{
	const uint8_t *lf = at < length ? memchr(message + at, '\n', length - at) : NULL;

	return lf ? (size_t)(lf - message) + 1 : length;
}

static void split_line(struct header_line *line)
{
	const uint8_t *end = line->whole + line->whole_length;
	const uint8_t *colon = memchr(line->whole, ':', line->whole_length);
	const uint8_t *value = colon ? colon + 1 : end;
	const uint8_t *name_end = colon ? colon : line->whole;

	while (name_end > line->whole && scan_is_blank(name_end[-1]))
		name_end--;
	/* The end first: an empty value stands before its CRLF, not behind it. */
	while (end > value && is_space(end[-1]))
		end--;
	while (value < end && is_space(*value))
		value++;
	line->name = line->whole;
	line->name_length = (size_t)(name_end - line->whole);
	line->value = value;
	line->value_length = (size_t)(end - value);
}

bool header_next(const uint8_t *message, size_t length, size_t *at, struct header_line *line)
{
	size_t end;

	if (*at == 0)
		*at = line_end(message, length, 0);
	/* The empty line, if it is among the bytes, ends the section. */
	if (*at >= length || message[*at] == '\r')
		return false;
	end = line_end(message, length, *at);
	while (end < length && scan_is_blank(message[end]))
		end = line_end(message, length, end);
	line->whole = message + *at;
	line->whole_length = end - *at;
	split_line(line);
	*at = end;
	return true;
}

bool header_is(const struct header_line *line, const char *name, char compact)
{
	size_t length = line->name_length;

	if (compact && length == 1)
		return scan_is_letter(line->name[0]) && (line->name[0] | 0x20) == (compact | 0x20);
	return length == strlen(name) && scan_equals_folded(line->name, name);
}

bool header_find(const uint8_t *message, size_t length, const char *name, char compact,
	struct header_line *line)
{
	size_t at = 0;

	while (header_next(message, length, &at, line))
		if (header_is(line, name, compact))
			return true;
	return false;
}
