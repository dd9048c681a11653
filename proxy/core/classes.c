/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/classes.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A name and whom it belongs to: of an endpoint, or of a certificate. Owned by the configuration. */
struct class_name {
	const char *name;
	uint16_t slot;
	uint16_t order; /* of its class in the configuration: the earlier one counts */
};

struct class_names {
	struct class_name *rows; /* sorted */
	size_t count;
};

struct class_map {
	struct netmap *networks; /* the value is the slot + 1 */
	struct class_names endpoints, certificates;
	uint16_t otherwise;
};

/* --- numbers --- */

static struct gcra_rate rate_of(const struct conf_rate *r)
{
	return gcra_rate_of(r->count, r->period_ms, r->burst);
}

/* The same options in two structures of the configuration. */
#define SET_COMMON(to, from)                                                                   \
	do {                                                                                   \
		(to)->rules.connections = (from)->connections;                                 \
		(to)->rules.unproven = (from)->unproven;                                       \
		(to)->rules.connection_rate = rate_of(&(from)->connection_rate);               \
		(to)->connection_rate_conf = (from)->connection_rate;                          \
		(to)->message_rate = rate_of(&(from)->message_rate);                           \
		(to)->message_rate_conf = (from)->message_rate;                                \
		(to)->connection_message_rate = rate_of(&(from)->connection_message_rate);     \
		(to)->connection_message_rate_conf = (from)->connection_message_rate;          \
		(to)->unregistered = (from)->unregistered;                                     \
		(to)->over = (from)->over_message_rate;                                        \
		(to)->action = (from)->action;                                                 \
		(to)->refuse_status = (from)->refuse_status;                                   \
		(to)->retry_after_ms = (from)->retry_after_ms;                                 \
		(to)->tarpit_ms = (from)->tarpit_ms;                                           \
		(to)->is_observing = (from)->mode == CONF_MODE_OBSERVE;                        \
		(to)->rules.subnet_connections = (from)->subnet.connections;                   \
		(to)->rules.subnet_connection_rate = rate_of(&(from)->subnet.connection_rate); \
		(to)->subnet_rate_conf = (from)->subnet.connection_rate;                       \
	} while (0)

void class_settings_set(struct class_settings *to, const struct conf *conf,
	const struct conf_class *c, struct source_class *object)
{
	const struct conf_limits *limits = &conf->limits;
	*to = (struct class_settings){
		.object = object,
		.first_message_ms = conf->timeouts.first_message_ms,
		.idle_ms = conf->timeouts.idle_ms,
	};
	if (c) {
		SET_COMMON(to, c);
		to->name = object->name;
		to->rules.total = &object->total;
		to->rules.total_connections = c->total_connections;
		to->reserved = c->reserved;
		to->first_message_ms = c->timeouts.first_message_ms;
		to->idle_ms = c->timeouts.idle_ms;
		to->is_denied = c->deny;
		to->is_exempt_from_ban = c->exempt_from_ban;
		to->keeps_headers = c->keep_headers;
	} else {
		SET_COMMON(to, limits);
	}
	to->rules.admit_when_full = limits->when_full == CONF_WHEN_FULL_ADMIT;
}

/* --- which classes a listener has --- */

static bool is_for_everybody(const struct conf_class *c)
{
	return !c->networks_count && !c->file_count && !c->endpoints_count &&
	       !c->certificate_names_count;
}

bool class_map_is_shared(const struct conf *conf, const char *one, const char *other)
{
	for (size_t i = 0; i < conf->limits.class_count; i++) {
		const struct conf_class *c = &conf->limits.classes[i];
		if (conf_class_applies(c, one) != conf_class_applies(c, other))
			return false;
	}
	return true;
}

/* --- names --- */

static int compare_names(const void *a, const void *b)
{
	const struct class_name *one = a, *other = b;
	int order = strcasecmp(one->name, other->name);
	return order ? order : one->order - other->order;
}

static bool add_names(
	struct class_names *names, char *const *from, size_t count, const struct class_name *of)
{
	struct class_name *rows =
		realloc(names->rows, (names->count + count + 1) * sizeof(*names->rows));
	if (!rows)
		return false;
	names->rows = rows;
	for (size_t i = 0; i < count; i++)
		rows[names->count++] = (struct class_name){from[i], of->slot, of->order};
	return true;
}

static uint16_t find_name(const struct class_names *names, const char *name)
{
	size_t low = 0, high = names->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcasecmp(names->rows[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	bool is_found = low < names->count && !strcasecmp(names->rows[low].name, name);
	return is_found ? names->rows[low].slot : CLASS_NONE;
}

/* --- networks --- */

struct rows {
	struct netmap_row *rows;
	size_t count;
};

static void add_networks(
	struct rows *to, const struct network *networks, size_t count, uint16_t slot)
{
	for (size_t i = 0; i < count; i++)
		to->rows[to->count++] = (struct netmap_row){networks[i], slot + 1u};
}

static size_t count_networks(const struct conf_limits *limits, const struct class_lists *lists)
{
	size_t count = 0;
	for (size_t i = 0; i < limits->class_count; i++)
		count += limits->classes[i].networks_count;
	for (size_t i = 0; lists && i < lists->count; i++)
		count += lists->lists[i] ? lists->lists[i]->count : 0;
	return count;
}

/* Of equal networks the first row counts: all that stand in the configuration come before all that are in files. */
static bool add_all_networks(struct class_map *m, const struct conf_limits *limits,
	const struct class_lists *lists, const uint16_t *slots, const char *listener)
{
	size_t most = count_networks(limits, lists), list = 0;
	struct rows rows = {.rows = calloc(most + 1, sizeof(*rows.rows))};
	if (!rows.rows)
		return false;
	for (size_t i = 0; i < limits->class_count; i++) {
		const struct conf_class *c = &limits->classes[i];
		if (conf_class_applies(c, listener))
			add_networks(&rows, c->networks, c->networks_count, slots[i]);
	}
	for (size_t i = 0; lists && i < limits->class_count; i++) {
		const struct conf_class *c = &limits->classes[i];
		for (size_t n = 0; n < c->file_count; n++, list++)
			if (conf_class_applies(c, listener) && lists->lists[list])
				add_networks(&rows, lists->lists[list]->networks,
					lists->lists[list]->count, slots[i]);
	}
	m->networks = netmap_new(rows.rows, rows.count);
	free(rows.rows);
	return m->networks != NULL;
}

/* --- the map --- */

static bool add_class(struct class_map *m, const struct conf_class *c, const struct class_name *of)
{
	if (is_for_everybody(c) && m->otherwise == CLASS_NONE)
		m->otherwise = of->slot;
	return add_names(&m->endpoints, c->endpoints, c->endpoints_count, of) &&
	       add_names(&m->certificates, c->certificate_names, c->certificate_names_count, of);
}

static void sort_names(struct class_names *names)
{
	if (names->count)
		qsort(names->rows, names->count, sizeof(*names->rows), compare_names);
}

struct class_map *class_map_new(const struct conf *conf, const struct class_lists *lists,
	const uint16_t *slots, const char *listener)
{
	struct class_map *m = calloc(1, sizeof(*m));
	bool is_whole = m && add_all_networks(m, &conf->limits, lists, slots, listener);
	for (size_t i = 0; is_whole && i < conf->limits.class_count; i++) {
		const struct class_name of = {.slot = slots[i], .order = (uint16_t)i};
		if (conf_class_applies(&conf->limits.classes[i], listener))
			is_whole = add_class(m, &conf->limits.classes[i], &of);
	}
	if (!is_whole) {
		class_map_free(m);
		return NULL;
	}
	sort_names(&m->endpoints);
	sort_names(&m->certificates);
	return m;
}

void class_map_free(struct class_map *m)
{
	if (!m)
		return;
	netmap_free(m->networks);
	free(m->endpoints.rows);
	free(m->certificates.rows);
	free(m);
}

uint16_t class_map_find(const struct class_map *m, const struct addr *source, const char *endpoint)
{
	uint16_t slot = CLASS_NONE;
	if (*endpoint) {
		slot = find_name(&m->endpoints, endpoint);
	} else {
		uint32_t value = netmap_find(m->networks, source);
		if (value != NETMAP_NONE)
			slot = (uint16_t)(value - 1);
	}
	return slot != CLASS_NONE ? slot : m->otherwise;
}

uint16_t class_map_find_certificate(const struct class_map *m, const char *name)
{
	return find_name(&m->certificates, name);
}
