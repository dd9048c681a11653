/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_limits.c - the numbers of limits, and what nobody may deny.
 */
#include "conf/check_limits.h"
#include "conf/value.h"
#include "limits/netlist.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A prefix of a subnet against that of its sources. */
struct prefix {
	uint32_t *subnet;
	uint32_t source;
	const struct conf_place *subnet_at;
	const struct conf_place *source_at;
	const char *family;
};

static void check_prefix(const struct prefix *p, struct conf_errors *e)
{
	char path[64];

	if (!conf_place_is_set(p->subnet_at) || !conf_place_is_set(p->source_at) ||
		*p->subnet <= p->source)
		return;
	if (p->subnet_at->is_default) {
		*p->subnet = p->source;
		return;
	}
	snprintf(path, sizeof(path), "limits.subnet.%s_prefix", p->family);
	conf_errors_add(e, p->subnet_at, path,
		"%u bits are less than one source, expected up to limits.%s_prefix, %u", *p->subnet,
		p->family, p->source);
}

static void check_subnets(struct conf_limits *l, struct conf_errors *e)
{
	struct conf_subnet *s = &l->subnet;

	check_prefix(&(struct prefix){&s->ipv4_prefix, l->ipv4_prefix, &s->at.ipv4_prefix,
			     &l->at.ipv4_prefix, "ipv4"},
		e);
	check_prefix(&(struct prefix){&s->ipv6_prefix, l->ipv6_prefix, &s->at.ipv6_prefix,
			     &l->at.ipv6_prefix, "ipv6"},
		e);
	if (conf_place_is_set(&l->at.connections) && conf_place_is_set(&s->at.connections) &&
		s->connections && (!l->connections || s->connections < l->connections))
		conf_errors_warn(e, &s->at.connections, "limits.subnet.connections",
			"%u are fewer than limits.connections allows to one source of the subnet, "
			"%u",
			s->connections, l->connections);
}

void conf_check_status(
	uint32_t status, const struct conf_place *at, const char *path, struct conf_errors *e)
{
	static const uint16_t meaningless[] = {401, 405, 407, 408, 415, 420, 421, 422, 423, 469,
		481, 482, 483, 485, 487, 489, 491, 493, 494};

	if (!conf_place_is_set(at))
		return;
	for (size_t i = 0; i < COUNT(meaningless); i++) {
		if (meaningless[i] == status)
			conf_errors_add(e, at, path,
				"%u needs a header that is not written, or speaks of what a "
				"refused client does not have, expected a status that says all "
				"by itself, such as 403, 480, 486, 503 or 603",
				status);
	}
}

static void check_penalty(const struct conf_penalty *p, struct conf_errors *e)
{
	char a[CONF_VALUE_TEXT_MAX], b[CONF_VALUE_TEXT_MAX];

	if (conf_place_is_set(&p->at.ban_for_ms) && conf_place_is_set(&p->at.ban_max_ms) &&
		p->ban_for_ms > p->ban_max_ms)
		conf_errors_add(e,
			p->at.ban_for_ms.is_default ? &p->at.ban_max_ms : &p->at.ban_for_ms,
			"limits.penalty.ban_for",
			"\"%s\" is more than limits.penalty.ban_max, \"%s\", expected at most that",
			conf_value_write_duration(a, p->ban_for_ms),
			conf_value_write_duration(b, p->ban_max_ms));
}

void conf_check_limits(struct conf *c, struct conf_errors *e)
{
	struct conf_limits *l = &c->limits;

	check_subnets(l, e);
	check_penalty(&l->penalty, e);
	conf_check_status(l->refuse_status, &l->at.refuse_status, "limits.refuse_status", e);
}

static bool check_denied_peer(const struct conf_listener *l, const struct network *networks,
	size_t count, const struct conf_place *place, const char *path, struct conf_errors *e)
{
	const char *name = conf_place_is_set(&l->at.name) ? l->name : "";
	char text[NETWORK_TEXT_MAX];
	bool is_fine = true;

	for (size_t i = 0; i < l->trusted_count; i++) {
		const struct network *denied = netlist_overlap(networks, count, &l->trusted[i]);

		if (!denied)
			continue;
		is_fine = false;
		network_format(denied, text);
		conf_errors_add(e, place, path,
			"%s is denied and in trusted of listener \"%s\", expected no load balancer "
			"in it",
			text, name);
	}
	return is_fine;
}

bool conf_check_denied(const struct conf *c, const struct network *networks, size_t count,
	const struct conf_place *place, const char *path, struct conf_errors *e)
{
	bool is_fine = !netlist_is_vast(networks, count);

	if (!is_fine)
		conf_errors_add(e, place, path,
			"more is denied than anybody means, expected at most a /8 of IPv4 and a "
			"/16 of IPv6 in all");
	for (size_t i = 0; i < c->listener_count; i++)
		is_fine = check_denied_peer(&c->listeners[i], networks, count, place, path, e) &&
			  is_fine;
	return is_fine;
}
