/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * slab.h - all objects of one kind that a worker may ever need, in one reserved block: taking one is a pop, memory is
 * touched as it is first used, and the last returned is the next taken. One thread per slab.
 */
#ifndef SIPWEIR_PROXY_CORE_SLAB_H
#define SIPWEIR_PROXY_CORE_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slab {
	uint8_t *objects;
	void *free;
	size_t size; /* of one object, rounded up to 16 */
	uint32_t capacity, touched, taken;
};

/* False when the address space cannot be reserved; the slab is then empty and needs no slab_fini(). */
bool slab_init(struct slab *s, size_t size, uint32_t capacity);
void slab_fini(struct slab *s);

/* A zeroed object, or NULL when all are taken. */
void *slab_take(struct slab *s);
void slab_give(struct slab *s, void *object);

/* The place of that index, below `touched`: an object, or what was left of one when it was given back. */
void *slab_at(const struct slab *s, uint32_t index);

#endif
