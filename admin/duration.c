/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/duration.h"

#include <stddef.h>

void duration_put(struct text *t, uint64_t ms)
{
	static const struct {
		uint64_t ms;
		char unit;
	} units[] = {{86400000, 'd'}, {3600000, 'h'}, {60000, 'm'}, {1000, 's'}};
	const size_t last = sizeof(units) / sizeof(units[0]) - 1;
	size_t i = 0;
	while (i < last && ms < units[i].ms)
		i++;
	text_put_uint(t, ms / units[i].ms);
	text_put_char(t, units[i].unit);
	if (i == last)
		return;
	text_put_char(t, ' ');
	text_put_uint(t, ms % units[i].ms / units[i + 1].ms);
	text_put_char(t, units[i + 1].unit);
}
