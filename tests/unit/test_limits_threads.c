/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_limits_threads.c - four threads on one limiter: never over a limit, and nothing lost. Meant
 * for TSan.
 */
#include "limits/limiter.h"
#include "tests/unit/limits_admit.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	THREADS = 4,
	TOKENS = 64, /* that one thread holds at most */
	PLACES = 3,  /* for tokens that go from thread to thread */
};

/*
 * What the threads share besides the limiter. `held` counts from outside, raised behind an
 * admission and lowered ahead of a release: it never exceeds the limiter's own count, so over the
 * limit it proves an error.
 */
struct scene {
	struct limiter *l;
	struct limit_rules rules;
	uint32_t sources;
	uint32_t steps;
	bool keep; /* what was admitted stays until the threads have ended */
	_Atomic uint32_t *held;
	_Atomic(struct limit_entry *) places[PLACES];
	pthread_barrier_t start;
};

/* cmocka's asserts belong to the first thread alone: the others count, and it looks at the sums. */
struct hand {
	struct scene *scene;
	struct limit_token *tokens;
	uint32_t *owner;
	uint64_t random;
	uint32_t number;
	uint32_t admitted, refused, full, wrong;
	uint32_t count; /* of tokens */
};

static uint32_t draw(struct hand *h, uint32_t below)
{
	h->random ^= h->random << 13;
	h->random ^= h->random >> 7;
	h->random ^= h->random << 17;
	return (uint32_t)(h->random >> 32) % below;
}

static void hand_admit(struct hand *h, uint32_t source_number)
{
	struct scene *s = h->scene;
	uint8_t ipv4[4] = {10, 0, (uint8_t)(source_number >> 8), (uint8_t)source_number};
	struct limit_source source = {.endpoint = ""};
	struct limit_token token = {0};
	struct limit_result result;
	addr_set_ipv4(&source.addr, ipv4);
	admit_source(s->l, &s->rules, &source, 0, &token, &result);
	enum limit_verdict verdict = result.verdict;
	h->refused += verdict == LIMIT_CONNECTIONS;
	h->full += verdict == LIMIT_TRACKED_SOURCES;
	h->wrong += (verdict == LIMIT_OK) != (token.entry != NULL);
	if (verdict != LIMIT_OK)
		return;
	h->admitted++;
	h->wrong += result.current >= s->rules.connections;
	h->wrong += atomic_fetch_add(&s->held[source_number], 1) >= s->rules.connections;
	h->tokens[h->count] = token;
	h->owner[h->count++] = source_number;
}

static void hand_release(struct hand *h)
{
	uint32_t i = draw(h, h->count);
	atomic_fetch_sub(&h->scene->held[h->owner[i]], 1);
	limiter_release(h->scene->l, &h->tokens[i], 0);
	h->count--;
	h->tokens[i] = h->tokens[h->count];
	h->owner[i] = h->owner[h->count];
}

static void *hammer(void *arg)
{
	struct hand *h = arg;
	struct scene *s = h->scene;
	pthread_barrier_wait(&s->start);
	for (uint32_t step = 0; step < s->steps; step++) {
		if (s->keep || h->count == 0 || (h->count < TOKENS && draw(h, 2)))
			hand_admit(h, draw(h, s->sources));
		else
			hand_release(h);
	}
	while (!s->keep && h->count > 0)
		hand_release(h);
	return NULL;
}

/*
 * Admit a source that nobody has had before, and leave its token in a shared place if that is
 * empty.
 */
static void bring(struct hand *h, uint32_t step)
{
	struct scene *s = h->scene;
	uint8_t ipv4[4] = {(uint8_t)(10 + h->number), (uint8_t)(step >> 16), (uint8_t)(step >> 8),
		(uint8_t)step};
	struct limit_source source = {.endpoint = ""};
	struct limit_token token = {0};
	struct limit_entry *nothing = NULL;
	struct limit_result result;
	addr_set_ipv4(&source.addr, ipv4);
	admit_source(s->l, &s->rules, &source, 0, &token, &result);
	h->full += result.verdict == LIMIT_TRACKED_SOURCES;
	h->admitted += token.entry != NULL;
	if (!atomic_compare_exchange_strong(&s->places[draw(h, PLACES)], &nothing, token.entry))
		limiter_release(s->l, &token, 0);
}

/* What one thread took another gives back, and nobody gives as often as he takes. */
static void *bring_and_fetch(void *arg)
{
	struct hand *h = arg;
	struct scene *s = h->scene;
	pthread_barrier_wait(&s->start);
	for (uint32_t step = 0; step < s->steps; step++) {
		if (draw(h, 2)) {
			bring(h, step);
			continue;
		}
		struct limit_token token = {
			.entry = atomic_exchange(&s->places[draw(h, PLACES)], NULL),
			.is_unproven = true,
		};
		limiter_release(s->l, &token, 0);
	}
	return NULL;
}

static void clear_places(struct scene *s)
{
	for (int i = 0; i < PLACES; i++) {
		struct limit_token token = {
			.entry = atomic_exchange(&s->places[i], NULL), .is_unproven = true};
		limiter_release(s->l, &token, 0);
	}
}

/*
 * Run four threads and return the sum of what they counted. Tokens that were kept are given back at
 * the end.
 */
static struct hand run(
	struct scene *s, uint32_t capacity, void *(*body)(void *), uint32_t keep_slots)
{
	struct limit_setup setup = {.capacity = capacity,
		.ipv4_prefix = 32,
		.ipv6_prefix = 64,
		.subnet_ipv4_prefix = 32,
		.subnet_ipv6_prefix = 64};
	struct hand hands[THREADS] = {0}, sum = {0};
	pthread_t threads[THREADS];
	s->l = limiter_new(&setup);
	s->held = calloc(s->sources, sizeof(*s->held));
	assert_true(s->l != NULL && s->held != NULL);
	pthread_barrier_init(&s->start, NULL, THREADS);
	for (uint32_t i = 0; i < THREADS; i++) {
		uint32_t tokens = s->keep ? s->steps : TOKENS;
		hands[i] = (struct hand){.scene = s, .number = i, .random = 88172645463325252u + i};
		hands[i].tokens = calloc(tokens, sizeof(*hands[i].tokens));
		hands[i].owner = calloc(tokens, sizeof(*hands[i].owner));
		assert_true(hands[i].tokens != NULL && hands[i].owner != NULL);
		assert_int_equal(pthread_create(&threads[i], NULL, body, &hands[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	clear_places(s);
	assert_int_equal(limiter_slots(s->l), keep_slots);
	for (int i = 0; i < THREADS; i++) {
		sum.admitted += hands[i].admitted;
		sum.refused += hands[i].refused;
		sum.full += hands[i].full;
		sum.wrong += hands[i].wrong;
		while (hands[i].count > 0)
			hand_release(&hands[i]);
		free(hands[i].tokens);
		free(hands[i].owner);
	}
	assert_int_equal(limiter_slots(s->l), 0);
	assert_int_equal(limiter_sources(s->l), 0);
	pthread_barrier_destroy(&s->start);
	free(s->held);
	limiter_free(s->l);
	return sum;
}

static void few_sources_never_exceed_their_limit(void **state)
{
	struct scene s = {.rules = {.connections = 5}, .sources = 3, .steps = 100000};
	(void)state;
	struct hand sum = run(&s, 100, hammer, 0);
	assert_int_equal(sum.wrong, 0);
	assert_int_equal(sum.full, 0);
	assert_true(sum.admitted > 0 && sum.refused > 0);
}

static void many_sources_never_exceed_their_limit_in_a_full_table(void **state)
{
	struct scene s = {.rules = {.connections = 2}, .sources = 1000, .steps = 100000};
	(void)state;
	/* less than one thread holds, because on a busy host they may run one after the other */
	struct hand sum = run(&s, TOKENS / 2, hammer, 0);
	assert_int_equal(sum.wrong, 0);
	assert_true(sum.admitted > 0 && sum.refused > 0 && sum.full > 0);
}

static void one_source_gets_exactly_its_limit(void **state)
{
	struct scene s = {
		.rules = {.connections = 1000}, .sources = 1, .steps = 1000, .keep = true};
	(void)state;
	struct hand sum = run(&s, 100, hammer, 1000);
	assert_int_equal(sum.wrong, 0);
	assert_int_equal(sum.admitted, 1000);
	assert_int_equal(sum.refused, THREADS * 1000 - 1000);
}

static void new_sources_get_exactly_the_capacity(void **state)
{
	struct scene s = {
		.rules = {.connections = 1}, .sources = 60000, .steps = 5000, .keep = true};
	(void)state;
	struct hand sum = run(&s, 3000, hammer, 3000);
	assert_int_equal(sum.wrong, 0);
	assert_int_equal(sum.admitted, 3000);
	assert_true(sum.full > 0);
}

/*
 * A thread that asks holds nothing; with all others' hands and all places full one entry is left.
 */
static void a_table_with_room_is_never_called_full(void **state)
{
	struct scene s = {.rules = {.connections = 1}, .sources = 1, .steps = 200000};
	(void)state;
	struct hand sum = run(&s, THREADS + PLACES, bring_and_fetch, 0);
	assert_int_equal(sum.full, 0);
	assert_true(sum.admitted > 0);
}

/* --- both levels, totals, and what connections do meanwhile --- */

enum { SUBNETS = 3, MEMBERS = 8, HELD = 16, VERDICTS = LIMIT_UNREGISTERED + 1 };

static const struct gcra_rate message_rate = {1, 1000};

struct levels {
	struct limiter *l;
	struct limit_rules rules;
	struct limit_total total;
	_Atomic uint32_t of_source[SUBNETS][MEMBERS], of_subnet[SUBNETS], in_all;
	pthread_barrier_t start;
};

struct member {
	struct limit_token token;
	uint32_t subnet, number;
};

struct climber {
	struct levels *levels;
	struct hand hand; /* draws and counts */
	pthread_t thread;
	struct member members[HELD];
	uint32_t verdicts[VERDICTS];
};

static struct limit_source source_at(uint32_t subnet, uint32_t number)
{
	uint8_t ipv4[4] = {10, 0, (uint8_t)subnet, (uint8_t)number};
	struct limit_source source = {.endpoint = ""};
	addr_set_ipv4(&source.addr, ipv4);
	return source;
}

static void climb(struct climber *c, struct member *m, uint64_t now_us)
{
	struct levels *v = c->levels;
	struct limit_result result;
	m->subnet = draw(&c->hand, SUBNETS);
	m->number = draw(&c->hand, MEMBERS);
	struct limit_source source = source_at(m->subnet, m->number);
	admit_source(v->l, &v->rules, &source, now_us, &m->token, &result);
	c->verdicts[result.verdict]++;
	if (result.verdict != LIMIT_OK)
		return;
	uint32_t beside = atomic_fetch_add(&v->of_source[m->subnet][m->number], 1);
	c->hand.wrong += beside >= v->rules.connections;
	beside = atomic_fetch_add(&v->of_subnet[m->subnet], 1);
	c->hand.wrong += beside >= v->rules.subnet_connections;
	c->hand.wrong += atomic_fetch_add(&v->in_all, 1) >= v->rules.total_connections;
}

static void descend(struct climber *c, struct member *m, uint64_t now_us)
{
	struct levels *v = c->levels;
	atomic_fetch_sub(&v->of_source[m->subnet][m->number], 1);
	atomic_fetch_sub(&v->of_subnet[m->subnet], 1);
	atomic_fetch_sub(&v->in_all, 1);
	limiter_release(v->l, &m->token, now_us);
}

static void live(struct climber *c, struct member *m, uint64_t now_us)
{
	struct levels *v = c->levels;
	struct limit_source source = source_at(m->subnet, m->number);
	struct limit_result result;
	uint64_t at_us;
	switch (draw(&c->hand, 8)) {
	case 0:
		limiter_prove(&m->token, 0, false, &result);
		break;
	case 1:
		limiter_register(&m->token);
		break;
	case 2:
		limiter_punish(&m->token, 1, 1000, now_us);
		break;
	case 3:
		limiter_absolve(v->l, &source, 1, 1000, now_us);
		break;
	case 4:
		limiter_take_message(&m->token, &message_rate, now_us, &at_us);
		break;
	case 5:
		limiter_mark(v->l, &source, 1 + (uint32_t)(now_us / 1000), 1);
		break;
	case 6:
		limiter_punish_source(v->l, &source, 1, 1000, now_us);
		break;
	default:
		limiter_reclaim(v->l, 1000, now_us, 4);
	}
}

static void *climb_and_descend(void *argument)
{
	struct climber *c = argument;
	pthread_barrier_wait(&c->levels->start);
	for (uint32_t step = 0; step < 100000; step++) {
		struct member *m = &c->members[draw(&c->hand, HELD)];
		if (m->token.entry == NULL)
			climb(c, m, step);
		else if (draw(&c->hand, 3) == 0)
			descend(c, m, step);
		else
			live(c, m, step);
	}
	for (int i = 0; i < HELD; i++)
		if (c->members[i].token.entry != NULL)
			descend(c, &c->members[i], 100000);
	return NULL;
}

static void no_level_is_exceeded_whatever_connections_do_meanwhile(void **state)
{
	const struct limit_setup setup = {.capacity = 1000,
		.ipv4_prefix = 32,
		.ipv6_prefix = 64,
		.subnet_ipv4_prefix = 24,
		.subnet_ipv6_prefix = 48};
	struct levels v = {
		.rules = {.connections = 3, .subnet_connections = 12, .total_connections = 30}};
	struct climber climbers[THREADS] = {0};
	uint32_t verdicts[VERDICTS] = {0};
	(void)state;
	v.rules.total = &v.total;
	v.l = limiter_new(&setup);
	assert_non_null(v.l);
	pthread_barrier_init(&v.start, NULL, THREADS);
	for (uint32_t i = 0; i < THREADS; i++) {
		climbers[i].levels = &v;
		climbers[i].hand.random = 88172645463325252u + i;
		assert_int_equal(
			pthread_create(&climbers[i].thread, NULL, climb_and_descend, &climbers[i]),
			0);
	}
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(climbers[i].thread, NULL), 0);
		assert_int_equal(climbers[i].hand.wrong, 0);
		for (int j = 0; j < VERDICTS; j++)
			verdicts[j] += climbers[i].verdicts[j];
	}
	pthread_barrier_destroy(&v.start);
	assert_true(verdicts[LIMIT_OK] > 0 && verdicts[LIMIT_CONNECTIONS] > 0);
	assert_true(
		verdicts[LIMIT_SUBNET_CONNECTIONS] > 0 && verdicts[LIMIT_TOTAL_CONNECTIONS] > 0);
	assert_int_equal(atomic_load(&v.total.open), 0);
	assert_int_equal(limiter_slots(v.l), 0);
	limiter_reclaim(v.l, 1000, UINT64_C(3600000000), setup.capacity);
	assert_int_equal(limiter_sources(v.l), 0);
	limiter_reclaim(v.l, 1000, UINT64_C(3600000000), setup.capacity);
	assert_int_equal(limiter_subnets(v.l), 0);
	limiter_free(v.l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_sources_never_exceed_their_limit),
		cmocka_unit_test(many_sources_never_exceed_their_limit_in_a_full_table),
		cmocka_unit_test(one_source_gets_exactly_its_limit),
		cmocka_unit_test(new_sources_get_exactly_the_capacity),
		cmocka_unit_test(a_table_with_room_is_never_called_full),
		cmocka_unit_test(no_level_is_exceeded_whatever_connections_do_meanwhile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
