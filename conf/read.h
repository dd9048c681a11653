/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * read.h - the value of one option: type and range.
 */
#ifndef SIPWEIR_CONF_READ_H
#define SIPWEIR_CONF_READ_H

#include "conf/arena.h"
#include "conf/errors.h"
#include "conf/option.h"
#include "conf/tree.h"

#include <stdbool.h>
#include <stddef.h>

struct conf_reader {
	struct conf_arena *arena;
	struct conf_errors *errors;
	const struct conf_option *option;
	const struct conf_tree *node;
	const char *path;     /* full name of the option */
	const char *expected; /* what to say in messages instead of what the option says, or NULL */
};

/*
 * Store what the node says at `field`, and for a list the number of its elements at *count (0 or 1 for
 * an optional address). False,
 * with an error added and nothing stored, when it is not what the option accepts or memory is short.
 */
bool conf_read_option(const struct conf_reader *r, void *field, size_t *count);

/* The default of an option as the node that a file would have made. */
struct conf_tree conf_read_default(const struct conf_option *o);

#endif
