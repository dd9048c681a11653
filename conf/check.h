/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.h - what options demand of each other.
 */
#ifndef SIPWEIR_CONF_CHECK_H
#define SIPWEIR_CONF_CHECK_H

#include "conf/conf.h"

/*
 * Check the whole and add what is wrong to `errors`. Options whose `at` has no file have been
 * reported and are left out. Fills in what is derived: pool_index, the max_message of pools, what
 * classes inherit, the prefixes of subnets.
 */
void conf_check(struct conf *c, struct conf_errors *errors);

#endif
