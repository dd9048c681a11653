/* SPDX-License-Identifier: BSD-2-Clause */
/* The wheel: never early, at most a tick late, whatever happens in between. */
#include "proxy/core/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 300, TURN_MS = WHEEL_SLOTS * WHEEL_TICK_MS };

struct timer {
	struct deadline deadline; /* first */
	uint64_t fired_ms;
	unsigned fired;
	struct timer *victim; /* to clear when this one fires */
	uint64_t again_ms;    /* to set it again to, once */
};

static struct wheel wheel;
static uint64_t now_ms;

static void on_expired(struct deadline *d)
{
	struct timer *t = (struct timer *)(void *)d;
	assert_false(wheel_is_set(d));
	t->fired++;
	t->fired_ms = now_ms;
	if (t->victim)
		wheel_clear(&t->victim->deadline);
	if (t->again_ms)
		wheel_set(&wheel, d, t->again_ms);
	t->again_ms = 0;
}

static void begin(uint64_t at_ms)
{
	now_ms = at_ms;
	wheel_init(&wheel, now_ms);
}

static void advance_to(uint64_t at_ms)
{
	now_ms = at_ms;
	wheel_advance(&wheel, now_ms);
}

static void set(struct timer *t, uint64_t at_ms)
{
	t->deadline.on_expired = on_expired;
	wheel_set(&wheel, &t->deadline, at_ms);
}

static void fires_once_never_early_and_at_most_a_tick_late(void **state)
{
	(void)state;
	for (unsigned offset = 0; offset < WHEEL_TICK_MS; offset += 7) {
		for (uint64_t after = 0; after < 3 * TURN_MS; after += 4099) {
			struct timer t = {0};
			begin(5000000 + offset);
			uint64_t due = now_ms + after;
			set(&t, due);
			for (uint64_t ms = 0; ms <= after + 2 * WHEEL_TICK_MS; ms += 50)
				advance_to(5000000 + offset + ms);
			assert_int_equal(t.fired, 1);
			assert_true(t.fired_ms >= due);
			assert_true(t.fired_ms <= due + WHEEL_TICK_MS + 50);
			assert_false(wheel_is_set(&t.deadline));
		}
	}
}

static void the_past_means_the_next_tick(void **state)
{
	(void)state;
	struct timer t = {0};
	begin(5000000);
	set(&t, 1);
	advance_to(5000000);
	assert_int_equal(t.fired, 0);
	advance_to(5000100);
	assert_int_equal(t.fired, 1);
}

static void set_again_is_moved(void **state)
{
	(void)state;
	struct timer t = {0};
	begin(5000000);
	set(&t, 5000200);
	set(&t, 5001000);
	advance_to(5000900);
	assert_int_equal(t.fired, 0);
	set(&t, 5000950);
	advance_to(5001000);
	assert_int_equal(t.fired, 1);
}

static void cleared_does_not_fire(void **state)
{
	(void)state;
	struct timer t = {0};
	begin(5000000);
	set(&t, 5000200);
	wheel_clear(&t.deadline);
	wheel_clear(&t.deadline);
	assert_false(wheel_is_set(&t.deadline));
	advance_to(5010000);
	assert_int_equal(t.fired, 0);
}

static void a_callback_may_clear_one_that_is_due_in_the_same_tick(void **state)
{
	(void)state;
	struct timer a = {0}, b = {0};
	begin(5000000);
	a.victim = &b;
	set(&a, 5000200);
	set(&b, 5000200);
	advance_to(5000200);
	assert_int_equal(a.fired, 1);
	assert_int_equal(b.fired, 0);
	assert_false(wheel_is_set(&b.deadline));
}

static void a_callback_may_set_itself_again_and_fires_once_each(void **state)
{
	(void)state;
	struct timer t = {.again_ms = 5000200 + TURN_MS};
	begin(5000000);
	set(&t, 5000200);
	advance_to(5000200);
	assert_int_equal(t.fired, 1);
	advance_to(5000200 + TURN_MS - WHEEL_TICK_MS);
	assert_int_equal(t.fired, 1);
	advance_to(5000200 + TURN_MS);
	assert_int_equal(t.fired, 2);
}

static void set_to_the_past_in_a_callback_fires_once_more_and_not_for_ever(void **state)
{
	(void)state;
	struct timer t = {.again_ms = 1};
	begin(5000000);
	set(&t, 5000200);
	advance_to(5000200);
	assert_int_equal(t.fired, 1);
	advance_to(5000300);
	assert_int_equal(t.fired, 2);
}

static void after_a_long_sleep_all_that_is_due_fires_and_nothing_else(void **state)
{
	(void)state;
	struct timer due[MANY] = {0}, later[MANY] = {0};
	begin(5000000);
	uint64_t end = 5000000 + 10 * TURN_MS + 12345;
	for (unsigned i = 0; i < MANY; i++) {
		set(&due[i], 5000000 + (uint64_t)i * 10 * TURN_MS / MANY);
		set(&later[i], end + WHEEL_TICK_MS + (uint64_t)i * TURN_MS / 100);
	}
	advance_to(end);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(due[i].fired, 1);
		assert_int_equal(later[i].fired, 0);
	}
	advance_to(end + 5 * TURN_MS);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(later[i].fired, 1);
}

/* Against a plain model: many timers set, moved and cleared at random while time goes on in uneven steps. */
static void agrees_with_a_model(void **state)
{
	static struct timer timers[MANY];
	static uint64_t due[MANY];
	(void)state;
	srand(2);
	begin(7000000);
	memset(timers, 0, sizeof(timers));
	memset(due, 0, sizeof(due));
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)rand() % MANY;
		if (rand() % 4 == 0) {
			wheel_clear(&timers[i].deadline);
			due[i] = 0;
		} else if (!due[i]) {
			due[i] = now_ms + 1 + (uint64_t)rand() % (2 * TURN_MS);
			timers[i].fired = 0;
			set(&timers[i], due[i]);
		}
		advance_to(now_ms + (uint64_t)(rand() % 20 ? rand() % 90 : rand() % 2000));
		for (unsigned n = 0; n < MANY; n++) {
			if (!due[n])
				continue;
			assert_true(timers[n].fired <= 1);
			if (timers[n].fired)
				assert_true(timers[n].fired_ms >= due[n]);
			else
				assert_true(now_ms < due[n] + WHEEL_TICK_MS);
			if (timers[n].fired)
				due[n] = 0;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fires_once_never_early_and_at_most_a_tick_late),
		cmocka_unit_test(the_past_means_the_next_tick),
		cmocka_unit_test(set_again_is_moved),
		cmocka_unit_test(cleared_does_not_fire),
		cmocka_unit_test(a_callback_may_clear_one_that_is_due_in_the_same_tick),
		cmocka_unit_test(a_callback_may_set_itself_again_and_fires_once_each),
		cmocka_unit_test(set_to_the_past_in_a_callback_fires_once_more_and_not_for_ever),
		cmocka_unit_test(after_a_long_sleep_all_that_is_due_fires_and_nothing_else),
		cmocka_unit_test(agrees_with_a_model),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
