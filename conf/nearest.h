/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nearest.h - the known name that a mistyped one was meant to be.
 */
#ifndef SIPWEIR_CONF_NEAREST_H
#define SIPWEIR_CONF_NEAREST_H

#include <stddef.h>

/* The search so far. Begins zeroed but for `wanted`. */
struct conf_nearest {
	const char *wanted;
	const char *name; /* NULL while nothing is near enough */
	size_t distance;
};

/* Compare one more name, which must outlive the search. Of equally near ones the first stays. */
void conf_nearest_try(struct conf_nearest *n, const char *name);

#endif
