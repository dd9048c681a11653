/* SPDX-License-Identifier: BSD-2-Clause */
/* Places that workers share: never more than there are, none lost, and nobody who waits is kept from one that is free. */
#include "proxy/core/places.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WORKERS = 4, MAX = 8, ROUNDS = 20000 };

static struct places *begin(void)
{
	struct places *p = aligned_alloc(_Alignof(struct places), sizeof(*p));
	assert_non_null(p);
	assert_true(places_init(p, WORKERS));
	return p;
}

static void end(struct places *p)
{
	assert_int_equal(places_taken(p), 0);
	assert_int_equal(places_waiting(p), 0);
	places_fini(p);
	free(p);
}

static bool take(struct places *p, unsigned worker, unsigned max)
{
	places_begin_waiting(p, worker);
	bool is_taken = places_take(p, worker, max);
	places_end_waiting(p, worker);
	return is_taken;
}

static void there_are_as_many_as_max_and_no_more(void **state)
{
	(void)state;
	struct places *p = begin();
	for (unsigned i = 0; i < 3; i++)
		assert_true(take(p, i, 3));
	assert_false(take(p, 3, 3));
	places_give(p, 0, 3);
	assert_true(take(p, 3, 3));
	assert_int_equal(places_taken(p), 3);
	for (unsigned i = 1; i < 4; i++)
		places_give(p, i, 3);
	end(p);
}

static void one_worker_may_have_them_all_while_nobody_else_waits(void **state)
{
	(void)state;
	struct places *p = begin();
	for (unsigned i = 0; i < MAX; i++)
		assert_true(take(p, 0, MAX));
	for (unsigned i = 0; i < MAX; i++)
		assert_int_equal(places_give(p, 0, MAX), -1);
	end(p);
}

static void past_its_share_a_worker_leaves_the_next_to_one_below_its_own(void **state)
{
	(void)state;
	struct places *p = begin();
	for (unsigned i = 0; i < MAX; i++)
		assert_true(take(p, 0, MAX));
	places_begin_waiting(p, 0);
	places_begin_waiting(p, 2);
	assert_int_equal(places_give(p, 0, MAX), 2);
	assert_false(places_take(p, 0, MAX));
	assert_true(places_take(p, 2, MAX));
	places_end_waiting(p, 2);
	assert_int_equal(places_give(p, 0, MAX), -1); /* its own is the only one that waits */
	assert_true(places_take(p, 0, MAX));
	places_end_waiting(p, 0);
	for (unsigned i = 0; i < MAX - 1; i++)
		places_give(p, 0, MAX);
	places_give(p, 2, MAX);
	end(p);
}

static void of_several_that_wait_the_one_with_the_fewest_is_woken(void **state)
{
	(void)state;
	for (unsigned without = 1; without < WORKERS; without++) {
		struct places *p = begin();
		for (unsigned w = 0; w < WORKERS; w++)
			assert_true(take(p, w == without ? 0 : w, 4));
		for (unsigned w = 1; w < WORKERS; w++)
			places_begin_waiting(p, w);
		assert_int_equal(places_give(p, 0, 4), without);
		for (unsigned w = 1; w < WORKERS; w++)
			places_end_waiting(p, w);
		for (unsigned w = 0; w < WORKERS; w++)
			if (w != without)
				places_give(p, w, 4);
		end(p);
	}
}

static void fewer_places_than_workers_go_round(void **state)
{
	(void)state;
	struct places *p = begin();
	unsigned got[WORKERS] = {0};
	for (unsigned w = 0; w < WORKERS; w++)
		places_begin_waiting(p, w);
	unsigned holder = 2;
	assert_true(places_take(p, holder, 1));
	for (unsigned i = 0; i < 10 * WORKERS; i++) {
		int next = places_give(p, holder, 1);
		assert_in_range(next, 0, WORKERS - 1);
		assert_false(places_take(p, holder, 1));
		holder = (unsigned)next;
		assert_true(places_take(p, holder, 1));
		got[holder]++;
	}
	for (unsigned w = 0; w < WORKERS; w++) {
		assert_int_equal(got[w], 10);
		places_end_waiting(p, w);
	}
	assert_int_equal(places_give(p, holder, 1), -1);
	end(p);
}

static void what_is_wanted_is_what_those_that_wait_lack(void **state)
{
	(void)state;
	struct places *p = begin();
	assert_int_equal(places_wanted(p, 2), 0);
	assert_true(take(p, 0, 2));
	places_begin_waiting(p, 1);
	assert_int_equal(places_wanted(p, 2), 0);
	places_begin_waiting(p, 2);
	places_begin_waiting(p, 2);
	assert_int_equal(places_wanted(p, 2), 2);
	assert_int_equal(places_wanted(p, 0), 3); /* lowered below what is taken */
	places_end_waiting(p, 1);
	places_end_waiting(p, 2);
	places_end_waiting(p, 2);
	places_give(p, 0, 2);
	end(p);
}

struct thread {
	struct places *places;
	unsigned worker;
	unsigned over; /* times that more were taken than there are */
};

static void *take_and_give(void *argument)
{
	struct thread *t = argument;
	for (unsigned i = 0; i < ROUNDS; i++) {
		places_begin_waiting(t->places, t->worker);
		while (!places_take(t->places, t->worker, 3))
			sched_yield();
		places_end_waiting(t->places, t->worker);
		t->over += places_taken(t->places) > 3;
		places_give(t->places, t->worker, 3);
	}
	return NULL;
}

static void workers_that_take_at_once_never_exceed_it_and_all_get_one(void **state)
{
	(void)state;
	struct places *p = begin();
	struct thread threads[WORKERS];
	pthread_t ids[WORKERS];
	for (unsigned w = 0; w < WORKERS; w++) {
		threads[w] = (struct thread){.places = p, .worker = w};
		assert_int_equal(pthread_create(&ids[w], NULL, take_and_give, &threads[w]), 0);
	}
	for (unsigned w = 0; w < WORKERS; w++) {
		pthread_join(ids[w], NULL);
		assert_int_equal(threads[w].over, 0);
	}
	end(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_are_as_many_as_max_and_no_more),
		cmocka_unit_test(one_worker_may_have_them_all_while_nobody_else_waits),
		cmocka_unit_test(past_its_share_a_worker_leaves_the_next_to_one_below_its_own),
		cmocka_unit_test(of_several_that_wait_the_one_with_the_fewest_is_woken),
		cmocka_unit_test(fewer_places_than_workers_go_round),
		cmocka_unit_test(what_is_wanted_is_what_those_that_wait_lack),
		cmocka_unit_test(workers_that_take_at_once_never_exceed_it_and_all_get_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
