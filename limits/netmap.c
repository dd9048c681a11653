/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netmap.c - a trie of six bits a step, after "Poptrie" (Asai and Ohara, SIGCOMM 2015): a node is two bit vectors and two
 * places; how many bits are set before the one that is asked for says which child, or which leaf.
 */
#include "limits/netmap.h"

#include "limits/huge_pages.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	STRIDE = 6,
	SLOTS = 1 << STRIDE,
	IPV4_BIT = 96, /* where an IPv4 address begins in its mapped form */
	ADDR_BITS = 128,
};

struct node {
	uint64_t children;    /* slots that go on in a child */
	uint64_t changes;     /* slots whose leaf is another than that of the slot before */
	uint32_t child, leaf; /* the first of each; they lie one behind the other */
};

/* While it is built its arrays grow; then they are settled in one piece of memory, leaves behind nodes. */
struct netmap {
	struct node *nodes; /* the first is the root for IPv4, the second for IPv6 */
	uint32_t node_count, node_room;
	uint32_t *leaves;
	uint32_t leaf_count, leaf_room;
	bool is_settled;
};

/* --- looking up --- */

/* Six bits of the address from `bit` on; those behind its end are zero. */
static unsigned slot_of(const struct addr *a, unsigned bit)
{
	unsigned byte = bit / 8, shift = bit % 8;
	unsigned pair = (unsigned)a->bytes[byte] << 8;
	if (byte + 1 < sizeof(a->bytes))
		pair |= a->bytes[byte + 1];
	return pair >> (16 - STRIDE - shift) & (SLOTS - 1);
}

/* How many of the bits up to this slot are set, itself included. */
static uint32_t rank(uint64_t bits, unsigned slot)
{
	return (uint32_t)__builtin_popcountll(bits & (UINT64_MAX >> (SLOTS - 1 - slot)));
}

static inline __attribute__((always_inline)) uint32_t find(
	const struct netmap *m, const struct addr *a)
{
	bool is_ipv4 = addr_is_ipv4(a);
	const struct node *n = &m->nodes[is_ipv4 ? 0 : 1];
	for (unsigned bit = is_ipv4 ? IPV4_BIT : 0;; bit += STRIDE) {
		unsigned slot = slot_of(a, bit);
		if (!(n->children >> slot & 1))
			return m->leaves[n->leaf + rank(n->changes, slot) - 1];
		n = &m->nodes[n->child + rank(n->children, slot) - 1];
	}
}

/* Counting bits is most of the work, and one instruction where the processor has it; not all that are built for do. */
#if defined(__x86_64__)
__attribute__((target("popcnt"))) static uint32_t find_by_popcnt(
	const struct netmap *m, const struct addr *a)
{
	return find(m, a);
}
#endif

uint32_t netmap_find(const struct netmap *m, const struct addr *a)
{
	if (m == NULL)
		return NETMAP_NONE;
#if defined(__x86_64__)
	if (__builtin_cpu_supports("popcnt"))
		return find_by_popcnt(m, a);
#endif
	return find(m, a);
}

static size_t settled_bytes(const struct netmap *m)
{
	return m->node_count * sizeof(*m->nodes) + m->leaf_count * sizeof(*m->leaves);
}

size_t netmap_bytes(const struct netmap *m)
{
	return sizeof(*m) + settled_bytes(m);
}

/* --- building --- */

/* A row, and where it stood: of equal networks the first counts. */
struct item {
	struct network network;
	uint32_t value;
	size_t order;
};

static int compare(const void *a, const void *b)
{
	const struct item *one = a, *other = b;
	int order = memcmp(&one->network.addr, &other->network.addr, sizeof(struct addr));
	if (order == 0)
		order = one->network.prefix - other->network.prefix;
	return order != 0 ? order : (one->order > other->order) - (one->order < other->order);
}

static bool are_equal(const struct network *a, const struct network *b)
{
	return a->prefix == b->prefix && addr_equal(&a->addr, &b->addr);
}

static size_t drop_repeated(struct item *items, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || !are_equal(&items[kept - 1].network, &items[i].network))
			items[kept++] = items[i];
	return kept;
}

/* Room for `more` at the end. False: memory is short. */
static bool grow(void **array, uint32_t *room, uint32_t count, uint32_t more, size_t size)
{
	if (more <= *room - count)
		return true;
	uint64_t wanted = (uint64_t)*room * 2 > (uint64_t)count + more ? (uint64_t)*room * 2
								       : (uint64_t)count + more;
	void *grown = wanted <= UINT32_MAX / 2 ? realloc(*array, wanted * size) : NULL;
	if (grown == NULL)
		return false;
	*array = grown;
	*room = (uint32_t)wanted;
	return true;
}

static bool add_nodes(struct netmap *m, uint32_t count)
{
	void *nodes = m->nodes;
	bool has_room = grow(&nodes, &m->node_room, m->node_count, count, sizeof(*m->nodes));
	m->nodes = nodes;
	if (!has_room)
		return false;
	memset(m->nodes + m->node_count, 0, count * sizeof(*m->nodes));
	m->node_count += count;
	return true;
}

static bool add_leaf(struct netmap *m, uint32_t value)
{
	void *leaves = m->leaves;
	bool has_room = grow(&leaves, &m->leaf_room, m->leaf_count, 1, sizeof(*m->leaves));
	m->leaves = leaves;
	if (has_room)
		m->leaves[m->leaf_count++] = value;
	return has_room;
}

/* What the networks below one node say of each of its slots. */
struct plan {
	uint32_t value[SLOTS];
	uint8_t prefix[SLOTS];		  /* of the network that the value is from */
	size_t first[SLOTS], last[SLOTS]; /* of those that end below the slot */
	uint64_t children;
};

/* One that ends within this step: all slots that it covers are its own, unless a longer one has them. */
static void cover(struct plan *p, const struct item *i, unsigned bit)
{
	unsigned slot = slot_of(&i->network.addr, bit);
	unsigned slots = 1u << (bit + STRIDE - i->network.prefix);
	for (unsigned s = slot; s < slot + slots && s < SLOTS; s++) {
		if (i->network.prefix < p->prefix[s])
			continue;
		p->value[s] = i->value;
		p->prefix[s] = i->network.prefix;
	}
}

static void make_plan(struct plan *p, const struct item *items, size_t first, size_t last,
	unsigned bit, uint32_t inherited)
{
	memset(p, 0, sizeof(*p));
	for (unsigned s = 0; s < SLOTS; s++)
		p->value[s] = inherited;
	for (size_t i = first; i < last; i++) {
		unsigned slot = slot_of(&items[i].network.addr, bit);
		if (items[i].network.prefix <= bit)
			continue; /* it was counted above */
		if (items[i].network.prefix <= bit + STRIDE) {
			cover(p, &items[i], bit);
			continue;
		}
		if (!(p->children >> slot & 1))
			p->first[slot] = i;
		p->last[slot] = i + 1;
		p->children |= UINT64_C(1) << slot;
	}
}

static bool put_leaves(struct netmap *m, uint32_t at, const struct plan *p)
{
	bool is_first = true;
	uint32_t before = 0;
	m->nodes[at].leaf = m->leaf_count;
	for (unsigned s = 0; s < SLOTS; s++) {
		if (p->children >> s & 1 || (!is_first && p->value[s] == before))
			continue;
		if (!add_leaf(m, p->value[s]))
			return false;
		m->nodes[at].changes |= UINT64_C(1) << s;
		before = p->value[s];
		is_first = false;
	}
	return true;
}

/* At most ADDR_BITS / STRIDE deep. */
static bool build(struct netmap *m, uint32_t at, const struct item *items, size_t first,
	size_t last, unsigned bit, uint32_t inherited)
{
	struct plan p;
	make_plan(&p, items, first, last, bit, inherited);
	assert(p.children == 0 || bit + STRIDE < ADDR_BITS);
	uint32_t child = m->node_count;
	if (!add_nodes(m, (uint32_t)__builtin_popcountll(p.children)) || !put_leaves(m, at, &p))
		return false;
	m->nodes[at].children = p.children;
	m->nodes[at].child = child;
	for (unsigned s = 0; s < SLOTS; s++) {
		if (!(p.children >> s & 1))
			continue;
		if (!build(m, child++, items, p.first[s], p.last[s], bit + STRIDE, p.value[s]))
			return false;
	}
	return true;
}

/* IPv4 networks lie together in the order of addresses. */
static bool is_ipv4(const struct network *n)
{
	return n->prefix >= IPV4_BIT && addr_is_ipv4(&n->addr);
}

/* All of the family: what is written for whoever no longer network holds. */
static uint32_t value_of_all(const struct item *items, size_t first, size_t last, unsigned prefix)
{
	for (size_t i = first; i < last; i++)
		if (items[i].network.prefix == prefix)
			return items[i].value;
	return NETMAP_NONE;
}

static size_t split_families(struct item *items, size_t count, struct item *ipv6)
{
	size_t kept = 0, moved = 0;
	for (size_t i = 0; i < count; i++) {
		if (is_ipv4(&items[i].network))
			items[kept++] = items[i];
		else
			ipv6[moved++] = items[i];
	}
	return kept;
}

static bool fill(struct netmap *m, struct item *items, size_t count)
{
	struct item *ipv6 = malloc((count + 1) * sizeof(*ipv6));
	if (ipv6 == NULL)
		return false;
	size_t ipv4s = split_families(items, count, ipv6), ipv6s = count - ipv4s;
	bool is_filled =
		add_nodes(m, 2) &&
		build(m, 0, items, 0, ipv4s, IPV4_BIT, value_of_all(items, 0, ipv4s, IPV4_BIT)) &&
		build(m, 1, ipv6, 0, ipv6s, 0, value_of_all(ipv6, 0, ipv6s, 0));
	free(ipv6);
	return is_filled;
}

/* Where large pages are to be had, if it is large. */
static bool settle(struct netmap *m)
{
	uint8_t *memory = huge_pages_map(settled_bytes(m));
	if (memory == NULL)
		return false;
	size_t node_bytes = m->node_count * sizeof(*m->nodes);
	memcpy(memory, m->nodes, node_bytes);
	memcpy(memory + node_bytes, m->leaves, m->leaf_count * sizeof(*m->leaves));
	free(m->nodes);
	free(m->leaves);
	m->nodes = (struct node *)(void *)memory;
	m->leaves = (uint32_t *)(void *)(memory + node_bytes);
	m->is_settled = true;
	return true;
}

struct netmap *netmap_new(const struct netmap_row *rows, size_t count)
{
	struct netmap *m = calloc(1, sizeof(*m));
	struct item *items = malloc((count + 1) * sizeof(*items));
	bool is_whole = m != NULL && items != NULL;
	for (size_t i = 0; is_whole && i < count; i++)
		items[i] = (struct item){rows[i].network, rows[i].value, i};
	if (is_whole && count != 0) {
		qsort(items, count, sizeof(*items), compare);
		count = drop_repeated(items, count);
	}
	is_whole = is_whole && fill(m, items, count) && settle(m);
	free(items);
	if (is_whole)
		return m;
	netmap_free(m);
	return NULL;
}

void netmap_free(struct netmap *m)
{
	if (m == NULL)
		return;
	if (m->is_settled)
		huge_pages_unmap(m->nodes, settled_bytes(m));
	if (!m->is_settled) {
		free(m->nodes);
		free(m->leaves);
	}
	free(m);
}
