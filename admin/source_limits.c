/* SPDX-License-Identifier: BSD-2-Clause */
/* source_limits.c - which class and numbers apply to one source, and what it uses of them. */
#include "admin/address.h"
#include "admin/json.h"
#include "admin/sources.h"
#include "admin/table.h"
#include "conf/value.h"

#include <stdio.h>
#include <string.h>

enum { ROWS_MAX = 12, NUMBER_MAX = 24 };

/* One limit: what is used of it, and what it is. */
struct row {
	const char *name;
	bool has_used;
	uint32_t used;
	char max[CONF_VALUE_TEXT_MAX];
};

struct rows {
	struct row rows[ROWS_MAX];
	size_t count;
};

static void add_count(struct rows *r, const char *name, uint32_t used, uint32_t max)
{
	struct row *row = &r->rows[r->count++];
	*row = (struct row){.name = name, .has_used = true, .used = used};
	if (max)
		snprintf(row->max, sizeof(row->max), "%u", max);
	else
		strcpy(row->max, "no limit");
}

static void add_rate(struct rows *r, const char *name, const struct conf_rate *rate)
{
	struct row *row = &r->rows[r->count++];
	*row = (struct row){.name = name};
	if (rate->count)
		conf_value_write_rate(row->max, rate);
	else
		strcpy(row->max, "no limit");
}

static struct rows rows_of(const struct inspect_source *s)
{
	struct rows r = {.count = 0};
	add_count(&r, "connections", s->source.connections, s->connections);
	add_rate(&r, "connection_rate", &s->connection_rate);
	add_count(&r, "unproven", s->source.unproven, s->unproven);
	add_count(&r, "unregistered", s->source.unregistered, s->unregistered);
	add_rate(&r, "message_rate", &s->message_rate);
	add_rate(&r, "connection_message_rate", &s->connection_message_rate);
	add_count(&r, "subnet.connections", s->subnet.connections, s->subnet_connections);
	add_rate(&r, "subnet.connection_rate", &s->subnet_connection_rate);
	if (strcmp(s->class, "default") != 0)
		add_count(&r, "total_connections", s->total_open, s->total_connections);
	return r;
}

static void put_head(struct text *t, const struct inspect_source *s)
{
	char address[ADDRESS_TEXT_MAX];
	address_format(&s->source.network, s->source.endpoint, address);
	text_put(t, "source ");
	text_put(t, address);
	text_put(t, " on listener ");
	text_put(t, s->listener);
	text_put(t, ", class ");
	text_put(t, s->class);
	text_put(t, ", action ");
	text_put(t, s->action);
	text_put(t, s->is_observing ? ", observed: nothing is refused\n" : "\n");
	if (s->is_denied)
		text_put(t, "DENIED by its class\n");
	if (!s->is_banned)
		return;
	address_format(&s->ban.network, s->ban.endpoint, address);
	text_put(t, "BANNED with ");
	text_put(t, address);
	text_put(t, ": ");
	text_put(t, s->ban.reason);
	text_put_char(t, '\n');
}

static void put_rows(struct text *text, const struct rows *r)
{
	static const char *const head[] = {"limit", "used", "of"};
	struct table t = {.text = text, .columns = 3, .numbers = 1 << 1};
	for (int pass = 0; pass < 2; pass++) {
		t.is_measured = pass;
		table_put(&t, head);
		for (size_t i = 0; i < r->count; i++) {
			char used[NUMBER_MAX] = "";
			if (r->rows[i].has_used)
				snprintf(used, sizeof(used), "%u", r->rows[i].used);
			const char *const cells[] = {r->rows[i].name, used, r->rows[i].max};
			table_put(&t, cells);
		}
	}
}

bool source_limits_write_text(struct text *t, const void *limits)
{
	const struct source_limits *l = limits;
	for (size_t i = 0; i < l->count; i++) {
		struct rows r = rows_of(&l->sources[i]);
		if (i)
			text_put_char(t, '\n');
		put_head(t, &l->sources[i]);
		put_rows(t, &r);
	}
	return !t->is_cut;
}

static void json_one(struct json *j, const struct inspect_source *s)
{
	struct rows r = rows_of(s);
	char network[NETWORK_TEXT_MAX];
	ban_network_format(&s->source.network, network);
	json_open_object(j, NULL);
	json_put_string(j, "listener", s->listener);
	json_put_string(j, "source", network);
	json_put_string(j, "endpoint", s->source.endpoint);
	json_put_string(j, "class", s->class);
	json_put_string(j, "action", s->action);
	json_put_bool(j, "observed", s->is_observing);
	json_put_bool(j, "denied", s->is_denied);
	json_put_bool(j, "banned", s->is_banned);
	json_put_uint(j, "points", (uint64_t)s->source.points);
	json_open_array(j, "limits");
	for (size_t i = 0; i < r.count; i++) {
		json_open_object(j, NULL);
		json_put_string(j, "limit", r.rows[i].name);
		if (r.rows[i].has_used)
			json_put_uint(j, "used", r.rows[i].used);
		json_put_string(j, "max", r.rows[i].max);
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);
}

bool source_limits_write_json(struct text *t, const void *limits)
{
	const struct source_limits *l = limits;
	struct json j = {.text = t};
	json_open_object(&j, NULL);
	json_open_array(&j, "listeners");
	for (size_t i = 0; i < l->count; i++)
		json_one(&j, &l->sources[i]);
	json_close_array(&j);
	json_close_object(&j);
	text_put_char(t, '\n');
	return !t->is_cut;
}
