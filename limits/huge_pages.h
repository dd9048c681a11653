/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * huge_pages.h - the memory of a table, in large pages where it is so large that its look-ups would miss the TLB. Private to
 * limits/.
 */
#ifndef SIPWEIR_LIMITS_HUGE_PAGES_H
#define SIPWEIR_LIMITS_HUGE_PAGES_H

#include <stddef.h>
#include <sys/mman.h>

enum {
	HUGE_PAGE = 2 << 20,
	HUGE_FROM = 4 << 20, /* bytes; below it a large page more is a large part of the whole */
};

/* Whole large pages: the kernel puts those, and no others, where large pages can be. */
static inline size_t huge_pages_round(size_t bytes)
{
	return bytes < HUGE_FROM ? bytes : (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

/*
 * Zeroed memory, aligned to a page, that costs nothing until it is touched; NULL when there is none. Large pages are advice:
 * where the kernel has none to give, all works as before.
 */
static inline void *huge_pages_map(size_t bytes)
{
	size_t size = huge_pages_round(bytes);
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	if (size >= HUGE_FROM)
		(void)madvise(memory, size, MADV_HUGEPAGE);
	return memory;
}

/* With the bytes that were asked for. */
static inline void huge_pages_unmap(void *memory, size_t bytes)
{
	munmap(memory, huge_pages_round(bytes));
}

#endif
