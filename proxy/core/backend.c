/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/backend.h"
#include "limits/siphash.h"
#include "proxy/core/check.h"

#include <stdlib.h>
#include <string.h>

enum {
	MANY_ENDS = 8,	  /* fewer in a second are clients that were unwelcome one by one */
	MANY_PARTS = 4,	  /* and of those that were connected, one in so many */
	MANY_ENOUGH = 64, /* whatever part that is: who ends at once is not paced */
};

/* The same everywhere, so that all instances agree on who belongs where. */
static const uint8_t name_key[16] = "sipweir servers";

static bool init_lanes(struct backend *b, unsigned workers)
{
	size_t size = workers * sizeof(*b->lanes);
	b->lanes = aligned_alloc(_Alignof(struct backend_lane), size);
	if (!b->lanes)
		return false;
	memset(b->lanes, 0, size);
	for (unsigned w = 0; w < workers; w++) {
		list_init(&b->lanes[w].links);
		list_init(&b->lanes[w].condemned);
		list_init(&b->lanes[w].queue);
	}
	return true;
}

struct backend *backend_new(const char *name, uint16_t slot, unsigned workers)
{
	struct backend *b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	strncpy(b->name, name, sizeof(b->name) - 1);
	b->slot = slot;
	b->hash = siphash13(name_key, name, strlen(name));
	b->counters = counters_new_server(workers);
	atomic_init(&b->why, "not_checked");
	b->check = check_new(b);
	if (b->check && b->counters && init_lanes(b, workers) &&
		places_init(&b->connecting, workers))
		return b;
	backend_free(b);
	return NULL;
}

uint64_t backend_hash_address(const struct addr_port *a)
{
	char text[ADDR_PORT_TEXT_MAX];
	size_t length = addr_port_format(a, text);
	return siphash13(name_key, text, length);
}

void backend_free(struct backend *b)
{
	places_fini(&b->connecting);
	check_free(b->check);
	free(b->counters);
	free(b->lanes);
	free(b);
}

bool backend_is_up(const struct backend *b)
{
	return atomic_load_explicit(&b->health, memory_order_relaxed) != BACKEND_DOWN;
}

enum conf_server_state backend_state(const struct backend *b, const struct conf_server *conf)
{
	unsigned order = atomic_load_explicit(&b->order, memory_order_relaxed);
	return order ? (enum conf_server_state)(order - 1) : conf->state;
}

bool backend_take(struct backend *b, unsigned max)
{
	unsigned open = atomic_load_explicit(&b->open, memory_order_relaxed);
	do {
		if (max && open >= max)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&b->open, &open, open + 1, memory_order_relaxed, memory_order_relaxed));
	return true;
}

void backend_give(struct backend *b)
{
	atomic_fetch_sub_explicit(&b->open, 1, memory_order_relaxed);
}

void backend_tell(struct backend *b, enum backend_health health, uint64_t now_ms)
{
	enum backend_health before = atomic_load(&b->health);
	if (before == health)
		return;
	if (before == BACKEND_DOWN)
		atomic_store(&b->recovered_ms, now_ms);
	atomic_store(&b->since_ms, now_ms);
	if (health != BACKEND_DOWN)
		atomic_store(&b->is_lost, false);
	atomic_store(&b->health, health);
}

/* Two workers may begin the same second at once: an end more or less does not matter. */
bool backend_ends(struct backend *b, uint64_t now_ms)
{
	uint64_t second = now_ms / 1000;
	if (atomic_load(&b->ended_s) != second) {
		atomic_store(&b->ended_s, second);
		atomic_store(&b->ended, 0);
	}
	unsigned ended = atomic_fetch_add(&b->ended, 1) + 1;
	unsigned open = atomic_load(&b->open);
	return ended >= MANY_ENDS && (ended >= MANY_ENOUGH || ended >= (open + ended) / MANY_PARTS);
}

bool backend_connects(struct backend *b, uint64_t took_ms, uint64_t now_ms)
{
	if (took_ms >= BACKEND_RETRIED_MS)
		atomic_store_explicit(&b->tight_ms, now_ms, memory_order_relaxed);
	uint64_t tight_ms = atomic_load_explicit(&b->tight_ms, memory_order_relaxed);
	/* Another worker's clock may be ahead. */
	return tight_ms && now_ms < tight_ms + BACKEND_TIGHT_MS;
}

const char *backend_health_name(enum backend_health health)
{
	static const char *const names[] = {
		[BACKEND_UNKNOWN] = "unknown", [BACKEND_UP] = "up", [BACKEND_DOWN] = "down"};
	return names[health];
}
