/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bans.c - rows in chains: by network and endpoint, and by the /48 around them.
 *
 * A row whose end has passed is a memory: of how often it was, until it is needed for another or its time is over.
 */
#include "limits/bans.h"

#include "limits/siphash.h"
#include "limits/spin.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	IPV4_BIT = 96,
	ADDR_BITS = 128,
	SITE_PREFIX = 48, /* what one customer is given, who then has 65,536 /64 */
	EVICT_LOOKS = 64,
	LOOKS_PER_LOCK = 1024,
};

struct row {
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
	struct row *rows;		     /* from 1 */
	uint32_t prefixes[2][ADDR_BITS + 1]; /* rows of each length, of IPv6 and of IPv4 */
	uint8_t hash_key[16];
};

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

/* --- keys --- */

static bool is_ipv4(const struct network *n)
{
	return n->prefix >= IPV4_BIT && addr_is_ipv4(&n->addr);
}

/* The address cut to so many bits of its 16-byte form. */
static struct network network_around(const struct addr *a, unsigned prefix)
{
	struct network n = {.addr = *a, .prefix = (uint8_t)prefix};
	unsigned whole = prefix / 8;
	if (whole < sizeof(n.addr.bytes))
		n.addr.bytes[whole] &= (uint8_t)(0xff00u >> prefix % 8);
	for (unsigned i = whole + 1; i < sizeof(n.addr.bytes); i++)
		n.addr.bytes[i] = 0;
	return n;
}

/* An endpoint's text as it is kept. */
struct place {
	struct network network;
	char endpoint[BAN_ENDPOINT_MAX];
};

static void set_endpoint(struct place *p, const char *endpoint, size_t length)
{
	memset(p->endpoint, 0, sizeof(p->endpoint));
	if (length >= sizeof(p->endpoint))
		length = sizeof(p->endpoint) - 1;
	if (length)
		memcpy(p->endpoint, endpoint, length);
}

static uint32_t bucket_of(const struct bans *b, const struct network *n, const char *endpoint)
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
	struct network site = network_around(&n->addr, SITE_PREFIX);
	return bucket_of(b, &site, endpoint);
}

static bool is_at(const struct row *r, const struct network *n, const char *endpoint)
{
	return r->ban.network.prefix == n->prefix && addr_equal(&r->ban.network.addr, &n->addr) &&
	       !strcmp(r->ban.endpoint, endpoint);
}

static bool is_in_force(const struct row *r, int64_t now_s)
{
	return r->is_used && r->ban.until_s > now_s;
}

/* --- rows; the lock is held --- */

static struct row *find(struct bans *b, const struct network *n, const char *endpoint)
{
	for (uint32_t i = b->buckets[bucket_of(b, n, endpoint)]; i != 0; i = b->rows[i].next)
		if (is_at(&b->rows[i], n, endpoint))
			return &b->rows[i];
	return NULL;
}

static void unlink_row(struct bans *b, struct row *r)
{
	uint32_t index = (uint32_t)(r - b->rows);
	uint32_t *at = &b->buckets[bucket_of(b, &r->ban.network, r->ban.endpoint)];
	while (*at != index)
		at = &b->rows[*at].next;
	*at = r->next;
	at = &b->sites[site_of(b, &r->ban.network, r->ban.endpoint)];
	while (*at != index)
		at = &b->rows[*at].next_in_site;
	*at = r->next_in_site;
}

static void drop(struct bans *b, struct row *r)
{
	unlink_row(b, r);
	b->prefixes[is_ipv4(&r->ban.network)][r->ban.network.prefix]--;
	*r = (struct row){.next = b->free};
	b->free = (uint32_t)(r - b->rows);
	atomic_fetch_sub_explicit(&b->used, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&b->changes, 1, memory_order_relaxed);
}

/* Memories first; then the automatic ban that ends soonest, among those looked at, if it ends before `until_s`. */
static bool make_room(struct bans *b, int64_t until_s, int64_t now_s)
{
	struct row *soonest = NULL;
	for (unsigned i = 0; i < EVICT_LOOKS; i++) {
		struct row *r = &b->rows[b->hand++ % b->capacity + 1];
		if (!is_in_force(r, now_s)) {
			drop(b, r);
			return true;
		}
		if (!r->ban.is_by_hand && r->ban.until_s < until_s &&
			(soonest == NULL || r->ban.until_s < soonest->ban.until_s))
			soonest = r;
	}
	if (soonest != NULL)
		drop(b, soonest);
	return soonest != NULL;
}

static struct row *take_row(struct bans *b, int64_t until_s, int64_t now_s)
{
	if (b->free == 0 && b->fresh == b->capacity && !make_room(b, until_s, now_s))
		return NULL;
	if (b->free == 0)
		return &b->rows[++b->fresh];
	struct row *r = &b->rows[b->free];
	b->free = r->next;
	return r;
}

static struct row *insert(struct bans *b, const struct ban *ban, int64_t now_s)
{
	struct row *r = take_row(b, ban->until_s, now_s);
	if (r == NULL)
		return NULL;
	uint32_t index = (uint32_t)(r - b->rows);
	uint32_t *bucket = &b->buckets[bucket_of(b, &ban->network, ban->endpoint)];
	uint32_t *site = &b->sites[site_of(b, &ban->network, ban->endpoint)];
	*r = (struct row){.ban = *ban, .next = *bucket, .next_in_site = *site, .is_used = true};
	*bucket = *site = index;
	b->prefixes[is_ipv4(&ban->network)][ban->network.prefix]++;
	atomic_fetch_add_explicit(&b->used, 1, memory_order_relaxed);
	return r;
}

/* --- looking --- */

static struct row *match(
	struct bans *b, const struct addr *addr, const char *endpoint, int64_t now_s)
{
	bool is_v4 = addr_is_ipv4(addr);
	for (unsigned prefix = ADDR_BITS + 1; prefix-- > (is_v4 ? IPV4_BIT : 0);) {
		if (b->prefixes[is_v4][prefix] == 0)
			continue;
		struct network n = network_around(addr, prefix);
		struct row *r = find(b, &n, endpoint);
		if (r != NULL && is_in_force(r, now_s))
			return r;
	}
	return NULL;
}

static bool look(struct bans *b, const struct addr *addr, const char *endpoint, size_t length,
	int64_t now_s, uint32_t refused, struct ban *out)
{
	struct place p;
	if (atomic_load_explicit(&b->used, memory_order_relaxed) == 0)
		return false;
	set_endpoint(&p, endpoint, length);
	spin_lock(&b->lock);
	struct row *r = match(b, addr, p.endpoint, now_s);
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

static struct row *ban_network(struct bans *b, const struct place *p, const char *reason,
	const struct ban_rules *rules, int64_t now_s)
{
	struct row *r = find(b, &p->network, p->endpoint);
	struct ban ban = {.network = p->network, .times = 1};
	if (r != NULL && r->ban.is_by_hand && is_in_force(r, now_s))
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
		r = insert(b, &ban, now_s);
	}
	if (r != NULL)
		r->forget_s = ban.until_s + rules->ban_max_s;
	atomic_fetch_add_explicit(&b->changes, 1, memory_order_relaxed);
	return r;
}

static bool is_neighbour(
	const struct row *r, const struct network *site, const char *endpoint, int64_t now_s)
{
	return is_in_force(r, now_s) && !r->ban.is_by_hand && !is_ipv4(&r->ban.network) &&
	       r->ban.network.prefix > SITE_PREFIX &&
	       network_contains(site, &r->ban.network.addr) && !strcmp(r->ban.endpoint, endpoint);
}

static unsigned count_neighbours(
	const struct bans *b, const struct network *site, const char *endpoint, int64_t now_s)
{
	unsigned count = 0;
	for (uint32_t i = b->sites[bucket_of(b, site, endpoint)]; i; i = b->rows[i].next_in_site)
		count += is_neighbour(&b->rows[i], site, endpoint, now_s);
	return count;
}

static void drop_neighbours(
	struct bans *b, const struct network *site, const char *endpoint, int64_t now_s)
{
	uint32_t next;
	for (uint32_t i = b->sites[bucket_of(b, site, endpoint)]; i; i = next) {
		next = b->rows[i].next_in_site;
		if (is_neighbour(&b->rows[i], site, endpoint, now_s))
			drop(b, &b->rows[i]);
	}
}

/* Whoever has a /48 can be banned 65,536 times: at some point all of it is. */
static struct row *widen(struct bans *b, struct row *r, const char *reason,
	const struct ban_rules *rules, int64_t now_s)
{
	struct place p = {.network = network_around(&r->ban.network.addr, SITE_PREFIX)};
	if (!rules->widen_count || is_ipv4(&r->ban.network) || r->ban.network.prefix <= SITE_PREFIX)
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
	struct place p = {.network = *source};
	set_endpoint(&p, endpoint, endpoint_length);
	spin_lock(&b->lock);
	struct row *r = ban_network(b, &p, reason, rules, now_s);
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
	struct row *r = find(b, &ban->network, ban->endpoint);
	if (r != NULL) {
		uint32_t refused = r->ban.refused;
		r->ban = *ban;
		r->ban.refused = refused;
		r->is_told = false;
	} else {
		r = insert(b, ban, now_s);
	}
	if (r != NULL)
		r->forget_s = ban->until_s;
	atomic_fetch_add_explicit(&b->changes, 1, memory_order_relaxed);
	spin_unlock(&b->lock);
	return r != NULL;
}

/* --- the end of bans --- */

static bool is_inside(const struct row *r, const struct network *n, const char *endpoint)
{
	return r->is_used && r->ban.network.prefix >= n->prefix &&
	       network_contains(n, &r->ban.network.addr) && !strcmp(r->ban.endpoint, endpoint);
}

unsigned bans_lift(struct bans *b, const struct network *network, const char *endpoint,
	size_t endpoint_length, int64_t now_s)
{
	struct place p;
	unsigned lifted = 0;
	set_endpoint(&p, endpoint, endpoint_length);
	spin_lock(&b->lock);
	for (uint32_t i = 1; i <= b->fresh; i++) {
		if (i % LOOKS_PER_LOCK == 0) {
			spin_unlock(&b->lock);
			spin_lock(&b->lock);
		}
		if (!is_inside(&b->rows[i], network, p.endpoint))
			continue;
		lifted += is_in_force(&b->rows[i], now_s);
		drop(b, &b->rows[i]);
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
		struct row *r = &b->rows[i];
		if (i % LOOKS_PER_LOCK == 0) {
			spin_unlock(&b->lock);
			spin_lock(&b->lock);
		}
		if (!r->is_used || is_in_force(r, now_s))
			continue;
		if (!r->is_told)
			ended[count++] = r->ban;
		r->is_told = true;
		if (now_s >= r->forget_s)
			drop(b, r);
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
		if (i % LOOKS_PER_LOCK == 0) {
			spin_unlock(&b->lock);
			spin_lock(&b->lock);
		}
		count += is_in_force(&b->rows[i], now_s);
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
		if (i % LOOKS_PER_LOCK == 0) {
			spin_unlock(&b->lock);
			spin_lock(&b->lock);
		}
		if (is_in_force(&b->rows[i], now_s))
			list[(*count)++] = b->rows[i].ban;
	}
	spin_unlock(&b->lock);
	qsort(list, *count, sizeof(*list), compare_ends);
	return true;
}
