/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/hint.h"
#include "proxy/core/session.h"

#include <stdio.h>

enum {
	INTERVAL_MS = 3600 * 1000,
	CROWD = 100, /* connections of one source that are worth a thought */
};

static bool is_due(const struct session *s)
{
	uint64_t hinted_ms = atomic_load_explicit(&s->listener->hinted_ms, memory_order_relaxed);
	return !hinted_ms || s->core->now_ms - hinted_ms >= INTERVAL_MS;
}

/* False: another worker was faster. */
static bool take_turn(struct session *s)
{
	atomic_uint_fast64_t *at_ms = &s->listener->hinted_ms;
	uint_fast64_t hinted_ms = atomic_load_explicit(at_ms, memory_order_relaxed);
	return is_due(s) && atomic_compare_exchange_strong_explicit(at_ms, &hinted_ms,
				    s->core->now_ms, memory_order_relaxed, memory_order_relaxed);
}

/* What is seen, where, and what to change. */
static void tell(struct session *s, const char *seen, const char *cure)
{
	struct record r;
	if (!take_turn(s))
		return;
	record_init(&r, RECORD_LIMIT_HINT);
	verdict_describe(s, &r);
	snprintf(
		r.message, sizeof(r.message), "listener %s: %s; %s", s->listener->name, seen, cure);
	s->core->host->report(s->core->host, &r);
}

/* Where load balancers live: RFC 1918, RFC 6598, loopback, RFC 4193, link-local. */
static bool is_private(const struct addr *a)
{
	static const char *const texts[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
		"100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "fe80::/10"};
	struct network n;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (network_parse(&n, texts[i]) && network_contains(&n, a))
			return true;
	return false;
}

static const char balancer_cure[] = "if that is a load balancer, it is counted in place of its "
				    "clients; let it send PROXY headers, "
				    "and set proxy_protocol = \"require\" and trusted there";

/* Its address is that of the TCP connection, for no header is read there. */
static bool is_bare(const struct session *s)
{
	return session_listener(s)->conf->proxy_protocol == CONF_PROXY_OFF;
}

void hint_refused(struct session *s, enum reason reason)
{
	bool is_of_source = reason == REASON_LIMIT_CONNECTIONS ||
			    reason == REASON_LIMIT_CONNECTION_RATE ||
			    reason == REASON_LIMIT_UNPROVEN;
	if (is_of_source && is_due(s) && is_bare(s) && is_private(&s->source.addr))
		tell(s, "a source with a private address is at its limit", balancer_cure);
}

void hint_admitted(struct session *s)
{
	uint32_t held;
	if (is_bare(s) && (held = limiter_held(&s->token)) >= CROWD &&
		held > atomic_load_explicit(&s->listener->open, memory_order_relaxed) / 2 &&
		is_due(s))
		tell(s, "one source holds most of the connections", balancer_cure);
}

void hint_unexpected_header(struct session *s)
{
	tell(s, "a PROXY header came where none is read",
		"set proxy_protocol = \"require\" and trusted there, or let the load balancer send "
		"none");
}

void hint_missing_header(struct session *s)
{
	tell(s, "no PROXY header came from a trusted peer",
		"let the load balancer send it (of an NLB's target group: "
		"proxy_protocol_v2.enabled = "
		"true), or change proxy_protocol or trusted there");
}

bool hint_untrusted_begin(struct session *s)
{
	if (!is_due(s) ||
		atomic_exchange_explicit(&s->listener->has_suspect, true, memory_order_relaxed))
		return false;
	s->is_suspect = true;
	return true;
}

void hint_untrusted_end(struct session *s)
{
	if (s->is_suspect)
		atomic_store_explicit(&s->listener->has_suspect, false, memory_order_relaxed);
	s->is_suspect = false;
}

void hint_preserved(struct session *s)
{
	tell(s,
		"the PROXY header of an untrusted peer names the peer itself: client IP "
		"preservation is "
		"on",
		"set preserve_client_ip.enabled = false of the NLB's target group, so that the "
		"peer is "
		"the load balancer, which trusted there names");
}
