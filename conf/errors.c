/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * errors.c - two bounded lists of messages, kept sorted as they are filled: checks run in the order
 * of the structure, and an operator reads in the order of the file.
 */
#include "conf/errors.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

bool conf_place_is_set(const struct conf_place *place)
{
	return place->file;
}

static void message_fini(struct conf_message *m)
{
	free(m->file);
	free(m->text);
}

static void messages_fini(struct conf_messages *messages)
{
	for (size_t i = 0; i < messages->kept_count; i++)
		message_fini(&messages->kept[i]);
	messages->kept_count = 0;
	messages->count = 0;
}

void conf_errors_fini(struct conf_errors *e)
{
	messages_fini(&e->errors);
	messages_fini(&e->warnings);
	free(e->first_file);
	e->first_file = NULL;
}

void conf_errors_begin(struct conf_errors *e, const char *file)
{
	free(e->first_file);
	e->first_file = strdup(file);
}

static int compare_files(const char *first, const char *a, const char *b)
{
	if (first && strcmp(a, b) != 0) {
		if (strcmp(a, first) == 0)
			return -1;
		if (strcmp(b, first) == 0)
			return 1;
	}
	return strcmp(a, b);
}

static bool comes_before(
	const char *first, const struct conf_message *a, const struct conf_message *b)
{
	int order = compare_files(first, a->file, b->file);

	return order < 0 || (order == 0 && a->line < b->line);
}

/* Takes over what `m` holds. Of equal places the earlier call stays in front. */
static void insert(struct conf_messages *to, const char *first, struct conf_message m)
{
	size_t at = to->kept_count;

	while (at > 0 && comes_before(first, &m, &to->kept[at - 1]))
		at--;
	if (at == CONF_MESSAGES_MAX) {
		message_fini(&m);
		return;
	}
	if (to->kept_count == CONF_MESSAGES_MAX)
		message_fini(&to->kept[--to->kept_count]);
	memmove(&to->kept[at + 1], &to->kept[at], (to->kept_count - at) * sizeof(m));
	to->kept[at] = m;
	to->kept_count++;
}

static char *join(const struct conf_place *place, const char *option, const char *what)
{
	const char *colon = option[0] ? ": " : "";
	char *text;
	int length;

	if (place->line)
		length = asprintf(
			&text, "%s:%u: %s%s%s", place->file, place->line, option, colon, what);
	else
		length = asprintf(&text, "%s: %s%s%s", place->file, option, colon, what);
	return length < 0 ? NULL : text;
}

static void add(struct conf_messages *to, const char *first, const struct conf_place *place,
	const char *option, char *what)
{
	struct conf_message m = {.line = place->line};

	assert(place->file);
	to->count++;
	if (!what)
		return;
	m.file = strdup(place->file);
	m.text = join(place, option, what);
	free(what);
	if (m.file && m.text)
		insert(to, first, m);
	else
		message_fini(&m);
}

void conf_errors_vadd(struct conf_errors *e, const struct conf_place *place, const char *option,
	const char *format, va_list args)
{
	char *what;

	if (vasprintf(&what, format, args) < 0)
		what = NULL;
	add(&e->errors, e->first_file, place, option, what);
}

void conf_errors_add(struct conf_errors *e, const struct conf_place *place, const char *option,
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	conf_errors_vadd(e, place, option, format, args);
	va_end(args);
}

void conf_errors_warn(struct conf_errors *e, const struct conf_place *place, const char *option,
	const char *format, ...)
{
	va_list args;
	char *what;

	va_start(args, format);
	if (vasprintf(&what, format, args) < 0)
		what = NULL;
	va_end(args);
	add(&e->warnings, e->first_file, place, option, what);
}

bool conf_errors_any(const struct conf_errors *e)
{
	return e->errors.count > 0;
}

void conf_errors_print(const struct conf_messages *messages, const char *prefix, FILE *out)
{
	for (size_t i = 0; i < messages->kept_count; i++)
		fprintf(out, "%s%s\n", prefix, messages->kept[i].text);
	if (messages->count > messages->kept_count)
		fprintf(out, "%sand %zu more\n", prefix, messages->count - messages->kept_count);
}
