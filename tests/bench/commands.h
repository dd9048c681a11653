/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * commands.h - what sipweir-load can do. Each prints its results and returns the exit status: 0, or
 * 1 with faults.
 */
#ifndef BENCH_COMMANDS_H
#define BENCH_COMMANDS_H

#include "tests/bench/options.h"

/* Serve until SIGTERM or SIGINT. The first line printed is "port N". */
int respond_run(const struct options *options);

/* Short connections, served; for options->duration_ns, or options->count of them. */
int connect_run(const struct options *options);

/* Requests on long-lived connections, for options->duration_ns. */
int request_run(const struct options *options);

/* Open connections and keep them, silent, to the end of standard input. Prints "holding N". */
int hold_run(const struct options *options);

/* Short connections that must be turned away. */
int refuse_run(const struct options *options);

/*
 * Clients that come all at once and come back when they lost their patience, until all are in or
 * options->duration_ns is over. The status is 1 too when one has not got in.
 */
int storm_run(const struct options *options);

#endif
