/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bans.h - who may not come in for a while: sources, and by hand any network.
 *
 * A bounded table of its own, made once, with one lock that is never held across anything that can block; while there is no
 * ban, looking costs one load. Every function but bans_new() and bans_free() may be called from any thread. Times are
 * seconds since the epoch, because bans survive restarts.
 */
#ifndef SIPWEIR_LIMITS_BANS_H
#define SIPWEIR_LIMITS_BANS_H

#include "limits/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BAN_REASON_MAX = 64,
	BAN_ENDPOINT_MAX = 128,
	BAN_LINE_MAX = 512, /* of the text form, and its NUL */
	BANS_MAX = 1 << 22,
};

/* until_s of a ban that stays until it is lifted. */
#define BAN_FOREVER INT64_MAX

struct ban {
	struct network network;
	char endpoint
		[BAN_ENDPOINT_MAX]; /* the VPC endpoint it is for; "": for whoever comes through none */
	char reason[BAN_REASON_MAX]; /* printable */
	int64_t until_s;
	uint32_t times;	  /* so often has it been banned: what doubles */
	uint32_t refused; /* connections that it has kept out */
	bool is_by_hand;
};

struct ban_rules {
	uint32_t ban_for_s, ban_max_s; /* the first time, and at most */
	unsigned
		widen_count; /* so many banned sources of one IPv6 /48 become one ban of it; 0: never */
};

struct bans;

/* Room for so many, 1..BANS_MAX. NULL: memory is short. `hash_key` is random. bans_free() takes NULL. */
struct bans *bans_new(uint32_t capacity, const uint8_t hash_key[16]);
void bans_free(struct bans *b);

/* Is this address kept out? Then *out is the ban (the longest network), and it has kept out one more. */
bool bans_match(struct bans *b, const struct addr *addr, const char *endpoint,
	size_t endpoint_length, int64_t now_s, struct ban *out);

/* The same without counting. */
bool bans_find(struct bans *b, const struct addr *addr, const char *endpoint,
	size_t endpoint_length, int64_t now_s, struct ban *out);

/*
 * Ban a source: the first time for ban_for_s, each further time for twice as long. How often it was is remembered for ban_max_s
 * behind its end, as long as there is room. *out: what is banned now, which may be the /48 around it.
 *
 * In a full table what has ended makes room, then an automatic ban that ends sooner than this one would. False: none was
 * found; nothing is banned.
 */
bool bans_add(struct bans *b, const struct network *source, const char *endpoint,
	size_t endpoint_length, const char *reason, const struct ban_rules *rules, int64_t now_s,
	struct ban *out);

/* Ban as given (`refused` and, by hand, `times` do not matter). False: the table is full, as above. */
bool bans_put(struct bans *b, const struct ban *ban, int64_t now_s);

/* Lift all bans in this network, and forget how often they were. Returns how many were in force. */
unsigned bans_lift(struct bans *b, const struct network *network, const char *endpoint,
	size_t endpoint_length, int64_t now_s);

/* Up to `most` that have ended and were not told of before; what need not be remembered any more goes. */
unsigned bans_expire(struct bans *b, int64_t now_s, struct ban *ended, unsigned most);

/* In force, and how often anything has changed that a file should know. */
unsigned bans_count(struct bans *b, int64_t now_s);
uint64_t bans_changes(const struct bans *b);

/* All in force, those that end first in front; from malloc. False: memory is short. */
bool bans_list(struct bans *b, int64_t now_s, struct ban **out, size_t *count);

/*
 * The text form, a line each: network, endpoint or "-", end (or "forever"), times, "auto" or "hand", reason. bans_write_line()
 * returns the length with the newline. bans_read_line() takes one line without it. False: it is none.
 */
size_t bans_write_line(const struct ban *ban, char out[BAN_LINE_MAX]);
bool bans_read_line(struct ban *ban, const char *line, size_t length);

/* As network_format(), but "192.0.2.1" where the network is one address. */
size_t ban_network_format(const struct network *n, char out[NETWORK_TEXT_MAX]);

#endif
