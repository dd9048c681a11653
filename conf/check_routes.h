/* SPDX-License-Identifier: BSD-2-Clause */
/* check_routes.h - the rules of routes, and what they refer to. Part of conf_check(). */
#ifndef SIPWEIR_CONF_CHECK_ROUTES_H
#define SIPWEIR_CONF_CHECK_ROUTES_H

#include "conf/conf.h"

/* Fill in the indices of what the routes name; whatever is wrong is added to `errors`. */
void conf_check_routes(struct conf *c, struct conf_errors *errors);

#endif
