/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * syntax.c - libconfig's grammar walked token by token, each step of it with the mistake that people
 * make there. As strict as libconfig, and stricter in one thing: no number runs into a name, because
 * "30s = 5" was meant as one value.
 */
#include "conf/syntax.h"
#include "conf/prescan.h"
#include "conf/scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_MAX_BYTES = 256, WORD_MAX = 40 };

enum expect { EXPECT_NAME, EXPECT_EQUALS, EXPECT_VALUE, EXPECT_VALUE_OR_CLOSE, EXPECT_AFTER };

struct word {
	const char *start; /* NULL: none */
	size_t length;
};

/* One group, list or array that is open; the first is the file itself. */
struct frame {
	char sign; /* { ( [ */
	unsigned line;
	struct word name; /* none for an element of a list */
	size_t index;	  /* of the element that is being read */
	size_t seen_from; /* names of this group, in walk.seen */
	unsigned kind;	  /* of the elements of an array, 0 before the first */
};

struct seen {
	struct word name;
	unsigned line;
};

struct walk {
	const struct conf_source *source;
	struct conf_scan scan;
	struct conf_token t;
	struct conf_token before;
	struct frame frames[CONF_DEPTH_MAX + 2];
	size_t depth; /* of the frame on top */
	enum expect expect;
	struct word name;  /* of the setting that is being read in the frame on top */
	struct seen *seen; /* names of the groups that are open, inner ones last */
	size_t seen_count;
	size_t seen_size;
};

static struct frame *top(struct walk *w)
{
	return &w->frames[w->depth];
}

static void append(char *path, size_t *length, const char *prefix, const struct word *word)
{
	size_t room = PATH_MAX_BYTES - *length;
	int added = snprintf(path + *length, room, "%s%.*s", *length ? prefix : "",
		(int)(word->length < room ? word->length : room), word->start);

	*length += added > 0 && (size_t)added < room ? (size_t)added : 0;
}

/* "listeners[1].backlog", or "syntax" at the top of the file. */
static void write_path(struct walk *w, char path[PATH_MAX_BYTES])
{
	char index[32];
	size_t length = 0;

	path[0] = '\0';
	for (size_t i = 1; i <= w->depth + 1; i++) {
		const struct frame *above = &w->frames[i - 1];
		const struct word *name = i <= w->depth ? &w->frames[i].name : &w->name;

		if (above->sign == '{' && name->start) {
			append(path, &length, ".", name);
		} else if (above->sign != '{') {
			snprintf(index, sizeof(index), "[%zu]", above->index);
			append(path, &length, "", &(struct word){index, strlen(index)});
		}
	}
	if (length == 0)
		memcpy(path, "syntax", sizeof("syntax"));
}

static bool fail(struct walk *w, unsigned line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Always false: the walk ends here. */
static bool fail(struct walk *w, unsigned line, const char *format, ...)
{
	struct conf_place place = conf_source_place(w->source, line);
	char path[PATH_MAX_BYTES];
	va_list args;

	write_path(w, path);
	va_start(args, format);
	conf_errors_vadd(w->source->errors, &place, path, format, args);
	va_end(args);
	return false;
}

/* What stands at `start` up to the next blank or sign that ends a value. */
static struct word run_at(const struct walk *w, const char *start)
{
	struct word word = {start, 0};
	size_t left = (size_t)(w->scan.end - start);

	while (word.length < left && word.length < WORD_MAX &&
		(unsigned char)start[word.length] > ' ' &&
		(unsigned char)start[word.length] < 0x7f && !strchr(";,)}\"", start[word.length]))
		word.length++;
	return word;
}

static bool fail_quotes(struct walk *w, const char *start, unsigned line)
{
	struct word word = run_at(w, start);

	return fail(w, line, "%.*s has no quotes, expected \"%.*s\"", (int)word.length, word.start,
		(int)word.length, word.start);
}

static const struct seen *find_seen(struct walk *w)
{
	for (size_t i = top(w)->seen_from; i < w->seen_count; i++) {
		const struct seen *s = &w->seen[i];

		if (s->name.length == w->name.length &&
			memcmp(s->name.start, w->name.start, w->name.length) == 0)
			return s;
	}
	return NULL;
}

/* Quadratic in the names of one group, as libconfig itself is. */
static bool note_name(struct walk *w)
{
	const struct seen *twin;
	struct conf_place first;

	w->name = (struct word){w->t.start, w->t.length};
	twin = find_seen(w);
	if (twin) {
		first = conf_source_place(w->source, twin->line);
		fail(w, w->t.line, "given twice, expected once; first at %s:%u", first.file,
			first.line);
		return true;
	}
	if (w->seen_count == w->seen_size) {
		size_t size = w->seen_size * 2 + 64;
		struct seen *more = realloc(w->seen, size * sizeof(*more));

		if (!more)
			return fail(w, w->t.line, "out of memory");
		w->seen = more;
		w->seen_size = size;
	}
	w->seen[w->seen_count++] = (struct seen){w->name, w->t.line};
	return true;
}

static bool open_frame(struct walk *w)
{
	struct frame *above = top(w);
	char sign = *w->t.start;

	if (above->sign == '[')
		return fail(
			w, w->t.line, "an array [ ] holds plain values only, expected a list ( )");
	w->depth++;
	*top(w) = (struct frame){
		.sign = sign, .line = w->t.line, .name = w->name, .seen_from = w->seen_count};
	w->name = (struct word){NULL, 0};
	w->expect = sign == '{' ? EXPECT_NAME : EXPECT_VALUE_OR_CLOSE;
	return true;
}

static char closing(char sign)
{
	if (sign == '{')
		return '}';
	return sign == '(' ? ')' : ']';
}

static bool close_frame(struct walk *w)
{
	const struct frame *f = top(w);

	if (w->depth == 0)
		return fail(w, w->t.line, "this %c closes nothing", *w->t.start);
	if (*w->t.start != closing(f->sign)) {
		struct conf_place opened = conf_source_place(w->source, f->line);

		return fail(w, w->t.line,
			"%c stands where the %c of line %u is still open, "
			"expected %c before it",
			*w->t.start, f->sign, opened.line, closing(f->sign));
	}
	w->name = f->name;
	w->seen_count = f->seen_from;
	w->depth--;
	w->expect = EXPECT_AFTER;
	return true;
}

static bool is_closing(const struct conf_token *t)
{
	return t->kind == CONF_TOKEN_SIGN && memchr("}])", *t->start, 3);
}

static bool is_opening(const struct conf_token *t)
{
	return t->kind == CONF_TOKEN_SIGN && memchr("{[(", *t->start, 3);
}

static bool is_number(const struct conf_token *t)
{
	return t->kind == CONF_TOKEN_INTEGER || t->kind == CONF_TOKEN_FLOAT;
}

static bool is_scalar(const struct conf_token *t)
{
	return is_number(t) || t->kind == CONF_TOKEN_BOOL || t->kind == CONF_TOKEN_STRING;
}

static bool step_name(struct walk *w)
{
	const struct conf_token *t = &w->t;

	w->name = (struct word){NULL, 0};
	if (t->kind == CONF_TOKEN_NAME) {
		w->expect = EXPECT_EQUALS;
		return note_name(w);
	}
	if (is_closing(t))
		return close_frame(w);
	if (conf_token_is(t, ';') || conf_token_is(t, ','))
		return fail(w, t->line, "a second %c, expected the name of an option", *t->start);
	if (is_scalar(t) || is_opening(t))
		return fail(w, t->line, "a value without a name, expected NAME = VALUE");
	return fail(w, t->line, "stray characters, expected the name of an option");
}

static bool step_equals(struct walk *w)
{
	if (!conf_token_is(&w->t, '=') && !conf_token_is(&w->t, ':'))
		return fail(w, w->before.line, "no = behind the name, expected %.*s = VALUE",
			(int)(w->name.length < WORD_MAX ? w->name.length : WORD_MAX),
			w->name.start);
	w->expect = EXPECT_VALUE;
	return true;
}

/* An integer with an L is of another type than one without. */
static unsigned scalar_kind(const struct conf_token *t)
{
	bool is_long = t->kind == CONF_TOKEN_INTEGER && t->start[t->length - 1] == 'L';

	return 2 * (unsigned)t->kind + is_long;
}

static bool step_scalar(struct walk *w)
{
	struct frame *f = top(w);
	unsigned kind = scalar_kind(&w->t);

	if (f->sign == '[' && f->kind && f->kind != kind)
		return fail(w, w->t.line, "elements of two types, expected one in an array [ ]");
	f->kind = kind;
	w->expect = EXPECT_AFTER;
	return true;
}

/* "off" is not among them: it is a value of many options, in quotes. */
static bool is_yes_or_no(const struct conf_token *t)
{
	static const char *const words[] = {"yes", "no", "on"};

	for (size_t i = 0; t->kind == CONF_TOKEN_NAME && i < sizeof(words) / sizeof(words[0]);
		i++) {
		if (strlen(words[i]) == t->length && memcmp(words[i], t->start, t->length) == 0)
			return true;
	}
	return false;
}

static bool step_value(struct walk *w)
{
	const struct conf_token *t = &w->t;

	if (is_scalar(t))
		return step_scalar(w);
	if (is_opening(t))
		return open_frame(w);
	if (is_closing(t) && w->expect == EXPECT_VALUE_OR_CLOSE)
		return close_frame(w);
	if (is_closing(t) && conf_token_is(&w->before, ','))
		return fail(w, w->before.line, "a comma behind the last element, expected none");
	if (is_yes_or_no(t))
		return fail(w, t->line, "%.*s is no value, expected true or false", (int)t->length,
			t->start);
	if (t->kind == CONF_TOKEN_NAME)
		return fail_quotes(w, t->start, t->line);
	if (*t->start == '\'')
		return fail(w, t->line, "' is no quote here, expected \"");
	if (t->kind == CONF_TOKEN_GARBAGE && run_at(w, t->start).length)
		return fail_quotes(w, t->start, t->line);
	if (conf_token_is(&w->before, '[') && conf_token_is(t, ':'))
		return fail(w, t->line, "this address has no quotes, expected as in \"[::]:5060\"");
	return fail(w, w->before.line, "no value, expected one");
}

static bool step_after_element(struct walk *w)
{
	const struct conf_token *t = &w->t;

	if (conf_token_is(t, ',')) {
		top(w)->index++;
		w->expect = EXPECT_VALUE;
		return true;
	}
	if (is_closing(t))
		return close_frame(w);
	if (conf_token_is(t, ';'))
		return fail(w, t->line, "; stands between elements, expected a comma");
	return fail(w, w->before.line, "nothing between two elements, expected a comma");
}

static bool step_after(struct walk *w)
{
	const struct conf_token *t = &w->t;

	if (t->kind == CONF_TOKEN_STRING && w->before.kind == CONF_TOKEN_STRING)
		return true;
	if (is_number(&w->before) && t->is_tight && !conf_token_is(t, ';') &&
		!conf_token_is(t, ',') && !is_closing(t))
		return fail_quotes(w, w->before.start, w->before.line);
	if (top(w)->sign != '{')
		return step_after_element(w);
	w->expect = EXPECT_NAME;
	if (conf_token_is(t, ';') || conf_token_is(t, ','))
		return true;
	return step_name(w);
}

static bool step_end(struct walk *w)
{
	const struct frame *f = top(w);

	if (w->depth == 0)
		return w->expect == EXPECT_NAME || w->expect == EXPECT_AFTER ||
		       fail(w, w->before.line, "the file ends here, expected a value");
	w->name = (struct word){NULL, 0};
	return fail(w, f->line, "this %c is not closed, expected %c", f->sign, closing(f->sign));
}

static bool step(struct walk *w)
{
	if (w->t.kind == CONF_TOKEN_END)
		return step_end(w);
	switch (w->expect) {
	case EXPECT_NAME:
		return step_name(w);
	case EXPECT_EQUALS:
		return step_equals(w);
	case EXPECT_VALUE:
	case EXPECT_VALUE_OR_CLOSE:
		return step_value(w);
	case EXPECT_AFTER:
		break;
	}
	return step_after(w);
}

bool conf_syntax_check(const struct conf_source *s)
{
	struct walk w = {.source = s, .frames = {{.sign = '{', .line = 1}}};
	size_t errors = s->errors->errors.count;
	bool ok;

	conf_scan_init(&w.scan, s->text, s->length);
	do {
		w.before = w.t;
		conf_scan_next(&w.scan, &w.t);
		ok = step(&w);
	} while (ok && w.t.kind != CONF_TOKEN_END);
	free(w.seen);
	return s->errors->errors.count == errors;
}
