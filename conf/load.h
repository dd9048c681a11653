/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load.h - from the tree to the structure, row by row of the table: types, ranges, unknown names.
 */
#ifndef SIPWEIR_CONF_LOAD_H
#define SIPWEIR_CONF_LOAD_H

#include "conf/arena.h"
#include "conf/conf.h"
#include "conf/option.h"
#include "conf/tree.h"

#include <stdbool.h>
#include <stddef.h>

enum { CONF_PATH_MAX = 256 }; /* "pools.NAME.servers.NAME.transport" and its NUL; longer is cut */

/*
 * Fill `c`, which is zeroed, from the tree; what the tree does not say has its default. Everything
 * allocated belongs to `arena`. Each mistake is added to `errors`, and the option that it is about
 * has an `at` without a file: its value means nothing.
 */
void conf_load_tree(struct conf *c, struct conf_arena *arena, const struct conf_tree *tree,
	struct conf_errors *errors);

/* The full name of an option or group: "listeners.nlb-sip", or "listeners[0]" without a name. */
void conf_path_element(
	char path[CONF_PATH_MAX], const char *parent, const char *name, size_t index);
void conf_path_member(char path[CONF_PATH_MAX], const char *parent, const char *name);

#endif
