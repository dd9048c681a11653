/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netmap.h - from an address to the value of the longest network that holds it.
 *
 * Built once, then immutable: any thread may look at it. A look-up allocates nothing and takes at most one step for each six
 * bits of the address, however many networks there are.
 */
#ifndef SIPWEIR_LIMITS_NETMAP_H
#define SIPWEIR_LIMITS_NETMAP_H

#include "limits/addr.h"

#include <stddef.h>
#include <stdint.h>

enum { NETMAP_NONE = 0 };

struct netmap;

struct netmap_row {
	struct network network;
	uint32_t value; /* not NETMAP_NONE */
};

/*
 * Of equal networks the earlier row wins. The rows may be freed afterwards. NULL: memory is short. netmap_free() takes NULL.
 * An IPv6 network holds no IPv4 address, and the other way round.
 */
struct netmap *netmap_new(const struct netmap_row *rows, size_t count);
void netmap_free(struct netmap *m);

/* The value of the longest network with this address, or NETMAP_NONE; also for NULL. */
uint32_t netmap_find(const struct netmap *m, const struct addr *a);

/* What it holds in memory. */
size_t netmap_bytes(const struct netmap *m);

#endif
