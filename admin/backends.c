/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/backends.h"
#include "admin/duration.h"
#include "admin/table.h"

#include <stdio.h>
#include <string.h>

enum { NUMBER_MAX = 24, SPAN_MAX = 32, WHY_MAX = 96 };

static const char *address_text(char text[ADDR_PORT_TEXT_MAX], const struct addr_port *address)
{
	if (!address->port)
		return "";
	addr_port_format(address, text);
	return text;
}

static void write_span(char out[SPAN_MAX], uint64_t ms)
{
	struct text t;
	text_init(&t, out, SPAN_MAX);
	duration_put(&t, ms);
	out[t.length] = '\0';
}

/* "down 2 m: ETIMEDOUT", "up 3 h", "up, draining, 12 m left". */
static void write_health(char out[WHY_MAX], const struct inspect_server *s)
{
	char span[SPAN_MAX] = "", left[SPAN_MAX] = "";
	bool is_down = !strcmp(s->health, "down");
	if (s->health_ms)
		write_span(span, s->health_ms);
	if (s->drain_left_ms)
		write_span(left, s->drain_left_ms);
	snprintf(out, WHY_MAX, "%s%s%s%s%s%s%s%s", s->health, *span ? " for " : "", span,
		is_down ? ": " : "", is_down ? s->reason : "", s->is_lost ? ", lost" : "",
		*left ? ", drained in " : "", left);
}

static void put_server(struct table *t, const struct inspect_server *s)
{
	char address[ADDR_PORT_TEXT_MAX], open[NUMBER_MAX], weight[NUMBER_MAX], queued[NUMBER_MAX];
	char health[WHY_MAX], state[SPAN_MAX];
	snprintf(open, sizeof(open), "%ju", (uintmax_t)s->connections);
	snprintf(queued, sizeof(queued), "%ju", (uintmax_t)s->queued);
	snprintf(weight, sizeof(weight), "%u%s", s->weight, s->is_backup ? " backup" : "");
	snprintf(state, sizeof(state), "%s%s", s->state, s->is_ordered ? " (ordered)" : "");
	write_health(health, s);
	const char *const cells[] = {s->pool, s->name, address_text(address, &s->address),
		s->transport, weight, open, queued, state, health};
	table_put(t, cells);
}

bool backends_write_text(struct text *text, const void *inspection)
{
	enum { COLUMNS = 9 };
	_Static_assert((int)COLUMNS <= (int)TABLE_COLUMNS, "a table has room for all of them");
	static const char *const head[COLUMNS] = {"pool", "server", "address", "transport",
		"weight", "open", "queued", "state", "health"};
	const struct inspection *all = inspection;
	struct table t = {.text = text, .columns = COLUMNS, .numbers = 3 << 5};
	for (int pass = 0; pass < 2; pass++) {
		t.is_measured = pass;
		table_put(&t, head);
		for (size_t i = 0; i < all->server_count; i++)
			put_server(&t, &all->servers[i]);
	}
	return !text->is_cut;
}

void backends_put_json(struct json *j, const struct inspect_server *s)
{
	char address[ADDR_PORT_TEXT_MAX];
	json_open_object(j, NULL);
	json_put_string(j, "pool", s->pool);
	json_put_string(j, "name", s->name);
	json_put_string(j, "address", address_text(address, &s->address));
	json_put_string(j, "transport", s->transport);
	json_put_bool(j, "removed", s->is_retired);
	json_put_uint(j, "connections", s->connections);
	json_put_uint(j, "queued", s->queued);
	json_put_uint(j, "weight", s->weight);
	json_put_bool(j, "backup", s->is_backup);
	json_put_string(j, "state", s->state);
	json_put_bool(j, "ordered", s->is_ordered);
	json_put_string(j, "health", s->health);
	json_put_uint(j, "health_ms", s->health_ms);
	json_put_string(j, "reason", s->reason);
	json_put_uint(j, "status", s->status);
	json_put_bool(j, "lost", s->is_lost);
	json_put_uint(j, "drain_left_ms", s->drain_left_ms);
	json_close_object(j);
}

bool backends_write_json(struct text *text, const void *inspection)
{
	const struct inspection *all = inspection;
	struct json j = {.text = text};
	json_open_object(&j, NULL);
	json_open_array(&j, "servers");
	for (size_t i = 0; i < all->server_count; i++)
		backends_put_json(&j, &all->servers[i]);
	json_close_array(&j);
	json_close_object(&j);
	text_put_char(text, '\n');
	return !text->is_cut;
}
