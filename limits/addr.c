/* SPDX-License-Identifier: BSD-2-Clause */
/* addr.c - addresses and networks: text in, 16 bytes out, and back. */
#include "limits/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum {
	ADDR_BITS = 128,
	ADDR_MAPPED_BITS = 96, /* ::ffff:0:0/96 is all of IPv4 */
	ADDR_GROUPS = 8,
};

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

bool addr_is_ipv4(const struct addr *a)
{
	return memcmp(a->bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

void addr_set_ipv4(struct addr *a, const uint8_t ipv4[4])
{
	memcpy(a->bytes, mapped_prefix, sizeof(mapped_prefix));
	memcpy(a->bytes + sizeof(mapped_prefix), ipv4, 4);
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool addr_port_equal(const struct addr_port *a, const struct addr_port *b)
{
	return a->port == b->port && addr_equal(&a->addr, &b->addr);
}

bool addr_is_unusable(const struct addr *a)
{
	static const uint8_t zero[16];
	if (addr_is_ipv4(a))
		return memcmp(a->bytes + sizeof(mapped_prefix), zero, 4) == 0;
	return memcmp(a->bytes, zero, sizeof(zero)) == 0;
}

static void clear_behind(struct addr *a, unsigned bits)
{
	for (unsigned i = bits / 8; i < sizeof(a->bytes); i++) {
		unsigned kept = i == bits / 8 ? bits % 8 : 0;
		a->bytes[i] = (uint8_t)(a->bytes[i] & (0xff00u >> kept));
	}
}

void addr_cut(struct addr *a, unsigned ipv4_prefix, unsigned ipv6_prefix)
{
	bool ipv4 = addr_is_ipv4(a);
	unsigned bits = ipv4 ? ADDR_MAPPED_BITS + ipv4_prefix : ipv6_prefix;
	if (ipv4 ? ipv4_prefix < 32 : ipv6_prefix < ADDR_BITS)
		clear_behind(a, bits);
}

/* strtoul() would take signs, spaces, leading zeros and a rest of the line. */
static bool decimal_parse(unsigned *number, const char *text, unsigned max)
{
	unsigned value = 0;
	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (unsigned)(*text - '0');
		if (value > max)
			return false;
	}
	*number = value;
	return true;
}

bool addr_parse(struct addr *a, const char *text)
{
	struct in_addr ipv4;
	struct in6_addr ipv6;
	if (inet_pton(AF_INET, text, &ipv4) == 1) {
		addr_set_ipv4(a, (const uint8_t *)&ipv4);
		return true;
	}
	if (inet_pton(AF_INET6, text, &ipv6) == 1) {
		memcpy(a->bytes, &ipv6, sizeof(a->bytes));
		return true;
	}
	return false;
}

/* addr_parse() of a piece of text. */
static bool piece_parse(struct addr *a, const char *text, size_t length)
{
	char piece[ADDR_TEXT_MAX];
	if (length >= sizeof(piece))
		return false;
	memcpy(piece, text, length);
	piece[length] = '\0';
	return addr_parse(a, piece);
}

bool port_parse(uint16_t *port, const char *text)
{
	unsigned value;
	if (!decimal_parse(&value, text, UINT16_MAX))
		return false;
	*port = (uint16_t)value;
	return true;
}

bool addr_port_parse(struct addr_port *ap, const char *text)
{
	struct addr_port parsed;
	const char *colon = strrchr(text, ':');
	if (colon == NULL || !port_parse(&parsed.port, colon + 1))
		return false;

	size_t length = (size_t)(colon - text);
	bool ipv6 = memchr(text, ':', length) != NULL;
	bool bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
	if (ipv6 != bracketed) /* 2001:db8::1:5060 could be read in two ways */
		return false;
	if (bracketed) {
		text++;
		length -= 2;
	}
	if (!piece_parse(&parsed.addr, text, length))
		return false;
	*ap = parsed;
	return true;
}

/*
 * The run of zero groups that RFC 5952 section 4.2 shortens: the longest, of equals the first,
 * never a single one.
 */
static void find_gap(const unsigned groups[ADDR_GROUPS], int *start, int *end)
{
	*start = *end = -1;
	for (int i = 0; i < ADDR_GROUPS; i++) {
		int j = i;
		while (j < ADDR_GROUPS && groups[j] == 0)
			j++;
		if (j - i >= 2 && j - i > *end - *start) {
			*start = i;
			*end = j;
		}
		if (j > i)
			i = j;
	}
}

/* Not inet_ntop(): it differs between C libraries, and writes ::1:2 as ::0.1.0.2. */
size_t addr_format(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	const uint8_t *b = a->bytes;
	if (addr_is_ipv4(a))
		return (size_t)snprintf(
			out, ADDR_TEXT_MAX, "%u.%u.%u.%u", b[12], b[13], b[14], b[15]);

	unsigned groups[ADDR_GROUPS];
	for (int i = 0; i < ADDR_GROUPS; i++)
		groups[i] = (unsigned)b[2 * i] << 8 | b[2 * i + 1];
	int gap, gap_end;
	find_gap(groups, &gap, &gap_end);

	size_t used = 0;
	for (int i = 0; i < ADDR_GROUPS; i++) {
		if (i == gap) {
			out[used++] = ':';
			i = gap_end;
			if (i == ADDR_GROUPS)
				out[used++] = ':';
		}
		if (i < ADDR_GROUPS)
			used += (size_t)snprintf(
				out + used, ADDR_TEXT_MAX - used, i == 0 ? "%x" : ":%x", groups[i]);
	}
	out[used] = '\0';
	return used;
}

size_t addr_port_format(const struct addr_port *ap, char out[ADDR_PORT_TEXT_MAX])
{
	char text[ADDR_TEXT_MAX];
	addr_format(&ap->addr, text);
	return (size_t)snprintf(out, ADDR_PORT_TEXT_MAX,
		addr_is_ipv4(&ap->addr) ? "%s:%u" : "[%s]:%u", text, ap->port);
}

bool addr_from_sockaddr(struct addr_port *ap, const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in; /* copied: the caller's bytes need not be aligned */
		memcpy(&in, sa, sizeof(in));
		addr_set_ipv4(&ap->addr, (const uint8_t *)&in.sin_addr);
		ap->port = ntohs(in.sin_port);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;
		memcpy(&in6, sa, sizeof(in6));
		memcpy(ap->addr.bytes, &in6.sin6_addr, sizeof(ap->addr.bytes));
		ap->port = ntohs(in6.sin6_port);
		return true;
	}
	return false;
}

socklen_t addr_to_sockaddr(const struct addr_port *ap, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (addr_is_ipv4(&ap->addr)) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(ap->port)};
		memcpy(&in.sin_addr, ap->addr.bytes + sizeof(mapped_prefix), 4);
		memcpy(out, &in, sizeof(in));
		return sizeof(in);
	}
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(ap->port)};
	memcpy(&in6.sin6_addr, ap->addr.bytes, sizeof(ap->addr.bytes));
	memcpy(out, &in6, sizeof(in6));
	return sizeof(in6);
}

bool network_parse(struct network *n, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	unsigned family_bits = memchr(text, ':', length) ? ADDR_BITS : ADDR_BITS - ADDR_MAPPED_BITS;
	unsigned bits = family_bits;
	struct addr addr;
	if (!piece_parse(&addr, text, length))
		return false;
	if (slash && !decimal_parse(&bits, slash + 1, family_bits))
		return false;

	unsigned prefix = ADDR_BITS - family_bits + bits;
	struct addr cut = addr;
	clear_behind(&cut, prefix);
	if (!addr_equal(&cut, &addr))
		return false;
	*n = (struct network){.addr = addr, .prefix = (uint8_t)prefix};
	return true;
}

size_t network_format(const struct network *n, char out[NETWORK_TEXT_MAX])
{
	bool is_ipv4 = n->prefix >= ADDR_MAPPED_BITS && addr_is_ipv4(&n->addr);
	size_t length = addr_format(&n->addr, out);
	int more = snprintf(out + length, NETWORK_TEXT_MAX - length, "/%u",
		is_ipv4 ? n->prefix - (unsigned)ADDR_MAPPED_BITS : n->prefix);
	return length + (size_t)more;
}

bool network_contains(const struct network *n, const struct addr *a)
{
	struct addr cut = *a;
	clear_behind(&cut, n->prefix);
	return addr_is_ipv4(&n->addr) == addr_is_ipv4(a) && addr_equal(&n->addr, &cut);
}

bool network_is_everything(const struct network *n)
{
	return n->prefix == (addr_is_ipv4(&n->addr) ? ADDR_MAPPED_BITS : 0);
}
