/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Phones that lost their network return together: more handshakes than can be done within their patience. With admission
 * nearly each handshake that is begun is of use; without, all are late, give up, come back, and are late again.
 */
#include "tests/unit/core_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	PHONES = 400,
	STEP_MS = 25, /* and two of them a handshake: 20 s of work for one worker */
	IDEAL_MS = PHONES * 2 * STEP_MS,
	ROUND_TRIP_MS = 100,
	PATIENCE_MS = 10000,
	PAUSE_MS = 1000, /* before a phone tries again */
	IDLE_MS = 5,
};

#define STORM(max)                                         \
	FAKE_CONF(FAKE_TLS, "respond: { status = 200; };", \
		"max_connections = 1000; limits: { max_handshakes = " max "; };")

struct phone {
	struct fake_stream *stream; /* NULL: not connected */
	uint64_t next_ms;	    /* then: when it tries again; else when it gives up */
	uint64_t answers_ms;	    /* when our part of the handshake has reached it; 0: not sent */
	bool is_in;
};

struct storm {
	struct fake *f;
	struct phone phones[PHONES];
	unsigned in;
	unsigned tries;
	uint32_t stall_every_ms; /* one more that says hello and nothing else; 0: none do */
	uint64_t stalled_ms;	 /* when the last of them came */
};

static void dial(struct storm *storm, unsigned index)
{
	struct phone *p = &storm->phones[index];
	char peer[ADDR_PORT_TEXT_MAX];
	snprintf(peer, sizeof(peer), "192.0.%u.%u:5061", index / 250, index % 250);
	p->stream = fake_stream_new(storm->f);
	p->next_ms = storm->f->now_ms + PATIENCE_MS;
	p->answers_ms = 0;
	storm->tries++;
	fake_queue(p->stream, BYTES(HELLO));
	fake_accept(p->stream, 0, 0, peer);
}

static void hang_up(struct storm *storm, unsigned index)
{
	struct phone *p = &storm->phones[index];
	p->stream->is_ended = true;
	p->stream = NULL;
	p->next_ms = storm->f->now_ms + PAUSE_MS + index;
}

static void live(struct storm *storm, unsigned index)
{
	struct phone *p = &storm->phones[index];
	uint64_t now_ms = storm->f->now_ms;
	if (p->is_in)
		return;
	if (!p->stream) {
		if (now_ms >= p->next_ms)
			dial(storm, index);
	} else if (fake_wrote(p->stream, "200 OK")) {
		p->is_in = true;
		storm->in++;
	} else if (p->stream->is_closed || now_ms >= p->next_ms) {
		hang_up(storm, index);
	} else if (p->stream->steps && !p->answers_ms) {
		p->answers_ms = now_ms + ROUND_TRIP_MS;
	} else if (p->answers_ms && now_ms >= p->answers_ms) {
		fake_queue(p->stream, BYTES(FINISHED REQUEST("REGISTER", "1")));
		p->answers_ms = UINT64_MAX;
	}
}

static void stall(struct storm *storm)
{
	struct fake *f = storm->f;
	if (!storm->stall_every_ms || f->now_ms < storm->stalled_ms + storm->stall_every_ms)
		return;
	storm->stalled_ms = f->now_ms;
	struct fake_stream *s = fake_stream_new(f);
	fake_queue(s, BYTES(HELLO));
	fake_accept(s, 0, 0, "198.51.100.1:1");
}

/* Time is what the handshakes cost, and a little when there is nothing to do. */
static void turn(struct storm *storm)
{
	struct fake *f = storm->f;
	uint64_t spent_us = f->spent_us;
	for (unsigned i = 0; i < PHONES; i++)
		live(storm, i);
	stall(storm);
	fake_turn(f);
	uint64_t ms = (f->spent_us - spent_us) / 1000;
	f->now_ms += ms ? ms : IDLE_MS;
	core_clock(&f->workers[0]->core, f->now_ms);
}

/* How long it takes until all are in; no longer than `most_ms`. */
static uint64_t storm_ms(struct storm *storm, const char *conf, uint64_t most_ms)
{
	storm->f = fake_new(conf, 1);
	storm->f->step_us = STEP_MS * 1000;
	uint64_t began_ms = storm->f->now_ms;
	while (storm->in < PHONES && storm->f->now_ms < began_ms + most_ms)
		turn(storm);
	uint64_t took_ms = storm->f->now_ms - began_ms;
	print_message("%u of %u phones after %llu ms and %u tries, %u steps\n", storm->in, PHONES,
		(unsigned long long)took_ms, storm->tries, storm->f->steps);
	fake_stop(storm->f);
	return took_ms;
}

static void with_admission_all_are_in_within_twice_the_ideal_time(void **state)
{
	(void)state;
	struct storm *storm = calloc(1, sizeof(*storm));
	assert_non_null(storm);
	assert_true(storm_ms(storm, STORM("20"), 3 * IDEAL_MS) <= 2 * IDEAL_MS);
	assert_int_equal(storm->in, PHONES);
	free(storm);
}

/* 20 places, and 10 of these in a second, each of which would keep one for ten: without the loan nobody else gets in. */
static void who_says_hello_and_nothing_more_does_not_keep_the_phones_out(void **state)
{
	(void)state;
	struct storm *storm = calloc(1, sizeof(*storm));
	assert_non_null(storm);
	storm->stall_every_ms = 100;
	storm_ms(storm, STORM("20"), 2 * IDEAL_MS);
	assert_int_equal(storm->in, PHONES);
	free(storm);
}

static void without_it_most_of_the_work_is_for_nothing(void **state)
{
	(void)state;
	struct storm *storm = calloc(1, sizeof(*storm));
	assert_non_null(storm);
	storm_ms(storm, STORM("1000"), 2 * IDEAL_MS);
	assert_true(storm->in < PHONES / 2);
	free(storm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_admission_all_are_in_within_twice_the_ideal_time),
		cmocka_unit_test(who_says_hello_and_nothing_more_does_not_keep_the_phones_out),
		cmocka_unit_test(without_it_most_of_the_work_is_for_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
