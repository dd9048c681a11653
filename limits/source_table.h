/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * source_table.h - from a source's key to its entry: a hash table whose lines are cache lines.
 *
 * Private to limits/. A line holds a lock, eleven slots of tag and entry index, and the head of a
 * chain for what does not fit, so that nothing is ever turned away but for the capacity. A key that
 * is in the table is in the line of its hash; whoever looks at or changes a line holds its lock.
 */
#ifndef SIPWEIR_LIMITS_SOURCE_TABLE_H
#define SIPWEIR_LIMITS_SOURCE_TABLE_H

#include "limits/entry_pool.h"

#include <stdbool.h>
#include <stdint.h>

struct source_line;

struct source_table {
	struct source_line *lines;
	uint32_t line_count;
	struct entry_pool pool;
};

/* False, with nothing held, when memory is short or capacity is out of an entry pool's range. */
bool source_table_init(struct source_table *table, uint32_t capacity);
void source_table_fini(struct source_table *table);

/* Ask for the line of a hash before it is locked. */
void source_table_prefetch(const struct source_table *table, uint64_t hash);

/*
 * Lock and unlock the line of a hash. Any thread; it may hold one line of a table at a time, and of
 * two tables one each if all lock them in the same order.
 */
struct source_line *source_table_lock(struct source_table *table, uint64_t hash);

/*
 * Lock the line that an entry is in, whoever it belongs to by now. It does not wait, so any other
 * line may be held. NULL: it is in none, or somebody else has the lock.
 */
struct source_line *source_table_try_lock(
	struct source_table *table, const struct limit_entry *entry);
void source_table_unlock(struct source_line *line);

/* Whether an entry is in this locked line, and which it is in. */
bool source_table_is_in(const struct source_table *table, const struct limit_entry *entry,
	const struct source_line *line);
struct source_line *source_table_line_of(
	const struct source_table *table, const struct limit_entry *entry);

/*
 * The entry that source_table_find() will probably look at first, or NULL: something to prefetch and nothing to believe. No lock
 * is needed, and the entry is not touched.
 */
const struct limit_entry *source_table_likely(const struct source_table *table, uint64_t hash);

/* The entry of the key in its locked line, or NULL. */
struct limit_entry *source_table_find(const struct source_table *table,
	const struct source_line *line, const struct source_key *key);

/*
 * Add a key that is not in its locked line. The entry counts nothing. NULL, with nothing changed,
 * when all are taken.
 */
struct limit_entry *source_table_add(
	struct source_table *table, struct source_line *line, const struct source_key *key);

/* Take an entry out of its locked line and give it back to the pool. */
void source_table_remove(
	struct source_table *table, struct source_line *line, struct limit_entry *entry);

#endif
