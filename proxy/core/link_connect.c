/* SPDX-License-Identifier: BSD-2-Clause */
/* link_connect.c - from a session to one of its pool's servers: choosing, connecting, trying the next. */
#include "proxy/core/balance.h"
#include "proxy/core/introduce.h"
#include "proxy/core/link.h"
#include "proxy/core/loss.h"
#include "proxy/core/text.h"

#include <stdio.h>
#include <string.h>

static void report_failed(const struct link *k, const char *reason, const char *detail)
{
	struct session *s = k->session;
	struct record r;
	record_init(&r, RECORD_BACKEND_FAILED);
	r.listener = s->listener->name;
	r.pool = s->pool->name;
	r.server = k->backend->name;
	r.address = k->address;
	r.has |= RECORD_HAS_ADDRESS;
	r.reason = reason;
	if (detail)
		strncpy(r.message, detail, sizeof(r.message) - 1);
	else
		snprintf(r.message, sizeof(r.message),
			"is the server up, and is pools.%s.servers.%s.address right?", r.pool,
			r.server);
	s->core->host->report(s->core->host, &r);
}

void link_report_failure(const struct link *k)
{
	const struct stream *s = k->stream;
	report_failed(k, s->fault ? s->fault : text_errno(s->failure), s->detail);
}

enum attempt { ATTEMPT_UP, ATTEMPT_PENDING, ATTEMPT_FAILED };

/*
 * The header and the first bytes in one write; with TLS the stream sends the header. It is tried as soon as the connect has
 * begun: on one host or a fast network the connection is up already, and waiting to hear so costs two syscalls and a turn.
 */
static enum attempt link_write_first(struct link *k, const struct iovec *ranges, int count)
{
	uint8_t preface[PROXY_HEADER_WRITE_MAX];
	struct iovec all[BATCH_RANGES + 1] = {{.iov_base = preface}};
	if (!k->is_secured)
		all[0].iov_len = introduce_preface(k->session, preface);
	memcpy(all + 1, ranges, (size_t)count * sizeof(*ranges));

	ssize_t wrote = stream_writev(k->stream, all, count + 1);
	if (wrote == STREAM_AGAIN)
		return ATTEMPT_PENDING;
	if (wrote < 0)
		return ATTEMPT_FAILED;
	struct buffer rest = {0};
	if (!buffer_append_ranges(&rest, link_memory(k), all, count + 1, (size_t)wrote)) {
		k->session->failed = REASON_NO_RESOURCES;
		return ATTEMPT_FAILED;
	}
	buffer_free(&k->out, link_memory(k));
	k->out = rest;
	/* The kernel has connected it, and may let it wait for the server; behind a TLS handshake it has been accepted. */
	uint64_t now_ms = k->session->core->now_ms;
	if (!backend_connects(k->backend, now_ms - k->began_ms, now_ms) || k->is_secured)
		queue_give_place(k);
	size_t before = all[0].iov_len + k->preamble;
	k->has_sent = (size_t)wrote > before;
	k->preamble = k->has_sent ? 0 : (uint32_t)(before - (size_t)wrote);
	histogram_count(&k->counters->connect, k->session->core->now_ms - k->began_ms);
	atomic_store_explicit(
		&k->backend->alive_ms, k->session->core->now_ms, memory_order_relaxed);
	k->state = LINK_UP;
	k->up_ms = k->session->core->now_ms;
	k->has_written = true;
	k->sent_ms = k->session->core->now_ms;
	return ATTEMPT_UP;
}

static bool link_open(struct link *k, int *failure)
{
	struct core *c = k->session->core;
	uint8_t preface[PROXY_HEADER_WRITE_MAX];
	struct connection_plan plan = {
		.to = &k->address,
		.from = settings_source(session_pool(k->session), &k->address, c->connects++),
	};
	if (k->is_secured) {
		const struct server_settings *server =
			settings_server(session_pool(k->session), k->backend);
		plan.tls = session_pool(k->session)->tls;
		plan.identity = server ? server->identity : NULL;
		plan.preface = preface;
		plan.preface_length = introduce_preface(k->session, preface);
	}
	k->stream = c->host->connect(c->host, &plan, failure);
	return k->stream != NULL;
}

/* False when this server cannot be connected to; said in the log. */
static bool link_begin(struct link *k, const struct iovec *ranges, int count)
{
	int failure = 0;
	k->state = LINK_CONNECTING;
	k->is_broken = false;
	k->began_ms = k->session->core->now_ms;
	k->wanted = 0;
	if (!link_open(k, &failure)) {
		report_failed(k, text_errno(failure), NULL);
		loss_complain(k);
		return false;
	}
	if (k->is_secured)
		memory_take(link_memory(k), MEMORY_PER_TLS);
	k->stream->owner = k;
	k->stream->on_ready = k->on_ready;
	if (link_write_first(k, ranges, count) != ATTEMPT_FAILED)
		return true;
	link_report_failure(k);
	loss_complain(k);
	return false;
}

void link_rule_out(struct link *k, const struct backend *b)
{
	if (k->tried_count < LINK_TRIED_MAX)
		k->tried[k->tried_count++] = b->slot;
}

/* Each address of ours has so many ports to one server, and a connect that finds none fails. */
static void look_at_ports(const struct link *k, const struct server_settings *server)
{
	struct session *s = k->session;
	const struct conf_pool *pool = session_pool(s)->conf;
	uint64_t sources = pool->source_addresses_count ? pool->source_addresses_count : 1;
	uint64_t ports = s->core->shared->ports * sources;
	unsigned open = atomic_load_explicit(&k->backend->open, memory_order_relaxed);
	if (!ports || open < ports / 10 * 8)
		return;
	struct record r;
	record_init(&r, RECORD_KERNEL_PORTS);
	r.pool = s->pool->name;
	r.server = k->backend->name;
	r.address = server->address;
	r.current = open;
	r.max = (uint32_t)ports;
	r.has |= RECORD_HAS_ADDRESS | RECORD_HAS_CURRENT;
	snprintf(r.message, sizeof(r.message),
		"four fifths of the ports to this server are in use; give more of this host's "
		"addresses in pools.%s.source_addresses, or widen net.ipv4.ip_local_port_range",
		s->pool->name);
	s->core->host->report(s->core->host, &r);
}

/* The next server is its own. NULL: there is none. */
static const struct server_settings *link_choose(struct link *k)
{
	struct session *s = k->session;
	const struct pool_settings *pool = session_pool(s);
	while (k->tries <= pool->conf->retries && k->tried_count < LINK_TRIED_MAX) {
		const struct choice choice = {
			.pool = pool,
			.source = balance_source(
				&s->core->conf->limits, &s->source.addr, s->endpoint),
			.tried = k->tried,
			.tried_count = k->tried_count,
			.now_ms = s->core->now_ms,
		};
		const struct server_settings *server = balance_choose(&choice);
		if (!server)
			return NULL;
		link_rule_out(k, server->backend);
		if (!link_attach(k, server))
			continue;
		look_at_ports(k, server);
		return server;
	}
	return NULL;
}

bool link_connect(struct link *k, const struct iovec *ranges, int count)
{
	const struct server_settings *server;
	while ((server = link_choose(k))) {
		k->tries++;
		k->began_ms = k->session->core->now_ms;
		if (!queue_enter(k, server) || link_begin(k, ranges, count))
			return true;
		link_disconnect(k);
	}
	return false;
}

struct link *link_new(struct session *s,
	void (*on_ready)(struct stream *stream, unsigned readiness),
	void (*on_expired)(struct deadline *d))
{
	struct link *k = slab_take(&s->core->links);
	if (!k)
		return NULL;
	k->session = s;
	k->on_ready = on_ready;
	k->deadline.on_expired = on_expired;
	s->link = k;
	return k;
}

/* No server is left: the client hears it for each request that waited. */
void link_give_up(struct link *k)
{
	struct session *s = k->session;
	struct buffer held = k->out;
	k->out = (struct buffer){0};
	link_leave(s);
	session_unreachable(s, held.bytes, held.length);
	buffer_free(&held, &s->core->shared->memory);
	session_continue(s);
}

static void link_connected(struct link *k)
{
	session_connected(k->session);
	if (!k->out.length)
		session_continue(k->session);
}

void link_go_on(struct link *k)
{
	if (k->state == LINK_QUEUED)
		k->tries--; /* it has waited for its turn, and tried nothing */
	link_disconnect(k);
	struct iovec held = {.iov_base = k->out.bytes, .iov_len = k->out.length};
	if (!link_connect(k, &held, 1))
		link_give_up(k);
	else if (k->state == LINK_UP)
		link_connected(k);
}

void link_begin_queued(struct link *k)
{
	struct iovec held = {.iov_base = k->out.bytes, .iov_len = k->out.length};
	k->began_ms = k->session->core->now_ms;
	if (!link_begin(k, &held, 1))
		link_go_on(k);
	else if (k->state == LINK_UP)
		link_connected(k);
}

void link_try_next(struct link *k, const char *why)
{
	report_failed(k, why, NULL);
	loss_complain(k);
	link_go_on(k);
}

void link_finish_connect(struct link *k)
{
	struct iovec held = {.iov_base = k->out.bytes, .iov_len = k->out.length};
	switch (link_write_first(k, &held, 1)) {
	case ATTEMPT_UP:
		link_connected(k);
		break;
	case ATTEMPT_PENDING:
		break;
	case ATTEMPT_FAILED:
		link_report_failure(k);
		loss_complain(k);
		link_go_on(k);
		break;
	}
}
