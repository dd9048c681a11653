/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/check.h"
#include "proxy/core/core.h"
#include "proxy/core/health.h"
#include "proxy/core/proxy_header.h"
#include "proxy/core/text.h"
#include "sip/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WANTED_MS = 1000, /* checks that clients' troubles ask for do not come faster */
	FIRST_MS = 1000,  /* within which the first one comes */
	EARLIER = 5,	  /* a check comes up to this part of the interval before its time */
	ANSWER_MAX = 64 * 1024,
	REQUEST_MAX = 2048,
};

struct check {
	struct backend *backend;
	struct core *core;	  /* of the worker that runs it; NULL: nobody does */
	struct list_node running; /* in core->checks */
	const struct pool *pool;
	struct addr_port address; /* of the server that is checked */
	struct deadline deadline; /* the next check, or its timeout */
	struct stream *stream;	  /* NULL between two checks */
	struct framer framer;
	struct buffer in;  /* what has come of an answer */
	struct buffer out; /* what has to be sent yet */
	struct options_id id;
	uint64_t began_ms;
	uint64_t round; /* so many have been begun */
	struct health_runs runs;
	enum conf_health_method method; /* that it was begun with */
	bool is_secured;
};

struct check *check_new(struct backend *b)
{
	struct check *ch = calloc(1, sizeof(*ch));
	if (ch)
		ch->backend = b;
	return ch;
}

void check_free(struct check *ch)
{
	free(ch);
}

/* --- settings --- */

static const struct pool_settings *pool_of(const struct check *ch)
{
	return &ch->core->settings->pools[ch->pool->slot];
}

static const struct conf_health *health_of(const struct check *ch)
{
	return &pool_of(ch)->conf->health;
}

static struct memory_gauge *memory_of(const struct check *ch)
{
	return &ch->core->shared->memory;
}

/* A number that others cannot foresee, other in each round. */
static uint64_t draw(const struct check *ch)
{
	uint64_t x = ch->backend->hash ^ ch->core->shared->tag_key;
	x ^= (ch->round + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ ch->core->now_ms << 20;
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Never later than the interval, so that a recovery is seen in time; and not in step with a hundred others. */
static void plan_next(struct check *ch)
{
	uint32_t interval_ms = health_of(ch)->interval_ms;
	uint64_t next_ms = ch->began_ms + interval_ms - draw(ch) % (interval_ms / EARLIER + 1);
	wheel_set(&ch->core->wheel, &ch->deadline, next_ms);
}

static struct health_subject subject_of(const struct check *ch)
{
	return (struct health_subject){ch->core, pool_of(ch), ch->backend, &ch->address};
}

/* --- one check --- */

static void put_away(struct check *ch)
{
	if (ch->stream) {
		stream_close(ch->stream, STREAM_CLOSE_FIN);
		if (ch->is_secured)
			memory_give(memory_of(ch), MEMORY_PER_TLS);
	}
	ch->stream = NULL;
	buffer_free(&ch->in, memory_of(ch));
	buffer_free(&ch->out, memory_of(ch));
	ch->framer = (struct framer){0};
}

/* `why` and `detail`: see the record; a constant, and text that is needed during the call alone. */
static void finish(
	struct check *ch, bool is_alive, const char *why, unsigned status, const char *detail)
{
	char kept[RECORD_MESSAGE_MAX];
	snprintf(kept, sizeof(kept), "%s", detail ? detail : "");
	put_away(ch);
	atomic_store(&ch->backend->why, why);
	atomic_store(&ch->backend->status, status);
	const struct health_subject subject = subject_of(ch);
	health_judge(&subject, &ch->runs, is_alive, detail ? kept : NULL);
	plan_next(ch);
}

/* What is lacking is on our side: nothing is found out. */
static void give_up(struct check *ch)
{
	put_away(ch);
	plan_next(ch);
}

static bool is_our_want(int failure)
{
	switch (failure) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case EADDRNOTAVAIL: /* no port is left, or source_addresses has one that this host has not */
	case EAGAIN:
		return true;
	default:
		return false;
	}
}

static void fail_with_stream(struct check *ch)
{
	const struct stream *s = ch->stream;
	finish(ch, false, s->fault ? s->fault : text_errno(s->failure), 0, s->detail);
}

static void take_frame(struct check *ch, const uint8_t *message, const struct frame *frame)
{
	if (frame->kind != FRAME_RESPONSE || frame->status < 200 ||
		!options_is_answer(&ch->id, message, frame))
		return;
	bool is_alive = conf_health_is_alive(health_of(ch), frame->status);
	finish(ch, is_alive, is_alive ? "answered" : "status", frame->status, NULL);
}

static void take_answer(struct check *ch)
{
	const struct frame_limits *limits = &ch->core->settings->server_limits;
	enum frame_verdict verdict;
	do {
		struct frame frame;
		verdict = frame_next(&ch->framer, limits, ch->in.bytes, ch->in.length, &frame);
		if (verdict == FRAME_BAD) {
			finish(ch, false, frame_fault_name(frame.fault), 0,
				"what it sends is no SIP");
			return;
		}
		if (verdict == FRAME_MESSAGE)
			take_frame(ch, ch->in.bytes + frame.start, &frame);
		if (!ch->stream)
			return;
		buffer_consume(&ch->in, memory_of(ch), frame.consumed);
	} while (verdict != FRAME_MORE && ch->in.length);
}

static void hear(struct check *ch)
{
	struct core *c = ch->core;
	ssize_t got = stream_read(ch->stream, c->scratch, sizeof(c->scratch));
	if (got == STREAM_AGAIN)
		return;
	if (got == STREAM_FAILED) {
		fail_with_stream(ch);
	} else if (got == STREAM_END) {
		finish(ch, false, "closed", 0, "it closed without an answer");
	} else if (ch->in.length + (size_t)got > ANSWER_MAX) {
		finish(ch, false, "answer_too_long", 0, NULL);
	} else if (!buffer_append(&ch->in, memory_of(ch), c->scratch, (size_t)got)) {
		give_up(ch);
	} else {
		take_answer(ch);
	}
}

static void want(struct check *ch)
{
	if (ch->stream)
		stream_want(ch->stream, STREAM_READABLE | (ch->out.length ? STREAM_WRITABLE : 0));
}

/* With "connect" something is written too: only by that it is known that TCP, and TLS, stand. */
static void say(struct check *ch)
{
	struct iovec range = {.iov_base = ch->out.bytes, .iov_len = ch->out.length};
	ssize_t wrote = ch->out.length ? stream_writev(ch->stream, &range, 1) : STREAM_AGAIN;
	if (wrote == STREAM_FAILED) {
		fail_with_stream(ch);
		return;
	}
	if (wrote <= 0)
		return;
	buffer_consume(&ch->out, memory_of(ch), (size_t)wrote);
	if (!ch->out.length && ch->method == CONF_HEALTH_CONNECT)
		finish(ch, true, "connected", 0, NULL);
}

static void on_ready(struct stream *stream, unsigned readiness)
{
	struct check *ch = stream->owner;
	if (readiness & STREAM_GONE)
		finish(ch, false, "reset", 0, NULL);
	if (ch->stream && readiness & STREAM_WRITABLE)
		say(ch);
	if (ch->stream && readiness & STREAM_READABLE)
		hear(ch);
	want(ch);
}

static size_t write_preface(const struct check *ch, uint8_t out[PROXY_HEADER_WRITE_MAX])
{
	enum conf_send_proxy mode = pool_of(ch)->conf->proxy_protocol;
	if (mode == CONF_SEND_PROXY_OFF)
		return 0;
	return proxy_header_write_local(out, mode == CONF_SEND_PROXY_V2 ? 2 : 1);
}

static size_t write_request(struct check *ch, uint8_t out[REQUEST_MAX])
{
	struct core *c = ch->core;
	char from[ADDR_PORT_TEXT_MAX] = "127.0.0.1:5060", to[ADDR_PORT_TEXT_MAX];
	struct addr_port local;
	const struct options_request request = {
		.from = from,
		.to = to,
		.uri = health_of(ch)->uri,
		.is_tls = ch->is_secured,
	};
	if (ch->method == CONF_HEALTH_CONNECT) {
		memcpy(out, "\r\n\r\n", 4);
		return 4;
	}
	addr_port_format(&ch->address, to);
	if (c->host->local_address(c->host, ch->stream, &local))
		addr_port_format(&local, from);
	ch->id = (struct options_id){{draw(ch), ch->began_ms ^ c->shared->tag_key}};
	return options_write(&request, &ch->id, (char *)out, REQUEST_MAX);
}

static bool connect_to(struct check *ch, const struct server_settings *server, int *failure)
{
	struct core *c = ch->core;
	uint8_t preface[PROXY_HEADER_WRITE_MAX];
	struct connection_plan plan = {
		.to = &ch->address, .from = settings_source(pool_of(ch), &ch->address, ch->round)};
	ch->is_secured = server->conf->transport == CONF_TLS;
	if (ch->is_secured) {
		plan.tls = pool_of(ch)->tls;
		plan.identity = server->identity;
		plan.preface = preface;
		plan.preface_length = write_preface(ch, preface);
	}
	ch->stream = c->host->connect(c->host, &plan, failure);
	if (!ch->stream)
		return false;
	if (ch->is_secured)
		memory_take(memory_of(ch), MEMORY_PER_TLS);
	ch->stream->owner = ch;
	ch->stream->on_ready = on_ready;
	return true;
}

static void begin(struct check *ch)
{
	const struct server_settings *server = settings_server(pool_of(ch), ch->backend);
	uint8_t text[PROXY_HEADER_WRITE_MAX + REQUEST_MAX];
	size_t length = 0;
	int failure = 0;
	ch->began_ms = ch->core->now_ms;
	ch->round++;
	ch->method = health_of(ch)->method;
	atomic_store(&ch->backend->is_check_wanted, false);
	if (!connect_to(ch, server, &failure)) {
		if (is_our_want(failure))
			give_up(ch);
		else
			finish(ch, false, text_errno(failure), 0, NULL);
		return;
	}
	if (!ch->is_secured)
		length = write_preface(ch, text);
	length += write_request(ch, text + length);
	if (!buffer_append(&ch->out, memory_of(ch), text, length)) {
		give_up(ch);
		return;
	}
	wheel_set(&ch->core->wheel, &ch->deadline, ch->began_ms + health_of(ch)->timeout_ms);
	say(ch);
	want(ch);
}

static void on_deadline(struct deadline *d)
{
	struct check *ch = LIST_OBJECT(d, struct check, deadline);
	if (!ch->stream)
		begin(ch);
	else if (ch->core->now_ms >= ch->began_ms + health_of(ch)->timeout_ms)
		finish(ch, false, "timeout", 0, "no answer within health.timeout");
	else
		wheel_set(
			&ch->core->wheel, &ch->deadline, ch->began_ms + health_of(ch)->timeout_ms);
}

/* --- who is checked --- */

static bool is_own(const struct core *c, const struct pool_settings *pool, const struct backend *b)
{
	return (pool->pool->slot + b->slot) % c->shared->workers == c->index;
}

static bool is_wanted(const struct pool_settings *pool, const struct server_place *place)
{
	return pool->share && !pool->is_retired && place->settings &&
	       pool->conf->health.method != CONF_HEALTH_OFF;
}

static void start(struct check *ch, struct core *c, const struct pool_settings *pool,
	const struct addr_port *to)
{
	ch->core = c;
	ch->pool = pool->pool;
	ch->address = *to;
	ch->runs = (struct health_runs){0};
	list_append(&c->checks, &ch->running);
	ch->deadline.on_expired = on_deadline;
	uint32_t within_ms = pool->conf->health.interval_ms;
	within_ms = within_ms < FIRST_MS ? within_ms : FIRST_MS;
	wheel_set(&c->wheel, &ch->deadline, c->now_ms + draw(ch) % within_ms);
}

static bool is_running(const struct check *ch)
{
	return list_has(&ch->running);
}

/* Nothing is known about it any more. */
static void stop(struct check *ch)
{
	put_away(ch);
	wheel_clear(&ch->deadline);
	list_remove(&ch->running);
	backend_tell(ch->backend, BACKEND_UNKNOWN, ch->core->now_ms);
	atomic_store(&ch->backend->recovered_ms, 0);
	atomic_store(&ch->backend->why, "not_checked");
}

static void tend(struct core *c, const struct pool_settings *pool, const struct server_place *place)
{
	struct check *ch = place->backend->check;
	if (!is_own(c, pool, place->backend))
		return;
	if (!is_wanted(pool, place))
		return;
	if (is_running(ch) && !addr_port_equal(&ch->address, &place->settings->address))
		stop(ch);
	if (!is_running(ch))
		start(ch, c, pool, &place->settings->address);
	if (!ch->stream && atomic_load(&place->backend->is_check_wanted) &&
		c->now_ms >= ch->began_ms + WANTED_MS)
		begin(ch);
	const struct health_subject subject = subject_of(ch);
	health_look_for_loss(&subject);
}

void check_tend(struct core *c)
{
	if (c->now_ms < c->servers_at_ms)
		return;
	for (size_t i = 0; i < c->settings->pool_count; i++) {
		const struct pool_settings *pool = &c->settings->pools[i];
		for (size_t j = 0; j < pool->place_count; j++)
			tend(c, pool, &pool->places[j]);
	}
}

/* Another interval is meant at once. */
static void plan_sooner(struct check *ch)
{
	uint64_t latest_ms = ch->core->now_ms + health_of(ch)->interval_ms;
	if (!ch->stream && ch->deadline.at_ms > latest_ms)
		wheel_set(&ch->core->wheel, &ch->deadline, latest_ms);
}

/* Those that are no longer wanted must not come to look at settings that are gone. */
void check_adopt(struct core *c)
{
	struct list_node *n = list_first(&c->checks);
	while (n) {
		struct check *ch = LIST_OBJECT(n, struct check, running);
		const struct pool_settings *pool = pool_of(ch);
		n = list_next(&c->checks, n);
		if (!pool->share || !is_wanted(pool, &pool->places[ch->backend->slot]))
			stop(ch);
		else
			plan_sooner(ch);
	}
}

void check_end_all(struct core *c)
{
	struct list_node *n;
	while ((n = list_first(&c->checks)))
		stop(LIST_OBJECT(n, struct check, running));
}
