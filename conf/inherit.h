/* SPDX-License-Identifier: BSD-2-Clause */
/* inherit.h - what a class does not name. */
#ifndef SIPWEIR_CONF_INHERIT_H
#define SIPWEIR_CONF_INHERIT_H

#include "conf/conf.h"

/*
 * Fill in what classes leave out: from the options of the same name in limits, limits.subnet and timeouts. Where that one
 * has been reported as wrong, the `at` in the class loses its file too: the value means nothing.
 */
void conf_inherit(struct conf *c);

#endif
