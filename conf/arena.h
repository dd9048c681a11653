/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arena.h - memory that lives and dies together. Each piece is an allocation of its own, so that the sanitizers see
 * its borders. One thread at a time.
 */
#ifndef SIPWEIR_CONF_ARENA_H
#define SIPWEIR_CONF_ARENA_H

#include <stddef.h>

struct conf_arena;

/* NULL when memory is short. */
struct conf_arena *conf_arena_new(void);

/* Free it and every piece. NULL is fine. */
void conf_arena_free(struct conf_arena *a);

/* `count` zeroed elements of `size` bytes, owned by the arena; NULL when memory is short or the product too large. */
void *conf_arena_alloc(struct conf_arena *a, size_t count, size_t size);

/* A copy of the first `length` bytes with a NUL behind them, owned by the arena; NULL when memory is short. */
char *conf_arena_copy(struct conf_arena *a, const char *text, size_t length);

#endif
