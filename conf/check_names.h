/* SPDX-License-Identifier: BSD-2-Clause */
/* check_names.h - the rules of names that stand for servers, and of those who are asked for them. Part of conf_check(). */
#ifndef SIPWEIR_CONF_CHECK_NAMES_H
#define SIPWEIR_CONF_CHECK_NAMES_H

#include "conf/conf.h"

/* Do the names of this pool fit what its `resolve` says? `path` is the pool's. */
void conf_check_names(const struct conf_pool *p, const char *path, struct conf_errors *errors);

void conf_check_resolvers(const struct conf *c, struct conf_errors *errors);

#endif
