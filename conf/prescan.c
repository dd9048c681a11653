/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prescan.c - the walk over the tokens before libconfig sees them.
 */
#include "conf/prescan.h"
#include "conf/scan.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

static unsigned digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	return (unsigned)((c | 0x20) - 'a') + 10;
}

/* Without L an int holds the value, with L a long long; hexadecimal has no sign. */
bool conf_prescan_integer_fits(const char *text, size_t length)
{
	bool is_hex = length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	bool is_negative = length > 0 && text[0] == '-';
	bool is_long = length > 0 && text[length - 1] == 'L';
	uint64_t most = (is_long ? (uint64_t)INT64_MAX : (uint64_t)INT32_MAX) + is_negative;
	unsigned base = is_hex ? 16 : 10;
	uint64_t value = 0;
	size_t i = is_hex ? 2 : (is_negative || (length > 0 && text[0] == '+'));

	for (; i < length && text[i] != 'L'; i++) {
		unsigned digit = digit_value(text[i]);

		if (value > (most - digit) / base)
			return false;
		value = value * base + digit;
	}
	return true;
}

static bool has_nul_escape(const struct conf_token *t)
{
	for (size_t i = 0; i + 3 < t->length; i++) {
		if (t->start[i] != '\\')
			continue;
		i++;
		if ((t->start[i] == 'x' || t->start[i] == 'X') && t->start[i + 1] == '0' &&
			t->start[i + 2] == '0')
			return true;
	}
	return false;
}

static void fail(const struct conf_source *s, unsigned line, const char *what)
{
	struct conf_place place = conf_source_place(s, line);

	conf_errors_add(s->errors, &place, "syntax", "%s", what);
}

/* False when nothing behind this string can be trusted. */
static bool check_string(const struct conf_source *s, const struct conf_token *t)
{
	if (t->kind == CONF_TOKEN_OPEN || memchr(t->start, '\n', t->length)) {
		fail(s, t->line,
			"the string that begins here does not end on its line, "
			"expected a closing quote");
		return false;
	}
	if (has_nul_escape(t))
		fail(s, t->line, "the string holds \\x00, expected text");
	return true;
}

static bool add_literal(
	struct conf_prescan *p, const struct conf_source *s, const struct conf_token *t)
{
	struct conf_literal *literal;

	if (conf_prescan_integer_fits(t->start, t->length))
		return true;
	literal = &p->literals[p->literal_count++];
	literal->ordinal = p->integer_count;
	literal->text = conf_arena_copy(s->arena, t->start, t->length);
	if (!literal->text)
		fail(s, 0, "out of memory");
	return literal->text;
}

static bool check_depth(const struct conf_source *s, const struct conf_token *t, unsigned *depth)
{
	if (t->kind != CONF_TOKEN_SIGN)
		return true;
	if (memchr("{[(", *t->start, 3))
		++*depth;
	else if (memchr("}])", *t->start, 3) && *depth > 0)
		--*depth;
	if (*depth > CONF_DEPTH_MAX)
		fail(s, t->line, "nested deeper than 16, expected no option there");
	return *depth <= CONF_DEPTH_MAX;
}

/* Room for the literals that do not fit: there are no more of them than integers. */
static bool count_unfit(struct conf_prescan *p, const struct conf_source *s)
{
	struct conf_scan scan;
	struct conf_token t;
	size_t count = 0;

	conf_scan_init(&scan, s->text, s->length);
	do {
		conf_scan_next(&scan, &t);
		if (t.kind == CONF_TOKEN_INTEGER)
			count += !conf_prescan_integer_fits(t.start, t.length);
	} while (t.kind != CONF_TOKEN_END);
	p->literals = conf_arena_alloc(s->arena, count, sizeof(*p->literals));
	if (!p->literals)
		fail(s, 0, "out of memory");
	return p->literals;
}

bool conf_prescan(struct conf_prescan *p, const struct conf_source *s)
{
	size_t errors = s->errors->errors.count;
	struct conf_scan scan;
	struct conf_token t;
	unsigned depth = 0;
	bool ok;

	*p = (struct conf_prescan){.literals = NULL};
	ok = count_unfit(p, s);
	conf_scan_init(&scan, s->text, s->length);
	while (ok) {
		conf_scan_next(&scan, &t);
		if (t.kind == CONF_TOKEN_END)
			break;
		assert(t.kind != CONF_TOKEN_INCLUDE);
		ok = check_depth(s, &t, &depth);
		if (t.kind == CONF_TOKEN_STRING || t.kind == CONF_TOKEN_OPEN)
			ok = check_string(s, &t);
		if (t.kind == CONF_TOKEN_INTEGER) {
			ok = add_literal(p, s, &t);
			p->integer_count++;
		}
	}
	return ok && s->errors->errors.count == errors;
}
