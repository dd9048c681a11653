/* SPDX-License-Identifier: BSD-2-Clause */
/* Buffers hold what they were given, and the gauge shows what they hold. */
#include "proxy/core/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MODEL = 64 * 1024 };

static struct memory_gauge gauge;

static void an_empty_buffer_holds_nothing(void **state)
{
	(void)state;
	struct buffer b = {0};
	assert_true(buffer_append(&b, &gauge, "", 0));
	assert_null(b.bytes);
	buffer_consume(&b, &gauge, 0);
	buffer_free(&b, &gauge);
	assert_int_equal(memory_held(&gauge), 0);
}

static void the_gauge_counts_what_is_allocated_and_gets_it_back(void **state)
{
	(void)state;
	struct buffer a = {0}, b = {0};
	assert_true(buffer_append(&a, &gauge, "x", 1));
	assert_int_equal(memory_held(&gauge), a.capacity);
	assert_true(buffer_append(&b, &gauge, "yz", 2));
	assert_int_equal(memory_held(&gauge), a.capacity + b.capacity);
	buffer_free(&a, &gauge);
	assert_int_equal(memory_held(&gauge), b.capacity);
	buffer_consume(&b, &gauge, 1);
	assert_memory_equal(b.bytes, "z", 1);
	buffer_consume(&b, &gauge, 1);
	assert_null(b.bytes);
	assert_int_equal(memory_held(&gauge), 0);
}

static void ranges_are_appended_behind_what_was_sent(void **state)
{
	static const char text[] = "abcdefgh";
	(void)state;
	for (size_t skip = 0; skip <= 8; skip++) {
		struct iovec ranges[] = {
			{.iov_base = (char[]){'a', 'b', 'c'}, .iov_len = 3},
			{.iov_base = (char[]){0}, .iov_len = 0},
			{.iov_base = (char[]){'d'}, .iov_len = 1},
			{.iov_base = (char[]){'e', 'f', 'g', 'h'}, .iov_len = 4},
		};
		struct buffer b = {0};
		assert_true(buffer_append_ranges(&b, &gauge, ranges, 4, skip));
		assert_int_equal(b.length, 8 - skip);
		if (b.length)
			assert_memory_equal(b.bytes, text + skip, b.length);
		buffer_free(&b, &gauge);
	}
	assert_int_equal(memory_held(&gauge), 0);
}

/* A message that comes byte by byte is copied a constant number of times. */
static void a_trickle_grows_by_doubling(void **state)
{
	(void)state;
	struct buffer b = {0};
	unsigned moves = 0;
	for (unsigned i = 0; i < 256 * 1024; i++) {
		uint32_t before = b.capacity;
		assert_true(buffer_append(&b, &gauge, "x", 1));
		moves += b.capacity != before;
		assert_true(b.capacity <= 2 * (b.length + 1024));
	}
	assert_true(moves <= 10);
	buffer_free(&b, &gauge);
}

static void past_two_gigabytes_the_buffer_stays_as_it_was(void **state)
{
	(void)state;
	struct buffer b = {0};
	assert_true(buffer_append(&b, &gauge, "abc", 3));
	static const struct iovec absurd = {.iov_base = NULL, .iov_len = (size_t)INT32_MAX + 1};
	assert_false(buffer_append_ranges(&b, &gauge, &absurd, 1, 0));
	assert_int_equal(b.length, 3);
	assert_memory_equal(b.bytes, "abc", 3);
	buffer_free(&b, &gauge);
	assert_int_equal(memory_held(&gauge), 0);
}

static void agrees_with_a_model(void **state)
{
	static uint8_t model[MODEL];
	size_t length = 0;
	struct buffer b = {0};
	(void)state;
	srand(3);
	for (unsigned step = 0; step < 50000; step++) {
		uint8_t piece[700];
		size_t size = (size_t)rand() % sizeof(piece);
		if (rand() % 2 && length + size <= MODEL) {
			memset(piece, rand(), size);
			memcpy(model + length, piece, size);
			length += size;
			assert_true(buffer_append(&b, &gauge, piece, size));
		} else {
			size = rand() % 9 ? size : length;
			size = size < length ? size : length;
			memmove(model, model + size, length - size);
			length -= size;
			buffer_consume(&b, &gauge, size);
		}
		assert_int_equal(b.length, length);
		assert_int_equal(memory_held(&gauge), b.capacity);
		assert_true(b.capacity >= b.length);
		if (length)
			assert_memory_equal(b.bytes, model, length < 200 ? length : 200);
		else
			assert_null(b.bytes);
	}
	if (length)
		assert_memory_equal(b.bytes, model, length);
	buffer_free(&b, &gauge);
	assert_int_equal(memory_held(&gauge), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_buffer_holds_nothing),
		cmocka_unit_test(the_gauge_counts_what_is_allocated_and_gets_it_back),
		cmocka_unit_test(ranges_are_appended_behind_what_was_sent),
		cmocka_unit_test(a_trickle_grows_by_doubling),
		cmocka_unit_test(past_two_gigabytes_the_buffer_stays_as_it_was),
		cmocka_unit_test(agrees_with_a_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
