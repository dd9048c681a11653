/* SPDX-License-Identifier: BSD-2-Clause */
/* naming.c - who is really calling: the PROXY header of a connection from a trusted peer. */
#include "proxy/core/hint.h"
#include "proxy/core/proxy_header.h"
#include "proxy/core/session.h"

#include <string.h>

void naming_refuse(struct session *s, const char *fault, enum reason reason)
{
	s->fault = fault;
	session_close(s, reason);
}

void naming_refuse_untrusted(struct session *s)
{
	naming_count(s, HEADER_UNTRUSTED);
	naming_refuse(s, "untrusted_peer", REASON_UNTRUSTED_PEER);
}

void naming_count(struct session *s, unsigned outcome)
{
	counter_count(&s->counters->headers[s->proxy_version][outcome]);
}

/* Where the header is optional, its absence means that the peer speaks for itself. */
static bool may_omit(const struct session *s)
{
	return session_listener(s)->conf->proxy_protocol == CONF_PROXY_OPTIONAL;
}

static void name_by_header(struct session *s, const struct proxy_header *header)
{
	s->destination = header->destination;
	memcpy(s->endpoint, header->endpoint, sizeof(s->endpoint));
	admission_name(s, &header->source, NULL);
}

/* Nobody believes it: it is read for what it gives away about the load balancer. */
static bool judge_untrusted(struct session *s, const uint8_t *bytes, size_t length)
{
	struct proxy_header header;
	enum proxy_verdict verdict = proxy_header_read(bytes, length, &header);
	if (verdict == PROXY_MORE)
		return false;
	if (verdict == PROXY_ACCEPT && addr_equal(&header.source.addr, &s->peer.addr))
		hint_preserved(s);
	naming_refuse_untrusted(s);
	return true;
}

/* What has come is no header's beginning, or a whole header, or neither yet. False: neither yet. */
static bool judge(struct session *s, const uint8_t *bytes, size_t length, size_t *used)
{
	struct proxy_header header;
	*used = 0;
	if (s->is_suspect)
		return judge_untrusted(s, bytes, length);
	enum proxy_verdict verdict = proxy_header_read(bytes, length, &header);
	s->proxy_version = (uint8_t)header.version;
	if (verdict == PROXY_REJECT && header.fault == PROXY_FAULT_SIGNATURE && may_omit(s)) {
		naming_count(s, HEADER_OMITTED);
		admission_name(s, &s->peer, NULL);
		return true;
	}
	switch (verdict) {
	case PROXY_MORE:
		return false;
	case PROXY_ACCEPT:
		naming_count(s, HEADER_ACCEPTED);
		*used = header.used;
		name_by_header(s, &header);
		return true;
	case PROXY_LOCAL:
		naming_count(s, HEADER_LOCAL);
		*used = header.used;
		s->is_probe =
			header.version == 2; /* v1 UNKNOWN may be anybody: it counts as its peer */
		admission_name(s, &s->peer, NULL);
		return true;
	case PROXY_REJECT:
		if (header.fault == PROXY_FAULT_SIGNATURE)
			hint_missing_header(s);
		naming_count(s, HEADER_FAULTY + header.fault);
		naming_refuse(s, proxy_fault_name(header.fault), REASON_HEADER_BAD);
		return true;
	}
	return true;
}

static void take_first(struct session *s, uint8_t *bytes, size_t length)
{
	size_t used;
	if (!judge(s, bytes, length, &used))
		intake_keep(s, bytes, length);
	else if (s->state == SESSION_SECURED)
		intake_take(s, bytes + used, length - used);
	else if (s->state != SESSION_CLOSED)
		intake_keep(s, bytes + used, length - used);
}

/* A header in pieces: at most PROXY_HEADER_MAX bytes and one read are ever held. */
static void take_more(struct session *s, const uint8_t *bytes, size_t length)
{
	struct memory_gauge *memory = &s->core->shared->memory;
	size_t used;
	if (!intake_keep(s, bytes, length))
		return;
	struct buffer held = s->in;
	s->in = (struct buffer){0};
	bool is_judged = judge(s, held.bytes, held.length, &used);
	if (s->state == SESSION_CLOSED) {
		buffer_free(&held, memory);
		return;
	}
	buffer_consume(&held, memory, used);
	s->in = held;
	if (is_judged && s->state == SESSION_SECURED && s->in.length)
		intake_held(s);
}

void naming_take(struct session *s, uint8_t *bytes, size_t length)
{
	if (s->in.length)
		take_more(s, bytes, length);
	else
		take_first(s, bytes, length);
}

/*
 * The optional header of a trusted peer that says nothing, or no more than what could begin one (a CRLF ping does): it
 * speaks for itself from here on.
 */
void naming_expired(struct session *s)
{
	if (s->is_suspect) {
		naming_refuse_untrusted(s);
		return;
	}
	if (may_omit(s)) {
		naming_count(s, HEADER_OMITTED);
		admission_name(s, &s->peer, NULL);
		if (s->state == SESSION_SECURED && s->in.length)
			intake_held(s);
		return;
	}
	hint_missing_header(s);
	naming_count(s, HEADER_TIMEOUT);
	naming_refuse(s, "header_timeout", REASON_HEADER_TIMEOUT);
}
