/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * link.h - a session's own connection to a server, private to the relay (relay.c, link.c, link_connect.c, queue.c, loss.c).
 *
 * A link holds what it could not send yet. While it connects that is all it was given, so that the next server can be
 * tried with the same bytes; nothing is given up before every server that may be tried has refused. No function here
 * closes the session: what it finds out is stored, and session_settle() draws the conclusion.
 */
#ifndef SIPWEIR_PROXY_CORE_LINK_H
#define SIPWEIR_PROXY_CORE_LINK_H

#include "proxy/core/session.h"

enum link_state { LINK_QUEUED, LINK_CONNECTING, LINK_UP, LINK_ENDED };

enum {
	LINK_PING_LENGTH = 4, /* CRLFCRLF */
	LINK_TRIED_MAX = 16,  /* more than pools.retries allows */
	LINK_PLACE_MS =
		200, /* a server that has not said a word for so long has accepted all the same */
	LINK_QUEUE_MS = 30000, /* a request that has waited so long is given up by its client */
};

struct link {
	struct session *session;
	struct stream *stream;
	void (*on_ready)(struct stream *stream, unsigned readiness);
	struct backend *backend;	  /* the server; NULL: none has been chosen */
	struct server_counters *counters; /* its, of this worker */
	struct list_node of_server;	  /* in the lane of the server */
	struct list_node waiting;	  /* in its queue: LINK_QUEUED */
	struct addr_port address;	  /* its, when it was chosen */
	struct deadline deadline;
	struct framer framer;
	struct buffer in;  /* what has come of a message that is not whole */
	struct buffer out; /* what the server has not taken yet */
	uint64_t began_ms; /* to connect to this server, or to wait for that */
	uint64_t sent_ms;
	uint64_t up_ms; /* when it was connected */
	uint32_t
		preamble; /* bytes at the front of `out` that are no message: of a header, a ping */
	uint16_t tried
		[LINK_TRIED_MAX]; /* slots of the servers that were, and of those out of the question */
	uint8_t tried_count;
	uint8_t tries; /* connects that were begun */
	uint8_t state; /* enum link_state */
	uint8_t wanted;
	uint8_t pong_bytes_due; /* two for each ping of ours since the last message from there */
	bool is_secured;	/* it speaks TLS */
	bool is_held;		/* not read: the client is full, or memory is short */
	bool has_place;	  /* counted in the server's places for those that it has yet to accept */
	bool has_written; /* since it was last read: an answer may lie unread */
	bool is_broken;	  /* a ping could not be written */
	bool has_sent;	  /* the server has got something of a message */
};

/* --- link_connect.c --- */

/* A link that is not connected to anybody yet; NULL when the worker has no place for it. on_ready and on_expired are kept. */
struct link *link_new(struct session *s,
	void (*on_ready)(struct stream *stream, unsigned readiness),
	void (*on_expired)(struct deadline *d));

/* This server is out of the question. */
void link_rule_out(struct link *k, const struct backend *b);

/*
 * Connect to the next server that can be, and send it the ranges (behind k->preamble bytes whole messages) behind the PROXY
 * header. Each server is tried once at most, as many as pools.retries allows; each failure is logged. True: the link is up,
 * with what could not be sent kept, or connecting, or waiting for its turn, and then the ranges are the caller's to keep.
 * False: nobody is left to try.
 */
bool link_connect(struct link *k, const struct iovec *ranges, int count);

/* Its turn has come, or its server is not to be waited for any longer. The link may be gone afterwards, as below. */
void link_begin_queued(struct link *k);
void link_go_on(struct link *k);

/* It was chosen for a server whose turn does not come. */
void link_give_up(struct link *k);

/* Connecting: the stream has something to say, or has said nothing for too long. The link may be gone afterwards, with
 * s->link NULL: then the session has been told that nobody could be reached. */
void link_finish_connect(struct link *k);
void link_try_next(struct link *k, const char *why);

/* Tell the log what is wrong with the stream, which has failed: where TLS knows, by its name for it. */
void link_report_failure(const struct link *k);

/* --- queue.c --- */

/* True: it may connect, and has a place. False: it waits in the queue of its server (LINK_QUEUED). */
bool queue_enter(struct link *k, const struct server_settings *server);
void queue_leave(struct link *k);

/* It has been accepted, or has not connected: its place is free. */
void queue_give_place(struct link *k);

/* --- link.c --- */

struct memory_gauge *link_memory(const struct link *k);
struct backend_lane *link_lane(const struct link *k);

/* It is counted at this server from here on. False: the server is full. */
bool link_attach(struct link *k, const struct server_settings *server);

/* Close the connection, and with link_leave() free the link of the session, if it has one. */
void link_disconnect(struct link *k);
void link_leave(struct session *s);

/* The connection is over, and what it held as well: nothing but link_leave() is left. */
void link_abandon(struct link *k);

/* The server has ended it, or has to be given up: the session is told the reason. The link may be gone afterwards. */
void link_end(struct link *k, enum reason reason);

/* The end of every event: what the stream should be watched for, and the deadline. The link may be gone afterwards. */
void link_settle(struct link *k);

/* Hold what the ranges have behind their first `sent` bytes. False: no memory, and the session will fail. */
bool link_keep(struct link *k, const struct iovec *ranges, int count, size_t sent);

/* Send a batch on a link that is up; what does not go out is kept (POOL_WAIT). The link may be gone afterwards. */
enum pool_verdict link_write(struct link *k, const struct batch *b);

/* The stream takes bytes again. The link may be gone afterwards. */
void link_flush(struct link *k);

/* Send CRLFs. They go between messages, and not at all while something is unsent. */
void link_say(struct link *k, const char *crlf, size_t length);

#endif
