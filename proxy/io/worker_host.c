/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/worker_host.h"
#include "proxy/io/tls_setup.h"
#include "proxy/io/tls_stream.h"

#include <errno.h>
#include <time.h>

static struct worker *worker_of(struct host *h)
{
	return LIST_OBJECT(h, struct worker, host);
}

static struct stream *host_connect(struct host *h, const struct connection_plan *plan, int *failure)
{
	struct worker *w = worker_of(h);
	struct stream *raw =
		tcp_connect(&w->tcp, plan->to, plan->from, &w->core.conf->timeouts, failure);
	if (!raw || !plan->tls)
		return raw;
	SSL *ssl = tls_setup_connect(plan->tls, w->core.index, plan->to, plan->identity);
	*failure = ENOMEM;
	return tls_stream_new(&w->tls, raw, ssl, plan->preface, plan->preface_length);
}

static struct stream *host_secure(struct host *h, struct stream *raw, struct tls_setup *tls,
	const uint8_t *ahead, size_t length)
{
	struct worker *w = worker_of(h);
	return tls_stream_new(&w->tls, raw, tls_setup_accept(tls, w->core.index), ahead, length);
}

static void host_describe_security(
	struct host *h, const struct stream *s, struct stream_security *out)
{
	(void)h;
	tls_stream_describe(s, out);
}

static bool host_has_ended(struct host *h, const struct stream *s)
{
	(void)h;
	return tcp_has_ended(tls_stream_raw(s));
}

static uint64_t host_clock_us(struct host *h)
{
	struct timespec now;
	(void)h;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static bool host_local_address(struct host *h, const struct stream *s, struct addr_port *local)
{
	(void)h;
	return tcp_local_address(tls_stream_raw(s), local);
}

static void host_report(struct host *h, const struct record *r)
{
	struct worker *w = worker_of(h);
	if (r->level <= w->core.conf->log.level)
		log_lane_put(w->lane, r);
}

/* One's own turns need no mail: this is asked at the end of one. */
static void host_ask_turns(struct host *h)
{
	struct worker *w = worker_of(h);
	struct mail mail = {.kind = MAIL_TURNS, .from = w->core.index};
	w->is_asking = true;
	w->own_turns_left = WORKER_TURNS_ASKED;
	for (unsigned i = 0; i < w->core.shared->workers; i++)
		if (i != w->core.index)
			w->turns_due += mailbox_post(&w->workers[i].mailbox, mail);
}

static void host_probe(struct host *h, struct stream *s, bool is_urgent)
{
	tcp_probe(tls_stream_raw(s), &worker_of(h)->core.conf->timeouts, is_urgent);
}

static void host_wake(struct host *h, unsigned worker)
{
	mailbox_wake(&worker_of(h)->workers[worker].mailbox);
}

void worker_host_init(struct worker *w)
{
	w->host = (struct host){
		.connect = host_connect,
		.secure = host_secure,
		.describe_security = host_describe_security,
		.has_ended = host_has_ended,
		.clock_us = host_clock_us,
		.local_address = host_local_address,
		.report = host_report,
		.ask_turns = host_ask_turns,
		.probe = host_probe,
		.wake = host_wake,
	};
}
