/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * refer.h - options that name something else in the file: a pool, a class, a listener.
 */
#ifndef SIPWEIR_CONF_REFER_H
#define SIPWEIR_CONF_REFER_H

#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>

/* Such an option: what it says, where, and its path for messages. */
struct conf_reference {
	const char *name;
	const struct conf_place *at;
	const char *path;
};

/*
 * Find what is meant; *index is its place in the list then. False: there is none of that name, and that is an error with the
 * names that there are; unless one of those was refused itself, which may have been the one.
 */
bool conf_refer_pool(const struct conf *c, const struct conf_reference *r, size_t *index,
	struct conf_errors *errors);
bool conf_refer_class(const struct conf *c, const struct conf_reference *r, size_t *index,
	struct conf_errors *errors);
/* The same without a message. */
bool conf_refer_may_be_listener(const struct conf *c, const char *name);

bool conf_refer_listener(const struct conf *c, const struct conf_reference *r, size_t *index,
	struct conf_errors *errors);

#endif
