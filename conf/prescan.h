/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prescan.h - what libconfig 1.5 would read in silence as something else.
 *
 * An integer that does not fit is wrapped by its scanner (4294967296 becomes 0, which for a limit
 * means "none"), a \x00 in a string is dropped, and a forgotten quote makes a string of the lines
 * that follow. All of it is visible in the text alone.
 */
#ifndef SIPWEIR_CONF_PRESCAN_H
#define SIPWEIR_CONF_PRESCAN_H

#include "conf/source.h"

#include <stdbool.h>
#include <stddef.h>

enum { CONF_DEPTH_MAX = 16 }; /* groups and lists within each other; the options need 4 */

/* An integer literal whose value libconfig will not hold. */
struct conf_literal {
	size_t ordinal;	  /* how many integer literals stand before it in the text */
	const char *text; /* as written, owned by the arena of the source */
};

struct conf_prescan {
	struct conf_literal *literals; /* owned by the arena of the source */
	size_t literal_count;
	size_t integer_count; /* of all integer literals */
};

/*
 * Look through the text. True when it may be handed to libconfig: then the literals found are to be
 * matched, by their ordinal, with the integers that libconfig returns in the same order. False when
 * it may not; the errors of the source say why.
 */
bool conf_prescan(struct conf_prescan *p, const struct conf_source *s);

/* Whether an integer literal (sign, decimal or hexadecimal, L) is held by libconfig as it stands. */
bool conf_prescan_integer_fits(const char *text, size_t length);

#endif
