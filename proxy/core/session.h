/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * session.h - the life of a client connection.
 *
 *   accept ─► UNNAMED ─► NAMED ─► SECURED ─► PROVEN ─► RELAYING ─► HALF_CLOSED ─┐
 *                │         │         │          │          │                   │
 *                └─────────┴─────────┴──────────┴── REFUSING, DRAINING ────────┴──► CLOSED
 *
 * session.c holds the state table, the one function that changes the state, the one that closes, and the one deadline.
 * What a handler finds out it stores; session_settle(), called at the end of each event, draws the conclusions: what the
 * streams should be read and written for, the deadline, and whether it is over.
 *
 * A session belongs to one worker's thread. A closed one stays readable until the end of the turn.
 */
#ifndef SIPWEIR_PROXY_CORE_SESSION_H
#define SIPWEIR_PROXY_CORE_SESSION_H

#include "proxy/core/core.h"
#include "proxy/core/pool.h"
#include "sip/dialogs.h"
#include "sip/frame.h"
#include "sip/message.h"
#include "sip/transactions.h"

enum session_state {
	SESSION_UNNAMED, /* the TCP peer is known; a PROXY header is due */
	SESSION_NAMED, /* the source is known; the limits admit it, and TLS is done where it is due */
	SESSION_SECURED,  /* admitted, over TLS if that was due; the first whole message is due */
	SESSION_PROVEN,	  /* speaks SIP; no server is connected */
	SESSION_RELAYING, /* somebody behind answers */
	SESSION_HALF_CLOSED, /* the client has sent all; answers are due */
	SESSION_REFUSING, /* told no in SIP; what it still sends is thrown away, so that no RST destroys the answer */
	SESSION_DRAINING, /* must end; what is unsent goes first */
	SESSION_CLOSED,
	SESSION_STATES
};

/* Unlike any readiness: a new stream is told what is wanted of it even if that is nothing. */
enum { SESSION_NOTHING_WANTED_YET = 0x80 };

struct link;

struct session {
	struct core *core;
	struct listener *listener;
	struct listener_counters *counters;    /* the listener's, of this worker */
	struct class_counters *class_counters; /* of its class there, the same */
	struct pool *pool;		       /* chosen once it is PROVEN; NULL before */
	struct stream *client;
	struct link *link; /* the pool's */

	struct list_node
		order; /* in the lane of its listener, core->unproven, proven, leaving, closed */
	struct list_node
		waiting; /* in core->recheck, rechecking, starved, handshakes.waiting, .ready */
	struct list_node condemned; /* in the lane of a server that it has lost */
	struct deadline deadline;
	struct limit_token token;
	struct handshake handshake;

	_Atomic uint64_t message_word; /* for limits.connection_message_rate */

	struct addr_port peer;	 /* of the TCP connection */
	struct addr_port source; /* who is really calling; valid once NAMED */
	struct addr_port
		destination; /* what the caller connected to; unspecified until it is asked for */
	char endpoint[PROXY_ENDPOINT_MAX + 1];
	uint64_t serial; /* of the id that its servers were told; 0: none */

	struct framer framer;
	struct buffer in;  /* what has come of a header or message that is not whole */
	struct buffer out; /* what the client has not taken yet */

	uint64_t opened_ms, entered_ms; /* the connection, the state */
	uint64_t active_ms;		/* the last byte of the client */
	uint64_t message_ms;		/* when the message that is not whole began; 0 for none */
	uint64_t turned_ms;		/* when reading the client was last stopped or begun */
	uint64_t pinged_ms;
	uint64_t
		probed_ms; /* since when its host is asked urgently whether it is there; 0: it is not */
	uint64_t shut_ms;	   /* with is_shut */
	uint32_t ping_interval_ms; /* the longest that was seen between two of its pings */
	uint32_t pings;		   /* seen in all, capped */
	uint64_t out_ms;	   /* since when `out` has not been empty */
	uint64_t refused_ms;	   /* with `refused` */
	uint64_t
		held_until_ms; /* its next message waits for a rate until then, unread; 0: it does not */
	uint64_t
		slowed_ms; /* since when one message after the other had to wait; 0: the last one did not */
	uint64_t bytes_in, bytes_out, messages;
	uint32_t pending; /* requests whose final answer is due, as far as can be counted */
	uint32_t asked;	  /* the same of requests that came from behind */
	uint64_t due_ms;  /* when the first of those or the last INVITE among them passed */
	struct dialogs dialogs;
	struct transactions transactions;
	uint32_t drain_pass;   /* in which it was looked at last */
	uint8_t misunderstood; /* whole messages that were none of SIP, while unproven */
	uint32_t discarded;    /* bytes that came after our own FIN */
	uint32_t current;      /* what the limit said */
	uint32_t limit_max;
	float points; /* of the penalties that its source has because of it, at points_ms */
	uint64_t points_ms;
	uint64_t
		challenged_ms; /* when the tenth answer in a row asked for credentials that did not follow */
	uint16_t class_slot;
	uint8_t challenges; /* so many in a row did, capped */
	uint8_t refused; /* enum reason: a limit said no; it is kept to be told so, or in the tarpit */
	uint8_t action;			  /* enum conf_action: what is done to it, with `refused` */
	uint8_t slowed_by;		  /* enum reason: the rate that its messages wait for */
	char user_agent[RECORD_NAME_MAX]; /* of its first message, cut; for the log of bans */

	uint8_t state;	       /* enum session_state */
	uint8_t reason;	       /* enum reason: why it ends, once that is decided */
	uint8_t wanted;	       /* what the client's stream was told */
	uint8_t proxy_version; /* of the header, 0 for none */
	const char *fault;     /* the name of what was wrong with a header */
	bool counted_here;     /* in listener->open */
	bool counted;	       /* in shared->open */
	bool is_spare;	       /* counted in its worker's room_lane */
	bool admitted;	       /* by the limits: owes a connection.closed line */
	bool is_probe;	       /* a LOCAL header: the load balancer itself */
	bool client_ended;     /* its FIN has come */
	bool is_shut;	/* ours has gone: what still comes is thrown away, and no slot is held */
	uint8_t failed; /* enum reason: it must end, as soon as the event at hand is over */
	bool paused;	/* the pool holds a batch */
	bool starved;	/* in core->starved */
	bool is_owed;	/* a request will never be answered, and could not be told so */
	bool is_registered;			   /* has had a 2xx to a REGISTER or an INVITE */
	bool has_refusing_place, has_tarpit_place; /* counted in shared->refusing, ->tarpitted */
	bool is_paid;				   /* the message that waited for a rate may pass */
	bool is_slow_told;			   /* in limit.delayed, since slowed_ms */
	bool is_suspect; /* an untrusted peer whose header is read once, for the sake of a hint */
};

/* A connection that was accepted, and what is being fetched meanwhile. */
struct newcomer {
	struct stream *client;
	struct addr_port peer;
	struct limit_aim aim; /* at the peer, if it may be the source */
};

/*
 * Those that come in a burst are opened together: each is expected when it is accepted, all are looked ahead for, and then they
 * are opened, so that they do not wait for memory one after the other. No session need follow.
 */
void session_expect(const struct core *c, const struct listener *l, struct newcomer *n);
void session_look_ahead(const struct core *c, const struct listener *l, struct newcomer *n);

/*
 * Opens one that is expected. Takes the stream, whatever happens; sets its owner and callback, reads what is there
 * already. The session may be closed before this returns.
 */
void session_open(struct core *c, struct listener *l, const struct newcomer *n);

/* End it now. Every resource and count of a session goes here and nowhere else. Closing twice is a defect. */
void session_close(struct session *s, enum reason reason);

/* Change the state; the table says what may follow what. */
void session_enter(struct session *s, enum session_state to);

/* The end of every event of a session: conclusions. Does nothing to a closed one. */
void session_settle(struct session *s);

/* A whole message passes, in either direction: what is due and what is open because of it. */
void session_see(struct session *s, const uint8_t *message, const struct frame *frame);

/* Nothing more is sent: our FIN goes, and the slot with it. The close waits for the client's FIN, but not for long. */
void session_shut(struct session *s);

const char *session_state_name(enum session_state state);
bool session_is_proven(const struct session *s);

/* What is configured in this turn for its listener, and for the pool that it has chosen. Not to be kept over a turn. */
static inline const struct listener_settings *session_listener(const struct session *s)
{
	return &s->core->settings->listeners[s->listener->slot];
}

static inline const struct pool_settings *session_pool(const struct session *s)
{
	return &s->core->settings->pools[s->pool->slot];
}

/* Its numbers in this turn. Not to be kept over a turn. */
static inline const struct class_settings *session_class(const struct session *s)
{
	return &s->core->settings->classes[s->class_slot];
}

/* What its client's TLS has agreed on; of a client without TLS nothing. */
static inline struct stream_security session_security(const struct session *s)
{
	struct stream_security security = {0};
	if (stream_is_secured(s->client))
		s->core->host->describe_security(s->core->host, s->client, &security);
	return security;
}

/* It is of this class from here on. */
void session_classify(struct session *s, uint16_t slot);

/* --- what the pool tells the session --- */

/* Somebody behind is connected. */
void session_connected(struct session *s);

/* Whole messages from behind, for the client. False: the client is full; send no more until pool_resume(). */
bool session_take_batch(struct session *s, const struct batch *b);

/* What made the session wait has been sent: the client may be read again. */
void session_continue(struct session *s);

/* The held bytes (whole messages) could be sent to nobody: their requests are answered 503. */
void session_unreachable(struct session *s, const uint8_t *messages, size_t length);

/* The same of a batch that was not taken. Ranges that begin at `lines` were put into its messages, and are passed over: what
 * stands around them belongs together. */
void session_unreachable_batch(struct session *s, const struct batch *b, const uint8_t *lines);

/* The connection behind has ended: flush what the client is still owed, then close. */
void session_server_ended(struct session *s, enum reason reason);

/* Memory is short: this proven session is not read until some is free. Its pool is resumed then as well. */
void session_starve(struct session *s);

/* Call `answer` for each request but ACK among whole messages that have passed the framer. */
void session_each_request(struct session *s, const uint8_t *messages, size_t length,
	void (*answer)(struct session *s, const uint8_t *request, const struct frame *frame));

/* --- parts of the session in files of their own --- */

/* intake.c: the client's stream is readable; these bytes have come (not in s->in); or they wait in s->in. */
void intake_read(struct session *s);
void intake_take(struct session *s, uint8_t *bytes, size_t length);
void intake_held(struct session *s);

/*
 * Keep the beginning of a header or message behind what s->in holds. False: the session is closed, for memory is short
 * and it is not proven (who is proven is not read then).
 */
bool intake_keep(struct session *s, const uint8_t *bytes, size_t length);

/* admission.c: the bounds that need no name. REASON_NONE, or why not; what was counted goes with admission_uncount(). */
enum reason admission_count(struct session *s);
void admission_uncount(struct session *s);

/* Whether it goes when room is needed for another: until it is proven, and once it was told all. */
void admission_spare(struct session *s, bool is_spare);

/* Close as many of this worker's spare sessions as other workers have asked for. */
void admission_make_room(struct core *c);

/* It was told all: whom it belongs to may come again. Only the process still counts it. */
void admission_leave(struct session *s);

/* Its header is due; or has come. */
void admission_begin_unnamed(struct session *s);
void admission_end_unnamed(struct session *s);

/* Whether one more may come in besides the places that classes have reserved; unproven ones make room for it. */
bool admission_has_place(struct session *s);

/* The source is known: ask the limits. `aim`: at it, if that is done already, or NULL. */
void admission_name(struct session *s, const struct addr_port *source, const struct limit_aim *aim);

/* Ask the limits once more, and refuse it if they still say no. */
void admission_recheck(struct session *s);

/* A probe speaks SIP: it is counted like its peer from here on. False: refused, and closed. */
bool admission_of_probe(struct session *s);

/* A client certificate was verified: its class may be another from here on. False: denied, and closed. */
bool admission_certify(struct session *s, const char *certificate);

/* It speaks SIP: from unproven to unregistered. False: refused by `unregistered`. */
bool admission_prove(struct session *s);

/* refusing.c: a limit has said no. What the class's action says is done: closed, or kept for a while. */
void refusing_begin(struct session *s, enum reason reason);
/* It is kept, and its first message has come. */
void refusing_answer(struct session *s, const uint8_t *message, const struct frame *frame);
bool refusing_is_tarpit(const struct session *s);
void refusing_end(struct session *s);

/* What a class says that whoever is refused shall hear, spread by up to half as much again; 0: nothing. */
uint32_t refusing_retry_after_s(const struct session *s, uint32_t retry_after_ms);

/* gate.c: whether a message that is well framed may pass, and what has become of it. */
enum gate {
	GATE_PASS,
	GATE_DROP, /* it was answered, or is nobody's to answer; or the session is over or refused */
	GATE_END_TOLD, /* the session is to be ended, and was told why */
	GATE_END,      /* the same, and it could not be told */
};
enum gate gate_judge(struct session *s, const uint8_t *message, const struct frame *frame);

/* throttle.c: the rates of messages. */
enum throttle {
	THROTTLE_PASS,
	THROTTLE_HOLD,	/* not yet: nothing is read until session.held_until_ms */
	THROTTLE_DROP,	/* it was answered 503 */
	THROTTLE_CLOSE, /* the session is to be closed, for the reason in s->refused */
};
enum throttle throttle_judge(struct session *s, const uint8_t *message, const struct frame *frame);
/* When something is to be done about one that is held. */
uint64_t throttle_due_ms(const struct session *s);
void throttle_expired(struct session *s);
/* Other numbers are in force: whoever waits, waits no longer. */
void throttle_adopt(struct session *s);

/* answers.c: a request of the client passes, and an answer to it; what they tell about the client. */
void answers_asked(struct session *s, const uint8_t *message, const struct frame *frame);
/* `times`: where it is counted how long the answer took. */
void answers_told(struct session *s, const uint8_t *message, const struct frame *frame,
	struct histogram *times);
/* Its request with this method has had a 2xx. */
void answers_registered(struct session *s, enum frame_method method);
/* A request that was remembered has been answered here. */
void answers_forget(struct session *s, const uint8_t *message, const struct frame *frame);

/* For how long the oldest answer has been due; 0: none is. */
uint32_t answers_age_ms(const struct session *s);

/* The server that should have answered is gone: each request that is remembered gets 503. With s->is_owed afterwards some were
 * not: the client can only hear of it by the end of its connection. */
void answers_lose(struct session *s);
void answers_end(struct session *s);

/* naming.c: bytes of a connection whose header is due; and the header's deadline. */
void naming_take(struct session *s, uint8_t *bytes, size_t length);
void naming_expired(struct session *s);
void naming_refuse(struct session *s, const char *fault, enum reason reason);
void naming_refuse_untrusted(struct session *s);

/* Count what became of the header that was due: an outcome, or HEADER_FAULTY + a fault. */
void naming_count(struct session *s, unsigned outcome);

/* delivery.c: bytes to the client. */
void delivery_write(struct session *s, const struct iovec *ranges, int count);
void delivery_flush(struct session *s);

/* Answer a request with what the class says to whoever a limit refuses. False when it cannot be answered. */
bool delivery_refuse_limited(struct session *s, const uint8_t *request, size_t length);

/* Answer a request here, with what such a refusal says. False when it cannot be answered. */
bool delivery_refuse(
	struct session *s, const uint8_t *request, size_t length, enum refusal refusal);

/* verdict.c: what is told about a session. */
void verdict_refused(const struct session *s, enum reason reason, const char *action);
void verdict_would_refuse(const struct session *s, enum reason reason);
void verdict_near(const struct session *s);
void verdict_delayed(const struct session *s);
void verdict_closed(const struct session *s, enum reason reason);

/* Its source is at its limit, and it is silent: it is being probed. */
void verdict_probing(const struct session *s);

/* rule: which check said no: "frame", "message", "pool", "ping", or "server" for what a server sent */
void verdict_sip_bad(const struct session *s, const char *rule, const char *fault,
	const uint8_t *message, size_t length, uint32_t offset);
/* In sip.mode = "observe": what a rule says of a message that passes all the same. */
void verdict_sip_would_refuse(const struct session *s, const char *rule, const char *fault,
	const uint8_t *message, const struct frame *frame);
/* Who sends this is a scanner: `name`, or "agent" by its User-Agent. */
void verdict_scanner(const struct session *s, const char *name, const uint8_t *message,
	const struct frame *frame);
/* The handshake has failed: what its stream says about it. */
void verdict_tls_failed(const struct session *s);
/* The client's stream has failed behind it: why the session is to be closed. What was wrong with its TLS is told. */
enum reason verdict_client_lost(const struct session *s);
void verdict_describe(const struct session *s, struct record *r);

#endif
