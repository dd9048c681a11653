/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * limits_bench.c - what the limits cost by themselves: admissions at both levels with many sources tracked, messages, the class of a
 * source, and two threads beside one. CPU time of the thread, the best of some rounds; the sources come in random order.
 */
#include "limits/limiter.h"
#include "limits/netmap.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 7, ADMISSIONS = 400000, NETWORKS = 100000, LOOKS = 2000000, AHEAD = 8 };

static double cpu_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 11;
}

/* Eight sources to a subnet. */
static struct limit_source source_of(uint64_t number)
{
	struct limit_source s = {.endpoint = ""};
	uint64_t subnet = number / 8;
	uint8_t ipv4[4] = {(uint8_t)(1 + (subnet >> 16)), (uint8_t)(subnet >> 8), (uint8_t)subnet,
		(uint8_t)(number % 8 * 31)};
	addr_set_ipv4(&s.addr, ipv4);
	return s;
}

static struct limiter *new_limiter(uint32_t capacity)
{
	const struct limit_setup setup = {.capacity = capacity,
		.ipv4_prefix = 32,
		.ipv6_prefix = 64,
		.subnet_ipv4_prefix = 24,
		.subnet_ipv6_prefix = 48,
		.hash_key = "not so random"};
	return limiter_new(&setup);
}

static const struct limit_rules rules = {.connections = 1000,
	.unproven = 1000,
	.connection_rate = {1, 1u << 30},
	.subnet_connections = 100000,
	.subnet_connection_rate = {1, 1u << 30}};

/* One by itself. */
static void admit_source(struct limiter *l, const struct limit_source *source, uint64_t now_us,
	struct limit_token *token, struct limit_result *result)
{
	struct limit_aim aim;
	limiter_aim(l, source, &aim);
	limiter_admit(l, &rules, &aim, now_us, token, result);
}

/* --- one thread's part --- */

struct part {
	pthread_t thread;
	struct limiter *limiter;
	struct limit_source *order;
	struct limit_token *tokens;
	double admit_ns, release_ns;
	uint64_t seed;
	uint32_t sources;
	bool is_burst;
};

/* As at accept: each is known some others before its turn. */
static void admit_burst(struct part *p, struct limit_result *result)
{
	struct limit_aim aims[2 * AHEAD];
	for (uint32_t i = 0; i < ADMISSIONS + 2 * AHEAD; i++) {
		if (i >= 2 * AHEAD)
			limiter_admit(p->limiter, &rules, &aims[i % (2 * AHEAD)], 1000000 + i,
				&p->tokens[i - 2 * AHEAD], result);
		if (i < ADMISSIONS)
			limiter_aim(p->limiter, &p->order[i], &aims[i % (2 * AHEAD)]);
		if (i >= AHEAD && i < ADMISSIONS + AHEAD)
			limiter_look_ahead(p->limiter, &aims[(i - AHEAD) % (2 * AHEAD)]);
	}
}

static void *run_part(void *argument)
{
	struct part *p = argument;
	struct limit_result result;
	for (uint32_t i = 0; i < ADMISSIONS; i++)
		p->order[i] = source_of(next_random(&p->seed) % p->sources);
	memset(p->tokens, 0, ADMISSIONS * sizeof(*p->tokens));
	double began = cpu_ns(CLOCK_MONOTONIC);
	if (p->is_burst)
		admit_burst(p, &result);
	for (uint32_t i = 0; !p->is_burst && i < ADMISSIONS; i++)
		admit_source(p->limiter, &p->order[i], 1000000 + i, &p->tokens[i], &result);
	double between = cpu_ns(CLOCK_MONOTONIC);
	for (uint32_t i = 0; i < ADMISSIONS; i++)
		limiter_release(p->limiter, &p->tokens[i], 2000000);
	p->admit_ns = (between - began) / ADMISSIONS;
	p->release_ns = (cpu_ns(CLOCK_MONOTONIC) - between) / ADMISSIONS;
	return NULL;
}

static struct part new_part(struct limiter *l, uint32_t sources, uint64_t seed)
{
	struct part p = {.limiter = l, .sources = sources, .seed = seed * 0x9e3779b97f4a7c15u | 1};
	p.order = malloc(ADMISSIONS * sizeof(*p.order));
	p.tokens = malloc(ADMISSIONS * sizeof(*p.tokens));
	if (!p.order || !p.tokens)
		exit(1);
	return p;
}

struct times {
	double admit_ns, release_ns;
	double gain; /* of two threads beside one */
};

static struct times bench_parts(struct part *a, struct part *b, bool is_burst)
{
	struct times best = {1e9, 1e9, 0};
	double two = 1e9;
	a->is_burst = b->is_burst = is_burst;
	for (int round = 0; round < ROUNDS; round++) {
		run_part(a);
		best.admit_ns = a->admit_ns < best.admit_ns ? a->admit_ns : best.admit_ns;
		best.release_ns = a->release_ns < best.release_ns ? a->release_ns : best.release_ns;
		pthread_create(&b->thread, NULL, run_part, b);
		run_part(a);
		pthread_join(b->thread, NULL);
		double slower = a->admit_ns > b->admit_ns ? a->admit_ns : b->admit_ns;
		two = slower < two ? slower : two;
	}
	best.gain = 2 * best.admit_ns / two;
	return best;
}

static void bench_sources(uint32_t sources)
{
	struct limiter *l = new_limiter(sources + sources / 4);
	struct limit_token *held = calloc(sources, sizeof(*held));
	struct limit_result result;
	if (!l || !held)
		exit(1);
	for (uint32_t i = 0; i < sources; i++) {
		struct limit_source s = source_of(i);
		admit_source(l, &s, 1000000, &held[i], &result);
	}
	struct part a = new_part(l, sources, 1), b = new_part(l, sources, 2);
	struct times alone = bench_parts(&a, &b, false), burst = bench_parts(&a, &b, true);
	printf("%8u sources tracked: %3.0f ns an admission at both levels in a burst, %3.0f ns one "
	       "by itself, %3.0f ns a "
	       "release; two threads %.2f and %.2f times one\n",
		sources, burst.admit_ns, alone.admit_ns, alone.release_ns, burst.gain, alone.gain);
	free(held);
	free(a.order);
	free(a.tokens);
	free(b.order);
	free(b.tokens);
	limiter_free(l);
}

/* --- the rest --- */

static void bench_message(void)
{
	struct limiter *l = new_limiter(100);
	struct limit_source s = source_of(1);
	struct limit_token token = {0};
	struct limit_result result;
	const struct gcra_rate rate = gcra_rate_of(1000000, 1000, 1000000);
	uint64_t at_us;
	double best = 1e9;
	admit_source(l, &s, 1, &token, &result);
	for (int round = 0; round < ROUNDS; round++) {
		double began = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
		for (uint64_t i = 0; i < LOOKS; i++)
			limiter_take_message(&token, &rate, i, &at_us);
		double each = (cpu_ns(CLOCK_THREAD_CPUTIME_ID) - began) / LOOKS;
		best = each < best ? each : best;
	}
	printf("a message through its connection's token: %.0f ns\n", best);
	limiter_release(l, &token, 1);
	limiter_free(l);
}

static void bench_networks(void)
{
	struct netmap_row *rows = calloc(NETWORKS, sizeof(*rows));
	struct addr *asked = calloc(LOOKS, sizeof(*asked));
	uint64_t seed = 4711, found = 0;
	double best = 1e9;
	if (!rows || !asked)
		exit(1);
	for (uint32_t i = 0; i < NETWORKS; i++) {
		uint32_t bits = (uint32_t)next_random(&seed), prefix = 16 + bits % 17;
		uint8_t ipv4[4] = {(uint8_t)(bits >> 24), (uint8_t)(bits >> 16),
			(uint8_t)(bits >> 8), (uint8_t)(bits >> 3)};
		addr_set_ipv4(&rows[i].network.addr, ipv4);
		addr_cut(&rows[i].network.addr, prefix, 128);
		rows[i].network.prefix = (uint8_t)(96 + prefix);
		rows[i].value = 1 + i;
	}
	double began = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	struct netmap *m = netmap_new(rows, NETWORKS);
	double built = cpu_ns(CLOCK_THREAD_CPUTIME_ID) - began;
	for (uint32_t i = 0; i < LOOKS; i++) {
		asked[i] = rows[next_random(&seed) % NETWORKS].network.addr;
		asked[i].bytes[15] ^= (uint8_t)next_random(&seed);
	}
	for (int round = 0; round < ROUNDS; round++) {
		began = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
		for (uint32_t i = 0; i < LOOKS; i++)
			found += netmap_find(m, &asked[i]) != NETMAP_NONE;
		double each = (cpu_ns(CLOCK_THREAD_CPUTIME_ID) - began) / LOOKS;
		best = each < best ? each : best;
	}
	printf("the class of a source among %d networks: %.0f ns; built in %.0f ms, %zu bytes a "
	       "network "
	       "(%.0f %% found)\n",
		NETWORKS, best, built / 1e6, netmap_bytes(m) / NETWORKS,
		(double)found * 100 / ((double)LOOKS * ROUNDS));
	netmap_free(m);
	free(rows);
	free(asked);
}

static size_t resident(void)
{
	size_t pages = 0, all = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (!f || fscanf(f, "%zu %zu", &all, &pages) != 2)
		exit(1);
	fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void bench_memory(void)
{
	enum { SOURCES = 1000000 };
	struct limit_token *held = calloc(SOURCES, sizeof(*held));
	struct limiter *l = new_limiter(SOURCES);
	struct limit_result result;
	if (!l || !held)
		exit(1);
	memset(held, 1, SOURCES * sizeof(*held));
	memset(held, 0, SOURCES * sizeof(*held));
	size_t before = resident();
	for (uint32_t i = 0; i < SOURCES; i++) {
		struct limit_source s = source_of(i);
		admit_source(l, &s, 1, &held[i], &result);
		if (result.verdict != LIMIT_OK)
			exit(1);
	}
	printf("a million tracked sources, eight to a subnet: %zu bytes each\n",
		(resident() - before) / SOURCES);
	limiter_free(l);
	free(held);
}

int main(void)
{
	bench_memory();
	bench_sources(10000);
	bench_sources(100000);
	bench_sources(1000000);
	bench_message();
	bench_networks();
	return 0;
}
