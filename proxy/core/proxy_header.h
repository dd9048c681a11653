/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * proxy_header.h - the PROXY protocol, v1 and v2, read and written (HAProxy document, revision
 * 2026-04-27).
 *
 * The reader is a function of the bytes received so far: it may be called again with more, and its
 * verdict does not depend on how they were split. Nothing is allocated; any thread.
 */
#ifndef SIPWEIR_PROXY_CORE_PROXY_HEADER_H
#define SIPWEIR_PROXY_CORE_PROXY_HEADER_H

#include "limits/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PROXY_HEADER_MAX = 4096, /* a longer v2 header is refused as soon as its length is known */
	PROXY_HEADER_PLAIN_MAX = 107, /* what proxy_header_write() may need */
	PROXY_HEADER_WRITE_MAX = 512, /* room for such a header and what is put behind it */
	PROXY_ENDPOINT_MAX = 63,      /* bytes of a VPC endpoint id (AWS: 22) */
};

enum proxy_verdict {
	PROXY_MORE,   /* so far a valid beginning: read on */
	PROXY_ACCEPT, /* addresses and `used` are set */
	PROXY_LOCAL,  /* v2 LOCAL or v1 UNKNOWN: `used` is set; the addresses of the socket count */
	PROXY_REJECT, /* `fault` says why */
};

/* Why a header was refused. X(constant, name in logs and metrics) */
/* clang-format off */
#define PROXY_FAULTS(X)                                                                            \
	X(PROXY_FAULT_NONE, "none")                                                                \
	X(PROXY_FAULT_SIGNATURE, "not_a_proxy_header")                                             \
	X(PROXY_FAULT_VERSION, "version")                                                          \
	X(PROXY_FAULT_COMMAND, "command")                                                          \
	X(PROXY_FAULT_FAMILY, "family")     /* undefined family or protocol nibble */              \
	X(PROXY_FAULT_UNSPEC, "unspec")     /* UNSPEC or AF_UNIX: no address to limit by */        \
	X(PROXY_FAULT_NOT_TCP, "not_tcp")   /* a datagram protocol */                              \
	X(PROXY_FAULT_TOO_LONG, "too_long") /* over PROXY_HEADER_MAX; v1: over 107 bytes */        \
	X(PROXY_FAULT_ADDRESS_BLOCK, "address_block") /* length shorter than the family's block */ \
	X(PROXY_FAULT_TLV, "tlv")           /* cut off, over its size, or a bad endpoint id */     \
	X(PROXY_FAULT_CRC32C, "crc32c")     /* wrong, of a wrong size, or twice */                 \
	X(PROXY_FAULT_LINE_END, "line_end") /* v1: a lone CR or LF, or a NUL */                    \
	X(PROXY_FAULT_FIELDS, "fields")     /* v1: not the fields of the grammar */                \
	X(PROXY_FAULT_ADDRESS, "address")   /* v1: not an address of the stated family */          \
	X(PROXY_FAULT_PORT, "port")                                                                \
	X(PROXY_FAULT_SOURCE, "source")     /* 0.0.0.0 or ::, see addr_is_unusable() */
/* clang-format on */

enum proxy_fault {
#define X(constant, name) constant,
	PROXY_FAULTS(X)
#undef X
		PROXY_FAULT_COUNT
};

struct proxy_header {
	unsigned version; /* 1 or 2 once that is known, else 0 */
	struct addr_port source;
	struct addr_port destination;
	char endpoint[PROXY_ENDPOINT_MAX + 1]; /* AWS VPC endpoint id: one ASCII word; "": none */
	size_t used; /* bytes of the header; what follows is the caller's data */
	enum proxy_fault fault;
};

/*
 * Judge the first `length` bytes of a connection. *out is set whole at each call; what the verdict
 * does not promise is zero or unfinished. A verdict other than PROXY_MORE stands, whatever follows,
 * and comes with the first byte that decides it: version and command at byte 13, family at byte 14,
 * length at byte 16, v1 at its CRLF or at byte 107.
 */
enum proxy_verdict proxy_header_read(const uint8_t *bytes, size_t length, struct proxy_header *out);

/* True while the bytes (at least one) can be the beginning of a header of either version. */
bool proxy_header_is_prefix(const uint8_t *bytes, size_t length);

/*
 * Write a header of `version` (1 or 2) that names source and destination. When their families
 * differ (or mapped and unmapped meet) both are written as IPv6. Returns its length, at most
 * PROXY_HEADER_PLAIN_MAX.
 */
size_t proxy_header_write(uint8_t out[PROXY_HEADER_PLAIN_MAX], unsigned version,
	const struct addr_port *source, const struct addr_port *destination);

/* The same for a connection of our own, a health check: LOCAL, in version 1 UNKNOWN. */
size_t proxy_header_write_local(uint8_t out[PROXY_HEADER_PLAIN_MAX], unsigned version);

/* The name of the list above, for logs and metrics; static. */
const char *proxy_fault_name(enum proxy_fault fault);

#endif
