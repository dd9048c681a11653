/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/sources.h"
#include "admin/address.h"
#include "admin/json.h"
#include "admin/table.h"

#include <stdio.h>
#include <string.h>

enum { NUMBER_MAX = 24 };

static const char *number(char out[NUMBER_MAX], uint64_t value)
{
	snprintf(out, NUMBER_MAX, "%ju", (uintmax_t)value);
	return out;
}

static void put_source(struct table *t, const struct limit_view *v)
{
	char address[ADDRESS_TEXT_MAX], c[NUMBER_MAX], p[NUMBER_MAX], r[NUMBER_MAX], f[NUMBER_MAX],
		points[NUMBER_MAX];
	address_format(&v->network, v->endpoint, address);
	snprintf(points, sizeof(points), "%.1f", (double)v->points);
	const char *const cells[] = {address, number(c, v->connections), number(p, v->unproven),
		number(r, v->unregistered), number(f, v->refused), points,
		v->is_shared ? "later sources of this subnet together" : ""};
	table_put(t, cells);
}

bool sources_write_text(struct text *text, const void *sources)
{
	static const char *const head[] = {
		"source", "connections", "unproven", "unregistered", "refused", "points", ""};
	const struct inspect_sources *s = sources;
	struct table t = {.text = text, .columns = 7, .numbers = 0x3e};
	for (int pass = 0; pass < 2; pass++) {
		t.is_measured = pass;
		table_put(&t, head);
		for (size_t i = 0; i < s->count; i++)
			put_source(&t, &s->views[i]);
	}
	if (s->all > s->count) {
		text_put(text, "and ");
		text_put_uint(text, s->all - s->count);
		text_put(text, " more\n");
	}
	return !text->is_cut;
}

static void json_source(struct json *j, const char *key, const struct limit_view *v)
{
	char address[NETWORK_TEXT_MAX];
	ban_network_format(&v->network, address);
	json_open_object(j, key);
	json_put_string(j, "source", address);
	json_put_string(j, "endpoint", v->endpoint);
	json_put_uint(j, "connections", v->connections);
	json_put_uint(j, "unproven", v->unproven);
	json_put_uint(j, "unregistered", v->unregistered);
	json_put_uint(j, "refused", v->refused);
	json_put_uint(j, "points", (uint64_t)v->points);
	json_put_bool(j, "shared", v->is_shared);
	json_close_object(j);
}

bool sources_write_json(struct text *t, const void *sources)
{
	const struct inspect_sources *s = sources;
	struct json j = {.text = t};
	json_open_object(&j, NULL);
	json_put_uint(&j, "all", s->all);
	json_open_array(&j, "sources");
	for (size_t i = 0; i < s->count; i++)
		json_source(&j, NULL, &s->views[i]);
	json_close_array(&j);
	json_close_object(&j);
	text_put_char(t, '\n');
	return !t->is_cut;
}
