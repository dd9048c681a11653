/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tree.h - what libconfig read, as a read-only tree of our own; tree.c alone knows libconfig.
 *
 * Built once, then only read.
 */
#ifndef SIPWEIR_CONF_TREE_H
#define SIPWEIR_CONF_TREE_H

#include "conf/arena.h"
#include "conf/errors.h"
#include "conf/prescan.h"
#include "conf/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_tree_type {
	CONF_TREE_GROUP,
	CONF_TREE_LIST,
	CONF_TREE_ARRAY,
	CONF_TREE_BOOL,
	CONF_TREE_INTEGER,
	CONF_TREE_UNFIT, /* an integer that does not fit; `text` is its literal */
	CONF_TREE_FLOAT,
	CONF_TREE_STRING,
};

struct conf_tree {
	enum conf_tree_type type;
	const char *name; /* NULL for the root and for elements of lists and arrays */
	struct conf_place place;
	bool flag;
	int64_t integer;
	const char *text; /* of a STRING or UNFIT */
	struct conf_tree *children;
	size_t child_count;
};

/*
 * Parse the text, which has passed the prescan and the syntax check. The tree is owned by `arena`, its places by the
 * arena of the source. NULL when the text is not libconfig's language or memory is short: the errors
 * of the source say so.
 */
const struct conf_tree *conf_tree_parse(
	struct conf_arena *arena, const struct conf_source *s, const struct conf_prescan *p);

/* The child of a group, or NULL. */
const struct conf_tree *conf_tree_child(const struct conf_tree *group, const char *name);

/* What an operator calls this type: "a string", "a group { }". */
const char *conf_tree_type_name(enum conf_tree_type type);

#endif
