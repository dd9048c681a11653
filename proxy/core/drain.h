/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drain.h - the end of all connections of a worker, at an even rate: phones that are closed a few at a time register elsewhere
 * a few at a time. First those who have not sent a SIP message, last those with an open INVITE dialog; always between two
 * messages; while there is time, nobody who is owed an answer.
 */
#ifndef SIPWEIR_PROXY_CORE_DRAIN_H
#define SIPWEIR_PROXY_CORE_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

struct core;

/* Belongs to a core. Zeroed: it goes on. */
struct drain {
	uint64_t began_ms, over_ms;
	uint32_t total; /* sessions that were open when it began */
	uint32_t gone;	/* of these, told all or closed */
	uint8_t pass;	/* marks who has been looked at since somebody was last closed */
	bool is_on;
	bool is_last; /* this pass is about those with an open dialog */
};

/* Nobody new comes any more. Close what is open within so many milliseconds; with 0 all at once, whatever they are doing. */
void drain_begin(struct core *c, uint64_t over_ms);

/* Part of core_tend(). */
void drain_tend(struct core *c);

/* Sessions that are still to be told to go. */
uint32_t drain_left(const struct core *c);

#endif
