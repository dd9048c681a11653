/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_table.c - lines of eleven slots, seven sources to a line when the table is full.
 *
 * With a keyed hash the lines fill by chance alone. In a full table of a million, 5.4 % of the
 * lines had a chain and 1.5 % of the sources were in one; each source costs 9 bytes of lines.
 */
#include "limits/source_table.h"

#include "limits/huge_pages.h"
#include "limits/spin.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

enum {
	LINE_SLOTS = 11,
	TAG_EMPTY = 0,
	LINE_MEAN = 7, /* sources per line when the table is full */
};

/* Changed under the lock. Tags and indices are read without it too, by who only guesses. */
struct source_line {
	alignas(64) struct spin lock;
	uint32_t chain; /* index of the first entry that found no slot, 0 for none */
	/* A byte for each slot, the first one's lowest, so that a stranger's entry is hardly ever touched. */
	_Atomic uint64_t tags;
	_Atomic uint32_t more_tags; /* of the slots from the eighth on; its last byte is none */
	_Atomic uint32_t index[LINE_SLOTS]; /* of the entry in the pool */
};

static_assert(sizeof(struct source_line) == 64, "a line of the table is one cache line");

/* The line comes from the upper half of the hash, the tag from the lower: two independent draws. */
static uint8_t tag_of(uint64_t hash)
{
	return (uint8_t)((uint32_t)hash % UINT8_MAX + 1);
}

static uint32_t line_of(const struct source_table *table, uint64_t hash)
{
	return (uint32_t)((hash >> 32) * table->line_count >> 32);
}

bool source_table_init(struct source_table *table, uint32_t capacity)
{
	if (!entry_pool_init(&table->pool, capacity))
		return false;
	table->line_count = capacity / LINE_MEAN + 1;
	size_t size = table->line_count * sizeof(*table->lines);
	void *memory = huge_pages_map(size);
	if (memory == NULL) {
		entry_pool_fini(&table->pool);
		return false;
	}
	table->lines = memory;
	return true;
}

void source_table_fini(struct source_table *table)
{
	huge_pages_unmap(table->lines, table->line_count * sizeof(*table->lines));
	table->lines = NULL;
	entry_pool_fini(&table->pool);
}

/* A lock's exchange asks for its line only when all earlier loads and stores are done. */
void source_table_prefetch(const struct source_table *table, uint64_t hash)
{
	__builtin_prefetch(&table->lines[line_of(table, hash)], 1);
}

struct source_line *source_table_lock(struct source_table *table, uint64_t hash)
{
	struct source_line *line = &table->lines[line_of(table, hash)];
	spin_lock(&line->lock);
	return line;
}

struct source_line *source_table_try_lock(
	struct source_table *table, const struct limit_entry *entry)
{
	uint32_t number = atomic_load_explicit(&entry->line, memory_order_relaxed);
	if (number == 0 || !spin_try_lock(&table->lines[number - 1].lock))
		return NULL;
	struct source_line *line = &table->lines[number - 1];
	if (atomic_load_explicit(&entry->line, memory_order_relaxed) == number)
		return line;
	spin_unlock(&line->lock);
	return NULL;
}

bool source_table_is_in(const struct source_table *table, const struct limit_entry *entry,
	const struct source_line *line)
{
	return atomic_load_explicit(&entry->line, memory_order_relaxed) ==
	       (uint32_t)(line - table->lines) + 1;
}

struct source_line *source_table_line_of(
	const struct source_table *table, const struct limit_entry *entry)
{
	return &table->lines[atomic_load_explicit(&entry->line, memory_order_relaxed) - 1];
}

void source_table_unlock(struct source_line *line)
{
	spin_unlock(&line->lock);
}

static uint32_t next_of(const struct limit_entry *entry)
{
	return atomic_load_explicit(&entry->next, memory_order_relaxed);
}

static void set_next(struct limit_entry *entry, uint32_t index)
{
	atomic_store_explicit(&entry->next, index, memory_order_relaxed);
}

/* A bit for each byte of the word that equals `byte`, the lowest one's first. */
static uint32_t bytes_equal(uint64_t word, uint8_t byte)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), low_bits = ones * 0x7f;
	word ^= ones * byte;
	uint64_t zeros = ~(((word & low_bits) + low_bits) | word | low_bits); /* 0x80 for each */
	return (uint32_t)((zeros >> 7) * UINT64_C(0x0102040810204080) >> 56);
}

/*
 * A bit for each slot with this tag. Without branches: a mispredicted one is found out only when
 * the line has come from memory, and until then the processor has run ahead in vain.
 */
static uint32_t slots_with_tag(const struct source_line *line, uint8_t tag)
{
	uint64_t tags = atomic_load_explicit(&line->tags, memory_order_relaxed);
	uint32_t more_tags = atomic_load_explicit(&line->more_tags, memory_order_relaxed);
	uint32_t more = bytes_equal(more_tags, tag) & ((1u << (LINE_SLOTS - 8)) - 1);
	return bytes_equal(tags, tag) | more << 8;
}

static uint32_t index_in(const struct source_line *line, uint32_t slots)
{
	return atomic_load_explicit(&line->index[__builtin_ctz(slots)], memory_order_relaxed);
}

static void set_slot(struct source_line *line, unsigned slot, uint32_t index, uint8_t tag)
{
	unsigned shift = slot % 8 * 8;
	atomic_store_explicit(&line->index[slot], index, memory_order_relaxed);
	if (slot < 8) {
		uint64_t others = atomic_load_explicit(&line->tags, memory_order_relaxed) &
				  ~(UINT64_C(0xff) << shift);
		atomic_store_explicit(
			&line->tags, others | (uint64_t)tag << shift, memory_order_relaxed);
		return;
	}
	uint32_t others = atomic_load_explicit(&line->more_tags, memory_order_relaxed) &
			  ~(UINT32_C(0xff) << shift);
	atomic_store_explicit(
		&line->more_tags, others | (uint32_t)tag << shift, memory_order_relaxed);
}

static bool entry_is(const struct limit_entry *entry, const struct source_key *key)
{
	return memcmp(&entry->key, key, sizeof(*key)) == 0;
}

const struct limit_entry *source_table_likely(const struct source_table *table, uint64_t hash)
{
	const struct source_line *line = &table->lines[line_of(table, hash)];
	uint32_t slots = slots_with_tag(line, tag_of(hash));
	return slots != 0 ? &table->pool.entries[index_in(line, slots)] : NULL;
}

struct limit_entry *source_table_find(const struct source_table *table,
	const struct source_line *line, const struct source_key *key)
{
	uint32_t slots = slots_with_tag(line, tag_of(key->hash));
	for (; slots != 0; slots &= slots - 1) {
		struct limit_entry *entry = entry_pool_at(&table->pool, index_in(line, slots));
		if (entry_is(entry, key))
			return entry;
	}
	for (uint32_t index = line->chain; index != 0;) {
		struct limit_entry *entry = entry_pool_at(&table->pool, index);
		if (entry_is(entry, key))
			return entry;
		index = next_of(entry);
	}
	return NULL;
}

/* Put an entry where the line has room. */
static void line_insert(
	const struct source_table *table, struct source_line *line, struct limit_entry *entry)
{
	uint32_t index = entry_pool_index(&table->pool, entry);
	uint32_t empty = slots_with_tag(line, TAG_EMPTY);
	if (empty != 0) {
		set_slot(line, (unsigned)__builtin_ctz(empty), index, tag_of(entry->key.hash));
		return;
	}
	set_next(entry, line->chain);
	line->chain = index;
}

struct limit_entry *source_table_add(
	struct source_table *table, struct source_line *line, const struct source_key *key)
{
	struct limit_entry *entry = entry_pool_take(&table->pool);
	if (entry == NULL)
		return NULL;
	entry->key = *key;
	atomic_store_explicit(&entry->parent, 0, memory_order_relaxed);
	atomic_store_explicit(&entry->slots, 0, memory_order_relaxed);
	atomic_store_explicit(&entry->unproven, 0, memory_order_relaxed);
	atomic_store_explicit(&entry->unregistered, 0, memory_order_relaxed);
	atomic_store_explicit(&entry->connection_rate, 0, memory_order_relaxed);
	atomic_store_explicit(
		&entry->line, (uint32_t)(line - table->lines) + 1, memory_order_relaxed);
	line_insert(table, line, entry);
	return entry;
}

static void unchain(
	const struct source_table *table, struct source_line *line, const struct limit_entry *entry)
{
	uint32_t index = entry_pool_index(&table->pool, entry);
	uint32_t before = line->chain;
	assert(before != 0); /* an entry in use is in its line */
	if (before == index) {
		line->chain = next_of(entry);
		return;
	}
	while (next_of(entry_pool_at(&table->pool, before)) != index)
		before = next_of(entry_pool_at(&table->pool, before));
	set_next(entry_pool_at(&table->pool, before), next_of(entry));
}

/*
 * Empty the slot of an entry, and let the first of the chain move in. False when the entry has no
 * slot.
 */
static bool line_clear_slot(
	const struct source_table *table, struct source_line *line, const struct limit_entry *entry)
{
	uint32_t index = entry_pool_index(&table->pool, entry);
	uint32_t slots = slots_with_tag(line, tag_of(entry->key.hash));
	while (slots != 0 && index_in(line, slots) != index)
		slots &= slots - 1;
	if (slots == 0)
		return false;

	set_slot(line, (unsigned)__builtin_ctz(slots), 0, TAG_EMPTY);
	if (line->chain != 0) {
		struct limit_entry *moving = entry_pool_at(&table->pool, line->chain);
		line->chain = next_of(moving);
		line_insert(table, line, moving);
	}
	return true;
}

void source_table_remove(
	struct source_table *table, struct source_line *line, struct limit_entry *entry)
{
	if (!line_clear_slot(table, line, entry))
		unchain(table, line, entry);
	atomic_store_explicit(&entry->line, 0, memory_order_relaxed);
	entry_pool_give(&table->pool, entry);
}
