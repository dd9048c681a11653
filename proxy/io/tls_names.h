/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_names.h - which certificates of a listener are for a name: the exact ones, else those with a wildcard for its first
 * label. Immutable once made; any thread.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_NAMES_H
#define SIPWEIR_PROXY_IO_TLS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_name {
	const char *name; /* the certificate's */
	uint32_t certificate;
};

struct tls_names {
	struct tls_name *names; /* sorted by name, then as configured */
	size_t count;
};

/* Certificates for one name. */
struct tls_names_found {
	const struct tls_name *first;
	size_t count; /* 0: none is for it */
};

/* Take over `names` (malloc), in any order. A name may stand there for several certificates. */
void tls_names_init(struct tls_names *n, struct tls_name *names, size_t count);
void tls_names_fini(struct tls_names *n);

/* Any text that a client may send; case and a dot at the end do not matter. */
struct tls_names_found tls_names_find(const struct tls_names *n, const char *name);

/* True when both are the same certificates. */
bool tls_names_are_same(struct tls_names_found a, struct tls_names_found b);

#endif
