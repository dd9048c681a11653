/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_limits.h - what the options of limits and of its classes demand of each other.
 */
#ifndef SIPWEIR_CONF_CHECK_LIMITS_H
#define SIPWEIR_CONF_CHECK_LIMITS_H

#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Check the numbers of limits. Fills in what is derived: a prefix of a subnet that is not named is never longer than that of
 * a source.
 */
void conf_check_limits(struct conf *c, struct conf_errors *e);

/* Check the classes. Their values have been inherited. */
void conf_check_classes(const struct conf *c, struct conf_errors *e);

/*
 * Check a status that refuses: one that says all by itself. Others need a header that nobody writes here (401 a challenge),
 * or speak of something that a refused client does not have (481 a dialog).
 */
void conf_check_status(
	uint32_t status, const struct conf_place *at, const char *path, struct conf_errors *e);

/*
 * The networks that a class denies, in the order of addresses: not more than anybody can mean, and not the load balancer. What is
 * wrong is added to `e`, at `place` and `path`. Also for those that were read from a file. False: something is wrong.
 */
bool conf_check_denied(const struct conf *c, const struct network *networks, size_t count,
	const struct conf_place *place, const char *path, struct conf_errors *e);

#endif
