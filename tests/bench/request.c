/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * request.c - requests on long-lived connections: each answer is followed by the next request.
 *
 * What connecting costs is not measured: the clock starts when every connection has had its first
 * answer. With
 * --gate whoever reads the proxy's CPU time decides when that is, and the connections stay until he
 * is done.
 */
#include "tests/bench/commands.h"
#include "tests/bench/swarm.h"

#include <stdio.h>

/* Connections being opened at once: well within any listen queue. */
#define OPENING_MAX 64

struct phase {
	bool is_measuring;
	uint64_t end_ns;
	uint32_t ready;
};

static void on_answer(struct swarm *swarm, struct swarm_member *member, uint64_t ns)
{
	struct phase *phase = swarm->context;

	if (!phase->is_measuring) {
		phase->ready++;
		return;
	}
	tally_record_latency(&swarm->tally, ns);
	swarm->tally.operations++;
	if (swarm->now_ns < phase->end_ns)
		member->owed++;
}

static const struct swarm_rules request_rules = {on_answer, swarm_count_end, NULL};

static bool open_all(struct swarm *swarm, const struct phase *phase)
{
	swarm->opening_max = OPENING_MAX;
	while (phase->ready < swarm->options->connections) {
		if (!swarm_turn(swarm, 100))
			return false;
	}
	swarm->is_filling = false;
	return tally_sum_faults(&swarm->tally) == 0;
}

static bool pass_gate(const struct options *options)
{
	char line[64];

	if (!options->gate)
		return true;
	puts("ready");
	fflush(stdout);
	return fgets(line, sizeof(line), stdin) != NULL;
}

static bool is_answered(const struct swarm *swarm)
{
	for (uint32_t i = 0; i < swarm->options->connections; i++) {
		const struct swarm_member *member = &swarm->members[i];

		if (member->state == SWARM_OPEN && member->sent > member->answered)
			return false;
	}
	return true;
}

static void measure(struct swarm *swarm, struct phase *phase)
{
	const struct options *options = swarm->options;
	bool goes_on = true;

	tally_start(&swarm->tally);
	phase->is_measuring = true;
	phase->end_ns = swarm->tally.begin_ns + options->duration_ns;
	for (uint32_t i = 0; i < options->connections; i++) {
		if (swarm->members[i].state == SWARM_OPEN)
			swarm_ask(swarm, &swarm->members[i], options->in_flight);
	}
	while (goes_on && tally_now_ns() < phase->end_ns)
		goes_on = swarm_turn(swarm, 100);
	while (goes_on && !is_answered(swarm))
		goes_on = swarm_turn(swarm, 100);
	tally_stop(&swarm->tally);
}

static void wait_for_end(const struct options *options)
{
	char line[64];

	while (options->gate && fgets(line, sizeof(line), stdin) != NULL)
		;
}

int request_run(const struct options *options)
{
	struct phase phase = {0};
	struct swarm *swarm = swarm_new(options, &request_rules);
	int status;

	if (swarm == NULL) {
		perror("sipweir-load");
		return 1;
	}
	swarm->context = &phase;
	if (open_all(swarm, &phase) && pass_gate(options))
		measure(swarm, &phase);
	tally_print_json(&swarm->tally, options->command, stdout);
	wait_for_end(options);
	status = tally_sum_faults(&swarm->tally) > 0 || !phase.is_measuring;
	swarm_free(swarm);
	return status;
}
