/* SPDX-License-Identifier: BSD-2-Clause */
/* bans.c - the bans in force, as people and programs read them. */
#include "admin/address.h"
#include "admin/duration.h"
#include "admin/json.h"
#include "admin/sources.h"
#include "admin/table.h"

#include <stdio.h>

enum { NUMBER_MAX = 24 };

static void put_ban(struct table *t, const struct ban *b, int64_t now_s)
{
	char address[ADDRESS_TEXT_MAX], left[NUMBER_MAX], times[NUMBER_MAX], refused[NUMBER_MAX];
	struct text span;
	address_format(&b->network, b->endpoint, address);
	snprintf(times, sizeof(times), "%u", b->times);
	snprintf(refused, sizeof(refused), "%u", b->refused);
	text_init(&span, left, sizeof(left));
	if (b->until_s == BAN_FOREVER)
		text_put(&span, "until lifted");
	else
		duration_put(&span, (uint64_t)(b->until_s - now_s) * 1000);
	left[span.length] = '\0';
	const char *const cells[] = {
		address, left, times, refused, b->is_by_hand ? "by hand" : "", b->reason};
	table_put(t, cells);
}

bool bans_write_text(struct text *text, const void *list)
{
	static const char *const head[] = {"banned", "for", "times", "kept out", "", "reason"};
	const struct ban_list *l = list;
	struct table t = {.text = text, .columns = 6, .numbers = 0xc};
	for (int pass = 0; pass < 2; pass++) {
		t.is_measured = pass;
		table_put(&t, head);
		for (size_t i = 0; i < l->count; i++)
			put_ban(&t, &l->bans[i], l->now_s);
	}
	return !text->is_cut;
}

static void json_ban(struct json *j, const struct ban *b, int64_t now_s)
{
	char network[NETWORK_TEXT_MAX];
	ban_network_format(&b->network, network);
	json_open_object(j, NULL);
	json_put_string(j, "network", network);
	json_put_string(j, "endpoint", b->endpoint);
	if (b->until_s != BAN_FOREVER)
		json_put_uint(j, "left_s", (uint64_t)(b->until_s - now_s));
	json_put_uint(j, "times", b->times);
	json_put_uint(j, "refused", b->refused);
	json_put_bool(j, "by_hand", b->is_by_hand);
	json_put_string(j, "reason", b->reason);
	json_close_object(j);
}

bool bans_write_json(struct text *t, const void *list)
{
	const struct ban_list *l = list;
	struct json j = {.text = t};
	json_open_object(&j, NULL);
	json_open_array(&j, "bans");
	for (size_t i = 0; i < l->count; i++)
		json_ban(&j, &l->bans[i], l->now_s);
	json_close_array(&j);
	json_close_object(&j);
	text_put_char(t, '\n');
	return !t->is_cut;
}
