/* SPDX-License-Identifier: BSD-2-Clause */
/* queue.h - connections of a worker that wait to be made; the rest of queue.c is private to the relay (link.h). */
#ifndef SIPWEIR_PROXY_CORE_QUEUE_H
#define SIPWEIR_PROXY_CORE_QUEUE_H

struct core;

/* Between events: those whose turn has come are begun. */
void queue_tend(struct core *c);

#endif
