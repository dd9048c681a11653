/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * log.h - the log thread: it empties the lanes, decides how much is written (log_volume.h) and writes lines to where
 * `log.target` says. Nobody else ever waits for that.
 */
#ifndef SIPWEIR_PROXY_IO_LOG_H
#define SIPWEIR_PROXY_IO_LOG_H

#include "conf/conf.h"
#include "proxy/io/log_lane.h"

#include <stdbool.h>

struct log;

/*
 * Open the target and start the thread. `lanes` is how many there will be, each used by one thread. NULL: said in
 * `errors`, with the line of log.target where that is the cause. `conf` is copied.
 */
struct log *log_new(const struct conf_log *conf, unsigned lanes, struct conf_errors *errors);

/*
 * Open what another configuration asks for, the same file anew included (it may have been renamed). Nothing changes before
 * log_commit(), which hands it to the thread, or log_abandon(). False: said in `errors`. Main thread.
 */
bool log_prepare(struct log *l, const struct conf_log *conf, struct conf_errors *errors);
void log_commit(struct log *l);
void log_abandon(struct log *l);

/* Could the target be opened? Nothing is. False: said in `errors`. */
bool log_check(const struct conf_log *conf, struct conf_errors *errors);

/* Write what is left, giving up after two seconds if nobody reads it, and end the thread. All users of lanes have ended. NULL is fine. */
void log_free(struct log *l);

struct log_lane *log_lane(struct log *l, unsigned index);

/* Events that were lost because they came too fast, so far. Any thread. */
uint64_t log_dropped(const struct log *l);

/* The owner of a lane, at the end of a turn or after an event: let the thread see it, if there is something. */
void log_call(struct log *l, struct log_lane *lane);

#endif
