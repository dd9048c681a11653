/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source.c - files in, one text out. Everything here is bounded: bytes, depth, and through both the
 * number of includes.
 */
#include "conf/source.h"
#include "conf/file.h"
#include "conf/scan.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One file, or the caller's text, while it is being added. */
struct input {
	const char *file;
	const char *text;
	size_t length;
	bool may_include;
};

static bool append_input(struct conf_source *s, const struct input *in);

static bool fail(struct conf_source *s, const char *file, unsigned line, const char *what)
{
	struct conf_place place = {.file = file, .line = line};

	conf_errors_add(s->errors, &place, "", "%s", what);
	return false;
}

static bool append_segment(struct conf_source *s, const char *file, unsigned file_line)
{
	size_t size = (s->segment_count + 1) * sizeof(*s->segments);
	struct conf_segment *more = realloc(s->segments, size);

	if (!more)
		return false;
	s->segments = more;
	more[s->segment_count++] = (struct conf_segment){s->lines + 1, file, file_line};
	return true;
}

/* Add bytes of one file, and a line end: libconfig reads a comment without one as an error. */
static bool append_bytes(
	struct conf_source *s, const struct input *in, const struct conf_token *chunk)
{
	char *more;

	if (s->length + chunk->length + 2 > CONF_SOURCE_MAX)
		return fail(s, in->file, chunk->line, "too large, expected 4M with all includes");
	more = realloc(s->text, s->length + chunk->length + 2);
	if (!more || !append_segment(s, in->file, chunk->line)) {
		s->text = more ? more : s->text;
		return fail(s, in->file, 0, "out of memory");
	}
	s->text = more;
	memcpy(s->text + s->length, chunk->start, chunk->length);
	s->length += chunk->length;
	memcpy(s->text + s->length++, "\n", 2);
	for (size_t i = 0; i < chunk->length; i++)
		s->lines += chunk->start[i] == '\n';
	s->lines++;
	return true;
}

/* `from` and `line` say who wants the file; line 0 for the first, which nobody includes. */
static bool append_file(struct conf_source *s, const char *file, const struct conf_place *from)
{
	size_t length;
	char *text = conf_file_read(file, CONF_SOURCE_MAX, &length);
	struct input in = {file, text, length, true};
	bool ok;

	if (!text) {
		conf_errors_add(s->errors, from, "",
			"%s%s%s, expected a readable configuration file", from->line ? file : "",
			from->line ? ": " : "", strerror(errno));
		return false;
	}
	ok = append_input(s, &in);
	free(text);
	return ok;
}

/* The name between the quotes, relative to the folder of the file that includes. */
static const char *included_name(
	struct conf_source *s, const struct input *in, const struct conf_token *t)
{
	const char *name = memchr(t->start, '"', t->length);
	const char *slash = strrchr(in->file, '/');
	size_t length = (size_t)(t->start + t->length - name) - 2;
	size_t folder = slash && name[1] != '/' ? (size_t)(slash - in->file) + 1 : 0;
	char *joined = conf_arena_alloc(s->arena, folder + length + 1, 1);

	if (joined) {
		memcpy(joined, in->file, folder);
		memcpy(joined + folder, name + 1, length);
	}
	return joined;
}

static bool include(struct conf_source *s, const struct input *in, const struct conf_token *t)
{
	struct conf_place place = {.file = in->file, .line = t->line};
	const char *file;
	bool ok;

	if (!in->may_include)
		return fail(s, in->file, t->line, "@include is not possible here");
	if (memchr(t->start, '\n', t->length) || memchr(t->start, '\\', t->length))
		return fail(s, in->file, t->line,
			"the name behind @include is broken, expected @include \"FILE\" on one "
			"line and without \\");
	if (s->depth == CONF_INCLUDE_MAX)
		return fail(s, in->file, t->line,
			"@include goes deeper than 10 files, expected none that includes itself");
	file = included_name(s, in, t);
	if (!file)
		return fail(s, in->file, 0, "out of memory");
	s->depth++;
	ok = append_file(s, file, &place);
	s->depth--;
	return ok;
}

static bool check_bytes(struct conf_source *s, const struct input *in)
{
	const char *nul = memchr(in->text, '\0', in->length);
	unsigned line = 1;

	if (in->length >= 3 && memcmp(in->text, "\xef\xbb\xbf", 3) == 0)
		return fail(s, in->file, 1,
			"begins with a byte order mark, expected plain text without one");
	if (!nul)
		return true;
	for (const char *c = in->text; c < nul; c++)
		line += *c == '\n';
	return fail(s, in->file, line, "holds a NUL byte, expected plain text");
}

/* A string or comment that does not end in its own file would swallow the next one. */
static bool append_input(struct conf_source *s, const struct input *in)
{
	struct conf_token chunk = {.start = in->text, .line = 1};
	struct conf_scan scan;
	struct conf_token t;

	if (!check_bytes(s, in))
		return false;
	conf_scan_init(&scan, in->text, in->length);
	do {
		conf_scan_next(&scan, &t);
		if (t.kind == CONF_TOKEN_OPEN && *t.start == '/')
			return fail(s, in->file, t.line, "this comment has no end, expected */");
		if (t.kind != CONF_TOKEN_INCLUDE)
			continue;
		chunk.length = (size_t)(t.start - chunk.start);
		if (!append_bytes(s, in, &chunk) || !include(s, in, &t))
			return false;
		chunk.start = t.start + t.length;
		chunk.line = t.line;
	} while (t.kind != CONF_TOKEN_END);
	chunk.length = (size_t)(in->text + in->length - chunk.start);
	return append_bytes(s, in, &chunk);
}

static const char *begin(struct conf_source *s, struct conf_arena *arena, const char *name,
	struct conf_errors *errors)
{
	*s = (struct conf_source){.arena = arena, .errors = errors};
	conf_errors_begin(errors, name);
	return conf_arena_copy(arena, name, strlen(name));
}

bool conf_source_read(struct conf_source *s, struct conf_arena *arena, const char *path,
	struct conf_errors *errors)
{
	const char *file = begin(s, arena, path, errors);
	struct conf_place place = {.file = path};

	return file ? append_file(s, file, &place) : fail(s, path, 0, "out of memory");
}

bool conf_source_read_text(struct conf_source *s, struct conf_arena *arena, const char *text,
	const char *name, struct conf_errors *errors)
{
	struct input in = {.text = text, .length = strlen(text)};

	in.file = begin(s, arena, name, errors);
	return in.file ? append_input(s, &in) : fail(s, name, 0, "out of memory");
}

void conf_source_fini(struct conf_source *s)
{
	free(s->text);
	free(s->segments);
	s->text = NULL;
	s->segments = NULL;
}

struct conf_place conf_source_place(const struct conf_source *s, unsigned line)
{
	size_t low = 0, high = s->segment_count;

	assert(s->segment_count > 0);
	if (line == 0)
		line = 1;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (s->segments[middle].line <= line)
			low = middle;
		else
			high = middle;
	}
	return (struct conf_place){.file = s->segments[low].file,
		.line = s->segments[low].file_line + (line - s->segments[low].line)};
}
