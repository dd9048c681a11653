/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hold.c - connections that are there and say nothing, as most phones do most of the time.
 *
 * Each sends one request and reads the answer first, so that the proxy has a connection to the
 * server for it.
 */
#include "tests/bench/commands.h"
#include "tests/bench/swarm.h"

#include <inttypes.h>
#include <stdio.h>

/* Connections being opened at once: well within any listen queue. */
#define OPENING_MAX 64

static void on_answer(struct swarm *swarm, struct swarm_member *member, uint64_t ns)
{
	(void)member;
	tally_record_latency(&swarm->tally, ns);
	swarm->tally.operations++;
}

static const struct swarm_rules hold_rules = {on_answer, swarm_count_end, NULL};

static bool open_all(struct swarm *swarm)
{
	swarm->opening_max = OPENING_MAX;
	while (swarm->tally.operations < swarm->options->connections) {
		if (!swarm_turn(swarm, 100))
			return false;
	}
	swarm->is_filling = false;
	return tally_sum_faults(&swarm->tally) == 0;
}

int hold_run(const struct options *options)
{
	struct swarm *swarm = swarm_new(options, &hold_rules);
	int status;

	if (swarm == NULL) {
		perror("sipweir-load");
		return 1;
	}
	if (open_all(swarm)) {
		tally_stop(&swarm->tally);
		printf("holding %" PRIu32 "\n", swarm_count_open(swarm));
		fflush(stdout);
		swarm_watch_input(swarm);
		while (!swarm->has_input_ended && swarm_turn(swarm, 1000))
			;
	}
	tally_print_json(&swarm->tally, options->command, stdout);
	status = tally_sum_faults(&swarm->tally) > 0;
	swarm_free(swarm);
	return status;
}
