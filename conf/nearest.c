/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nearest.c - edit distance with transpositions, for names of options and groups.
 */
#include "conf/nearest.h"

#include <stdbool.h>
#include <string.h>

enum { LENGTH_MAX = 63 }; /* a longer name was hardly mistyped from one of ours */

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, changes, and neighbours swapped ("conenctions"), each counting 1. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t rows[3][LENGTH_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t *recycled = before;

		before = above;
		above = row;
		row = recycled;
		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			bool is_swap =
				i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];

			row[j] = least(above[j], row[j - 1]) + 1;
			row[j] = least(row[j], above[j - 1] + (a[i - 1] != b[j - 1]));
			if (is_swap)
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return row[b_length];
}

void conf_nearest_try(struct conf_nearest *n, const char *name)
{
	size_t wanted_length = strlen(n->wanted), length = strlen(name), found;

	if (wanted_length > LENGTH_MAX || length > LENGTH_MAX)
		return;
	found = distance(n->wanted, wanted_length, name, length);
	/* One slip in three letters: "idel" is idle, "pool" is not "tls". */
	if (found > length / 3 || found > 3 || (n->name && found >= n->distance))
		return;
	n->name = name;
	n->distance = found;
}
