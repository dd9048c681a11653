/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core.h - everything that the connections of one worker have in common: settings, clock, deadlines, memory, lists, and
 * the host, which is how the core reaches the world. No function here is called from another thread.
 */
#ifndef SIPWEIR_PROXY_CORE_CORE_H
#define SIPWEIR_PROXY_CORE_CORE_H

#include "proxy/core/handshake.h"
#include "proxy/core/drain.h"
#include "proxy/core/list.h"
#include "proxy/core/penalty.h"
#include "proxy/core/probing.h"
#include "proxy/core/reason.h"
#include "proxy/core/record.h"
#include "proxy/core/settings.h"
#include "proxy/core/shared.h"
#include "proxy/core/slab.h"
#include "proxy/core/stream.h"
#include "proxy/core/sweep.h"
#include "proxy/core/wheel.h"
#include "sip/frame.h"
#include "sip/quotes.h"

enum {
	CORE_SCRATCH = 64 * 1024, /* one read at most */
	CORE_ANSWER_MAX =
		72 * 1024, /* one answer made here: the largest header section and a little */
};

struct core;

/* What a TLS listener, or the TLS side of a pool, was prepared to be. Made by the host; the core hands it back. */
struct tls_setup;

/* Where to connect to, and how. All of it is needed during the call alone. */
struct connection_plan {
	const struct addr_port *to;
	const struct addr *from; /* NULL: whatever the host takes */
	struct tls_setup *tls;	 /* NULL: plain TCP */
	const char *identity;	 /* whom the certificate has to name; NULL: the address */
	const uint8_t
		*preface; /* with TLS: goes out in clear before the handshake (a PROXY header) */
	size_t preface_length; /* at most PROXY_HEADER_WRITE_MAX */
};

/* What a handshake with a client has agreed on, as far as it came. */
struct stream_security {
	const char *version; /* "1.3"; NULL before it is known */
	const char *
		sni; /* the name that the client asked for, escaped by whoever prints it; NULL for none */
	bool is_resumed;
	const char
		*certificate; /* the name in the verified one of the client; NULL: there is none */
	const char *cipher;   /* with `version` */
};

/* What the core needs from outside; io gives the real world, tests give theirs. */
struct host {
	/*
	 * Begin to connect. The stream may be written to at once (STREAM_AGAIN until it is connected, with TLS until the
	 * handshake is done); a connect that fails makes its first writev fail. NULL, with *failure an errno, when not
	 * even that can begin. The caller sets owner and on_ready, and what it wants.
	 */
	struct stream *(*connect)(struct host *h, const struct connection_plan *plan, int *failure);

	/*
	 * Put TLS on top of a client's stream, as its server. `ahead` was read from it already, behind the PROXY header,
	 * and is copied. Takes `raw` whatever happens; what is returned stands in for it, with its owner and on_ready, and
	 * nothing wanted yet. NULL: no memory, and `raw` is closed.
	 */
	struct stream *(*secure)(struct host *h, struct stream *raw, struct tls_setup *tls,
		const uint8_t *ahead, size_t length);

	/* What the handshake of such a stream has agreed on. */
	void (*describe_security)(
		struct host *h, const struct stream *s, struct stream_security *out);

	/* True when the peer of this unsecured stream has closed its side already, unread bytes or not. */
	bool (*has_ended)(struct host *h, const struct stream *s);

	/* Monotonic time for budgets within a turn. */
	uint64_t (*clock_us)(struct host *h);

	/* The address that the client of this stream has connected to. False: unknown. */
	bool (*local_address)(struct host *h, const struct stream *s, struct addr_port *local);

	void (*report)(struct host *h, const struct record *r);

	/*
	 * Call core_turns_done() once every worker has ended two turns that began after this call. Not called again
	 * before that.
	 */
	void (*ask_turns)(struct host *h);

	/*
	 * Begin to ask the host of this connection more often and more urgently than `timeouts` say whether it is still
	 * there, so that a dead one is found in a few seconds; or go back to what they say.
	 */
	void (*probe)(struct host *h, struct stream *s, bool is_urgent);

	/* Let another worker's core_tend() run soon. */
	void (*wake)(struct host *h, unsigned worker);
};

struct core {
	struct shared *shared;
	const struct settings *settings; /* of this turn */
	const struct conf *conf;	 /* theirs */
	struct host *host;
	unsigned index; /* of the worker */
	uint64_t now_ms;

	struct wheel wheel;
	struct slab sessions, links;
	struct quotes quotes;
	struct list queues;	/* lanes of servers to which connections wait to be made */
	struct list checks;	/* of servers, that run here */
	unsigned connects;	/* begun so far; their source addresses take turns */
	uint64_t serial;	/* of the last session whose servers were told an id */
	uint64_t servers_at_ms; /* when the servers are looked at again */

	/* Each open session is in one list, the oldest first. */
	struct list unproven; /* named, not proven; those before are in their listener's lane */
	struct list proven;
	struct list leaving; /* were told all: only their FIN is waited for */

	struct list
		recheck; /* at their source's limit: judged again when all workers have turned */
	struct list rechecking; /* the same, their turns have been asked for */
	bool awaits_turns;	/* asked for, also when all of `rechecking` have gone meanwhile */
	struct list starved;	/* proven, not read until memory is free */
	struct sweep adoption;	/* of new settings: the deadlines of all are other ones now */
	struct probing probing; /* of the silent connections of sources at their limit */
	struct banning banning; /* of the open connections of those who were banned */
	struct drain drain;
	struct list closed; /* given back to the slab at the end of the turn */

	struct handshakes handshakes;

	uint8_t scratch[CORE_SCRATCH];
	uint8_t answer[CORE_ANSWER_MAX];
};

/* With the settings in force. False, holding nothing, when memory is short. */
bool core_init(
	struct core *c, struct shared *sh, struct host *host, unsigned index, uint64_t now_ms);

/* Between turns: other settings are in force. Nobody here remembers the ones before. What they mean for those who are
 * silent is found out in the turns that follow. */
void core_adopt(struct core *c, const struct settings *settings);

/* All sessions must have been closed. */
void core_fini(struct core *c);

/* A turn begins or an event comes: the clock, in monotonic milliseconds. */
void core_clock(struct core *c, uint64_t now_ms);

/* Between events, at least every WHEEL_TICK_MS: deadlines, evictions that other workers asked for, memory that came free. */
void core_tend(struct core *c);

/* True when something is to be done without waiting for an event. */
bool core_has_work(const struct core *c);

/* The end of a turn: closed sessions are freed, and turns are asked for when sessions wait for them. */
void core_end_turn(struct core *c);

/* The host's answer to ask_turns(). */
void core_turns_done(struct core *c);

/* Close up to `most` open sessions for `reason`; true while some are left. */
bool core_sweep(struct core *c, enum reason reason, unsigned most);

/*
 * How much of core->scratch one read may fill: what is left of it behind a message that was begun must fit into
 * `memory.per_connection`, else one who sends fast, or to whom a server does, would be closed for it.
 */
size_t core_read_size(const struct core *c);

/* True when nothing may grow any more (`memory.total`). */
bool core_is_starved(const struct core *c);

#endif
