/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan.c - libconfig's tokens. The rules are those of its scanner (longest match wins), so that both
 * see the same numbers in the same order.
 */
#include "conf/scan.h"

#include <string.h>
#include <strings.h>

/* The text ends with `end`, not with a NUL: a byte behind it reads as NUL, which no rule accepts. */
static char peek(const struct conf_scan *s, size_t offset)
{
	return offset < (size_t)(s->end - s->at) ? s->at[offset] : '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

void conf_scan_init(struct conf_scan *s, const char *text, size_t length)
{
	*s = (struct conf_scan){.at = text, .begin = text, .end = text + length, .line = 1};
}

static void advance(struct conf_scan *s, size_t length)
{
	for (const char *stop = s->at + length; s->at < stop; s->at++) {
		if (*s->at == '\n')
			s->line++;
	}
}

/* Bytes of the comment that begins here, 0 for none, or all that is left for one without an end. */
static size_t comment_length(const struct conf_scan *s, bool *is_open)
{
	size_t left = (size_t)(s->end - s->at);
	const char *stop;

	*is_open = false;
	if (peek(s, 0) == '#' || (peek(s, 0) == '/' && peek(s, 1) == '/')) {
		stop = memchr(s->at, '\n', left);
		return stop ? (size_t)(stop - s->at) : left;
	}
	if (peek(s, 0) != '/' || peek(s, 1) != '*')
		return 0;
	stop = memmem(s->at + 2, left - 2, "*/", 2);
	*is_open = !stop;
	return stop ? (size_t)(stop - s->at) + 2 : left;
}

static size_t digits(const struct conf_scan *s, size_t offset)
{
	size_t length = 0;

	while (is_digit(peek(s, offset + length)))
		length++;
	return length;
}

static size_t suffix_length(const struct conf_scan *s, size_t offset)
{
	if (peek(s, offset) != 'L')
		return 0;
	return peek(s, offset + 1) == 'L' ? 2 : 1;
}

static size_t hex_length(const struct conf_scan *s)
{
	size_t length = 2;

	if (peek(s, 0) != '0' || (peek(s, 1) != 'x' && peek(s, 1) != 'X') || !is_hex(peek(s, 2)))
		return 0;
	while (is_hex(peek(s, length)))
		length++;
	return length + suffix_length(s, length);
}

static size_t exponent_length(const struct conf_scan *s, size_t offset)
{
	size_t sign, count;

	if (peek(s, offset) != 'e' && peek(s, offset) != 'E')
		return 0;
	sign = peek(s, offset + 1) == '-' || peek(s, offset + 1) == '+';
	count = digits(s, offset + 1 + sign);
	return count ? 1 + sign + count : 0;
}

static size_t number_length(const struct conf_scan *s, enum conf_token_kind *kind)
{
	size_t length = hex_length(s), whole, exponent;

	*kind = CONF_TOKEN_INTEGER;
	if (length)
		return length;
	length = peek(s, 0) == '-' || peek(s, 0) == '+';
	whole = digits(s, length);
	length += whole;
	if (peek(s, length) == '.') {
		*kind = CONF_TOKEN_FLOAT;
		length += 1 + digits(s, length + 1);
		return length + exponent_length(s, length);
	}
	if (!whole)
		return 0;
	exponent = exponent_length(s, length);
	if (exponent) {
		*kind = CONF_TOKEN_FLOAT;
		return length + exponent;
	}
	return length + suffix_length(s, length);
}

static size_t name_length(const struct conf_scan *s)
{
	size_t length = 1;
	char c = peek(s, 0);

	if (!is_letter(c) && c != '*')
		return 0;
	for (c = peek(s, 1); is_letter(c) || is_digit(c) || (c && strchr("-_*", c));)
		c = peek(s, ++length);
	return length;
}

/* Through the closing quote; without one *is_open is set and all that is left counts. */
static size_t string_length(const struct conf_scan *s, size_t offset, bool *is_open)
{
	size_t left = (size_t)(s->end - s->at);

	*is_open = false;
	for (size_t i = offset + 1; i < left; i++) {
		if (s->at[i] == '"')
			return i + 1;
		if (s->at[i] == '\\')
			i++;
	}
	*is_open = true;
	return left;
}

/* Up to the quote that opens the file's name; 0 when this is no include. */
static size_t include_length(const struct conf_scan *s)
{
	static const char word[] = "@include";
	size_t length = 0;

	if (s->at > s->begin && s->at[-1] != '\n')
		return 0;
	while (peek(s, length) == ' ' || peek(s, length) == '\t')
		length++;
	if ((size_t)(s->end - s->at) - length < sizeof(word) - 1 ||
		memcmp(s->at + length, word, sizeof(word) - 1) != 0)
		return 0;
	length += sizeof(word) - 1;
	if (peek(s, length) != ' ' && peek(s, length) != '\t')
		return 0;
	while (peek(s, length) == ' ' || peek(s, length) == '\t')
		length++;
	return peek(s, length) == '"' ? length : 0;
}

static bool is_word(const struct conf_scan *s, size_t length, const char *word)
{
	return length == strlen(word) && strncasecmp(s->at, word, length) == 0;
}

/* What begins here; white space and whole comments have been skipped. */
static size_t token_length(const struct conf_scan *s, enum conf_token_kind *kind)
{
	bool is_open = false;
	size_t length = include_length(s);

	if (length || peek(s, 0) == '"') {
		*kind = length ? CONF_TOKEN_INCLUDE : CONF_TOKEN_STRING;
		length = string_length(s, length, &is_open);
		if (is_open)
			*kind = CONF_TOKEN_OPEN;
		return length;
	}
	length = number_length(s, kind);
	if (length)
		return length;
	length = name_length(s);
	if (length) {
		bool is_bool = is_word(s, length, "true") || is_word(s, length, "false");

		*kind = is_bool ? CONF_TOKEN_BOOL : CONF_TOKEN_NAME;
		return length;
	}
	*kind = strchr("=:,;{}[]()", *s->at) && *s->at ? CONF_TOKEN_SIGN : CONF_TOKEN_GARBAGE;
	return 1;
}

/* Skip what lies between tokens. False: a comment begins here that does not end. */
static bool skip(struct conf_scan *s)
{
	bool is_open = false;
	size_t length;

	while (s->at < s->end) {
		if (include_length(s))
			return true;
		length = is_space(*s->at) ? 1 : comment_length(s, &is_open);
		if (is_open || length == 0)
			return !is_open;
		advance(s, length);
	}
	return true;
}

void conf_scan_next(struct conf_scan *s, struct conf_token *t)
{
	const char *before = s->at;
	bool is_whole = skip(s);

	*t = (struct conf_token){.kind = CONF_TOKEN_END, .start = s->at, .line = s->line};
	t->is_tight = s->at == before && s->at > s->begin;
	if (s->at == s->end)
		return;
	if (is_whole) {
		t->length = token_length(s, &t->kind);
	} else {
		t->kind = CONF_TOKEN_OPEN;
		t->length = (size_t)(s->end - s->at);
	}
	advance(s, t->length);
}

bool conf_token_is(const struct conf_token *t, char sign)
{
	return t->kind == CONF_TOKEN_SIGN && *t->start == sign;
}
