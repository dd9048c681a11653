/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_limits_netlist.c - a list that is read holds sorted networks, each once, and reads the same when it is written; what is
 * wrong is told in printable text with a line that exists; and the map made of it agrees with a linear scan.
 */
#include "limits/bans.h"
#include "limits/netlist.h"
#include "limits/netmap.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool rule)
{
	if (!rule)
		abort();
}

static void check_fault(const struct netlist_fault *f, const uint8_t *bytes, size_t length)
{
	size_t lines = 1;
	for (size_t i = 0; i < length; i++)
		lines += bytes[i] == '\n';
	require(f->line >= 1 && f->line <= lines && strlen(f->text) > 0);
	for (const char *c = f->text; *c; c++)
		require(isprint((unsigned char)*c));
}

static uint32_t scan(const struct netlist *list, const struct addr *a)
{
	size_t best = 0;
	int prefix = -1;
	for (size_t i = 0; i < list->count; i++) {
		if (!network_contains(&list->networks[i], a) || list->networks[i].prefix <= prefix)
			continue;
		prefix = list->networks[i].prefix;
		best = i + 1;
	}
	return (uint32_t)best;
}

static void check_map(const struct netlist *list)
{
	struct netmap_row *rows = calloc(list->count + 1, sizeof(*rows));
	require(rows != NULL);
	for (size_t i = 0; i < list->count; i++)
		rows[i] = (struct netmap_row){list->networks[i], (uint32_t)i + 1};
	struct netmap *m = netmap_new(rows, list->count);
	require(m != NULL);
	for (size_t i = 0; i < list->count; i++) {
		struct addr a = list->networks[i].addr;
		require(netmap_find(m, &a) == scan(list, &a));
		a.bytes[15] ^= 0x15;
		require(netmap_find(m, &a) == scan(list, &a));
		a.bytes[5] ^= 1;
		require(netmap_find(m, &a) == scan(list, &a));
	}
	netmap_free(m);
	free(rows);
}

static void check_text(const struct network *n)
{
	char text[NETWORK_TEXT_MAX];
	struct network again;
	require(ban_network_format(n, text) == strlen(text));
	require(network_parse(&again, text));
	require(again.prefix == n->prefix && addr_equal(&again.addr, &n->addr));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct netlist list;
	struct netlist_fault fault;
	if (!netlist_read(&list, (const char *)bytes, length, &fault)) {
		check_fault(&fault, bytes, length);
		require(list.networks == NULL);
		return 0;
	}
	for (size_t i = 0; i < list.count; i++) {
		check_text(&list.networks[i]);
		require(netlist_overlap(list.networks, list.count, &list.networks[i]) != NULL);
	}
	if (list.count <= 64)
		check_map(&list);
	(void)netlist_is_vast(list.networks, list.count);
	netlist_free(&list);
	return 0;
}
