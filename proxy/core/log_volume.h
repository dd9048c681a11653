/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log_volume.h - how much of what happens is written: repetitions become counts, floods become sums, and the totals always
 * add up. Of one source and reason one line at once, then one per `log.repeat` with the count; of one event kind at most
 * `log.budget`, then one line per listener and interval with the total and the number of sources.
 *
 * A clock value in, records to write out. One thread.
 */
#ifndef SIPWEIR_PROXY_CORE_LOG_VOLUME_H
#define SIPWEIR_PROXY_CORE_LOG_VOLUME_H

#include "proxy/core/record.h"

struct log_volume;

/* The record is good until the call returns; its count includes what it stands for. */
typedef void log_volume_emit(void *to, const struct record *r);

/* NULL when memory is short. */
struct log_volume *log_volume_new(const struct conf_log *conf, log_volume_emit *emit, void *to);

/* Other numbers from now on; what was counted so far goes on. */
void log_volume_change(struct log_volume *v, const struct conf_log *conf);
void log_volume_free(struct log_volume *v);

/* An event, standing for r->count of them. */
void log_volume_take(struct log_volume *v, const struct record *r, uint64_t now_ms);

/* Write the counts and sums whose interval has passed. To be called at least every 100 ms while any is open. */
void log_volume_tick(struct log_volume *v, uint64_t now_ms);

/* True while an interval runs at whose end something may have to be written. */
bool log_volume_is_open(const struct log_volume *v);

/* Write all of them now: the end. */
void log_volume_flush(struct log_volume *v, uint64_t now_ms);

#endif
