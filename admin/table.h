/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.h - columns for people: as wide as what is in them, two spaces apart, the last one as it comes. The rows are put twice,
 * first to measure them and then to write them. Any thread.
 */
#ifndef SIPWEIR_ADMIN_TABLE_H
#define SIPWEIR_ADMIN_TABLE_H

#include "proxy/core/text.h"

#include <stdbool.h>
#include <stddef.h>

enum { TABLE_COLUMNS = 10 };

/* Begins with all but these three zeroed. */
struct table {
	struct text *text;
	unsigned columns; /* up to TABLE_COLUMNS */
	unsigned numbers; /* a bit for each column that is aligned to the right */
	bool is_measured;
	size_t widths[TABLE_COLUMNS];
};

/* One row: `columns` cells, none of them NULL. Written only once is_measured. */
void table_put(struct table *t, const char *const cells[]);

#endif
