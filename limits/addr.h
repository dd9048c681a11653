/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * addr.h - an IP address as a comparable key, and networks of them.
 *
 * Every address is 16 bytes in network order; IPv4 is held IPv4-mapped (::ffff:a.b.c.d), so that a
 * caller who comes as 192.0.2.1 and one who comes as ::ffff:192.0.2.1 are the same source. Nothing
 * here allocates, blocks or keeps state; every function may be called from any thread.
 */
#ifndef SIPWEIR_LIMITS_ADDR_H
#define SIPWEIR_LIMITS_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
	ADDR_TEXT_MAX = 46,	 /* longest address text and its NUL */
	ADDR_PORT_TEXT_MAX = 54, /* "[address]:port" and its NUL */
};

struct addr {
	uint8_t bytes[16];
};

struct addr_port {
	struct addr addr;
	uint16_t port; /* host order */
};

/* A block of addresses. `prefix` counts bits of the 16-byte form: 192.0.2.0/24 is held as 120. */
struct network {
	struct addr addr; /* host bits are zero */
	uint8_t prefix;	  /* 0..128 */
};

/* True for a mapped address, which is how each IPv4 address is held. */
bool addr_is_ipv4(const struct addr *a);
void addr_set_ipv4(struct addr *a, const uint8_t ipv4[4]); /* network order */
bool addr_equal(const struct addr *a, const struct addr *b);
bool addr_port_equal(const struct addr_port *a, const struct addr_port *b);

/*
 * True for the address that names nobody: 0.0.0.0 or ::. Broadcast and multicast pass: only a
 * trusted sender can claim them, they are limited like any other source, and the PROXY document's
 * longest valid v1 lines use them.
 */
bool addr_is_unusable(const struct addr *a);

/*
 * Clear the bits behind the source prefix of the address's family. ipv4_prefix is 0..32,
 * ipv6_prefix 0..128; larger values leave the address whole.
 */
void addr_cut(struct addr *a, unsigned ipv4_prefix, unsigned ipv6_prefix);

/*
 * Read the whole of `text` (NUL-terminated) as one IPv4 or IPv6 address. IPv4 in four decimal
 * octets without leading zeros only; no brackets, no zone. False, with *a untouched, for anything
 * else.
 */
bool addr_parse(struct addr *a, const char *text);

/* Decimal 0..65535: digits alone, no leading zeros. False, with *port untouched, otherwise. */
bool port_parse(uint16_t *port, const char *text);

/*
 * "192.0.2.1:5060" or "[2001:db8::1]:5060"; port 0..65535 in decimal. False, with *ap untouched,
 * otherwise.
 */
bool addr_port_parse(struct addr_port *ap, const char *text);

/*
 * Write the canonical text (RFC 5952; a mapped address as IPv4) with a NUL; returns its length
 * without it.
 */
size_t addr_format(const struct addr *a, char out[ADDR_TEXT_MAX]);
size_t addr_port_format(const struct addr_port *ap, char out[ADDR_PORT_TEXT_MAX]);

/* AF_INET and AF_INET6 only; false, with *ap untouched, for another family. */
bool addr_from_sockaddr(struct addr_port *ap, const struct sockaddr *sa);

/* AF_INET for a mapped address, else AF_INET6. Returns the length for bind() or connect(). */
socklen_t addr_to_sockaddr(const struct addr_port *ap, struct sockaddr_storage *out);

/*
 * "192.0.2.0/24", "2001:db8::/32" or a bare address. False, with *n untouched, when the text is not
 * a network or has bits set behind its prefix (192.0.2.1/24 is more often a slip than a wish).
 */
bool network_parse(struct network *n, const char *text);

/* "192.0.2.0/24": the text and its NUL, the prefix always written. Returns its length. */
enum { NETWORK_TEXT_MAX = ADDR_TEXT_MAX + 4 };
size_t network_format(const struct network *n, char out[NETWORK_TEXT_MAX]);

/* An IPv6 network holds no IPv4 address, mapped or not: who writes ::/0 means IPv6 callers. */
bool network_contains(const struct network *n, const struct addr *a);

/* True when the network is a whole address family: 0.0.0.0/0 or ::/0. */
bool network_is_everything(const struct network *n);

#endif
