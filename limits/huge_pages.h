/* SPDX-License-Identifier: BSD-2-Clause */
/* huge_pages.h - ask for large pages where a table is so large that its look-ups would miss the TLB. Private to limits/. */
#ifndef SIPWEIR_LIMITS_HUGE_PAGES_H
#define SIPWEIR_LIMITS_HUGE_PAGES_H

#include <stddef.h>
#include <sys/mman.h>

enum { HUGE_FROM = 8 << 20 }; /* bytes; below it a page of 2 MB more is a large part of the whole */

/* Advice alone: where the kernel has none to give, all works as before. `memory` comes from mmap(). */
static inline void huge_pages_advise(void *memory, size_t bytes)
{
	if (bytes >= HUGE_FROM)
		(void)madvise(memory, bytes, MADV_HUGEPAGE);
}

#endif
