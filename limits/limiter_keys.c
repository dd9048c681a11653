/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limiter_keys.c - what counts as one source and as one subnet, and the texts of endpoint ids.
 *
 * All that is kept of an endpoint id in a key is a keyed hash: ids have no bound of their own, entries have.
 */
#include "limits/limiter_state.h"

#include "limits/siphash.h"

#include <stddef.h>
#include <string.h>

static void set_hash(const struct limiter *l, struct source_key *key)
{
	key->hash = siphash13(l->hash_key, key, offsetof(struct source_key, hash));
}

void limiter_keys(const struct limiter *l, const struct limit_source *source, struct limit_aim *aim)
{
	uint64_t endpoint = 0;
	aim->of = *source;
	aim->is_ahead = false;
	if (source->endpoint_length != 0)
		endpoint = siphash13(l->hash_key, source->endpoint, source->endpoint_length) | 1;
	aim->source = (struct source_key){.addr = source->addr, .endpoint = endpoint};
	aim->subnet = aim->source;
	addr_cut(&aim->source.addr, l->ipv4_prefix, l->ipv6_prefix);
	addr_cut(&aim->subnet.addr, l->subnet_ipv4_prefix, l->subnet_ipv6_prefix);
	set_hash(l, &aim->source);
	set_hash(l, &aim->subnet);
}

void limiter_aim(const struct limiter *l, const struct limit_source *source, struct limit_aim *aim)
{
	limiter_keys(l, source, aim);
	source_table_prefetch(&l->subnets, aim->subnet.hash);
	source_table_prefetch(&l->sources, aim->source.hash);
}

void limiter_look_ahead(const struct limiter *l, struct limit_aim *aim)
{
	aim->is_ahead = true;
	__builtin_prefetch(source_table_likely(&l->subnets, aim->subnet.hash), 1);
	__builtin_prefetch(source_table_likely(&l->sources, aim->source.hash), 1);
}

/* An id's hash is odd, and that of no id is 0. */
struct source_key limiter_shared_key(const struct limiter *l, const struct source_key *subnet)
{
	struct source_key key = *subnet;
	key.endpoint = subnet->endpoint ? subnet->endpoint & ~UINT64_C(1) : 2;
	set_hash(l, &key);
	return key;
}

static uint64_t id_of(uint64_t hash)
{
	bool is_shared = hash != 0 && (hash & 1) == 0;
	return is_shared ? (hash == 2 ? 0 : hash | 1) : hash;
}

/* Written under the lock, the hash last; read without one. What finds no place has no text. */
void limiter_remember_endpoint(struct limiter *l, uint64_t hash, const struct limit_source *source)
{
	uint64_t id = id_of(hash);
	spin_lock(&l->endpoint_lock);
	for (unsigned i = 0; i < ENDPOINTS; i++) {
		struct endpoint *e = &l->endpoints[(id + i) % ENDPOINTS];
		uint64_t there = atomic_load_explicit(&e->hash, memory_order_relaxed);
		if (there == id)
			break;
		if (there != 0)
			continue;
		size_t length = source->endpoint_length < LIMIT_ENDPOINT_MAX - 1
					? source->endpoint_length
					: LIMIT_ENDPOINT_MAX - 1;
		memcpy(e->text, source->endpoint, length);
		e->text[length] = '\0';
		atomic_store_explicit(&e->hash, id, memory_order_release);
		break;
	}
	spin_unlock(&l->endpoint_lock);
}

void limiter_endpoint_text(const struct limiter *l, uint64_t hash, char out[LIMIT_ENDPOINT_MAX])
{
	uint64_t id = id_of(hash), there;
	memcpy(out, id ? "?" : "", id ? 2 : 1);
	for (unsigned i = 0; id != 0 && i < ENDPOINTS; i++) {
		const struct endpoint *e = &l->endpoints[(id + i) % ENDPOINTS];
		there = atomic_load_explicit(&e->hash, memory_order_acquire);
		if (there == id)
			memcpy(out, e->text, LIMIT_ENDPOINT_MAX);
		if (there == id || there == 0)
			return;
	}
}
