/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * syntax.h - libconfig's grammar, to say what breaks it.
 *
 * libconfig 1.5 says "syntax error" and a line, stops at the first option given twice, and leaks a
 * string on the way out. An operator wants to know that a unit stands outside the quotes. So
 * libconfig is given nothing that it would refuse.
 */
#ifndef SIPWEIR_CONF_SYNTAX_H
#define SIPWEIR_CONF_SYNTAX_H

#include "conf/source.h"

#include <stdbool.h>

/*
 * True when libconfig can read the text, which has passed the prescan. Otherwise every option given
 * twice and the first break of the grammar are added to the errors of `s`.
 */
bool conf_syntax_check(const struct conf_source *s);

#endif
