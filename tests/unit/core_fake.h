/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core_fake.h - the world as the core sees it, made by the test: workers on a virtual clock, streams whose bytes, room
 * and failures the test decides, and a record of all that was done to them.
 *
 * The fake is strict: a stream that is used after close(), read after it has failed, written after shutdown() or never
 * closed fails the test at hand, and so does a core that spins. Everything belongs to the thread of the test.
 */
#ifndef SIPWEIR_TESTS_CORE_FAKE_H
#define SIPWEIR_TESTS_CORE_FAKE_H

#include "proxy/core/core.h"
#include "proxy/core/session.h"

enum { FAKE_WORKERS = 2, FAKE_SCRIPT = 64 };

/* A literal and its length, NULs inside it included. */
#define BYTES(literal) (literal), sizeof(literal) - 1

#define FAKE_CONF(listener, pool, more)                                                            \
	"log: { level = \"debug\"; };"                                                             \
	"listeners = ( { name = \"l\"; address = \"192.0.2.99:5060\"; pool = \"p\"; " listener     \
	" } );"                                                                                    \
	"pools = ( { name = \"p\"; policy = \"round-robin\"; health: { method = \"off\"; }; " pool \
	" } );" more
/* The same with the policy and the health checks that `pool` asks for. */
#define FAKE_CONF_CHECKED(listener, pool, more)                                                \
	"log: { level = \"debug\"; };"                                                         \
	"listeners = ( { name = \"l\"; address = \"192.0.2.99:5060\"; pool = \"p\"; " listener \
	" } );"                                                                                \
	"pools = ( { name = \"p\"; " pool " } );" more
#define FAKE_ONE_SERVER "servers = ( { name = \"s1\"; address = \"10.0.0.1:5060\"; } );"
#define FAKE_THREE_SERVERS                                             \
	"servers = ( { name = \"s1\"; address = \"10.0.0.1:5060\"; }," \
	"{ name = \"s2\"; address = \"10.0.0.2:5060\"; },"             \
	"{ name = \"s3\"; address = \"10.0.0.3:5060\"; } );"
#define FAKE_TLS   "transport = \"tls\"; tls: { certificates = ( { certificate = \"/a.pem\"; } ); };"
#define FAKE_PROXY "proxy_protocol = \"require\"; trusted = [ \"10.9.0.0/16\" ];"

/* Messages. Their CSeq tells them apart. */
#define LINES(method, cseq)                                              \
	"Via: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK" cseq "\r\n"     \
	"From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\n" \
	"Call-ID: call\r\nCSeq: " cseq " " method "\r\n"
#define REQUEST(method, cseq) \
	method " sip:b@example.com SIP/2.0\r\n" LINES(method, cseq) "Content-Length: 0\r\n\r\n"
#define REQUEST_BODY(method, cseq, length, body)                                              \
	method " sip:b@example.com SIP/2.0\r\n" LINES(method, cseq) "Content-Length: " length \
								    "\r\n\r\n" body
#define RESPONSE(status, method, cseq) \
	"SIP/2.0 " status "\r\n" LINES(method, cseq) "Content-Length: 0\r\n\r\n"
#define PROXY_V1 "PROXY TCP4 198.51.100.7 192.0.2.99 40000 5060\r\n"

/*
 * The fake's TLS, spoken by clients of a listener with FAKE_TLS: any number of 'h', each a step, and an 'f', behind which all
 * is secured and stands as it was written; anything else fails. What comes together is read together, and from there on it
 * is inside of TLS: nobody hears of it before the first read.
 */
#define HELLO	 "h"
#define FINISHED "f"

struct fake;

struct fake_worker {
	struct host host; /* first: the core hands it back */
	struct fake *fake;
	struct core core;
	bool turns_asked;
	unsigned turns_left;
	unsigned wakes;
	bool is_woken; /* and has not turned since */
};

enum fake_connect {
	FAKE_UP,      /* connected by the time of the first write */
	FAKE_PENDING, /* until fake_connected() or fake_fail() */
	FAKE_REFUSED, /* not even a stream */
	FAKE_FAILS,   /* a stream whose first write fails; with TLS for "unknown_ca" */
};

struct fake_stream {
	struct stream stream; /* first: the core hands it back */
	struct fake *fake;
	struct fake_stream *next;
	struct fake_worker *worker;
	struct addr_port to; /* of one that the core has connected */
	bool is_for_tls;     /* with TLS, behind the preface */
	uint8_t preface[PROXY_HEADER_WRITE_MAX];
	size_t preface_length;

	uint8_t *input; /* queued by the test, read from `taken` on */
	size_t input_length, taken;
	size_t *pieces; /* where the pieces of the input end: one read never passes the next */
	size_t piece_count;
	bool is_ended;	/* a FIN behind the input */
	int is_failing; /* an errno: reads (behind the input) and writes fail */

	char *written; /* with a NUL behind */
	size_t written_length;
	size_t room; /* bytes that may still be written; SIZE_MAX at first */
	size_t gulp; /* one write takes no more, whatever room there is; 0: no such bound */
	bool is_pending;

	struct stream secured;		 /* what stands in for `stream` under TLS */
	struct stream_security security; /* that the handshake agrees on; the test's */
	const char *fault, *detail;	 /* of one that fails; the test's */
	bool is_alert;			 /* of that fault; the test's */
	bool is_under_tls;
	bool is_secured;
	bool was_read; /* since it was secured */
	size_t inside; /* input up to here has been read by TLS */
	unsigned steps;

	unsigned wanted;
	unsigned wants;	 /* calls of want(): syscalls, with a real one */
	bool has_wanted; /* want() was called: only then can there be a callback */
	bool has_failed; /* the core was told: only close() is left */
	bool has_gone;	 /* STREAM_GONE was told */
	bool is_shut, is_closed;
	bool is_probed;
	bool was_unread; /* at close(): a real one would send a RST */
	enum stream_close how;
};

struct fake {
	struct conf *conf; /* of the settings */
	struct settings *settings;
	struct shared shared;
	struct fake_worker *workers[FAKE_WORKERS];
	uint64_t now_ms;

	struct fake_stream *streams, **last_stream;
	unsigned server_count; /* connected by the core so far */
	enum fake_connect script[FAKE_SCRIPT], otherwise;
	unsigned script_length, script_at;
	int refusal; /* the errno of FAKE_REFUSED; ECONNREFUSED at first */
	bool knows_no_local_address;

	bool holds_turns; /* false: asked turns end by themselves in fake_run() */

	uint64_t filled; /* by fake_fill_memory() */

	uint64_t spent_us; /* what handshakes have cost so far */
	uint64_t step_us;  /* what a step costs; 100 at first */
	unsigned steps;	   /* done so far */
	bool has_no_memory_for_tls;

	struct record *records;
	size_t record_count;
};

/* A world with this configuration and 1 or 2 workers. At most conf's max_connections, or 64. */
struct fake *fake_new(const char *conf_text, unsigned workers);

/* The runtime side of the n-th listener of the configuration. */
struct listener *fake_listener(const struct fake *f, size_t index);

/* Another configuration is in force from here on, for all workers at once; the settings before are freed. */
void fake_reload(struct fake *f, const char *conf_text);

/* All must have been given back: sessions, slots, counts, buffers, streams, deadlines. Frees the world. */
void fake_end(struct fake *f);

/* Close what is open as a stop does, then fake_end(). */
void fake_stop(struct fake *f);

/* True when nothing at all is held. */
void fake_assert_empty(const struct fake *f);

/* How the next connects go, in order; all after these as the last. */
void fake_connects(struct fake *f, const enum fake_connect *how, unsigned count);

/* --- time --- */

/* One turn of each worker and the events behind it. False when nothing happened. */
bool fake_turn(struct fake *f);

/* Deliver events and end turns until nothing happens any more. The clock stands still. */
void fake_run(struct fake *f);

/* Let the clock go on by so much, in ticks of the wheel, with fake_run() after each. */
void fake_pass(struct fake *f, uint64_t ms);

/* The host's answer, where the test holds turns. */
void fake_turns_done(struct fake *f, unsigned worker);

/* --- streams --- */

/* One that is not in use yet, to be loaded before fake_accept(). */
struct fake_stream *fake_stream_new(struct fake *f);

/* It connects to the listener of that index. "address:port" of the peer. Events are not run. */
struct session *fake_accept(
	struct fake_stream *s, unsigned worker, unsigned listener, const char *peer);

/* A client of the first listener and worker, from 192.0.2.10 unless a peer is given; events are run. */
struct fake_stream *fake_client(struct fake *f);
struct fake_stream *fake_client_from(struct fake *f, const char *peer);

/* TLS on top of it, as its worker's host does it. */
struct stream *fake_secure(struct stream *raw, const uint8_t *ahead, size_t length);
bool fake_has_ended(const struct stream *raw);
void fake_probe(struct stream *s, bool is_urgent);
void fake_describe(const struct stream *secured, struct stream_security *out);

/* Queue bytes as one piece, without and with running the events. */
void fake_queue(struct fake_stream *s, const void *bytes, size_t length);
void fake_say(struct fake_stream *s, const void *bytes, size_t length);

/* FIN, RST or the like (an errno), connected at last; events are run. */
void fake_finish(struct fake_stream *s);
void fake_fail(struct fake_stream *s, int failure);
void fake_connected(struct fake_stream *s);

/* From now on it fails, for a fault of TLS. Events are not run. */
void fake_fail_tls(struct fake_stream *s, const char *fault, const char *detail);

/* Room for so many bytes more; events are run. */
void fake_give_room(struct fake_stream *s, size_t bytes);

/* The n-th stream that the core has connected, from 0; the test fails when there is none. */
struct fake_stream *fake_server(struct fake *f, unsigned n);

/* What was written is exactly this, or begins with it and goes on, or contains it. */
void fake_assert_written(const struct fake_stream *s, const void *bytes, size_t length);
bool fake_wrote(const struct fake_stream *s, const char *text);

/* How often `text` stands in what was written. */
unsigned fake_wrote_times(const struct fake_stream *s, const char *text);

/* Forget what was written so far. */
void fake_forget(struct fake_stream *s);

/* --- sessions and what was told --- */

/* Of the session whose client this is; SESSION_CLOSED once the stream is closed. */
enum session_state fake_state(const struct fake_stream *client);

/* Is the client closed, and was this the reason told with the last connection.closed? */
void fake_assert_closed(const struct fake_stream *client, enum reason reason);

/* The last record of an event, or NULL; and how many there were. */
const struct record *fake_last(const struct fake *f, enum record_event event);
unsigned fake_count(const struct fake *f, enum record_event event);

/* Make `held` the memory that the gauge shows beyond what is held really; 0 gives it back. */
void fake_fill_memory(struct fake *f, uint64_t held);

#endif
