/* SPDX-License-Identifier: BSD-2-Clause */
#include "limits/ban_rows.h"

#include "limits/siphash.h"

#include <string.h>

enum { EVICT_LOOKS = 64 };

bool ban_is_ipv4(const struct network *n)
{
	return n->prefix >= IPV4_BIT && addr_is_ipv4(&n->addr);
}

struct network ban_network_around(const struct addr *a, unsigned prefix)
{
	struct network n = {.addr = *a, .prefix = (uint8_t)prefix};
	unsigned whole = prefix / 8;
	if (whole < sizeof(n.addr.bytes))
		n.addr.bytes[whole] &= (uint8_t)(0xff00u >> prefix % 8);
	for (unsigned i = whole + 1; i < sizeof(n.addr.bytes); i++)
		n.addr.bytes[i] = 0;
	return n;
}

void ban_place_set_endpoint(struct ban_place *p, const char *endpoint, size_t length)
{
	memset(p->endpoint, 0, sizeof(p->endpoint));
	if (length >= sizeof(p->endpoint))
		length = sizeof(p->endpoint) - 1;
	if (length)
		memcpy(p->endpoint, endpoint, length);
}

uint32_t bans_bucket_of(const struct bans *b, const struct network *n, const char *endpoint)
{
	uint8_t key[sizeof(n->addr.bytes) + 1 + BAN_ENDPOINT_MAX];
	size_t length = strlen(endpoint);
	memcpy(key, n->addr.bytes, sizeof(n->addr.bytes));
	key[sizeof(n->addr.bytes)] = n->prefix;
	memcpy(key + sizeof(n->addr.bytes) + 1, endpoint, length);
	return (uint32_t)siphash13(b->hash_key, key, sizeof(n->addr.bytes) + 1 + length) &
	       (b->bucket_count - 1);
}

static uint32_t site_of(const struct bans *b, const struct network *n, const char *endpoint)
{
	struct network site = ban_network_around(&n->addr, SITE_PREFIX);
	return bans_bucket_of(b, &site, endpoint);
}

static bool is_at(const struct ban_row *r, const struct network *n, const char *endpoint)
{
	return r->ban.network.prefix == n->prefix && addr_equal(&r->ban.network.addr, &n->addr) &&
	       !strcmp(r->ban.endpoint, endpoint);
}

bool ban_row_is_in_force(const struct ban_row *r, int64_t now_s)
{
	return r->is_used && r->ban.until_s > now_s;
}

/* --- rows; the lock is held --- */

struct ban_row *bans_find_row(struct bans *b, const struct network *n, const char *endpoint)
{
	for (uint32_t i = b->buckets[bans_bucket_of(b, n, endpoint)]; i != 0; i = b->rows[i].next)
		if (is_at(&b->rows[i], n, endpoint))
			return &b->rows[i];
	return NULL;
}

static void unlink_row(struct bans *b, struct ban_row *r)
{
	uint32_t index = (uint32_t)(r - b->rows);
	uint32_t *at = &b->buckets[bans_bucket_of(b, &r->ban.network, r->ban.endpoint)];
	while (*at != index)
		at = &b->rows[*at].next;
	*at = r->next;
	at = &b->sites[site_of(b, &r->ban.network, r->ban.endpoint)];
	while (*at != index)
		at = &b->rows[*at].next_in_site;
	*at = r->next_in_site;
}

void bans_drop_row(struct bans *b, struct ban_row *r)
{
	unlink_row(b, r);
	b->prefixes[ban_is_ipv4(&r->ban.network)][r->ban.network.prefix]--;
	*r = (struct ban_row){.next = b->free};
	b->free = (uint32_t)(r - b->rows);
	atomic_fetch_sub_explicit(&b->used, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&b->changes, 1, memory_order_relaxed);
}

/* Memories first; then the automatic ban that ends soonest, among those looked at, if it ends before `until_s`. */
static bool make_room(struct bans *b, int64_t until_s, int64_t now_s)
{
	struct ban_row *soonest = NULL;
	for (unsigned i = 0; i < EVICT_LOOKS; i++) {
		struct ban_row *r = &b->rows[b->hand++ % b->capacity + 1];
		if (!ban_row_is_in_force(r, now_s)) {
			bans_drop_row(b, r);
			return true;
		}
		if (!r->ban.is_by_hand && r->ban.until_s < until_s &&
			(soonest == NULL || r->ban.until_s < soonest->ban.until_s))
			soonest = r;
	}
	if (soonest != NULL)
		bans_drop_row(b, soonest);
	return soonest != NULL;
}

static struct ban_row *take_row(struct bans *b, int64_t until_s, int64_t now_s)
{
	if (b->free == 0 && b->fresh == b->capacity && !make_room(b, until_s, now_s))
		return NULL;
	if (b->free == 0)
		return &b->rows[++b->fresh];
	struct ban_row *r = &b->rows[b->free];
	b->free = r->next;
	return r;
}

struct ban_row *bans_insert_row(struct bans *b, const struct ban *ban, int64_t now_s)
{
	struct ban_row *r = take_row(b, ban->until_s, now_s);
	if (r == NULL)
		return NULL;
	uint32_t index = (uint32_t)(r - b->rows);
	uint32_t *bucket = &b->buckets[bans_bucket_of(b, &ban->network, ban->endpoint)];
	uint32_t *site = &b->sites[site_of(b, &ban->network, ban->endpoint)];
	*r = (struct ban_row){.ban = *ban, .next = *bucket, .next_in_site = *site, .is_used = true};
	*bucket = *site = index;
	b->prefixes[ban_is_ipv4(&ban->network)][ban->network.prefix]++;
	atomic_fetch_add_explicit(&b->used, 1, memory_order_relaxed);
	return r;
}
