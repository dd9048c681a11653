/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse_memory.h - where the many small pieces of one parse live: a block of the thread's own, empty again when the parse is
 * over. libosip2 asks for some 60 pieces for the smallest request; malloc and free of them cost as much as the parsing.
 *
 * What does not fit, and what is asked for outside of a parse, comes from malloc. Under AddressSanitizer all of it does, so
 * that it sees each piece. Any thread; a block is never used by another.
 */
#ifndef SIPWEIR_SIP_PARSE_MEMORY_H
#define SIPWEIR_SIP_PARSE_MEMORY_H

#include <stddef.h>

/* All pieces of the parse must have been given back by parse_memory_end(). No parse within another. */
void parse_memory_begin(void);
void parse_memory_end(void);

/* As malloc, realloc and free. */
void *parse_memory_take(size_t size);
void *parse_memory_resize(void *piece, size_t size);
void parse_memory_give(void *piece);

#endif
