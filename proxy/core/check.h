/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check.h - whether a server works: a connection of our own to it now and then, and with health.method = "options" a request
 * that it has to answer (RFC 3261 section 11).
 *
 * Each server is checked by one worker, in its thread, over the same streams as clients' messages. What is found out is told in
 * the backend, which all workers look at. Clients' troubles alone never make a server go down: they make it be checked at once,
 * at most once in a second.
 */
#ifndef SIPWEIR_PROXY_CORE_CHECK_H
#define SIPWEIR_PROXY_CORE_CHECK_H

struct backend;
struct check;
struct core;

/* At rest. NULL when memory is short. Main thread, as is the end. */
struct check *check_new(struct backend *b);
void check_free(struct check *ch);

/* Between events: checks that are to begin, or are no longer wanted; servers that have been down for long enough to be lost. */
void check_tend(struct core *c);

/* Other settings are in force. */
void check_adopt(struct core *c);

/* The worker ends: no check goes on. */
void check_end_all(struct core *c);

#endif
