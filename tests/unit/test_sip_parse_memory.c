/* SPDX-License-Identifier: BSD-2-Clause */
#include "sip/parse_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void pieces_are_apart_and_aligned(void **state)
{
	(void)state;
	parse_memory_begin();
	uint8_t *pieces[100];
	for (unsigned i = 0; i < 100; i++) {
		pieces[i] = parse_memory_take(i);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % 16, 0);
		memset(pieces[i], (int)i, i);
	}
	for (unsigned i = 0; i < 100; i++) {
		for (unsigned k = 0; k < i; k++)
			assert_int_equal(pieces[i][k], i);
		parse_memory_give(pieces[i]);
	}
	parse_memory_end();
}

static void what_does_not_fit_comes_from_the_heap_and_goes_back_there(void **state)
{
	(void)state;
	parse_memory_begin();
	void *pieces[64];
	for (unsigned i = 0; i < 64; i++) {
		pieces[i] = parse_memory_take(1000);
		assert_non_null(pieces[i]);
		memset(pieces[i], 0xa5, 1000);
	}
	void *large = parse_memory_take(1 << 20);
	assert_non_null(large);
	memset(large, 1, 1 << 20);
	parse_memory_give(large);
	for (unsigned i = 0; i < 64; i++)
		parse_memory_give(pieces[i]);
	parse_memory_end();
}

static void a_piece_keeps_its_bytes_when_it_grows_also_out_of_the_block(void **state)
{
	(void)state;
	parse_memory_begin();
	char *piece = parse_memory_resize(NULL, 8);
	strcpy(piece, "content");
	for (size_t size = 16; size < 200000; size *= 2) {
		piece = parse_memory_resize(piece, size);
		assert_non_null(piece);
		assert_string_equal(piece, "content");
		memset(piece + 8, 'x', size - 8);
	}
	parse_memory_give(piece);
	parse_memory_end();
}

static void outside_of_a_parse_it_is_the_heap(void **state)
{
	(void)state;
	char *piece = parse_memory_take(16);
	parse_memory_begin();
	char *inside = parse_memory_take(16);
	parse_memory_end();
	parse_memory_begin();
	char *reused = parse_memory_take(16);
	assert_ptr_not_equal(piece, inside);
#ifndef __SANITIZE_ADDRESS__
	assert_ptr_equal(reused, inside);
#else
	parse_memory_give(inside);
#endif
	parse_memory_give(reused);
	parse_memory_end();
	parse_memory_give(piece);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_apart_and_aligned),
		cmocka_unit_test(what_does_not_fit_comes_from_the_heap_and_goes_back_there),
		cmocka_unit_test(a_piece_keeps_its_bytes_when_it_grows_also_out_of_the_block),
		cmocka_unit_test(outside_of_a_parse_it_is_the_heap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
