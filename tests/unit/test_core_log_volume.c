/* SPDX-License-Identifier: BSD-2-Clause */
/* How much is written: one line at once, counts per interval, sums past the budget; and the totals always add up. */
#include "proxy/core/log_volume.h"
#include "proxy/core/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LISTENERS = 700, KEPT = 8 };

/* What was written, in all and by event. */
struct written {
	uint64_t lines, events;
	uint64_t by_event[RECORD_EVENTS];
	struct record last[KEPT]; /* the newest first */
};

static struct written written;

static void on_emit(void *to, const struct record *r)
{
	struct written *w = to;
	assert_true(r->count >= 1);
	w->lines++;
	w->events += r->count;
	w->by_event[r->event] += r->count;
	memmove(w->last + 1, w->last, (KEPT - 1) * sizeof(*r));
	w->last[0] = *r;
}

static struct log_volume *begin(uint32_t count, uint32_t burst)
{
	const struct conf_log conf = {
		.repeat_ms = 10000,
		.budget = {.count = count, .period_ms = 1000, .burst = burst},
	};
	memset(&written, 0, sizeof(written));
	struct log_volume *v = log_volume_new(&conf, on_emit, &written);
	assert_non_null(v);
	return v;
}

static struct record refusal(uint32_t source)
{
	struct record r;
	record_init(&r, RECORD_LIMIT_REFUSED);
	r.listener = "l";
	r.limit = "connections";
	r.has = RECORD_HAS_SOURCE;
	addr_set_ipv4(&r.source.addr,
		(uint8_t[]){10, (uint8_t)(source >> 16), (uint8_t)(source >> 8), (uint8_t)source});
	return r;
}

static void of_one_source_and_reason_one_line_at_once_then_counts(void **state)
{
	(void)state;
	struct log_volume *v = begin(100, 100);
	struct record r = refusal(1);
	uint64_t now_ms = 1000;
	for (unsigned i = 0; i < 25000; i++, now_ms++) {
		log_volume_take(v, &r, now_ms);
		log_volume_tick(v, now_ms);
	}
	assert_int_equal(written.lines, 3); /* at once, after 10 s, after 20 s */
	assert_int_equal(written.last[2].count, 1);
	assert_int_equal(written.last[1].count, 10000);
	log_volume_flush(v, now_ms);
	assert_int_equal(written.lines, 4);
	assert_int_equal(written.events, 25000);
	log_volume_free(v);
}

static void other_sources_limits_and_endpoints_have_lines_of_their_own(void **state)
{
	(void)state;
	struct log_volume *v = begin(100, 100);
	struct record first = refusal(1), second = refusal(2), third = refusal(1),
		      fourth = refusal(1);
	third.limit = "max_connections";
	strcpy(fourth.endpoint, "vpce-1");
	log_volume_take(v, &first, 1);
	log_volume_take(v, &second, 1);
	log_volume_take(v, &third, 1);
	log_volume_take(v, &fourth, 1);
	assert_int_equal(written.lines, 4);
	log_volume_free(v);
}

static void after_a_silent_interval_the_next_one_is_told_at_once(void **state)
{
	(void)state;
	struct log_volume *v = begin(100, 100);
	struct record r = refusal(1);
	log_volume_take(v, &r, 1000);
	assert_true(log_volume_is_open(v));
	log_volume_tick(v, 11000);
	assert_false(log_volume_is_open(v));
	log_volume_take(v, &r, 11001);
	assert_int_equal(written.lines, 2);
	log_volume_free(v);
}

static void past_the_budget_a_sum_with_its_sources(void **state)
{
	(void)state;
	struct log_volume *v = begin(10, 10);
	for (uint32_t i = 0; i < 1000; i++) {
		struct record r = refusal(i);
		log_volume_take(v, &r, 1000);
	}
	assert_int_equal(written.lines, 10);
	log_volume_tick(v, 10999);
	assert_int_equal(written.lines, 10);
	log_volume_tick(v, 11000);
	assert_int_equal(written.lines, 11);
	const struct record *sum = &written.last[0];
	assert_int_equal(sum->event, RECORD_LIMIT_REFUSED);
	assert_string_equal(sum->listener, "l");
	assert_int_equal(sum->count, 990);
	assert_in_range(sum->sources, 960, 1020);
	assert_false(sum->has & RECORD_HAS_SOURCE); /* it is nobody's line */
	assert_int_equal(written.events, 1000);
	log_volume_free(v);
}

static void the_budget_comes_back_with_time(void **state)
{
	(void)state;
	struct log_volume *v = begin(10, 20);
	struct record r;
	record_init(&r, RECORD_CONNECTION_CLOSED);
	for (unsigned second = 0; second < 5; second++) {
		uint64_t before = written.lines;
		for (unsigned i = 0; i < 100; i++)
			log_volume_take(v, &r, 1000 * (second + 1));
		assert_int_equal(written.lines - before, second ? 10 : 20);
	}
	log_volume_free(v);
}

static void events_of_one_kind_do_not_use_the_budget_of_another(void **state)
{
	(void)state;
	struct log_volume *v = begin(1, 1);
	struct record closed, refused = refusal(1);
	record_init(&closed, RECORD_CONNECTION_CLOSED);
	log_volume_take(v, &closed, 1);
	log_volume_take(v, &closed, 1);
	log_volume_take(v, &refused, 1);
	assert_int_equal(written.lines, 2);
	assert_int_equal(written.last[0].event, RECORD_LIMIT_REFUSED);
	log_volume_free(v);
}

static void what_is_always_told_is_told_past_any_budget(void **state)
{
	(void)state;
	struct log_volume *v = begin(1, 1);
	struct record r;
	record_init(&r, RECORD_LISTENING);
	for (unsigned i = 0; i < 50; i++)
		log_volume_take(v, &r, 1);
	assert_int_equal(written.lines, 50);
	log_volume_free(v);
}

static void without_a_budget_every_line_is_written(void **state)
{
	(void)state;
	struct log_volume *v = begin(0, 0);
	struct record r;
	record_init(&r, RECORD_CONNECTION_CLOSED);
	for (unsigned i = 0; i < 5000; i++)
		log_volume_take(v, &r, 1);
	assert_int_equal(written.lines, 5000);
	log_volume_free(v);
}

/* More sources than can be told apart at once: they go into the sum. */
static void more_sources_than_places_lose_no_count(void **state)
{
	(void)state;
	struct log_volume *v = begin(10, 10);
	for (uint32_t i = 0; i < 3 * 20000; i++) {
		struct record r = refusal(i % 20000);
		log_volume_take(v, &r, 1000);
	}
	log_volume_flush(v, 2000);
	assert_int_equal(written.events, 3 * 20000);
	assert_in_range(written.last[0].sources, 18000, 22000);
	log_volume_free(v);
}

/* More listeners and kinds than there are sums: some share one, none is forgotten. */
static void more_listeners_than_sums_lose_no_count(void **state)
{
	static char names[LISTENERS][8];
	(void)state;
	struct log_volume *v = begin(1, 1);
	uint64_t taken = 0;
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < LISTENERS; i++, taken++) {
			struct record r;
			snprintf(names[i], sizeof(names[i]), "l%u", i);
			record_init(&r, RECORD_CONNECTION_CLOSED);
			r.listener = names[i];
			log_volume_take(v, &r, 1000 + round);
		}
	log_volume_flush(v, 2000);
	assert_int_equal(written.events, taken);
	log_volume_free(v);
}

static void a_flood_of_one_hundred_thousand_is_a_handful_of_lines(void **state)
{
	(void)state;
	struct log_volume *v = begin(100, 100);
	struct record r = refusal(1);
	for (unsigned i = 0; i < 100000; i++) {
		log_volume_take(v, &r, 1000 + i / 10);
		if (i % 1000 == 0)
			log_volume_tick(v, 1000 + i / 10);
	}
	log_volume_flush(v, 11000);
	assert_true(written.lines <= 3);
	assert_int_equal(written.events, 100000);
	log_volume_free(v);
}

/* --- any sequence --- */

static struct record random_record(void)
{
	static const char *const listeners[] = {"a", "b", "c"};
	static const char *const limits[] = {"connections", "max_connections", NULL};
	struct record r;
	record_init(&r, (enum record_event)(rand() % RECORD_EVENTS));
	r.listener = listeners[rand() % 3];
	r.limit = limits[rand() % 3];
	r.count = (uint32_t)(rand() % 10 ? 1 : 1 + rand() % 1000);
	if (rand() % 2) {
		unsigned many = rand() % 3 ? 10 : 20000;
		struct record named = refusal((uint32_t)rand() % many);
		r.source = named.source;
		r.has = RECORD_HAS_SOURCE;
	}
	return r;
}

static void the_totals_of_any_sequence_add_up(void **state)
{
	(void)state;
	srand(5);
	for (unsigned round = 0; round < 10; round++) {
		struct log_volume *v = begin((uint32_t)rand() % 50, 1 + (uint32_t)rand() % 50);
		uint64_t taken[RECORD_EVENTS] = {0}, now_ms = 1000;
		for (unsigned step = 0; step < 5000; step++) {
			struct record r = random_record();
			taken[r.event] += r.count;
			log_volume_take(v, &r, now_ms);
			now_ms += (uint64_t)(rand() % 4 ? 0 : rand() % 200);
			if (rand() % 10 == 0)
				log_volume_tick(v, now_ms);
			for (unsigned e = 0; e < RECORD_EVENTS; e++)
				assert_true(written.by_event[e] <= taken[e]);
		}
		log_volume_flush(v, now_ms);
		assert_memory_equal(written.by_event, taken, sizeof(taken));
		log_volume_free(v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_one_source_and_reason_one_line_at_once_then_counts),
		cmocka_unit_test(other_sources_limits_and_endpoints_have_lines_of_their_own),
		cmocka_unit_test(after_a_silent_interval_the_next_one_is_told_at_once),
		cmocka_unit_test(past_the_budget_a_sum_with_its_sources),
		cmocka_unit_test(the_budget_comes_back_with_time),
		cmocka_unit_test(events_of_one_kind_do_not_use_the_budget_of_another),
		cmocka_unit_test(what_is_always_told_is_told_past_any_budget),
		cmocka_unit_test(without_a_budget_every_line_is_written),
		cmocka_unit_test(more_sources_than_places_lose_no_count),
		cmocka_unit_test(more_listeners_than_sums_lose_no_count),
		cmocka_unit_test(a_flood_of_one_hundred_thousand_is_a_handful_of_lines),
		cmocka_unit_test(the_totals_of_any_sequence_add_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
