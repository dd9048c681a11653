/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/page.h"

#include <stdlib.h>

enum { PAGE_SIZE_FIRST = 64 * 1024 };

char *page_make(page_write *write, const void *subject, size_t *length)
{
	for (size_t size = PAGE_SIZE_FIRST; size <= PAGE_SIZE_MAX; size *= 2) {
		struct text page;
		char *bytes = malloc(size);
		if (!bytes)
			return NULL;
		text_init(&page, bytes, size);
		if (write(&page, subject)) {
			bytes[page.length] = '\0';
			*length = page.length;
			return bytes;
		}
		free(bytes);
	}
	return NULL;
}
