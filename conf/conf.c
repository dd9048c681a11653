/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conf.c - the steps from a file to a configuration.
 */
#include "conf/conf.h"
#include "conf/arena.h"
#include "conf/check.h"
#include "conf/load.h"
#include "conf/prescan.h"
#include "conf/source.h"
#include "conf/syntax.h"
#include "conf/tree.h"

#include <string.h>

/* The tree is needed until the structure is filled; nothing of it stays. */
static bool fill(struct conf *c, const struct conf_source *s, struct conf_errors *errors)
{
	struct conf_arena *scratch = conf_arena_new();
	const struct conf_tree *tree = NULL;
	struct conf_prescan prescan;

	if (!scratch) {
		conf_errors_add(errors, &c->place, "", "out of memory");
		return false;
	}
	if (conf_prescan(&prescan, s) && conf_syntax_check(s))
		tree = conf_tree_parse(scratch, s, &prescan);
	if (tree) {
		conf_load_tree(c, c->arena, tree, errors);
		conf_check(c, errors);
	}
	conf_arena_free(scratch);
	return tree && !conf_errors_any(errors);
}

static struct conf *load(const char *path, const char *text, struct conf_errors *errors)
{
	struct conf_arena *arena = conf_arena_new();
	struct conf *c = arena ? conf_arena_alloc(arena, 1, sizeof(*c)) : NULL;
	struct conf_source source;
	bool ok;

	if (!c) {
		conf_arena_free(arena);
		conf_errors_add(errors, &(struct conf_place){.file = path}, "", "out of memory");
		return NULL;
	}
	c->arena = arena;
	c->place.file = path;
	ok = text ? conf_source_read_text(&source, arena, text, path, errors)
		  : conf_source_read(&source, arena, path, errors);
	ok = ok && fill(c, &source, errors);
	conf_source_fini(&source);
	if (ok)
		return c;
	conf_free(c);
	return NULL;
}

struct conf *conf_load(const char *path, struct conf_errors *errors)
{
	return load(path, NULL, errors);
}

struct conf *conf_load_text(const char *text, const char *name, struct conf_errors *errors)
{
	return load(name, text, errors);
}

void conf_free(struct conf *c)
{
	if (c)
		conf_arena_free(c->arena);
}

bool conf_class_applies(const struct conf_class *c, const char *listener)
{
	for (size_t i = 0; i < c->listeners_count; i++) {
		if (strcmp(c->listeners[i], listener) == 0)
			return true;
	}
	return c->listeners_count == 0;
}
