/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source.h - a configuration file and those that it includes, as one text with a map of its lines.
 *
 * Includes are expanded here and not by libconfig, so that what is scanned for numbers is the very
 * text that libconfig reads, and that a path is relative to the file that names it. One thread.
 */
#ifndef SIPWEIR_CONF_SOURCE_H
#define SIPWEIR_CONF_SOURCE_H

#include "conf/arena.h"
#include "conf/errors.h"

#include <stdbool.h>
#include <stddef.h>

enum {
	CONF_SOURCE_MAX = 4 << 20, /* bytes of all files together; long lists are no options */
	CONF_INCLUDE_MAX = 10,	   /* files within files */
};

/* From `line` of the text on, the lines of `file` from `file_line` on. */
struct conf_segment {
	unsigned line;
	const char *file;
	unsigned file_line;
};

struct conf_source {
	char *text; /* ends with a line end and a NUL, and holds no other NUL */
	size_t length;
	struct conf_segment *segments;
	size_t segment_count;
	struct conf_arena *arena; /* holds the names of the files; the caller's */
	struct conf_errors *errors;
	unsigned lines;
	unsigned depth;
};

/*
 * Read `path` and what it includes; file names are kept in `arena`, which must outlive the places.
 * False when a file cannot be read or is no text; `errors` then says which and why. Owed to
 * conf_source_fini() in either case.
 */
bool conf_source_read(struct conf_source *s, struct conf_arena *arena, const char *path,
	struct conf_errors *errors);

/* The same from memory; an @include in it is an error, because it has no folder. */
bool conf_source_read_text(struct conf_source *s, struct conf_arena *arena, const char *text,
	const char *name, struct conf_errors *errors);

void conf_source_fini(struct conf_source *s);

/* Where a line of the text was written. Line 0 is taken for the first. */
struct conf_place conf_source_place(const struct conf_source *s, unsigned line);

#endif
