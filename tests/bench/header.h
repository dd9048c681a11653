/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * header.h - the PROXY protocol header, as a load balancer writes it and as a server skips it. IPv4
 * only.
 */
#ifndef BENCH_HEADER_H
#define BENCH_HEADER_H

#include <netinet/in.h>
#include <stddef.h>

/* The longest header that header_write() makes. */
#define HEADER_MAX 108

enum header_kind { HEADER_NONE, HEADER_V1, HEADER_V2 };

/*
 * Write a header that says "this is `source`, who called `target`" into `out`, HEADER_MAX bytes.
 * Returns its length.
 */
size_t header_write(char *out, enum header_kind kind, const struct sockaddr_in *source,
	const struct sockaddr_in *target);

/*
 * The length of the v1 or v2 header that `data` begins with; 0: more bytes are needed; -1: it is no
 * header.
 */
long header_measure(const char *data, size_t length);

#endif
