/* SPDX-License-Identifier: BSD-2-Clause */
#include "limits/netlist.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_MAX = 64, IPV4_BIT = 96, ADDR_BITS = 128, IPV4_VAST = 8, IPV6_VAST = 16 };

/* --- mistakes --- */

static void set_fault(struct netlist_fault *fault, size_t line, const char *text)
{
	fault->line = line;
	snprintf(fault->text, sizeof(fault->text), "%s", text);
}

/* The text as far as it can be shown. */
static void show(char out[SHOWN_MAX], const char *word, size_t length)
{
	size_t i;
	for (i = 0; i < length && i < SHOWN_MAX - 1; i++)
		out[i] = isprint((unsigned char)word[i]) && word[i] != '"' ? word[i] : '?';
	out[i] = '\0';
}

static void explain(struct netlist_fault *fault, size_t line, const char *word, size_t length)
{
	char shown[SHOWN_MAX], copy[SHOWN_MAX];
	struct network n;
	show(shown, word, length);
	snprintf(copy, sizeof(copy), "%s", shown);
	char *slash = strchr(copy, '/');
	fault->line = line;
	if (slash)
		*slash = '\0';
	/* 192.0.2.1/24 */
	if (slash && network_parse(&n, copy) &&
		strspn(slash + 1, "0123456789") == strlen(slash + 1))
		snprintf(fault->text, sizeof(fault->text),
			"\"%s\" has bits set behind its prefix, or too long a prefix; expected the "
			"first "
			"address of the network, as in 192.0.2.0/24",
			shown);
	else
		snprintf(fault->text, sizeof(fault->text),
			"\"%s\" is no network; expected one a line, as in 192.0.2.0/24, "
			"2001:db8::/32 or "
			"a bare address",
			shown);
}

/* --- lines --- */

struct reader {
	struct netlist *list;
	size_t room;
	struct netlist_fault *fault;
};

static bool add(struct reader *r, const struct network *n, size_t line)
{
	if (r->list->count == r->room) {
		size_t room = r->room ? r->room * 2 : 64;
		struct network *grown = realloc(r->list->networks, room * sizeof(*grown));
		if (!grown) {
			set_fault(r->fault, line, "the host has no memory for it");
			return false;
		}
		r->list->networks = grown;
		r->room = room;
	}
	if (r->list->count == NETLIST_MAX) {
		set_fault(r->fault, line, "there are more than 10,000,000 networks");
		return false;
	}
	r->list->networks[r->list->count++] = *n;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool read_line(struct reader *r, const char *at, size_t length, size_t line)
{
	char word[NETLIST_LINE_MAX];
	struct network n;
	const char *comment = memchr(at, '#', length);
	if (comment)
		length = (size_t)(comment - at);
	while (length && is_blank(at[length - 1]))
		length--;
	for (; length && is_blank(*at); length--)
		at++;
	if (!length)
		return true;
	if (length >= sizeof(word)) {
		set_fault(r->fault, line, "the line is too long for a network");
		return false;
	}
	memcpy(word, at, length);
	word[length] = '\0';
	if (memchr(word, '\0', length) || !network_parse(&n, word)) {
		explain(r->fault, line, at, length);
		return false;
	}
	return add(r, &n, line);
}

bool netlist_read(
	struct netlist *list, const char *bytes, size_t length, struct netlist_fault *fault)
{
	struct reader r = {.list = list, .fault = fault};
	size_t line = 0;
	*list = (struct netlist){0};
	for (const char *at = bytes, *end = bytes + length, *next; at < end; at = next) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		next = newline ? newline + 1 : end;
		if (!read_line(&r, at, (size_t)((newline ? newline : end) - at), ++line)) {
			netlist_free(list);
			return false;
		}
	}
	list->count = netlist_sort(list->networks, list->count);
	return true;
}

void netlist_free(struct netlist *list)
{
	free(list->networks);
	*list = (struct netlist){0};
}

/* --- what a list covers --- */

static int compare(const void *a, const void *b)
{
	const struct network *one = a, *other = b;
	int order = memcmp(&one->addr, &other->addr, sizeof(one->addr));
	return order ? order : one->prefix - other->prefix;
}

size_t netlist_sort(struct network *networks, size_t count)
{
	size_t kept = 0;
	if (count)
		qsort(networks, count, sizeof(*networks), compare);
	for (size_t i = 0; i < count; i++)
		if (!kept || compare(&networks[kept - 1], &networks[i]))
			networks[kept++] = networks[i];
	return kept;
}

static bool holds(const struct network *n, const struct network *other)
{
	return n->prefix <= other->prefix && network_contains(n, &other->addr);
}

/* In 1/2^24 of what is vast: what is smaller counts as that, so that a million addresses are not forgotten. */
static uint64_t weight(const struct network *n)
{
	unsigned vast = addr_is_ipv4(&n->addr) ? IPV4_BIT + IPV4_VAST : IPV6_VAST;
	return n->prefix >= vast + 24
		       ? 1
		       : UINT64_C(1) << (vast + 24 - n->prefix < 40 ? vast + 24 - n->prefix : 40);
}

bool netlist_is_vast(const struct network *networks, size_t count)
{
	const struct network *outer = NULL;
	uint64_t ipv4 = 0, ipv6 = 0;
	for (size_t i = 0; i < count; i++) {
		if (outer && holds(outer, &networks[i]))
			continue;
		outer = &networks[i];
		*(addr_is_ipv4(&outer->addr) ? &ipv4 : &ipv6) += weight(outer);
	}
	return ipv4 > UINT64_C(1) << 24 || ipv6 > UINT64_C(1) << 24;
}

const struct network *netlist_overlap(
	const struct network *networks, size_t count, const struct network *with)
{
	for (size_t i = 0; i < count; i++)
		if (holds(&networks[i], with) || holds(with, &networks[i]))
			return &networks[i];
	return NULL;
}
