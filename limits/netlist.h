/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * netlist.h - a list of networks as people keep them in files: one a line, '#' begins a comment. Pure: bytes in, networks
 * out.
 */
#ifndef SIPWEIR_LIMITS_NETLIST_H
#define SIPWEIR_LIMITS_NETLIST_H

#include "limits/addr.h"

#include <stdbool.h>
#include <stddef.h>

enum { NETLIST_LINE_MAX = 1024, NETLIST_FAULT_MAX = 192, NETLIST_MAX = 10000000 };

struct netlist {
	struct network *networks; /* from malloc; each once, in the order of addresses */
	size_t count;
};

struct netlist_fault {
	size_t line;		      /* from 1; 0: it is about the whole */
	char text[NETLIST_FAULT_MAX]; /* what is wrong, and the cure; printable */
};

/*
 * Read a whole list. Empty lines and what is repeated do not matter, nor do blanks around a network and CRs at the ends of lines.
 * False: the first mistake is in *fault, and there is no list.
 */
bool netlist_read(
	struct netlist *list, const char *bytes, size_t length, struct netlist_fault *fault);
void netlist_free(struct netlist *list);

/*
 * More than one may deny by mistake: all in all more than a /8 of IPv4, or a /16 of IPv6. What is in another of the networks
 * counts once; they must be in the order of addresses, as netlist_sort() puts them.
 */
bool netlist_is_vast(const struct network *networks, size_t count);
size_t netlist_sort(
	struct network *networks, size_t count); /* how many are left without repetitions */

/* The first of the networks that has an address in common with this one, or NULL. */
const struct network *netlist_overlap(
	const struct network *networks, size_t count, const struct network *with);

#endif
