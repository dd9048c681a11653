/* SPDX-License-Identifier: BSD-2-Clause */
#include "sip/parse_memory.h"

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 32 * 1024, UNIT = 16 };

/* Before each piece of the block, for parse_memory_resize(). */
struct piece {
	alignas(UNIT) size_t size;
};

static _Thread_local struct {
	alignas(UNIT) uint8_t bytes[BLOCK_SIZE];
	size_t used;
	bool is_open;
} block;

#ifdef __SANITIZE_ADDRESS__
enum { USES_BLOCK = false };
#else
enum { USES_BLOCK = true };
#endif

void parse_memory_begin(void)
{
	block.is_open = USES_BLOCK;
	block.used = 0;
}

void parse_memory_end(void)
{
	block.is_open = false;
}

static bool is_in_block(const void *piece)
{
	const uint8_t *at = piece;
	return at >= block.bytes && at < block.bytes + BLOCK_SIZE;
}

void *parse_memory_take(size_t size)
{
	size_t room = BLOCK_SIZE - block.used;
	if (!block.is_open || size > BLOCK_SIZE || sizeof(struct piece) + size + UNIT > room)
		return malloc(size);
	struct piece *p = (struct piece *)(void *)(block.bytes + block.used);
	p->size = size;
	block.used += sizeof(*p) + (size + UNIT - 1) / UNIT * UNIT;
	return p + 1;
}

void *parse_memory_resize(void *piece, size_t size)
{
	if (!piece || !is_in_block(piece))
		return piece ? realloc(piece, size) : parse_memory_take(size);
	size_t held = ((struct piece *)piece - 1)->size;
	void *larger = parse_memory_take(size);
	if (larger)
		memcpy(larger, piece, held < size ? held : size);
	return larger;
}

void parse_memory_give(void *piece)
{
	if (!is_in_block(piece))
		free(piece);
}
