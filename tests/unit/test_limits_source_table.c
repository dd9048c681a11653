/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_limits_source_table.c - one line of the table, filled on purpose, and a table filled to its
 * end.
 */
#include "limits/source_table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum {
	ONE_LINE = 40, /* many more sources than a line has slots */
	ONE_HASH = 0x1234,
};

static struct source_key key_of(uint32_t number, uint64_t hash)
{
	struct source_key key = {.hash = hash};
	key.addr.bytes[0] = (uint8_t)(number >> 8);
	key.addr.bytes[1] = (uint8_t)number;
	return key;
}

static struct limit_entry *find(struct source_table *table, const struct source_key *key)
{
	struct source_line *line = source_table_lock(table, key->hash);
	struct limit_entry *entry = source_table_find(table, line, key);
	source_table_unlock(line);
	return entry;
}

static struct limit_entry *add(struct source_table *table, const struct source_key *key)
{
	struct source_line *line = source_table_lock(table, key->hash);
	struct limit_entry *entry = source_table_add(table, line, key);
	source_table_unlock(line);
	return entry;
}

static void remove_entry(struct source_table *table, struct limit_entry *entry)
{
	struct source_line *line = source_table_lock(table, entry->key.hash);
	source_table_remove(table, line, entry);
	source_table_unlock(line);
}

/*
 * All of one line, and all with the same tag if `same_tag`, removed in steps of `stride` and added
 * again.
 */
static void fill_one_line(bool same_tag, uint32_t stride)
{
	struct source_table table;
	struct source_key keys[ONE_LINE];
	struct limit_entry *entries[ONE_LINE];
	assert_true(source_table_init(&table, ONE_LINE * 10));
	for (uint32_t i = 0; i < ONE_LINE; i++) {
		keys[i] = key_of(i, same_tag ? ONE_HASH : ONE_HASH + i);
		assert_null(find(&table, &keys[i]));
		entries[i] = add(&table, &keys[i]);
		assert_non_null(entries[i]);
	}
	for (uint32_t n = 0; n < ONE_LINE; n++) {
		uint32_t i = n * stride % ONE_LINE;
		remove_entry(&table, entries[i]);
		entries[i] = NULL;
		for (uint32_t j = 0; j < ONE_LINE; j++)
			assert_ptr_equal(find(&table, &keys[j]), entries[j]);
		if (n % 3 == 0) {
			entries[i] = add(&table, &keys[i]);
			assert_ptr_equal(find(&table, &keys[i]), entries[i]);
		}
	}
	for (uint32_t i = 0; i < ONE_LINE; i++)
		if (entries[i] != NULL)
			remove_entry(&table, entries[i]);
	assert_int_equal(entry_pool_used(&table.pool), 0);
	source_table_fini(&table);
}

static void holds_more_of_one_line_than_the_line_has_slots(void **state)
{
	(void)state;
	fill_one_line(false, 1);
	fill_one_line(false, ONE_LINE - 1); /* from the last to the first */
	fill_one_line(false, 7);
}

static void tells_sources_of_one_hash_apart(void **state)
{
	(void)state;
	fill_one_line(true, 1);
	fill_one_line(true, ONE_LINE - 1);
	fill_one_line(true, 7);
}

static void has_room_for_exactly_its_capacity_in_any_distribution(void **state)
{
	static const uint64_t spreads[] = {0, 1, UINT64_C(0x9e3779b97f4a7c15)};
	(void)state;
	for (int s = 0; s < 3; s++) {
		for (uint32_t capacity = 1; capacity <= 120; capacity += 17) {
			struct source_table table;
			struct source_key key;
			assert_true(source_table_init(&table, capacity));
			for (uint32_t i = 0; i < capacity; i++) {
				key = key_of(i, i * spreads[s]);
				assert_non_null(add(&table, &key));
			}
			key = key_of(capacity, capacity * spreads[s]);
			assert_null(add(&table, &key));
			assert_null(find(&table, &key));
			assert_int_equal(entry_pool_used(&table.pool), capacity);

			struct source_key first = key_of(0, 0);
			remove_entry(&table, find(&table, &first));
			assert_non_null(add(&table, &key));
			assert_null(find(&table, &first));
			source_table_fini(&table);
		}
	}
}

static void takes_returned_entries_before_fresh_ones(void **state)
{
	struct source_table table;
	struct source_key key = key_of(1, ONE_HASH);
	(void)state;
	assert_true(source_table_init(&table, 1000));
	for (int i = 0; i < 1000; i++)
		remove_entry(&table, add(&table, &key));
	assert_int_equal(entry_pool_touched(&table.pool), 1); /* the rest costs no memory */
	source_table_fini(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_more_of_one_line_than_the_line_has_slots),
		cmocka_unit_test(tells_sources_of_one_hash_apart),
		cmocka_unit_test(has_room_for_exactly_its_capacity_in_any_distribution),
		cmocka_unit_test(takes_returned_entries_before_fresh_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
