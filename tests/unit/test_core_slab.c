/* SPDX-License-Identifier: BSD-2-Clause */
/* A slab gives each object to one owner at a time, zeroed, and no more than it has. */
#include "proxy/core/slab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PLACES = 100, SIZE = 37 };

static bool is_zero(const uint8_t *object, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (object[i])
			return false;
	return true;
}

static void gives_out_its_places_and_no_more(void **state)
{
	(void)state;
	struct slab s;
	assert_true(slab_init(&s, SIZE, PLACES));
	void *taken[PLACES];
	for (unsigned i = 0; i < PLACES; i++) {
		taken[i] = slab_take(&s);
		assert_non_null(taken[i]);
		memset(taken[i], 0xff, SIZE);
	}
	assert_null(slab_take(&s));
	assert_int_equal(s.taken, PLACES);
	slab_give(&s, taken[40]);
	assert_ptr_equal(slab_take(&s), taken[40]);
	assert_null(slab_take(&s));
	slab_fini(&s);
}

static void the_last_returned_is_the_next_taken_and_zeroed(void **state)
{
	(void)state;
	struct slab s;
	assert_true(slab_init(&s, SIZE, PLACES));
	uint8_t *first = slab_take(&s), *second = slab_take(&s);
	memset(first, 0xff, SIZE);
	memset(second, 0xff, SIZE);
	slab_give(&s, first);
	slab_give(&s, second);
	assert_ptr_equal(slab_take(&s), second);
	assert_ptr_equal(slab_take(&s), first);
	assert_true(is_zero(first, SIZE) && is_zero(second, SIZE));
	slab_fini(&s);
}

static void objects_do_not_overlap_and_are_aligned(void **state)
{
	(void)state;
	struct slab s;
	uint8_t *objects[PLACES] = {0};
	assert_true(slab_init(&s, SIZE, PLACES));
	srand(4);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)rand() % PLACES;
		if (!objects[i]) {
			objects[i] = slab_take(&s);
			assert_non_null(objects[i]);
			assert_int_equal((uintptr_t)objects[i] % 16, 0);
			assert_true(is_zero(objects[i], SIZE));
			memset(objects[i], (int)i + 1, SIZE);
			continue;
		}
		for (unsigned b = 0; b < SIZE; b++)
			assert_int_equal(objects[i][b], i + 1);
		slab_give(&s, objects[i]);
		objects[i] = NULL;
	}
	slab_fini(&s);
}

static void what_cannot_be_reserved_is_refused(void **state)
{
	(void)state;
	struct slab s;
	assert_false(slab_init(&s, (size_t)1 << 40, UINT32_MAX));
	assert_null(s.objects);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_out_its_places_and_no_more),
		cmocka_unit_test(the_last_returned_is_the_next_taken_and_zeroed),
		cmocka_unit_test(objects_do_not_overlap_and_are_aligned),
		cmocka_unit_test(what_cannot_be_reserved_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
