/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/status.h"
#include "admin/backends.h"
#include "admin/duration.h"
#include "admin/json.h"
#include "admin/table.h"

#include <stdio.h>
#include <string.h>

enum { NUMBER_MAX = 24, STATES_MAX = 512 };

static uint64_t sum(const struct inspect_list *list)
{
	uint64_t total = 0;
	for (size_t i = 0; i < list->count; i++)
		total += list->counts[i].value;
	return total;
}

/* Port 0: it is no longer known. */
static const char *address_text(char out[ADDR_PORT_TEXT_MAX], const struct addr_port *address)
{
	out[0] = '\0';
	if (address->port)
		addr_port_format(address, out);
	return out;
}

/* --- for people --- */

/* One digit behind the point: "1.2M". */
static void put_size(struct text *t, uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	size_t unit = 0;
	if (bytes < 1024) {
		text_put_uint(t, bytes);
		return;
	}
	for (; bytes >= (uint64_t)1024 * 1024; bytes /= 1024)
		unit++;
	text_put_uint(t, bytes / 1024);
	text_put_char(t, '.');
	text_put_uint(t, bytes % 1024 * 10 / 1024);
	text_put_char(t, units[unit]);
}

static void put_drain(struct text *t, const struct inspection *all)
{
	text_put(t, "draining: ");
	if (all->accept_left_ms) {
		text_put(t, "accepts for ");
		duration_put(t, all->accept_left_ms);
		text_put(t, " more, ");
	} else {
		text_put(t, "accepts no more, ");
	}
	text_put(t, "ends within ");
	duration_put(t, all->drain_left_ms);
}

static void put_head(struct text *t, const struct status *s)
{
	const struct inspection *all = s->all;
	text_put(t, "sipweir ");
	text_put(t, all->version);
	text_put(t, ", up ");
	duration_put(t, all->uptime_ms);
	text_put(t, ", ");
	text_put_uint(t, all->workers);
	text_put(t, all->workers == 1 ? " worker, " : " workers, ");
	if (all->draining)
		put_drain(t, all);
	else
		text_put(t, s->is_ready ? "serving" : "not serving");
	text_put(t, s->is_healthy ? "\n" : "; A WORKER IS STUCK\n");
}

static void put_share(struct text *t, const char *what, uint64_t value, uint64_t of)
{
	text_put(t, what);
	text_put_uint(t, value);
	text_put(t, " of ");
	text_put_uint(t, of);
	text_put_char(t, '\n');
}

static void put_process(struct text *t, const struct inspection *all)
{
	text_put(t, "configuration  generation ");
	text_put_uint(t, all->generation);
	text_put(t, "; reloads:");
	for (size_t i = 0; i < all->reloads.count; i++) {
		text_put(t, i ? ", " : " ");
		text_put_uint(t, all->reloads.counts[i].value);
		text_put_char(t, ' ');
		text_put(t, all->reloads.counts[i].labels[0]);
	}
	put_share(t, "\nconnections    ", all->open, all->max_connections);
	put_share(t, "sources        ", all->sources, all->sources_capacity);
	text_put(t, "bans           ");
	text_put_uint(t, all->bans);
	text_put(t, "\nTLS handshakes ");
	text_put_uint(t, all->handshakes_placed);
	text_put(t, " in progress, ");
	text_put_uint(t, all->handshakes_waiting);
	text_put(t, " waiting\nmemory held    ");
	put_size(t, all->memory_held);
	text_put(t, " of ");
	put_size(t, all->memory_total);
	text_put(t, "\nlog lines lost ");
	text_put_uint(t, all->log_dropped);
	text_put_char(t, '\n');
}

/* The list has all states of one class, then those of the next. */
static size_t states_of(const struct inspect_list *connections)
{
	size_t states = 0;
	while (states < connections->count &&
		!strcmp(connections->counts[states].labels[0], connections->counts[0].labels[0]))
		states++;
	return states;
}

static uint64_t sum_state(const struct inspect_list *connections, size_t state)
{
	uint64_t total = 0;
	for (size_t i = state; i < connections->count; i += states_of(connections))
		total += connections->counts[i].value;
	return total;
}

/* "800 relaying, 12 unnamed": those that there are. */
static void write_states(char out[STATES_MAX], const struct inspect_listener *l)
{
	struct text t;
	bool has_some = false;
	text_init(&t, out, STATES_MAX);
	for (size_t i = 0; i < states_of(&l->connections); i++) {
		uint64_t value = sum_state(&l->connections, i);
		if (!value)
			continue;
		text_put(&t, has_some ? ", " : "");
		text_put_uint(&t, value);
		text_put_char(&t, ' ');
		text_put(&t, l->connections.counts[i].labels[1]);
		has_some = true;
	}
	if (l->is_retired)
		text_put(&t, has_some ? "; removed" : "removed");
	out[t.length] = '\0';
}

static void put_listener(struct table *t, const struct inspect_listener *l)
{
	char address[ADDR_PORT_TEXT_MAX], open[NUMBER_MAX], states[STATES_MAX];
	snprintf(open, sizeof(open), "%ju", (uintmax_t)sum(&l->connections));
	write_states(states, l);
	const char *const cells[] = {
		l->name, address_text(address, &l->address), l->transport, open, states};
	table_put(t, cells);
}

static void put_listeners(struct text *text, const struct inspection *all)
{
	static const char *const head[] = {"listener", "address", "transport", "open", "by state"};
	struct table t = {.text = text, .columns = 5, .numbers = 1 << 3};
	text_put_char(text, '\n');
	for (int pass = 0; pass < 2; pass++) {
		t.is_measured = pass;
		table_put(&t, head);
		for (size_t i = 0; i < all->listener_count; i++)
			put_listener(&t, &all->listeners[i]);
	}
}

/* A pool that answers by itself has a line of its own; the others have their servers'. */
static void put_responder(struct table *t, const struct inspect_pool *p)
{
	char answers[32], clients[NUMBER_MAX];
	if (!p->answers)
		return;
	snprintf(answers, sizeof(answers), "answers %ju", (uintmax_t)p->answers);
	snprintf(clients, sizeof(clients), "%ju", (uintmax_t)p->clients);
	const char *const cells[] = {
		p->name, "", answers, "", clients, p->is_retired ? "removed" : ""};
	table_put(t, cells);
}

/* What an operator should see at once; sipweirctl backends tells the rest. */
static const char *server_note(const struct inspect_server *s)
{
	if (s->is_retired)
		return "removed";
	if (strcmp(s->state, "up") != 0)
		return s->state;
	return s->is_lost ? "lost" : s->up ? "" : "down";
}

static void put_server(struct table *t, const struct inspect_server *s)
{
	char address[ADDR_PORT_TEXT_MAX], connections[NUMBER_MAX];
	snprintf(connections, sizeof(connections), "%ju", (uintmax_t)s->connections);
	const char *const cells[] = {s->pool, s->name, address_text(address, &s->address),
		s->transport, connections, server_note(s)};
	table_put(t, cells);
}

static void put_pools(struct text *text, const struct inspection *all)
{
	static const char *const head[] = {
		"pool", "server", "address", "transport", "connections", ""};
	struct table t = {.text = text, .columns = 6, .numbers = 1 << 4};
	text_put_char(text, '\n');
	for (int pass = 0; pass < 2; pass++) {
		t.is_measured = pass;
		table_put(&t, head);
		for (size_t i = 0; i < all->server_count; i++)
			put_server(&t, &all->servers[i]);
		for (size_t i = 0; i < all->pool_count; i++)
			put_responder(&t, &all->pools[i]);
	}
}

/* Those that somebody has to see to. */
static void put_certificate(struct table *t, const struct inspect_certificate *c)
{
	char left[NUMBER_MAX];
	struct text span;
	if (c->left_s >= INSPECT_EXPIRING_S)
		return;
	text_init(&span, left, sizeof(left));
	text_put(&span, c->left_s ? "in " : "HAS EXPIRED");
	if (c->left_s)
		duration_put(&span, c->left_s * 1000);
	left[span.length] = '\0';
	const char *const cells[] = {c->listener, c->name, left};
	table_put(t, cells);
}

static void put_certificates(struct text *text, const struct inspection *all)
{
	static const char *const head[] = {"listener", "certificate", "expires"};
	struct table t = {.text = text, .columns = 3};
	bool is_any = false;
	for (size_t i = 0; i < all->certificate_count; i++)
		is_any |= all->certificates[i].left_s < INSPECT_EXPIRING_S;
	if (!is_any)
		return;
	text_put_char(text, '\n');
	for (int pass = 0; pass < 2; pass++) {
		t.is_measured = pass;
		table_put(&t, head);
		for (size_t i = 0; i < all->certificate_count; i++)
			put_certificate(&t, &all->certificates[i]);
	}
}

bool status_write_text(struct text *t, const void *status)
{
	const struct status *s = status;
	put_head(t, s);
	put_process(t, s->all);
	put_listeners(t, s->all);
	put_pools(t, s->all);
	put_certificates(t, s->all);
	return !t->is_cut;
}

/* --- for programs --- */

static void json_process(struct json *j, const struct status *s)
{
	const struct inspection *all = s->all;
	json_put_string(j, "version", all->version);
	json_put_string(
		j, "state", all->draining ? "draining" : (s->is_ready ? "serving" : "not serving"));
	json_put_bool(j, "healthy", s->is_healthy);
	json_put_bool(j, "ready", s->is_ready);
	json_put_uint(j, "uptime_ms", all->uptime_ms);
	json_put_uint(j, "workers", all->workers);
	json_put_uint(j, "generation", all->generation);
	json_open_object(j, "reloads");
	for (size_t i = 0; i < all->reloads.count; i++)
		json_put_uint(j, all->reloads.counts[i].labels[0], all->reloads.counts[i].value);
	json_close_object(j);
	json_put_uint(j, "accept_left_ms", all->accept_left_ms);
	json_put_uint(j, "drain_left_ms", all->drain_left_ms);
	json_put_uint(j, "connections", all->open);
	json_put_uint(j, "max_connections", all->max_connections);
	json_put_uint(j, "sources", all->sources);
	json_put_uint(j, "sources_capacity", all->sources_capacity);
	json_put_uint(j, "bans", all->bans);
	json_put_uint(j, "handshakes", all->handshakes_placed);
	json_put_uint(j, "handshakes_waiting", all->handshakes_waiting);
	json_put_uint(j, "memory_held", all->memory_held);
	json_put_uint(j, "memory_total", all->memory_total);
	json_put_uint(j, "log_dropped", all->log_dropped);
}

static void json_listener(struct json *j, const struct inspect_listener *l)
{
	char address[ADDR_PORT_TEXT_MAX];
	json_open_object(j, NULL);
	json_put_string(j, "name", l->name);
	json_put_string(j, "address", address_text(address, &l->address));
	json_put_string(j, "transport", l->transport);
	json_put_bool(j, "removed", l->is_retired);
	json_put_uint(j, "open", sum(&l->connections));
	json_open_object(j, "states");
	for (size_t state = 0; state < states_of(&l->connections); state++)
		json_put_uint(j, l->connections.counts[state].labels[1],
			sum_state(&l->connections, state));
	json_close_object(j);
	json_close_object(j);
}

static void json_pool(struct json *j, const struct inspect_pool *p)
{
	json_open_object(j, NULL);
	json_put_string(j, "name", p->name);
	json_put_bool(j, "removed", p->is_retired);
	json_put_uint(j, "clients", p->clients);
	json_put_uint(j, "answers", p->answers);
	json_close_object(j);
}

static void json_certificate(struct json *j, const struct inspect_certificate *c)
{
	json_open_object(j, NULL);
	json_put_string(j, "listener", c->listener);
	json_put_string(j, "name", c->name);
	json_put_uint(j, "left_s", c->left_s);
	json_close_object(j);
}

bool status_write_json(struct text *t, const void *status)
{
	const struct status *s = status;
	struct json j = {.text = t};
	json_open_object(&j, NULL);
	json_process(&j, s);
	json_open_array(&j, "listeners");
	for (size_t i = 0; i < s->all->listener_count; i++)
		json_listener(&j, &s->all->listeners[i]);
	json_close_array(&j);
	json_open_array(&j, "pools");
	for (size_t i = 0; i < s->all->pool_count; i++)
		json_pool(&j, &s->all->pools[i]);
	json_close_array(&j);
	json_open_array(&j, "servers");
	for (size_t i = 0; i < s->all->server_count; i++)
		backends_put_json(&j, &s->all->servers[i]);
	json_close_array(&j);
	json_open_array(&j, "certificates");
	for (size_t i = 0; i < s->all->certificate_count; i++)
		json_certificate(&j, &s->all->certificates[i]);
	json_close_array(&j);
	json_close_object(&j);
	text_put_char(t, '\n');
	return !t->is_cut;
}
