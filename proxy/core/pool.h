/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pool.h - where a session's messages go. Only the pool knows what is behind it: a connection of the session's own to one
 * of its servers (relay), or nobody at all (responder).
 *
 * What comes back is handed to the session (session_take_batch and its neighbours in session.h), also from within
 * pool_send(). All of it in the session's thread.
 */
#ifndef SIPWEIR_PROXY_CORE_POOL_H
#define SIPWEIR_PROXY_CORE_POOL_H

#include "proxy/core/batch.h"
#include "proxy/core/core.h"

struct session;

enum pool_verdict {
	POOL_SENT,    /* on its way */
	POOL_WAIT,    /* taken, but held: read no more of the client until session_continue() */
	POOL_REFUSED, /* nobody can be reached: nothing of the batch was taken */
};

struct pool_ops {
	enum pool_verdict (*send)(struct session *s, const struct batch *b);
	void (*expect)(struct session *s);
	void (*resume)(struct session *s);
	void (*adopt)(struct session *s);
	bool (*is_alive)(const struct session *s);
	bool (*is_idle)(const struct session *s);
	bool (*is_quiet)(const struct session *s);
	void (*leave)(struct session *s);
	const char *(*server_name)(const struct session *s);
};

/* The ops for this pool: what its settings ask for. */
const struct pool_ops *pool_ops_for(const struct conf_pool *conf);

/* A message has come, and is about to be handed over: a server that is lost is left first, for one that lives. */
void pool_expect(struct session *s);

/* Hand over a batch of the session's messages, in order. */
enum pool_verdict pool_send(struct session *s, const struct batch *b);

/* The client takes bytes again: what it was not read for may come. */
void pool_resume(struct session *s);

/* Other settings are in force: deadlines that they have moved are armed anew. */
void pool_adopt(struct session *s);

/* True while somebody behind can answer: the promise that a pong makes (RFC 5626). */
bool pool_is_alive(const struct session *s);

/* True when nothing of what was sent is still held here. */
bool pool_is_idle(const struct session *s);

/* True when it is idle, and nothing of a message that is not whole has come from behind. */
bool pool_is_quiet(const struct session *s);

/* The server that the session is or was connected to, for the log; NULL for none. */
const char *pool_server_name(const struct session *s);

/* What is behind is given up; idempotent. */
void pool_leave(struct session *s);

/* The session is proven by this message: the pool that its route or its listener names is its own from here on, whatever a
 * reload does, until it is closed. */
void pool_choose(struct session *s, const uint8_t *message, const struct frame *frame);
void pool_forsake(struct session *s);

/* Of the pool that it has chosen, for the log; NULL for none. */
const char *pool_name(const struct session *s);

/* The implementations. */
const struct pool_ops *relay_ops(void);
const struct pool_ops *responder_ops(void);

#endif
