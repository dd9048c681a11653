/* SPDX-License-Identifier: BSD-2-Clause */
/* verdict.c - what is told about a session: its end, its refusal, its mistakes. */
#include "proxy/core/introduce.h"
#include "proxy/core/session.h"

#include <string.h>

/* Asked before a record is filled in: a flood of what nobody wants to read must cost next to nothing. */
static bool is_told(const struct session *s, enum conf_log_level level)
{
	return level <= s->core->conf->log.level;
}

void verdict_describe(const struct session *s, struct record *r)
{
	r->listener = s->listener->name;
	r->state = session_state_name(s->state);
	r->peer = s->peer;
	r->has |= RECORD_HAS_PEER;
	if (s->state > SESSION_UNNAMED) {
		r->source = s->source;
		r->has |= RECORD_HAS_SOURCE;
		memcpy(r->endpoint, s->endpoint, sizeof(r->endpoint));
		r->class = session_class(s)->name;
	}
}

/*
 * How load balancers probe: a LOCAL header, or (v1 has none, and HAProxy's checks use it) a header that names the load
 * balancer itself, and then no message.
 */
static bool is_probing(const struct session *s)
{
	bool names_itself = s->proxy_version && addr_equal(&s->source.addr, &s->peer.addr);
	return s->is_probe ||
	       (names_itself && !session_is_proven(s) && !s->in.length && !s->misunderstood);
}

static void report_line(const struct session *s, enum reason reason)
{
	struct record r;
	bool is_quiet = is_probing(s) || !s->admitted;
	if (!is_told(s, is_quiet ? CONF_LOG_DEBUG : CONF_LOG_INFO) ||
		(!is_quiet && !s->core->conf->log.connections))
		return;
	record_init(&r, RECORD_CONNECTION_CLOSED);
	if (is_quiet)
		r.level = CONF_LOG_DEBUG;
	verdict_describe(s, &r);
	r.has |= RECORD_HAS_TOTALS;
	r.reason = reason_name(reason);
	r.bytes_in = s->bytes_in;
	r.bytes_out = s->bytes_out;
	r.messages = s->messages;
	r.duration_ms = s->core->now_ms - s->opened_ms;
	r.pool = pool_name(s);
	r.server = pool_server_name(s);
	introduce_describe(s, &r);
	s->core->host->report(s->core->host, &r);
}

static void report_header(const struct session *s)
{
	struct record r;
	if (!is_told(s, CONF_LOG_NOTICE))
		return;
	record_init(&r, RECORD_PROXY_HEADER_BAD);
	verdict_describe(s, &r);
	r.reason = s->fault;
	r.sample_length = s->in.length < RECORD_SAMPLE_MAX ? s->in.length : RECORD_SAMPLE_MAX;
	if (r.sample_length)
		memcpy(r.sample, s->in.bytes, r.sample_length);
	s->core->host->report(s->core->host, &r);
}

/* With its numbers, where the limit has some. */
static void report_limit(
	const struct session *s, enum record_event event, enum reason reason, const char *action)
{
	struct record r;
	record_init(&r, event);
	if (!is_told(s, r.level))
		return;
	verdict_describe(s, &r);
	r.limit = reason_name(reason);
	r.action = action;
	if (s->limit_max)
		r.has |= RECORD_HAS_CURRENT;
	r.current = s->current;
	r.max = s->limit_max;
	s->core->host->report(s->core->host, &r);
}

void verdict_refused(const struct session *s, enum reason reason, const char *action)
{
	report_limit(s, RECORD_LIMIT_REFUSED, reason, action);
}

void verdict_would_refuse(const struct session *s, enum reason reason)
{
	report_limit(s, RECORD_LIMIT_WOULD_REFUSE, reason, "admit");
}

void verdict_near(const struct session *s)
{
	report_limit(s, RECORD_LIMIT_NEAR, REASON_LIMIT_CONNECTIONS, NULL);
}

void verdict_delayed(const struct session *s)
{
	report_limit(s, RECORD_LIMIT_DELAYED, s->slowed_by, "delay");
}

void verdict_probing(const struct session *s)
{
	struct record r;
	if (!is_told(s, CONF_LOG_INFO))
		return;
	record_init(&r, RECORD_LIMIT_PROBING);
	verdict_describe(s, &r);
	r.limit = reason_name(REASON_LIMIT_CONNECTIONS);
	r.has |= RECORD_HAS_CURRENT;
	r.current = limiter_held(&s->token);
	r.max = session_class(s)->rules.connections;
	s->core->host->report(s->core->host, &r);
}

void verdict_closed(const struct session *s, enum reason reason)
{
	switch (reason_report(reason)) {
	case REPORT_HEADER:
		report_header(s);
		break;
	case REPORT_LIMIT: /* was told when it was decided */
	case REPORT_QUIET:
	case REPORT_PLAIN:
		break;
	}
	report_line(s, reason);
}

void verdict_tls_failed(const struct session *s)
{
	struct record r;
	struct stream_security security = {0};
	enum conf_log_level level = is_probing(s) ? CONF_LOG_DEBUG : CONF_LOG_INFO;
	if (!is_told(s, level))
		return;
	record_init(&r, RECORD_TLS_FAILED);
	r.level = level;
	verdict_describe(s, &r);
	s->core->host->describe_security(s->core->host, s->client, &security);
	r.reason = s->client->fault;
	r.version = security.version;
	if (security.sni)
		strncpy(r.sni, security.sni, sizeof(r.sni) - 1);
	if (s->client->detail)
		strncpy(r.message, s->client->detail, sizeof(r.message) - 1);
	s->core->host->report(s->core->host, &r);
}

enum reason verdict_client_lost(const struct session *s)
{
	if (!s->client->fault)
		return REASON_CLIENT_RESET;
	verdict_tls_failed(s);
	return REASON_TLS_FAILED;
}

static void report_sip(const struct session *s, enum record_event event, const char *rule,
	const char *fault, const uint8_t *message, size_t length, uint32_t offset)
{
	struct record r;
	record_init(&r, event);
	if (s->is_probe)
		r.level = CONF_LOG_DEBUG;
	verdict_describe(s, &r);
	r.reason = fault;
	r.rule = rule;
	r.pool = pool_name(s);
	r.has |= RECORD_HAS_OFFSET;
	r.offset = offset;
	r.sample_length = length < RECORD_SAMPLE_MAX ? (uint32_t)length : RECORD_SAMPLE_MAX;
	if (r.sample_length)
		memcpy(r.sample, message, r.sample_length);
	s->core->host->report(s->core->host, &r);
}

void verdict_sip_bad(const struct session *s, const char *rule, const char *fault,
	const uint8_t *message, size_t length, uint32_t offset)
{
	report_sip(s, RECORD_SIP_BAD, rule, fault, message, length, offset);
}

void verdict_sip_would_refuse(const struct session *s, const char *rule, const char *fault,
	const uint8_t *message, const struct frame *frame)
{
	report_sip(s, RECORD_SIP_WOULD_REFUSE, rule, fault, message, batch_message_length(frame),
		frame->offset);
}

void verdict_scanner(const struct session *s, const char *name, const uint8_t *message,
	const struct frame *frame)
{
	report_sip(s, RECORD_SIP_SCANNER, "scanner", name, message, batch_message_length(frame), 0);
}
