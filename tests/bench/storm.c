/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * storm.c - all clients at once, each with its patience: who has no answer by then hangs up and
 * tries again, at once.
 *
 * What is measured is when each of them got in, counted from the beginning. Who is in stays,
 * silent, to the end.
 */
#include "tests/bench/commands.h"
#include "tests/bench/swarm.h"

#include <inttypes.h>
#include <stdio.h>

#define SECONDS_MAX 600

struct storm {
	uint32_t in;
	uint32_t late;	/* attempts that ran out of patience */
	uint32_t ended; /* attempts that the other side ended */
	uint64_t last_ns;
	uint32_t in_by_second[SECONDS_MAX];
};

static void on_answer(struct swarm *swarm, struct swarm_member *member, uint64_t ns)
{
	struct storm *storm = swarm->context;
	uint64_t since_ns = tally_now_ns() - swarm->tally.begin_ns;
	uint64_t second = since_ns / 1000000000u;

	(void)member;
	(void)ns;
	tally_record_latency(&swarm->tally, since_ns);
	storm->in++;
	storm->last_ns = since_ns;
	storm->in_by_second[second < SECONDS_MAX ? second : SECONDS_MAX - 1]++;
}

static void on_end(struct swarm *swarm, const struct swarm_member *member, enum stream_status how)
{
	struct storm *storm = swarm->context;

	if (member->answered > 0)
		swarm_count_end(swarm, member, how);
	else
		storm->ended++;
}

static void on_late(struct swarm *swarm, const struct swarm_member *member)
{
	struct storm *storm = swarm->context;

	(void)member;
	storm->late++;
}

static const struct swarm_rules storm_rules = {on_answer, on_end, on_late};

static void print_json(const struct swarm *swarm, const struct storm *storm)
{
	const struct tally *tally = &swarm->tally;
	uint64_t seconds = storm->last_ns / 1000000000u;

	printf("{\"command\":\"storm\",\"clients\":%" PRIu32 ",\"in\":%" PRIu32
	       ",\"attempts\":%" PRIu32 ",\"late\":%" PRIu32 ",\"ended\":%" PRIu32,
		swarm->options->connections, storm->in, swarm->next_number, storm->late,
		storm->ended);
	printf(",\"errors\":%" PRIu64 ",\"last_s\":%.2f,\"p50_s\":%.2f,\"p99_s\":%.2f",
		tally_sum_faults(tally), (double)storm->last_ns / 1e9,
		(double)tally_find_percentile(tally, 0.50) / 1e9,
		(double)tally_find_percentile(tally, 0.99) / 1e9);
	fputs(",\"in_by_second\":[", stdout);
	for (uint64_t i = 0; i <= seconds && i < SECONDS_MAX; i++)
		printf("%s%" PRIu32, i ? "," : "", storm->in_by_second[i]);
	puts("]}");
}

int storm_run(const struct options *options)
{
	struct storm storm = {0};
	struct swarm *swarm = swarm_new(options, &storm_rules);
	bool goes_on = true, is_in;

	if (swarm == NULL) {
		perror("sipweir-load");
		return 1;
	}
	swarm->context = &storm;
	while (goes_on && storm.in < options->connections &&
		tally_now_ns() - swarm->tally.begin_ns < options->duration_ns)
		goes_on = swarm_turn(swarm, 100);
	print_json(swarm, &storm);
	is_in = storm.in == options->connections && tally_sum_faults(&swarm->tally) == 0;
	swarm_free(swarm);
	return is_in ? 0 : 1;
}
