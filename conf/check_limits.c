/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/check_limits.h"
#include "conf/load.h"
#include "conf/value.h"
#include "limits/netlist.h"

#include <stdlib.h>
#include <string.h>

/* One class, and what messages call it. */
struct subject {
	const struct conf *conf;
	const struct conf_class *class;
	size_t index;
	char path[CONF_PATH_MAX];
};

static const char *member(char path[CONF_PATH_MAX], const struct subject *s, const char *name)
{
	conf_path_member(path, s->path, name);
	return path;
}

/* --- numbers --- */

static void check_subnets(const struct conf_limits *l, struct conf_errors *e)
{
	const struct conf_subnet *s = &l->subnet;
	if (conf_place_is_set(&s->at.ipv4_prefix) && conf_place_is_set(&l->at.ipv4_prefix) &&
		s->ipv4_prefix > l->ipv4_prefix)
		conf_errors_add(e, &s->at.ipv4_prefix, "limits.subnet.ipv4_prefix",
			"%u bits are less than one source, expected up to limits.ipv4_prefix, %u",
			s->ipv4_prefix, l->ipv4_prefix);
	if (conf_place_is_set(&s->at.ipv6_prefix) && conf_place_is_set(&l->at.ipv6_prefix) &&
		s->ipv6_prefix > l->ipv6_prefix)
		conf_errors_add(e, &s->at.ipv6_prefix, "limits.subnet.ipv6_prefix",
			"%u bits are less than one source, expected up to limits.ipv6_prefix, %u",
			s->ipv6_prefix, l->ipv6_prefix);
	if (conf_place_is_set(&l->at.connections) && s->connections &&
		(!l->connections || s->connections < l->connections) &&
		!s->at.connections.is_default)
		conf_errors_warn(e, &s->at.connections, "limits.subnet.connections",
			"%u are fewer than limits.connections allows to one source of the subnet, "
			"%u",
			s->connections, l->connections);
}

static void check_penalty(const struct conf_penalty *p, struct conf_errors *e)
{
	char a[CONF_VALUE_TEXT_MAX], b[CONF_VALUE_TEXT_MAX];
	if (conf_place_is_set(&p->at.ban_for_ms) && conf_place_is_set(&p->at.ban_max_ms) &&
		p->ban_for_ms > p->ban_max_ms)
		conf_errors_add(e, &p->at.ban_for_ms, "limits.penalty.ban_for",
			"\"%s\" is more than limits.penalty.ban_max, \"%s\", expected at most that",
			conf_value_write_duration(a, p->ban_for_ms),
			conf_value_write_duration(b, p->ban_max_ms));
}

/* --- what a class names --- */

static void check_names(const struct subject *s, struct conf_errors *e)
{
	const struct conf_class *c = s->class;
	char path[CONF_PATH_MAX];
	if (!conf_place_is_set(&c->at.name))
		return;
	member(path, s, "name");
	if (!strcmp(c->name, "default"))
		conf_errors_add(e, &c->at.name, path,
			"\"default\" is what metrics call those who are in no class, expected "
			"another name");
	for (size_t i = 0; i < s->index; i++) {
		const struct conf_class *other = &s->conf->limits.classes[i];
		if (conf_place_is_set(&other->at.name) && !strcmp(other->name, c->name))
			conf_errors_add(e, &c->at.name, path,
				"the name \"%s\" is taken, expected another; first at %s:%u",
				c->name, other->at.name.file, other->at.name.line);
	}
}

static const struct conf_listener *find_listener(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->listener_count; i++)
		if (conf_place_is_set(&c->listeners[i].at.name) &&
			!strcmp(c->listeners[i].name, name))
			return &c->listeners[i];
	return NULL;
}

static void check_listeners(const struct subject *s, struct conf_errors *e)
{
	const struct conf_class *c = s->class;
	char path[CONF_PATH_MAX], quoted[CONF_VALUE_TEXT_MAX];
	for (size_t i = 0; i < c->listeners_count; i++)
		if (!find_listener(s->conf, c->listeners[i]))
			conf_errors_add(e, &c->at.listeners, member(path, s, "listeners"),
				"there is no listener \"%s\", expected the name of one",
				conf_value_quote(quoted, c->listeners[i]));
}

static void check_membership(const struct subject *s, struct conf_errors *e)
{
	const struct conf_class *c = s->class;
	if (!c->networks_count && !c->file_count && !c->endpoints_count &&
		!c->certificate_names_count && !c->listeners_count && !c->files)
		conf_errors_add(e, &c->place, s->path,
			"nobody is in it, expected networks, files, endpoints, "
			"certificate_names or listeners");
}

static void check_certificates(const struct subject *s, struct conf_errors *e)
{
	const struct conf_class *c = s->class;
	char path[CONF_PATH_MAX];
	for (size_t i = 0; i < s->conf->listener_count; i++) {
		const struct conf_listener *l = &s->conf->listeners[i];
		if (l->tls && l->tls->verify_client != CONF_VERIFY_OFF)
			return;
	}
	if (c->certificate_names_count)
		conf_errors_warn(e, &c->at.certificate_names, member(path, s, "certificate_names"),
			"no listener asks for the certificates of clients, expected verify_client "
			"= "
			"\"optional\" or \"require\" in the tls of one");
}

/* The earlier class has it. Quadratic, and a message each: only for what people write by hand. */
static void check_equal_networks(const struct subject *s, struct conf_errors *e)
{
	enum { WORTH_A_LOOK = 1000 };
	const struct conf_class *c = s->class;
	char path[CONF_PATH_MAX], text[ADDR_TEXT_MAX];
	for (size_t i = 0; i < s->index; i++) {
		const struct conf_class *other = &s->conf->limits.classes[i];
		if (c->networks_count * other->networks_count > WORTH_A_LOOK ||
			c->listeners_count || other->listeners_count)
			continue;
		for (size_t n = 0; n < c->networks_count * other->networks_count; n++) {
			const struct network *a = &c->networks[n / other->networks_count];
			const struct network *b = &other->networks[n % other->networks_count];
			if (a->prefix != b->prefix || !addr_equal(&a->addr, &b->addr))
				continue;
			addr_format(&a->addr, text);
			conf_errors_warn(e, &c->at.networks, member(path, s, "networks"),
				"the network at %s is in class \"%s\" already, which comes first",
				text, other->name);
		}
	}
}

/* --- deny --- */

bool conf_check_denied(const struct conf *c, const struct network *networks, size_t count,
	const struct conf_place *place, const char *path, struct conf_errors *e)
{
	bool is_fine = true;
	if (netlist_is_vast(networks, count)) {
		conf_errors_add(e, place, path,
			"more is denied than anybody means, expected at most a /8 of IPv4 and a "
			"/16 of "
			"IPv6 in all");
		is_fine = false;
	}
	for (size_t i = 0; i < c->listener_count; i++) {
		const struct conf_listener *l = &c->listeners[i];
		for (size_t n = 0; n < l->trusted_count; n++) {
			char text[ADDR_TEXT_MAX];
			const struct network *denied =
				netlist_overlap(networks, count, &l->trusted[n]);
			if (!denied)
				continue;
			addr_format(&denied->addr, text);
			conf_errors_add(e, place, path,
				"the network at %s is denied and in trusted of listener \"%s\", "
				"expected "
				"no load balancer in it",
				text, l->name);
			is_fine = false;
		}
	}
	return is_fine;
}

static void check_deny(const struct subject *s, struct conf_errors *e)
{
	const struct conf_class *c = s->class;
	char path[CONF_PATH_MAX];
	if (!c->deny || !c->networks_count)
		return;
	struct network *sorted = malloc(c->networks_count * sizeof(*sorted));
	if (!sorted) {
		conf_errors_add(e, &c->place, s->path, "out of memory");
		return;
	}
	memcpy(sorted, c->networks, c->networks_count * sizeof(*sorted));
	size_t count = netlist_sort(sorted, c->networks_count);
	conf_check_denied(s->conf, sorted, count, &c->at.networks, member(path, s, "networks"), e);
	free(sorted);
}

/* --- numbers of a class --- */

static void check_totals(const struct subject *s, struct conf_errors *e)
{
	const struct conf_class *c = s->class;
	char path[CONF_PATH_MAX];
	if (c->total_connections && c->reserved > c->total_connections)
		conf_errors_add(e, &c->at.reserved, member(path, s, "reserved"),
			"%u places are more than total_connections, %u, expected at most that",
			c->reserved, c->total_connections);
	if (c->total_connections && c->connections > c->total_connections &&
		!c->at.connections.is_default)
		conf_errors_warn(e, &c->at.connections, member(path, s, "connections"),
			"%u of one source are more than total_connections of all, %u",
			c->connections, c->total_connections);
}

static void check_class(const struct conf *conf, size_t index, struct conf_errors *e)
{
	const struct conf_class *c = &conf->limits.classes[index];
	struct subject s = {.conf = conf, .class = c, .index = index};
	conf_path_element(
		s.path, "limits.classes", conf_place_is_set(&c->at.name) ? c->name : NULL, index);
	check_names(&s, e);
	check_listeners(&s, e);
	check_membership(&s, e);
	check_certificates(&s, e);
	check_equal_networks(&s, e);
	check_deny(&s, e);
	check_totals(&s, e);
}

static void check_reserved(const struct conf *c, struct conf_errors *e)
{
	const struct conf_class *last = NULL;
	uint64_t sum = 0;
	for (size_t i = 0; i < c->limits.class_count; i++) {
		const struct conf_class *class = &c->limits.classes[i];
		sum += class->reserved;
		last = class->reserved ? class : last;
	}
	if (last && c->max_connections && sum >= c->max_connections)
		conf_errors_add(e, &last->at.reserved, "limits.classes.reserved",
			"all classes together reserve %llu places, expected fewer than "
			"max_connections, "
			"%u, so that some are left for others",
			(unsigned long long)sum, c->max_connections);
}

void conf_check_limits(const struct conf *c, struct conf_errors *e)
{
	check_subnets(&c->limits, e);
	check_penalty(&c->limits.penalty, e);
	for (size_t i = 0; i < c->limits.class_count; i++)
		check_class(c, i, e);
	check_reserved(c, e);
}
