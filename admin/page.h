/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * page.h - a text whose length is not known before it is written, in memory of its own. Any thread.
 */
#ifndef SIPWEIR_ADMIN_PAGE_H
#define SIPWEIR_ADMIN_PAGE_H

#include "proxy/core/text.h"

#include <stdbool.h>
#include <stddef.h>

/* Write all of it; false when it does not fit. Called again, from the beginning, with more room. */
typedef bool page_write(struct text *t, const void *subject);

/*
 * The whole page, which the caller frees; NULL when memory is short or it is larger than PAGE_SIZE_MAX. There is always room
 * for a NUL behind it, and one is there.
 */
enum { PAGE_SIZE_MAX = 64 * 1024 * 1024 };
char *page_make(page_write *write, const void *subject, size_t *length);

#endif
