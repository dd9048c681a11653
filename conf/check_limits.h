/* SPDX-License-Identifier: BSD-2-Clause */
/* check_limits.h - what the options of limits and of its classes demand of each other. */
#ifndef SIPWEIR_CONF_CHECK_LIMITS_H
#define SIPWEIR_CONF_CHECK_LIMITS_H

#include "conf/conf.h"

void conf_check_limits(const struct conf *c, struct conf_errors *e);

/*
 * The networks that a class denies, in the order of addresses: not more than anybody can mean, and not the load balancer. What is
 * wrong is added to `e`, at `place` and `path`. Also for those that were read from a file. False: something is wrong.
 */
bool conf_check_denied(const struct conf *c, const struct network *networks, size_t count,
	const struct conf_place *place, const char *path, struct conf_errors *e);

#endif
