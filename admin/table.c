/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/table.h"

#include <string.h>

static void measure(struct table *t, const char *const cells[])
{
	for (unsigned c = 0; c < t->columns; c++)
		if (strlen(cells[c]) > t->widths[c])
			t->widths[c] = strlen(cells[c]);
}

static void put_spaces(struct text *text, size_t count)
{
	while (count--)
		text_put_char(text, ' ');
}

void table_put(struct table *t, const char *const cells[])
{
	if (!t->is_measured) {
		measure(t, cells);
		return;
	}
	unsigned count = t->columns;
	while (count > 1 && !*cells[count - 1])
		count--; /* no spaces behind the last word */
	for (unsigned c = 0; c < count; c++) {
		size_t rest = t->widths[c] - strlen(cells[c]);
		bool is_number = t->numbers >> c & 1;
		if (is_number)
			put_spaces(t->text, rest);
		text_put(t->text, cells[c]);
		if (c + 1 < count)
			put_spaces(t->text, is_number ? 2 : rest + 2);
	}
	text_put_char(t->text, '\n');
}
