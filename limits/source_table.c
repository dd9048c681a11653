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
#include <endian.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

enum {
	LINE_SLOTS = 11,
	TAG_EMPTY = 0,
	LINE_MEAN = 7, /* sources per line when the table is full */
};

struct source_line {
	alignas(64) struct spin lock;
	uint32_t chain;		    /* index of the first entry that found no slot, 0 for none */
	uint32_t index[LINE_SLOTS]; /* of the entry in the pool */
	uint8_t tag[LINE_SLOTS];    /* so that a stranger's entry is hardly ever touched */
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
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		entry_pool_fini(&table->pool);
		return false;
	}
	huge_pages_advise(memory, size);
	table->lines = memory;
	return true;
}

void source_table_fini(struct source_table *table)
{
	munmap(table->lines, table->line_count * sizeof(*table->lines));
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

/* A bit for each of eight bytes that equals `byte`, the first one's lowest. */
static uint32_t bytes_equal(const uint8_t bytes[8], uint8_t byte)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), low_bits = ones * 0x7f;
	uint64_t word;
	memcpy(&word, bytes, sizeof(word));
	word = le64toh(word) ^ ones * byte;
	uint64_t zeros = ~(((word & low_bits) + low_bits) | word | low_bits); /* 0x80 for each */
	return (uint32_t)((zeros >> 7) * UINT64_C(0x0102040810204080) >> 56);
}

/*
 * A bit for each slot with this tag. Without branches: a mispredicted one is found out only when
 * the line has come from memory, and until then the processor has run ahead in vain.
 */
static uint32_t slots_with_tag(const struct source_line *line, uint8_t tag)
{
	const unsigned rest = LINE_SLOTS - 8; /* the last eight tags begin there, and overlap */
	return bytes_equal(line->tag, tag) | bytes_equal(line->tag + rest, tag) << rest;
}

static bool entry_is(const struct limit_entry *entry, const struct source_key *key)
{
	return memcmp(&entry->key, key, sizeof(*key)) == 0;
}

void source_table_expect(
	const struct source_table *table, const struct source_line *line, uint64_t hash)
{
	uint32_t slots = slots_with_tag(line, tag_of(hash));
	if (slots != 0)
		__builtin_prefetch(&table->pool.entries[line->index[__builtin_ctz(slots)]], 1);
}

struct limit_entry *source_table_find(const struct source_table *table,
	const struct source_line *line, const struct source_key *key)
{
	uint32_t slots = slots_with_tag(line, tag_of(key->hash));
	for (; slots != 0; slots &= slots - 1) {
		uint32_t index = line->index[__builtin_ctz(slots)];
		struct limit_entry *entry = entry_pool_at(&table->pool, index);
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
		unsigned slot = (unsigned)__builtin_ctz(empty);
		line->index[slot] = index;
		line->tag[slot] = tag_of(entry->key.hash);
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
	while (slots != 0 && line->index[__builtin_ctz(slots)] != index)
		slots &= slots - 1;
	if (slots == 0)
		return false;

	line->tag[__builtin_ctz(slots)] = TAG_EMPTY;
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
