/* SPDX-License-Identifier: BSD-2-Clause */
/* bans.c - who is banned, for how long, and when it ends; ban_rows.c keeps the rows. */
#include "limits/bans.h"

#include "limits/ban_rows.h"

#include <stdlib.h>
#include <string.h>

enum { LOOKS_PER_LOCK = 1024 };

/* --- beginning and end --- */

struct bans *bans_new(uint32_t capacity, const uint8_t hash_key[16])
{
	if (capacity < 1 || capacity > BANS_MAX)
		return NULL;
	struct bans *b = calloc(1, sizeof(*b));
	if (b == NULL)
		return NULL;
	b->capacity = capacity;
	for (b->bucket_count = 16; b->bucket_count < capacity; b->bucket_count *= 2)
		;
	b->buckets = calloc(b->bucket_count, sizeof(*b->buckets));
	b->sites = calloc(b->bucket_count, sizeof(*b->sites));
	b->rows = calloc((size_t)capacity + 1, sizeof(*b->rows));
	memcpy(b->hash_key, hash_key, sizeof(b->hash_key));
	if (b->buckets && b->sites && b->rows)
		return b;
	bans_free(b);
	return NULL;
}

void bans_free(struct bans *b)
{
	if (b == NULL)
		return;
	free(b->buckets);
	free(b->sites);
	free(b->rows);
	free(b);
}

/* Now and then on a walk over all rows: the lock is given away and taken again. */
static void let_others_in(struct bans *b, uint32_t index)
{
	if (index % LOOKS_PER_LOCK == 0) {
		spin_unlock(&b->lock);
		spin_lock(&b->lock);
	}
}

/* --- looking --- */

static struct ban_row *match(
	struct bans *b, const struct addr *addr, const char *endpoint, int64_t now_s)
{
	bool is_v4 = addr_is_ipv4(addr);
	for (unsigned prefix = ADDR_BITS + 1; prefix-- > (is_v4 ? IPV4_BIT : 0);) {
		if (b->prefixes[is_v4][prefix] == 0)
			continue;
		struct network n = ban_network_around(addr, prefix);
		struct ban_row *r = bans_find_row(b, &n, endpoint);
		if (r != NULL && ban_row_is_in_force(r, now_s))
			return r;
	}
	return NULL;
}

static bool look(struct bans *b, const struct addr *addr, const char *endpoint, size_t length,
	int64_t now_s, uint32_t refused, struct ban *out)
{
	struct ban_place p;
	if (atomic_load_explicit(&b->used, memory_order_relaxed) == 0)
		return false;
	ban_place_set_endpoint(&p, endpoint, length);
	spin_lock(&b->lock);
	struct ban_row *r = match(b, addr, p.endpoint, now_s);
	if (r != NULL) {
		r->ban.refused += refused;
		*out = r->ban;
	}
	spin_unlock(&b->lock);
	return r != NULL;
}

bool bans_match(struct bans *b, const struct addr *addr, const char *endpoint,
	size_t endpoint_length, int64_t now_s, struct ban *out)
{
	return look(b, addr, endpoint, endpoint_length, now_s, 1, out);
}

bool bans_find(struct bans *b, const struct addr *addr, const char *endpoint,
	size_t endpoint_length, int64_t now_s, struct ban *out)
{
	return look(b, addr, endpoint, endpoint_length, now_s, 0, out);
}

/* --- banning --- */

static uint64_t duration_s(const struct ban_rules *rules, uint32_t times)
{
	uint64_t duration = rules->ban_for_s;
	for (uint32_t i = 1; i < times && duration < rules->ban_max_s; i++)
		duration *= 2;
	return duration < rules->ban_max_s ? duration : rules->ban_max_s;
}

static struct ban_row *ban_network(struct bans *b, const struct ban_place *p, const char *reason,
	const struct ban_rules *rules, int64_t now_s)
{
	struct ban_row *r = bans_find_row(b, &p->network, p->endpoint);
	struct ban ban = {.network = p->network, .times = 1};
	if (r != NULL && r->ban.is_by_hand && ban_row_is_in_force(r, now_s))
		return r;
	if (r != NULL && now_s < r->forget_s)
		ban.times = r->ban.times < 32 ? r->ban.times + 1 : r->ban.times;
	memcpy(ban.endpoint, p->endpoint, sizeof(ban.endpoint));
	strncpy(ban.reason, reason, sizeof(ban.reason) - 1);
	ban.until_s = now_s + (int64_t)duration_s(rules, ban.times);
	if (r != NULL) {
		r->ban = ban;
		r->is_told = false;
	} else {
		r = bans_insert_row(b, &ban, now_s);
	}
	if (r != NULL)
		r->forget_s = ban.until_s + rules->ban_max_s;
	atomic_fetch_add_explicit(&b->changes, 1, memory_order_relaxed);
	return r;
}

static bool is_neighbour(
	const struct ban_row *r, const struct network *site, const char *endpoint, int64_t now_s)
{
	return ban_row_is_in_force(r, now_s) && !r->ban.is_by_hand &&
	       !ban_is_ipv4(&r->ban.network) && r->ban.network.prefix > SITE_PREFIX &&
	       network_contains(site, &r->ban.network.addr) && !strcmp(r->ban.endpoint, endpoint);
}

static unsigned count_neighbours(
	const struct bans *b, const struct network *site, const char *endpoint, int64_t now_s)
{
	unsigned count = 0;
	for (uint32_t i = b->sites[bans_bucket_of(b, site, endpoint)]; i;
		i = b->rows[i].next_in_site)
		count += is_neighbour(&b->rows[i], site, endpoint, now_s);
	return count;
}

static void drop_neighbours(
	struct bans *b, const struct network *site, const char *endpoint, int64_t now_s)
{
	uint32_t next;
	for (uint32_t i = b->sites[bans_bucket_of(b, site, endpoint)]; i; i = next) {
		next = b->rows[i].next_in_site;
		if (is_neighbour(&b->rows[i], site, endpoint, now_s))
			bans_drop_row(b, &b->rows[i]);
	}
}

/* Whoever has a /48 can be banned 65,536 times: at some point all of it is. */
static struct ban_row *widen(struct bans *b, struct ban_row *r, const char *reason,
	const struct ban_rules *rules, int64_t now_s)
{
	struct ban_place p = {.network = ban_network_around(&r->ban.network.addr, SITE_PREFIX)};
	if (!rules->widen_count || ban_is_ipv4(&r->ban.network) ||
		r->ban.network.prefix <= SITE_PREFIX)
		return r;
	memcpy(p.endpoint, r->ban.endpoint, sizeof(p.endpoint));
	if (count_neighbours(b, &p.network, p.endpoint, now_s) < rules->widen_count)
		return r;
	drop_neighbours(b, &p.network, p.endpoint, now_s);
	return ban_network(b, &p, reason, rules, now_s);
}

bool bans_add(struct bans *b, const struct network *source, const char *endpoint,
	size_t endpoint_length, const char *reason, const struct ban_rules *rules, int64_t now_s,
	struct ban *out)
{
	struct ban_place p = {.network = *source};
	ban_place_set_endpoint(&p, endpoint, endpoint_length);
	spin_lock(&b->lock);
	struct ban_row *r = ban_network(b, &p, reason, rules, now_s);
	if (r != NULL)
		r = widen(b, r, reason, rules, now_s);
	if (r != NULL)
		*out = r->ban;
	spin_unlock(&b->lock);
	return r != NULL;
}

bool bans_put(struct bans *b, const struct ban *ban, int64_t now_s)
{
	spin_lock(&b->lock);
	struct ban_row *r = bans_find_row(b, &ban->network, ban->endpoint);
	if (r != NULL) {
		uint32_t refused = r->ban.refused;
		r->ban = *ban;
		r->ban.refused = refused;
		r->is_told = false;
	} else {
		r = bans_insert_row(b, ban, now_s);
	}
	if (r != NULL)
		r->forget_s = ban->until_s;
	atomic_fetch_add_explicit(&b->changes, 1, memory_order_relaxed);
	spin_unlock(&b->lock);
	return r != NULL;
}

/* --- the end of bans --- */

static bool is_inside(const struct ban_row *r, const struct network *n, const char *endpoint)
{
	return r->is_used && r->ban.network.prefix >= n->prefix &&
	       network_contains(n, &r->ban.network.addr) && !strcmp(r->ban.endpoint, endpoint);
}

unsigned bans_lift(struct bans *b, const struct network *network, const char *endpoint,
	size_t endpoint_length, int64_t now_s)
{
	struct ban_place p;
	unsigned lifted = 0;
	ban_place_set_endpoint(&p, endpoint, endpoint_length);
	spin_lock(&b->lock);
	for (uint32_t i = 1; i <= b->fresh; i++) {
		let_others_in(b, i);
		if (!is_inside(&b->rows[i], network, p.endpoint))
			continue;
		lifted += ban_row_is_in_force(&b->rows[i], now_s);
		bans_drop_row(b, &b->rows[i]);
	}
	spin_unlock(&b->lock);
	return lifted;
}

unsigned bans_expire(struct bans *b, int64_t now_s, struct ban *ended, unsigned most)
{
	unsigned count = 0;
	if (atomic_load_explicit(&b->used, memory_order_relaxed) == 0)
		return 0;
	spin_lock(&b->lock);
	for (uint32_t i = 1; i <= b->fresh && count < most; i++) {
		struct ban_row *r = &b->rows[i];
		let_others_in(b, i);
		if (!r->is_used || ban_row_is_in_force(r, now_s))
			continue;
		if (!r->is_told)
			ended[count++] = r->ban;
		r->is_told = true;
		if (now_s >= r->forget_s)
			bans_drop_row(b, r);
	}
	spin_unlock(&b->lock);
	return count;
}

/* --- all of them --- */

unsigned bans_count(struct bans *b, int64_t now_s)
{
	unsigned count = 0;
	if (atomic_load_explicit(&b->used, memory_order_relaxed) == 0)
		return 0;
	spin_lock(&b->lock);
	for (uint32_t i = 1; i <= b->fresh; i++) {
		let_others_in(b, i);
		count += ban_row_is_in_force(&b->rows[i], now_s);
	}
	spin_unlock(&b->lock);
	return count;
}

uint64_t bans_changes(const struct bans *b)
{
	return atomic_load_explicit(&b->changes, memory_order_relaxed);
}

static int compare_ends(const void *a, const void *b)
{
	const struct ban *one = a, *other = b;
	return (one->until_s > other->until_s) - (one->until_s < other->until_s);
}

bool bans_list(struct bans *b, int64_t now_s, struct ban **out, size_t *count)
{
	uint32_t room = atomic_load_explicit(&b->used, memory_order_relaxed) + 64;
	struct ban *list = malloc(room * sizeof(*list));
	*count = 0;
	*out = list;
	if (list == NULL)
		return false;
	spin_lock(&b->lock);
	for (uint32_t i = 1; i <= b->fresh && *count < room; i++) {
		let_others_in(b, i);
		if (ban_row_is_in_force(&b->rows[i], now_s))
			list[(*count)++] = b->rows[i].ban;
	}
	spin_unlock(&b->lock);
	qsort(list, *count, sizeof(*list), compare_ends);
	return true;
}
