/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/slab.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

bool slab_init(struct slab *s, size_t size, uint32_t capacity)
{
	*s = (struct slab){.size = (size + 15) / 16 * 16, .capacity = capacity};
	void *block = mmap(NULL, s->size * capacity, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (block == MAP_FAILED)
		return false;
	s->objects = block;
	return true;
}

void slab_fini(struct slab *s)
{
	if (s->objects)
		munmap(s->objects, s->size * s->capacity);
	s->objects = NULL;
}

void *slab_take(struct slab *s)
{
	void *object = s->free;
	if (object)
		memcpy(&s->free, object, sizeof(s->free));
	else if (s->touched < s->capacity)
		object = s->objects + s->size * s->touched++;
	else
		return NULL;
	s->taken++;
	return memset(object, 0, s->size);
}

void slab_give(struct slab *s, void *object)
{
	assert(s->taken > 0);
#ifndef NDEBUG
	memset(object, 0xdd,
		s->size); /* what is used after it was given back is not to look alive */
#endif
	memcpy(object, &s->free, sizeof(s->free));
	s->free = object;
	s->taken--;
}

void *slab_at(const struct slab *s, uint32_t index)
{
	assert(index < s->touched);
	return s->objects + s->size * index;
}
