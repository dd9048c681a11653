/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ban_rows.h - the rows of a table of bans, in chains: by network and endpoint, and by the /48 around them. Private to limits/.
 *
 * A row whose end has passed is a memory: of how often it was, until it is needed for another or its time is over. What
 * takes a struct bans that is not const wants its lock held.
 */
#ifndef SIPWEIR_LIMITS_BAN_ROWS_H
#define SIPWEIR_LIMITS_BAN_ROWS_H

#include "limits/bans.h"
#include "limits/spin.h"

#include <stdatomic.h>

enum {
	IPV4_BIT = 96,
	ADDR_BITS = 128,
	SITE_PREFIX = 48, /* what one customer is given, who then has 65,536 /64 */
};

struct ban_row {
	struct ban ban;
	int64_t forget_s;	     /* until then it is remembered how often it was */
	uint32_t next, next_in_site; /* of its chains; `next` also of the free rows; 0: the last */
	bool is_used, is_told;	     /* its end */
};

struct bans {
	struct spin lock;
	_Atomic uint32_t used; /* rows, memories included */
	_Atomic uint64_t changes;
	uint32_t capacity, fresh, free, hand;
	uint32_t bucket_count; /* a power of two */
	uint32_t *buckets, *sites;
	struct ban_row *rows;		     /* from 1 */
	uint32_t prefixes[2][ADDR_BITS + 1]; /* rows of each length, of IPv6 and of IPv4 */
	uint8_t hash_key[16];
};

/* An endpoint's text as it is kept. */
struct ban_place {
	struct network network;
	char endpoint[BAN_ENDPOINT_MAX];
};

void ban_place_set_endpoint(struct ban_place *p, const char *endpoint, size_t length);

/* The address cut to so many bits of its 16-byte form. */
struct network ban_network_around(const struct addr *a, unsigned prefix);

bool ban_is_ipv4(const struct network *n);
bool ban_row_is_in_force(const struct ban_row *r, int64_t now_s);

/* Where the chain of a network begins; of a /48: in `sites`, that of the rows in it. */
uint32_t bans_bucket_of(const struct bans *b, const struct network *n, const char *endpoint);

/* The row of this very network, in force or not. NULL: there is none. */
struct ban_row *bans_find_row(struct bans *b, const struct network *n, const char *endpoint);

/* A row for a ban that has none. In a full table another goes for it; NULL: none may. */
struct ban_row *bans_insert_row(struct bans *b, const struct ban *ban, int64_t now_s);
void bans_drop_row(struct bans *b, struct ban_row *r);

#endif
