/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * connect.c - short connections, over and over: served (connect), or turned away (refuse).
 *
 * connect: ask, read the answer, close. An operation is complete when the proxy has closed too: one
 * that forgets connections shows as timed_out. The latency is that of the answer, from connect()
 * on. refuse: the same request from a source that is over its limit; what is due is a RST or a FIN.
 */
#include "tests/bench/commands.h"
#include "tests/bench/swarm.h"

#include <stdio.h>

static void on_served(struct swarm *swarm, struct swarm_member *member, uint64_t ns)
{
	tally_record_latency(&swarm->tally, ns);
	swarm_finish(swarm, member);
}

static void on_closed(
	struct swarm *swarm, const struct swarm_member *member, enum stream_status how)
{
	if (member->state == SWARM_CLOSING && how == STREAM_END)
		swarm->tally.operations++;
	else
		swarm_count_end(swarm, member, how);
}

static const struct swarm_rules connect_rules = {on_served, on_closed, NULL};

static void on_admitted(struct swarm *swarm, struct swarm_member *member, uint64_t ns)
{
	(void)ns;
	tally_count_fault(&swarm->tally, TALLY_WRONG);
	swarm_drop(swarm, member);
}

static void on_refused(
	struct swarm *swarm, const struct swarm_member *member, enum stream_status how)
{
	struct tally *tally = &swarm->tally;

	tally->operations++;
	if (how == STREAM_RESET)
		tally->resets++;
	else
		tally->closes++;
	tally_record_latency(tally, tally_now_ns() - member->sent_ns[0]);
}

static const struct swarm_rules refuse_rules = {on_admitted, on_refused, NULL};

static bool is_enough(const struct swarm *swarm)
{
	const struct options *options = swarm->options;

	if (options->count > 0)
		return swarm->next_number >= options->count;
	return tally_now_ns() - swarm->tally.begin_ns >= options->duration_ns;
}

static int run(const struct options *options, const struct swarm_rules *rules)
{
	struct swarm *swarm = swarm_new(options, rules);
	bool goes_on = true;
	int status;

	if (swarm == NULL) {
		perror("sipweir-load");
		return 1;
	}
	while (goes_on && !is_enough(swarm))
		goes_on = swarm_turn(swarm, 100);
	swarm->is_filling = false;
	while (goes_on && swarm_count_open(swarm) > 0)
		goes_on = swarm_turn(swarm, 100);
	tally_stop(&swarm->tally);
	tally_print_json(&swarm->tally, options->command, stdout);
	status = tally_sum_faults(&swarm->tally) > 0;
	swarm_free(swarm);
	return status;
}

int connect_run(const struct options *options)
{
	return run(options, &connect_rules);
}

int refuse_run(const struct options *options)
{
	return run(options, &refuse_rules);
}
