/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/log_volume.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	REPEATS =
		4096, /* sources and reasons told apart at once; what finds no place goes into the sums */
	PROBES = 8,
	SUMS = 512,
	SOURCE_BITS =
		8192, /* sources in a sum are counted by linear counting: exact for few, within 2 % for thousands */
};

/* One source and reason that was told in the last interval. */
struct repeat {
	struct record last;
	uint64_t hash;
	uint64_t told_ms;
	uint64_t untold;
};

struct sum {
	struct record last;
	uint64_t began_ms;
	uint64_t total;
	uint8_t sources[SOURCE_BITS / 8];
};

struct log_volume {
	struct conf_log conf;
	log_volume_emit *emit;
	void *to;
	uint64_t next_ms
		[RECORD_EVENTS]; /* GCRA: when the budget of this kind is whole again, in 1/1024 ms */
	unsigned open;		 /* how many repeats are used */
	bool is_used[REPEATS];
	struct repeat repeats[REPEATS];
	unsigned sum_count;
	struct sum sums[SUMS];
};

struct log_volume *log_volume_new(const struct conf_log *conf, log_volume_emit *emit, void *to)
{
	struct log_volume *v = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	v->conf = *conf;
	v->emit = emit;
	v->to = to;
	return v;
}

void log_volume_free(struct log_volume *v)
{
	free(v);
}

void log_volume_change(struct log_volume *v, const struct conf_log *conf)
{
	v->conf = *conf;
}

/* --- what counts as the same --- */

static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ from[i]) * 0x100000001b3u;
	return hash;
}

static uint64_t mix_string(uint64_t hash, const char *string)
{
	return string ? mix(hash, string, strlen(string) + 1) : hash;
}

/* The caller as far as it is known: the source, else the peer without its port. */
static uint64_t source_hash(const struct record *r)
{
	uint64_t hash = 0xcbf29ce484222325u;
	if (r->has & RECORD_HAS_SOURCE)
		hash = mix(hash, &r->source.addr, sizeof(r->source.addr));
	else if (r->has & RECORD_HAS_PEER)
		hash = mix(hash, &r->peer.addr, sizeof(r->peer.addr));
	hash = mix_string(hash, r->endpoint);
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93u;
	return hash ^ hash >> 32;
}

static uint64_t record_hash(const struct record *r)
{
	uint64_t hash = mix(source_hash(r), &r->event, sizeof(r->event));
	hash = mix_string(hash, r->listener);
	hash = mix_string(hash, r->limit);
	hash = mix_string(hash, r->reason);
	hash = mix_string(hash, r->pool);
	hash = mix_string(hash, r->server);
	hash ^= hash >> 29;
	return hash ? hash : 1;
}

/* --- sums past the budget --- */

static struct sum *find_sum(struct log_volume *v, const struct record *r, uint64_t now_ms)
{
	for (unsigned i = 0; i < v->sum_count; i++)
		if (v->sums[i].last.event == r->event && v->sums[i].last.listener == r->listener)
			return &v->sums[i];
	/* The last one stands for the rest then: a wrong name is better than a lost count. */
	if (v->sum_count == SUMS)
		return &v->sums[SUMS - 1];
	struct sum *s = &v->sums[v->sum_count++];
	s->began_ms = now_ms;
	s->total = 0;
	memset(s->sources, 0, sizeof(s->sources));
	return s;
}

static void add_to_sum(struct log_volume *v, const struct record *r, uint64_t now_ms)
{
	struct sum *s = find_sum(v, r, now_ms);
	uint64_t bit = source_hash(r) % SOURCE_BITS;
	s->last = *r;
	s->total += r->count;
	s->sources[bit / 8] |= (uint8_t)(1u << bit % 8);
}

static uint32_t estimate_sources(const struct sum *s)
{
	unsigned set = 0;
	for (size_t i = 0; i < sizeof(s->sources); i++)
		set += (unsigned)__builtin_popcount(s->sources[i]);
	if (set == SOURCE_BITS)
		set--;
	return (uint32_t)lround(-SOURCE_BITS * log(1.0 - (double)set / SOURCE_BITS));
}

static void tell_sum(struct log_volume *v, const struct sum *s)
{
	struct record r;
	record_init(&r, s->last.event);
	r.level = s->last.level;
	r.at_ms = s->last.at_ms;
	r.listener = s->last.listener;
	r.count = s->total < UINT32_MAX ? (uint32_t)s->total : UINT32_MAX;
	r.sources = estimate_sources(s);
	strcpy(r.message, "more lines than log.budget allows: a sum");
	v->emit(v->to, &r);
}

static bool is_within_budget(struct log_volume *v, const struct record *r, uint64_t now_ms)
{
	const struct conf_rate *budget = &v->conf.budget;
	if (!budget->count || record_volume(r->event) == RECORD_ALWAYS)
		return true;
	uint64_t now = now_ms * 1024, each = (uint64_t)budget->period_ms * 1024 / budget->count;
	uint64_t *next = &v->next_ms[r->event];
	if (*next < now)
		*next = now;
	if (*next - now > each * (budget->burst - 1))
		return false;
	*next += each;
	return true;
}

static void tell(struct log_volume *v, const struct record *r, uint64_t now_ms)
{
	if (is_within_budget(v, r, now_ms))
		v->emit(v->to, r);
	else
		add_to_sum(v, r, now_ms);
}

/* --- repetitions --- */

/* The place of this hash, or a free one, or -1. */
static int find_place(const struct log_volume *v, uint64_t hash)
{
	int free_place = -1;
	for (unsigned i = 0; i < PROBES; i++) {
		unsigned place = (unsigned)((hash + i) % REPEATS);
		if (v->is_used[place] && v->repeats[place].hash == hash)
			return (int)place;
		if (!v->is_used[place] && free_place < 0)
			free_place = (int)place;
	}
	return free_place;
}

static void take_repeated(struct log_volume *v, const struct record *r, uint64_t now_ms)
{
	uint64_t hash = record_hash(r);
	int place = find_place(v, hash);
	if (place < 0) {
		add_to_sum(v, r, now_ms);
		return;
	}
	struct repeat *known = &v->repeats[place];
	if (v->is_used[place]) {
		known->untold += r->count;
		known->last = *r;
		return;
	}
	v->is_used[place] = true;
	v->open++;
	known->hash = hash;
	known->told_ms = now_ms;
	known->untold = 0;
	tell(v, r, now_ms);
}

void log_volume_take(struct log_volume *v, const struct record *r, uint64_t now_ms)
{
	if (record_volume(r->event) == RECORD_REPEATED)
		take_repeated(v, r, now_ms);
	else
		tell(v, r, now_ms);
}

static void tell_repeats(struct log_volume *v, uint64_t now_ms, uint64_t interval_ms)
{
	for (unsigned i = 0; v->open && i < REPEATS; i++) {
		struct repeat *known = &v->repeats[i];
		if (!v->is_used[i] || now_ms < known->told_ms + interval_ms)
			continue;
		if (!known->untold) {
			v->is_used[i] = false;
			v->open--;
			continue;
		}
		struct record r = known->last;
		r.count = known->untold < UINT32_MAX ? (uint32_t)known->untold : UINT32_MAX;
		known->untold = 0;
		known->told_ms = now_ms;
		tell(v, &r, now_ms);
	}
}

static void tell_sums(struct log_volume *v, uint64_t now_ms, uint64_t interval_ms)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < v->sum_count; i++) {
		if (now_ms >= v->sums[i].began_ms + interval_ms)
			tell_sum(v, &v->sums[i]);
		else if (kept++ != i)
			v->sums[kept - 1] = v->sums[i];
	}
	v->sum_count = kept;
}

void log_volume_tick(struct log_volume *v, uint64_t now_ms)
{
	tell_repeats(v, now_ms, v->conf.repeat_ms);
	tell_sums(v, now_ms, v->conf.repeat_ms);
}

bool log_volume_is_open(const struct log_volume *v)
{
	return v->open || v->sum_count;
}

void log_volume_flush(struct log_volume *v, uint64_t now_ms)
{
	tell_repeats(v, now_ms, 0);
	tell_sums(v, now_ms, 0);
}
