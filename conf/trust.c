/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trust.c - whether a union of networks covers a whole address family.
 */
#include "conf/trust.h"

#include <stdint.h>

/* True when a network of the list lies strictly within the block. */
static bool holds_one(const struct network *block, const struct network *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].prefix > block->prefix && network_contains(block, &list[i].addr))
			return true;
	}
	return false;
}

static bool is_within_one(const struct network *block, const struct network *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i].prefix <= block->prefix && network_contains(&list[i], &block->addr))
			return true;
	}
	return false;
}

/*
 * A block is covered when one network holds it, or when both of its halves are covered. Blocks without
 * a network in them end the descent, so that it follows the networks of the list and nothing else; it
 * goes down at most 128 levels.
 */
static bool covers(const struct network *block, const struct network *list, size_t count)
{
	struct network half = *block;

	if (is_within_one(block, list, count))
		return true;
	if (!holds_one(block, list, count))
		return false;
	half.prefix++;
	if (!covers(&half, list, count))
		return false;
	half.addr.bytes[block->prefix / 8] |= (uint8_t)(0x80u >> (block->prefix % 8));
	return covers(&half, list, count);
}

bool conf_trust_is_everything(const struct network *networks, size_t count)
{
	static const struct network ipv6 = {.prefix = 0};
	static const struct network ipv4 = {
		.addr = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0}}, .prefix = 96};

	for (size_t i = 0; i < count; i++) {
		if (network_is_everything(&networks[i]))
			return true;
	}
	return covers(&ipv6, networks, count) || covers(&ipv4, networks, count);
}
