/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena.c - a list of allocations with one owner.
 */
#include "conf/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct piece {
	struct piece *next;
	max_align_t bytes[];
};

struct conf_arena {
	struct piece *pieces;
};

struct conf_arena *conf_arena_new(void)
{
	return calloc(1, sizeof(struct conf_arena));
}

void conf_arena_free(struct conf_arena *a)
{
	if (!a)
		return;
	while (a->pieces) {
		struct piece *next = a->pieces->next;

		free(a->pieces);
		a->pieces = next;
	}
	free(a);
}

void *conf_arena_alloc(struct conf_arena *a, size_t count, size_t size)
{
	struct piece *p;

	if (size && count > (SIZE_MAX - sizeof(*p)) / size)
		return NULL;
	p = calloc(1, sizeof(*p) + count * size);
	if (!p)
		return NULL;
	p->next = a->pieces;
	a->pieces = p;
	return p->bytes;
}

char *conf_arena_copy(struct conf_arena *a, const char *text, size_t length)
{
	char *copy = length < SIZE_MAX ? conf_arena_alloc(a, length + 1, 1) : NULL;

	if (copy)
		memcpy(copy, text, length);
	return copy;
}
