/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/metrics.h"

#include <stddef.h>
#include <string.h>

/* Whose structure a number is in, and with that which labels come first. */
enum scope { SCOPE_LISTENER, SCOPE_CERTIFICATE, SCOPE_POOL, SCOPE_SERVER, SCOPE_ALL, SCOPE_KERNEL };

struct metric {
	enum scope scope;
	size_t offset;
	const char *name, *type, *help;
	const char *labels[INSPECT_LABELS]; /* of a list; a single number has none of its own */
};

#define LISTENER(field)	   SCOPE_LISTENER, offsetof(struct inspect_listener, field)
#define CERTIFICATE(field) SCOPE_CERTIFICATE, offsetof(struct inspect_certificate, field)
#define POOL(field)	   SCOPE_POOL, offsetof(struct inspect_pool, field)
#define SERVER(field)	   SCOPE_SERVER, offsetof(struct inspect_server, field)
#define ALL(field)	   SCOPE_ALL, offsetof(struct inspection, field)
#define KERNEL(field)	   SCOPE_KERNEL, offsetof(struct kernel, field)

/* The one list; docs/metrics.md is checked against it by tests/lint. */
static const struct metric metrics[] = {
	{LISTENER(connections), "sipweir_connections", "gauge",
		"Client connections open now, by class of the source and state.",
		{"class", "state"}},
	{LISTENER(accepted), "sipweir_accepted_total", "counter", "Connections accepted.", {0}},
	{LISTENER(closed), "sipweir_closed_total", "counter", "Connections ended, by reason.",
		{"reason"}},
	{LISTENER(refused), "sipweir_refused_total", "counter",
		"Connections and requests that a limit refused, by what was done to them.",
		{"class", "limit", "action"}},
	{LISTENER(would_refuse), "sipweir_would_refuse_total", "counter",
		"Connections and requests that passed although a limit said no.",
		{"class", "limit"}},
	{LISTENER(delayed), "sipweir_delayed_total", "counter",
		"Requests that had to wait for a rate.", {"class"}},
	{LISTENER(messages), "sipweir_messages_total", "counter",
		"Whole SIP messages from clients (in) and from servers (out).",
		{"direction", "kind", "method"}},
	{LISTENER(pings), "sipweir_pings_total", "counter", "CRLF keep-alives from clients.", {0}},
	{LISTENER(headers), "sipweir_proxy_headers_total", "counter",
		"PROXY headers that were due, by what became of them.", {"version", "outcome"}},
	{LISTENER(handshakes), "sipweir_tls_handshakes_total", "counter",
		"TLS handshakes with clients that were begun, by how they ended.",
		{"version", "outcome", "resumed"}},
	{CERTIFICATE(left_s), "sipweir_tls_certificate_expiry_seconds", "gauge",
		"Until this certificate, or one of its chain, expires; 0 when that has happened.",
		{0}},
	{LISTENER(answers), "sipweir_local_responses_total", "counter",
		"Responses made by sipweir itself, by status and cause.", {"status", "reason"}},
	{LISTENER(sip_bad), "sipweir_sip_bad_total", "counter",
		"Messages of clients that were refused as SIP, by what was wrong.", {"reason"}},
	{LISTENER(sip_would_refuse), "sipweir_sip_would_refuse_total", "counter",
		"Messages of clients that passed in observe mode although something was wrong.",
		{"reason"}},
	{LISTENER(scanners), "sipweir_scanners_total", "counter",
		"Connections whose first message is a scanner's, by how it is known.", {"reason"}},
	{LISTENER(queue), "sipweir_listen_queue", "gauge",
		"Connections that wait in the kernel to be accepted, at most a second ago.", {0}},
	{LISTENER(queue_limit), "sipweir_listen_queue_limit", "gauge",
		"Connections that may wait there.", {0}},
	{POOL(connect), "sipweir_backend_connect_seconds", "histogram",
		"From the beginning of a connect until the first bytes could be sent.", {0}},
	{SERVER(up), "sipweir_backend_up", "gauge", "1 while this server takes new clients.", {0}},
	{SERVER(connections), "sipweir_backend_connections", "gauge",
		"Connections to this server, those being made included.", {0}},
	{SERVER(responses), "sipweir_responses_total", "counter",
		"Responses of this server, by status or class.", {"status"}},
	{SERVER(answer), "sipweir_answer_seconds", "histogram",
		"From a request of a client until this server's final answer to it.", {0}},
	{ALL(admission), "sipweir_admission_seconds", "histogram",
		"From accept until the first whole SIP message.", {0}},
	{ALL(handshakes_placed), "sipweir_tls_handshakes_in_progress", "gauge",
		"TLS handshakes with clients that hold one of limits.max_handshakes.", {0}},
	{ALL(handshakes_waiting), "sipweir_tls_handshakes_waiting", "gauge",
		"Clients that wait, unread, for a place among those.", {0}},
	{ALL(sources), "sipweir_sources", "gauge", "Sources that hold connections now.", {0}},
	{ALL(sources_capacity), "sipweir_sources_capacity", "gauge",
		"Sources that can be told apart at once.", {0}},
	{ALL(sources_by_connections), "sipweir_sources_by_connections", "gauge",
		"Sources that hold up to so many connections now, and at least one.", {"le"}},
	{ALL(bans), "sipweir_bans", "gauge", "Bans in force.", {0}},
	{ALL(refusing), "sipweir_refusing", "gauge",
		"Connections that are kept to be refused in SIP.", {0}},
	{ALL(tarpitted), "sipweir_tarpitted", "gauge", "Connections in the tarpit.", {0}},
	{ALL(memory_held), "sipweir_memory_held_bytes", "gauge",
		"Bytes held for slow or half-sent peers.", {0}},
	{ALL(log_dropped), "sipweir_log_dropped_total", "counter",
		"Log events lost because they came faster than they could be written.", {0}},
	{ALL(reloads), "sipweir_reloads_total", "counter",
		"Reloads of the configuration, by what became of them.", {"outcome"}},
	{ALL(generation), "sipweir_config_generation", "gauge",
		"Of the configuration that all workers have: 1 at the start, one more with each "
		"reload.",
		{0}},
	{ALL(draining), "sipweir_draining", "gauge",
		"1 once it has been told to end: no new clients should be sent.", {0}},
	{KERNEL(listen_overflows), "sipweir_kernel_listen_overflows_total", "counter",
		"Connections that the kernel dropped because a listen queue of this host was full.",
		{0}},
	{KERNEL(listen_drops), "sipweir_kernel_listen_drops_total", "counter",
		"Connections that the kernel dropped before they were accepted, for any cause.",
		{0}},
	{KERNEL(sockets), "sipweir_kernel_tcp_sockets", "gauge",
		"TCP sockets of this host, whoever they belong to.", {"state"}},
	{KERNEL(mem_pages), "sipweir_kernel_tcp_mem_pages", "gauge",
		"Pages of memory that the kernel holds for TCP; net.ipv4.tcp_mem is the bound.",
		{0}},
	{ALL(build), "sipweir_build_info", "gauge", "Always 1.", {"version"}},
};

/* One line being written: name{label="value",...} number */
struct line {
	struct text *text;
	bool has_labels;
};

static void put_label(struct line *l, const char *name, const char *value)
{
	/* No value and no label are the same to Prometheus. */
	if (!*value)
		return;
	text_put_char(l->text, l->has_labels ? ',' : '{');
	l->has_labels = true;
	text_put(l->text, name);
	text_put(l->text, "=\"");
	text_put_label(l->text, value);
	text_put_char(l->text, '"');
}

static void put_value(struct line *l, uint64_t value)
{
	text_put(l->text, l->has_labels ? "} " : " ");
	text_put_uint(l->text, value);
	text_put_char(l->text, '\n');
}

/* Seconds, from milliseconds. */
static void put_seconds(struct line *l, uint64_t ms)
{
	char fraction[] = {'.', (char)('0' + ms / 100 % 10), (char)('0' + ms / 10 % 10),
		(char)('0' + ms % 10), '\n', '\0'};
	text_put(l->text, l->has_labels ? "} " : " ");
	text_put_uint(l->text, ms / 1000);
	text_put(l->text, fraction);
}

static struct line begin(
	struct text *t, const struct metric *m, const char *suffix, const void *owner)
{
	struct line l = {.text = t};
	text_put(t, m->name);
	text_put(t, suffix);
	if (m->scope == SCOPE_LISTENER) {
		put_label(&l, "listener", ((const struct inspect_listener *)owner)->name);
	} else if (m->scope == SCOPE_CERTIFICATE) {
		put_label(&l, "listener", ((const struct inspect_certificate *)owner)->listener);
		put_label(&l, "name", ((const struct inspect_certificate *)owner)->name);
	} else if (m->scope == SCOPE_POOL) {
		put_label(&l, "pool", ((const struct inspect_pool *)owner)->name);
	} else if (m->scope == SCOPE_SERVER) {
		put_label(&l, "pool", ((const struct inspect_server *)owner)->pool);
		put_label(&l, "server", ((const struct inspect_server *)owner)->name);
	}
	return l;
}

static void put_list(struct text *t, const struct metric *m, const void *owner)
{
	const struct inspect_list *list = (const void *)((const char *)owner + m->offset);
	for (size_t i = 0; i < list->count; i++) {
		struct line l = begin(t, m, "", owner);
		for (unsigned n = 0; n < INSPECT_LABELS && m->labels[n]; n++)
			put_label(&l, m->labels[n], list->counts[i].labels[n]);
		put_value(&l, list->counts[i].value);
	}
}

static void put_number(struct text *t, const struct metric *m, const void *owner)
{
	uint64_t value;
	memcpy(&value, (const char *)owner + m->offset, sizeof(value));
	struct line l = begin(t, m, "", owner);
	put_value(&l, value);
}

/* One that is empty is of nothing that could happen. */
static void put_histogram(struct text *t, const struct metric *m, const void *owner)
{
	const struct inspect_histogram *h = (const void *)((const char *)owner + m->offset);
	for (unsigned b = 0; b < INSPECT_BUCKETS && h->bounds[b]; b++) {
		struct line bucket = begin(t, m, "_bucket", owner);
		put_label(&bucket, "le", h->bounds[b]);
		put_value(&bucket, h->counts[b]);
	}
	if (!h->bounds[0])
		return;
	struct line sum = begin(t, m, "_sum", owner);
	put_seconds(&sum, h->sum_ms);
	struct line count = begin(t, m, "_count", owner);
	put_value(&count, h->counts[INSPECT_BUCKETS - 1]);
}

static void put_one(struct text *t, const struct metric *m, const void *owner)
{
	if (!strcmp(m->type, "histogram"))
		put_histogram(t, m, owner);
	else if (m->labels[0] || m->scope == SCOPE_KERNEL)
		put_list(t, m, owner);
	else
		put_number(t, m, owner);
}

static void put_metric(struct text *t, const struct metric *m, const struct metrics *what)
{
	const struct inspection *all = what->all;
	switch (m->scope) {
	case SCOPE_LISTENER:
		for (size_t i = 0; i < all->listener_count; i++)
			put_one(t, m, &all->listeners[i]);
		break;
	case SCOPE_CERTIFICATE:
		for (size_t i = 0; i < all->certificate_count; i++)
			put_one(t, m, &all->certificates[i]);
		break;
	case SCOPE_POOL:
		for (size_t i = 0; i < all->pool_count; i++)
			put_one(t, m, &all->pools[i]);
		break;
	case SCOPE_SERVER:
		for (size_t i = 0; i < all->server_count; i++)
			put_one(t, m, &all->servers[i]);
		break;
	case SCOPE_ALL:
		put_one(t, m, all);
		break;
	case SCOPE_KERNEL:
		put_one(t, m, what->kernel);
		break;
	}
}

bool metrics_write(struct text *t, const void *what)
{
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		const struct metric *m = &metrics[i];
		text_put(t, "# HELP ");
		text_put(t, m->name);
		text_put_char(t, ' ');
		text_put(t, m->help);
		text_put(t, "\n# TYPE ");
		text_put(t, m->name);
		text_put_char(t, ' ');
		text_put(t, m->type);
		text_put_char(t, '\n');
		put_metric(t, m, what);
	}
	return !t->is_cut;
}
