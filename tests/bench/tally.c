/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tally.c - counters and a logarithmic histogram, so that a run of any length costs the same
 * memory.
 */
#include "tests/bench/tally.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static const char *const fault_names[TALLY_FAULT_KINDS] = {
#define X(name, text) [TALLY_##name] = #text,
	TALLY_FAULTS(X)
#undef X
};

uint64_t tally_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void tally_start(struct tally *tally)
{
	memset(tally, 0, sizeof(*tally));
	tally->begin_ns = tally_now_ns();
}

void tally_stop(struct tally *tally)
{
	tally->end_ns = tally_now_ns();
}

/*
 * Values below TALLY_STEPS have a bucket each; above, the top bit picks the row and the next 5 the
 * step.
 */
static unsigned bucket_of(uint64_t ns)
{
	unsigned shift;

	if (ns < TALLY_STEPS)
		return (unsigned)ns;
	shift = 58u - (unsigned)__builtin_clzll(ns);
	return (shift + 1) * TALLY_STEPS + (unsigned)((ns >> shift) & (TALLY_STEPS - 1));
}

static uint64_t bucket_top(unsigned bucket)
{
	unsigned row = bucket / TALLY_STEPS;
	uint64_t step = bucket % TALLY_STEPS;

	if (row == 0)
		return step;
	return ((step + TALLY_STEPS + 1) << (row - 1)) - 1;
}

void tally_record_latency(struct tally *tally, uint64_t ns)
{
	tally->latency[bucket_of(ns)]++;
}

void tally_count_fault(struct tally *tally, enum tally_fault fault)
{
	tally->faults[fault]++;
}

uint64_t tally_sum_faults(const struct tally *tally)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < TALLY_FAULT_KINDS; i++)
		sum += tally->faults[i];
	return sum;
}

uint64_t tally_find_percentile(const struct tally *tally, double share)
{
	uint64_t total = 0, seen = 0;

	for (unsigned i = 0; i < TALLY_BUCKETS; i++)
		total += tally->latency[i];
	for (unsigned i = 0; i < TALLY_BUCKETS; i++) {
		seen += tally->latency[i];
		if (seen > 0 && (double)seen >= share * (double)total)
			return bucket_top(i);
	}
	return 0;
}

void tally_print_json(const struct tally *tally, const char *command, FILE *out)
{
	uint64_t end_ns = tally->end_ns ? tally->end_ns : tally_now_ns();
	double seconds = (double)(end_ns - tally->begin_ns) / 1e9;
	double rate = seconds > 0 ? (double)tally->operations / seconds : 0;

	fprintf(out, "{\"command\":\"%s\",\"operations\":%" PRIu64 ",\"errors\":%" PRIu64, command,
		tally->operations, tally_sum_faults(tally));
	fprintf(out, ",\"resets\":%" PRIu64 ",\"closes\":%" PRIu64, tally->resets, tally->closes);
	fprintf(out, ",\"tickets\":%" PRIu64, tally->tickets);
	fprintf(out, ",\"seconds\":%.3f,\"rate\":%.1f", seconds, rate);
	fprintf(out, ",\"p50_us\":%.1f,\"p99_us\":%.1f",
		(double)tally_find_percentile(tally, 0.50) / 1e3,
		(double)tally_find_percentile(tally, 0.99) / 1e3);
	fputs(",\"faults\":{", out);
	for (unsigned i = 0; i < TALLY_FAULT_KINDS; i++)
		fprintf(out, "%s\"%s\":%" PRIu64, i ? "," : "", fault_names[i], tally->faults[i]);
	fputs("}}\n", out);
	fflush(out);
}
