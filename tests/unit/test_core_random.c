/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random lives of random clients: whatever happens in whatever order, nothing leaks and no message is torn, changed,
 * reordered, sent twice or sent to a server for somebody else. SIPWEIR_SEED and SIPWEIR_ROUNDS choose other runs.
 */
#include "tests/unit/core_oracle.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	SEED = 20261120,
	ROUNDS = 900,
	STEPS = 120,
	CLIENTS = 40,
	STREAMS = 1024,
	REMEMBERED = 30,
	OUTBOX = 256 * 1024
};

#define COMMON                                                                                  \
	"max_connections = 12; memory: { per_connection = \"256K\"; total = \"1M\"; };"         \
	"limits: { connections = 3; tracked_sources = 6; max_handshakes = 2; };"                \
	"timeouts: { idle = \"25s\"; ping_timeout = \"2x\"; first_message = \"9s\"; message = " \
	"\"3s\"; handshake = \"5s\"; };"
#define SERVERS                                                                \
	"max_message = \"1K\"; proxy_protocol = \"v1\"; keepalive_interval = " \
	"\"7s\"; " FAKE_THREE_SERVERS
/* Servers that are looked at, lost, and slow to take a crowd. */
#define LOST(method, more)                                                               \
	"max_message = \"1K\"; proxy_protocol = \"v1\"; keepalive_interval = \"7s\"; "   \
	"loss_after = \"1s\"; close_rate = \"2/s\"; drain_over = \"3s\"; slow_start = "  \
	"\"2s\"; health: { method = \"" method                                           \
	"\"; interval = \"1s\"; timeout = \"500ms\"; fall = 1; rise = 1; }; "            \
	"servers = ( { name = \"s1\"; address = \"10.0.0.1:5060\"; max_connecting = 2; " \
	"connect_rate = \"5/s\"; }, { name = \"s2\"; address = \"10.0.0.2:5060\"; "      \
	"max_connections = 4; max_connecting = 1; }, { name = \"s3\"; address = "        \
	"\"10.0.0.3:5060\"; max_connecting = 2; }, { name = \"s4\"; address = "          \
	"\"10.0.0.4:5060\"; backup = true; } ); " more
#define LISTENER(mode)                                                    \
	"max_connections = 10; max_unnamed = 3; proxy_protocol = \"" mode \
	"\"; trusted = [ \"10.9.0.0/16\" ];"

/* Every limit, with each action. */
#define LIMITED(limits)                                                                         \
	"max_connections = 12; limits: { connections = 4; subnet: { "                           \
	"connections = 7; connection_rate = \"3/s burst 5\"; }; classes = ( { name = "          \
	"\"denied\"; networks = [ \"198.51.100.7\" ]; deny = true; }, { name = \"few\"; "       \
	"networks = [ \"198.51.100.4/31\" ]; total_connections = 2; reserved = 2; } ); " limits \
	" };"
#define BANS                                                                           \
	"penalty: { mode = \"enforce\"; bad_sip = 60; ban_at = 60; ban_for = \"2s\"; " \
	"ban_closes = \"all\"; };"

/* Whether a header comes, and what is spoken; and whether servers are lost, with requests that are not remembered. */
enum { HEADER_DUE = 1, HEADER_MAY_COME = 2, SPEAKS_TLS = 4, LOSES = 8, FORGETS = 16 };

static const struct {
	const char *text;
	unsigned ways;
} confs[] = {
	{FAKE_CONF(LISTENER("require"), SERVERS, COMMON), HEADER_DUE},
	{FAKE_CONF(LISTENER("optional"), SERVERS, COMMON), HEADER_DUE | HEADER_MAY_COME},
	{FAKE_CONF("", SERVERS, COMMON), 0},
	{FAKE_CONF(LISTENER("require"), "respond: { status = 200; };", COMMON), HEADER_DUE},
	{FAKE_CONF(FAKE_TLS LISTENER("require"), SERVERS, COMMON), HEADER_DUE | SPEAKS_TLS},
	{FAKE_CONF(FAKE_TLS, SERVERS, COMMON), SPEAKS_TLS},
	{FAKE_CONF(LISTENER("require"), SERVERS,
		 LIMITED("action = \"refuse\"; max_refusing = 2; unregistered = 1; "
			 "connection_rate = \"1/s burst 2\";" BANS)),
		HEADER_DUE},
	{FAKE_CONF(LISTENER("require"), SERVERS,
		 LIMITED("action = \"tarpit\"; max_tarpit = 2; tarpit = \"2s\"; message_rate = "
			 "\"2/s burst 2\"; over_message_rate = \"close\";")),
		HEADER_DUE},
	{FAKE_CONF(LISTENER("require"), SERVERS,
		 LIMITED("action = \"close\"; unproven = 1; connection_message_rate = \"2/s burst "
			 "2\"; "
			 "over_message_rate = \"close\";" BANS)),
		HEADER_DUE},
	{FAKE_CONF(FAKE_TLS LISTENER("require"), SERVERS,
		 LIMITED("action = \"refuse\"; max_handshakes = 2; connection_message_rate = \"4/s "
			 "burst 2\"; "
			 "message_rate = \"6/s burst 4\";" BANS)),
		HEADER_DUE | SPEAKS_TLS},
	{FAKE_CONF(LISTENER("require"), SERVERS,
		 LIMITED("mode = \"observe\"; connection_message_rate = \"2/s\"; unregistered = 1; "
			 "connection_rate = \"2/s\";" BANS)),
		HEADER_DUE},
	{FAKE_CONF(LISTENER("require"), "respond: { status = 200; };",
		 LIMITED("message_rate = \"3/s burst 3\"; over_message_rate = \"refuse\";")),
		HEADER_DUE},
	{FAKE_CONF_CHECKED(
		 LISTENER("require"), LOST("options", "policy = \"round-robin\";"), COMMON),
		HEADER_DUE | LOSES},
	{FAKE_CONF_CHECKED(LISTENER("require"),
		 LOST("options", "on_server_loss = \"keep\"; retry_on = \"early-close\";"), COMMON),
		HEADER_DUE | LOSES},
	{FAKE_CONF_CHECKED(LISTENER("require"),
		 LOST("options",
			 "policy = \"least-connections\"; on_server_loss = \"keep\"; all_down = "
			 "\"refuse\";"),
		 COMMON "sip: { max_pending = 1; };"),
		HEADER_DUE | LOSES | FORGETS},
	{FAKE_CONF_CHECKED("", LOST("connect", ""), COMMON), LOSES},
};

/* One client and what it has yet to say. */
struct client {
	struct fake_stream *stream;
	unsigned index;
	char *outbox;
	size_t length, said;
	unsigned numbers;  /* messages begun so far */
	unsigned requests; /* in the outbox, no large ones, and large ones */
	bool is_spoilt;	   /* has said what is no message */
};

struct world {
	struct fake *f;
	const char *text;
	unsigned ways;
	struct client clients[CLIENTS];
	unsigned client_count;
	unsigned server_numbers[STREAMS];
};

static uint64_t seed;
static unsigned long reasons[64], accounted;

static unsigned roll(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)((seed >> 16) % below);
}

/* --- clients --- */

static void compose(struct client *c, const char *text, size_t length)
{
	if (c->length + length > OUTBOX)
		return;
	memcpy(c->outbox + c->length, text, length);
	c->length += length;
}

static void compose_pings(struct client *c)
{
	for (unsigned n = roll(20) ? 1 : 40; n; n--)
		compose(c, BYTES("\r\n\r\n"));
}

static void compose_nonsense(struct client *c)
{
	static const char *const nonsense[] = {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01",
		"BYE sip:b SIP/2.0\r\n\r\n",
		("OPTIONS sip:b SIP/9.9\r\nVia: a\r\nFrom: a\r\nTo: a\r\nCall-ID: a\r\nCSeq: 1 "
		 "OPTIONS\r\n\r\n"),
		"\n", "X: y\r\n\r\n", "PROXY TCP4 1.1.1.1 1.1.1.1 1 1\r\n"};
	const char *chosen = nonsense[roll(7)];
	c->is_spoilt = true;
	compose(c, chosen, strlen(chosen));
}

static void compose_header(struct world *w, struct client *c)
{
	char header[128];
	if (!(w->ways & HEADER_DUE) || (w->ways & HEADER_MAY_COME && roll(2)))
		return;
	int length = snprintf(header, sizeof(header),
		"PROXY TCP4 198.51.100.%u 192.0.2.99 %u 5060\r\n", roll(8), 1000 + c->index);
	unsigned what = roll(16);
	if (what == 0)
		compose_nonsense(c);
	else if (what == 1)
		compose(c, BYTES("PROXY UNKNOWN\r\n"));
	else
		compose(c, header, (size_t)length);
}

static void compose_handshake(struct world *w, struct client *c)
{
	if (!(w->ways & SPEAKS_TLS))
		return;
	for (unsigned n = 1 + roll(4); n; n--)
		compose(c, BYTES(HELLO));
	if (roll(16) == 0)
		compose_nonsense(c);
	compose(c, BYTES(FINISHED));
}

enum {
	MANY = 5 * BATCH_RANGES
}; /* each a range of its own, because line ends stand between them */

static void compose_messages(struct client *c, unsigned many)
{
	char message[ORACLE_MESSAGE_MAX];
	if (c->is_spoilt || c->length > OUTBOX / 2)
		return;
	for (unsigned n = many; n; n--) {
		size_t length = oracle_message(message, 'c', c->index, ++c->numbers);
		compose(c, message, length);
		c->requests += oracle_is_request('c', c->numbers);
		if (many == MANY || roll(4) == 0)
			compose(c, BYTES("\r\n"));
		if (roll(6) == 0)
			compose(c, BYTES("\r\n\r\n"));
	}
}

static void say(struct client *c, size_t length)
{
	size_t left = c->length - c->said;
	length = length < left ? length : left;
	fake_queue(c->stream, c->outbox + c->said, length);
	c->said += length;
}

static void open_client(struct world *w)
{
	static const char *const peers[] = {"10.9.0.1:1", "10.9.0.1:1", "10.9.0.1:1", "10.7.0.1:1"};
	if (w->client_count == CLIENTS)
		return;
	struct client *c = &w->clients[w->client_count];
	c->index = ++w->client_count;
	c->outbox = malloc(OUTBOX);
	assert_non_null(c->outbox);
	c->stream = fake_stream_new(w->f);
	compose_header(w, c);
	compose_handshake(w, c);
	compose_messages(c, 1 + roll(4));
	if (roll(2))
		say(c, roll(roll(2) ? 600 : 60));
	char peer[ADDR_PORT_TEXT_MAX];
	snprintf(peer, sizeof(peer), "192.0.2.%u:%u", roll(8), 1000 + c->index);
	const char *trusted =
		peers[roll(4)]; /* one roll at a time: compilers evaluate in any order */
	fake_accept(c->stream, roll(2), 0, w->ways & HEADER_DUE ? trusted : peer);
}

static void set_room(struct fake_stream *s)
{
	static const unsigned rooms[] = {0, 1, 7, 100, 1000};
	s->room = roll(2) ? SIZE_MAX : rooms[roll(5)];
	s->gulp = roll(3) ? 0 : 1 + roll(300);
}

static void do_client(struct world *w)
{
	if (!w->client_count)
		return;
	struct client *c = &w->clients[roll(w->client_count)];
	if (c->stream->is_closed || c->stream->is_ended || c->stream->is_failing)
		return;
	unsigned what = roll(100);
	if (what < 40)
		say(c, 1 + roll(roll(2) ? 50 : 3000));
	else if (what < 70)
		compose_messages(c, roll(30) ? 1 + roll(4) : MANY);
	else if (what < 80)
		compose_pings(c);
	else if (what < 90)
		set_room(c->stream);
	else if (what < 93)
		compose_nonsense(c);
	else if (what < 97)
		c->stream->is_ended = true;
	else
		c->stream->is_failing = ECONNRESET;
}

/* --- servers --- */

static void answer(struct world *w, struct fake_stream *s, unsigned index)
{
	char message[ORACLE_MESSAGE_MAX];
	for (unsigned n = 1 + roll(4); n; n--) {
		size_t length = oracle_message(message, 's', index, ++w->server_numbers[index]);
		size_t cut = roll((unsigned)length);
		fake_queue(s, message, cut);
		fake_queue(s, message + cut, length - cut);
		if (roll(3) == 0)
			fake_queue(s, "\r\n\r\n", 2 + 2 * roll(2));
	}
}

static bool is_check(const struct fake_stream *s)
{
	return fake_wrote(s, "User-Agent: sipweir");
}

static void answer_check(struct fake_stream *s)
{
	static const char *const statuses[] = {"200 OK", "404 Not Found", "503 Busy", "100 Trying"};
	char text[1024];
	snprintf(text, sizeof(text), "SIP/2.0 %s%s", statuses[roll(4)],
		strstr(s->written, "\r\nVia: "));
	size_t cut = roll((unsigned)strlen(text));
	fake_queue(s, text, cut);
	fake_queue(s, text + cut, strlen(text) - cut);
}

/* A server dies just when everybody has much to say. */
static void die(struct world *w, struct fake_stream *s)
{
	s->is_failing = ECONNRESET;
	for (unsigned i = 0; i < w->client_count; i++)
		if (!w->clients[i].stream->is_closed && !w->clients[i].stream->is_ended) {
			compose_messages(&w->clients[i], MANY);
			say(&w->clients[i], OUTBOX);
		}
}

static void do_server(struct world *w)
{
	if (!w->f->server_count)
		return;
	unsigned index = roll(w->f->server_count);
	struct fake_stream *s = fake_server(w->f, index);
	if (s->is_closed || s->is_ended || s->is_failing || index >= STREAMS)
		return;
	unsigned what = roll(100);
	if (s->is_pending && what < 60)
		s->is_pending = false;
	else if (s->is_pending && what < 80)
		s->is_failing = ECONNREFUSED;
	else if (what < 60 && is_check(s))
		answer_check(s);
	else if (what < 60)
		answer(w, s, index);
	else if (what < 88)
		set_room(s);
	else if (what < 92)
		s->is_ended = true;
	else if (what < 95)
		die(w, s);
	else if (what < 96)
		fake_queue(s, BYTES("garbage\r\n"));
}

/* --- the rules --- */

static bool is_outgoing(const struct fake_stream *s)
{
	return s->to.port != 0;
}

/* Who writes to a server is the client whose port its header names. */
static void check_server(const struct fake_stream *s, struct oracle_tally *tallies)
{
	unsigned port;
	struct oracle_tally here = {0};
	if (!s->written || sscanf(s->written, "PROXY TCP4 %*s %*s %u ", &port) != 1 ||
		!strchr(s->written, '\r'))
		return;
	if (port <= 1000) { /* a probe in its own name */
		oracle_check(s, 'c', &here);
		return;
	}
	struct oracle_tally *tally = &tallies[port - 1000];
	oracle_check(s, 'c', tally);
	assert_true(!tally->has_any || tally->sender == port - 1000);
}

static void check_streams(struct world *w, struct oracle_tally *to_servers)
{
	for (const struct fake_stream *s = w->f->streams; s; s = s->next)
		if (is_outgoing(s))
			check_server(s, to_servers);
}

/* Who holds or wants a place is counted, and is on the way to SECURED. */
static void check_places(const struct world *w)
{
	unsigned placed = 0, waiting = 0;
	for (unsigned i = 0; i < w->client_count; i++) {
		const struct session *s = w->clients[i].stream->stream.owner;
		if (w->clients[i].stream->is_closed)
			continue;
		placed += s->handshake.has_place;
		waiting += s->handshake.stage == HANDSHAKE_WAITING;
		assert_true(s->handshake.stage == HANDSHAKE_NONE || s->state == SESSION_NAMED);
		assert_true(s->handshake.stage != HANDSHAKE_NONE || !s->handshake.has_place);
		assert_true(!(w->ways & SPEAKS_TLS) || s->state < SESSION_SECURED ||
			    w->clients[i].stream->is_secured);
	}
	assert_int_equal(places_taken(&w->f->shared.handshakes), placed);
	assert_int_equal(places_waiting(&w->f->shared.handshakes), waiting);
	assert_in_range(placed, 0, w->f->conf->limits.max_handshakes);
	assert_true(placed == w->f->conf->limits.max_handshakes || !waiting);
}

static unsigned length_of(const struct list *l)
{
	unsigned length = 0;
	for (const struct list_node *n = list_first(l); n; n = list_next(l, n))
		length++;
	return length;
}

static void check_backend(const struct fake *f, const struct backend *b)
{
	unsigned open = 0, queued = 0;
	for (unsigned i = 0; i < f->shared.workers; i++) {
		assert_int_equal(
			length_of(&b->lanes[i].links), counter_read(&b->counters[i].connections));
		open += length_of(&b->lanes[i].links);
		queued += length_of(&b->lanes[i].queue);
	}
	assert_int_equal(b->open, open);
	assert_int_equal(places_waiting(&b->connecting), queued);
	assert_true(places_taken(&b->connecting) + queued <= open);
}

static void check_backends(const struct fake *f)
{
	for (const struct pool *p = f->shared.pools; p; p = p->next)
		for (const struct backend *b = p->backends; b; b = b->next)
			check_backend(f, b);
}

static void check_counts(const struct world *w)
{
	const struct fake *f = w->f;
	unsigned open = 0, told_all = 0, unnamed = 0;
	for (unsigned i = 0; i < w->client_count; i++) {
		const struct session *session = w->clients[i].stream->stream.owner;
		enum session_state state = fake_state(w->clients[i].stream);
		open += state != SESSION_CLOSED;
		told_all += state != SESSION_CLOSED && session->is_shut;
		unnamed += state == SESSION_UNNAMED;
	}
	assert_int_equal(f->shared.open, open);
	assert_int_equal(fake_listener(f, 0)->open, open - told_all);
	assert_int_equal(fake_listener(f, 0)->unnamed, unnamed);
	assert_true(limiter_slots(f->shared.limiter) <= open);
	assert_true(open <= f->settings->max_connections + 1);
	check_places(w);
	check_backends(f);
}

/* What was sent to a server that is lost is answered 503 as well, but nothing twice. */
static void check_lost(const struct world *w, const struct client *c,
	const struct oracle_tally *forwarded, const struct oracle_tally *received)
{
	assert_true(received->answers <= c->requests);
	assert_true(forwarded->messages <= c->requests);
	/* Servers here answer what was never asked, so that of many it is not known who is owed. */
	if (c->requests < REMEMBERED && !(w->ways & FORGETS))
		assert_true(forwarded->messages + received->answers >= c->requests);
	accounted++;
}

/* What a client that is well has said to the end was forwarded or answered here, all of it. */
static void check_client(
	const struct world *w, const struct client *c, const struct oracle_tally *forwarded)
{
	struct oracle_tally received = {0};
	oracle_check(c->stream, 's', &received);
	bool is_well = !c->stream->is_closed && !c->is_spoilt &&
		       fake_state(c->stream) == SESSION_RELAYING &&
		       c->stream->taken == c->stream->input_length && c->said == c->length;
	const struct session *session = c->stream->stream.owner;
	/* Whoever waits for a rate is not done yet. */
	if (!is_well || !forwarded->has_any || session->held_until_ms)
		return;
	if (w->ways & LOSES) {
		check_lost(w, c, forwarded, &received);
		return;
	}
	unsigned large = 0;
	for (unsigned n = 1; n <= c->numbers; n++)
		large += oracle_is_large('c', n) && oracle_is_request('c', n);
	assert_int_equal(forwarded->messages + received.answers, c->requests);
	assert_true(received.answers >= large);
	accounted++;
}

static void calm_down(struct world *w)
{
	w->f->otherwise = FAKE_UP;
	fake_fill_memory(w->f, 0);
	w->f->has_no_memory_for_tls = false;
	for (unsigned i = 0; i < w->client_count; i++)
		if (!w->clients[i].stream->is_closed && !w->clients[i].stream->is_ended)
			say(&w->clients[i], OUTBOX);
	for (struct fake_stream *s = w->f->streams; s; s = s->next) {
		s->room = SIZE_MAX;
		s->is_pending = false;
	}
	fake_pass(w->f, 200);
}

static void count_reasons(const struct fake *f)
{
	for (size_t i = 0; i < f->record_count; i++) {
		const struct record *r = &f->records[i];
		for (unsigned reason = 0; r->event == RECORD_CONNECTION_CLOSED && reason < 64;
			reason++)
			if (reason_name((enum reason)reason) == r->reason) {
				reasons[reason]++;
				break;
			}
	}
}

/* --- a round --- */

/* An administrator, or a reload, has a word to say about a server. */
static void command(struct world *w)
{
	const struct pool *p = settings_pool(w->f->settings, 0)->pool;
	if (!(w->ways & LOSES))
		return;
	struct backend *b = p->backends;
	for (unsigned n = roll(3); n; n--)
		b = b->next;
	atomic_store(&b->order_ms, w->f->now_ms);
	atomic_store(&b->order_over_ms, roll(5000));
	atomic_store(&b->order, roll(4)); /* none, or one of the three */
	if (roll(3) == 0)
		fake_reload(w->f, w->text);
}

static void step(struct world *w)
{
	static const enum fake_connect ways[] = {
		FAKE_UP, FAKE_UP, FAKE_UP, FAKE_PENDING, FAKE_PENDING, FAKE_REFUSED, FAKE_FAILS};
	struct fake *f = w->f;
	unsigned what = roll(100);
	f->otherwise = ways[roll(7)];
	if (what < 20)
		open_client(w);
	else if (what < 60)
		do_client(w);
	else if (what < 90)
		do_server(w);
	else if (what < 92)
		command(w);
	else if (what < 97)
		fake_pass(f, roll(4) ? roll(900) : roll(12000));
	else if (what < 98)
		core_sweep(&f->workers[roll(2)]->core, REASON_SHUTDOWN, 2);
	else if (what < 99)
		fake_fill_memory(f, roll(2) ? f->conf->memory.total : 0);
	else
		f->has_no_memory_for_tls = roll(4) == 0;
	f->step_us = roll(8) ? 100 : 3000;
	if (roll(3))
		fake_run(f);
	if (roll(8) == 0) {
		fake_run(f);
		check_counts(w);
	}
}

static void live(unsigned conf)
{
	struct oracle_tally to_servers[CLIENTS + 1] = {{0}};
	struct world *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->ways = confs[conf].ways;
	w->text = confs[conf].text;
	w->f = fake_new(confs[conf].text, 2);
	for (unsigned i = 0; i < STEPS; i++)
		step(w);
	fake_run(w->f);
	calm_down(w);
	check_counts(w);
	check_streams(w, to_servers);
	for (unsigned i = 0; i < w->client_count; i++)
		check_client(w, &w->clients[i], &to_servers[w->clients[i].index]);
	count_reasons(w->f);
	fake_stop(w->f);
	for (unsigned i = 0; i < w->client_count; i++)
		free(w->clients[i].outbox);
	free(w);
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void nothing_leaks_and_no_message_is_torn_whatever_happens(void **state)
{
	(void)state;
	uint64_t first = number_from("SIPWEIR_SEED", SEED);
	uint64_t rounds = number_from("SIPWEIR_ROUNDS", ROUNDS);
	print_message("SIPWEIR_SEED=%llu SIPWEIR_ROUNDS=%llu\n", (unsigned long long)first,
		(unsigned long long)rounds);
	for (uint64_t i = 0; i < rounds; i++) {
		seed = (first + i) * 0x9e3779b97f4a7c15u | 1;
		live((unsigned)(i % (sizeof(confs) / sizeof(confs[0]))));
	}
	if (first != SEED || rounds != ROUNDS)
		return; /* what follows is known of one run alone */
	assert_true(accounted > rounds / 2);
	/* A phone with a habit, and a storm that lasts until patience ends, have tests of their own. */
	reasons[REASON_PING_TIMEOUT]++;
	reasons[REASON_LIMIT_MAX_HANDSHAKES]++;
	for (unsigned reason = REASON_NONE + 1; reason < REASON_NO_RESOURCES; reason++)
		if (!reasons[reason])
			fail_msg("not met: %s", reason_name((enum reason)reason));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_leaks_and_no_message_is_torn_whatever_happens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
