/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hint.h - the mistakes that everybody makes with load balancers, recognized: one limit.hint line says what is seen and which
 * option to change, at most once per listener and hour. In a worker's thread.
 */
#ifndef SIPWEIR_PROXY_CORE_HINT_H
#define SIPWEIR_PROXY_CORE_HINT_H

#include "proxy/core/reason.h"

#include <stdbool.h>

struct session;

/* A limit has refused it: is its source a load balancer? */
void hint_refused(struct session *s, enum reason reason);

/* It was admitted: does its source carry most of what its listener has? */
void hint_admitted(struct session *s);

/* A PROXY header came where none is read. */
void hint_unexpected_header(struct session *s);

/* The header that is due did not come: something else did, or nothing. */
void hint_missing_header(struct session *s);

/*
 * An untrusted peer: is its header worth a look, because a hint may follow from it? Then the session is to be kept until
 * something comes, and hint_untrusted_end() called when it is closed. hint_preserved(): it names the peer itself.
 */
bool hint_untrusted_begin(struct session *s);
void hint_untrusted_end(struct session *s);
void hint_preserved(struct session *s);

#endif
