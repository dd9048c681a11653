/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_classes.c - what classes demand of themselves, of each other and of the listeners.
 */
#include "conf/check_limits.h"
#include "conf/load.h"
#include "conf/option.h"
#include "conf/refer.h"
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

/* --- who is in it --- */

static void check_name(const struct subject *s, struct conf_errors *e)
{
	const struct conf_class *c = s->class;
	char path[CONF_PATH_MAX];

	if (!conf_place_is_set(&c->at.name))
		return;
	member(path, s, "name");
	if (strcmp(c->name, "default") == 0)
		conf_errors_add(e, &c->at.name, path,
			"\"default\" is what metrics call those who are in no class, expected "
			"another name");
	for (size_t i = 0; i < s->index; i++) {
		const struct conf_class *other = &s->conf->limits.classes[i];

		if (!conf_place_is_set(&other->at.name) || strcmp(other->name, c->name) != 0)
			continue;
		conf_errors_add(e, &c->at.name, path,
			"the name \"%s\" is taken, expected another; first at %s:%u", c->name,
			other->at.name.file, other->at.name.line);
		break;
	}
}

static void check_listeners(const struct subject *s, struct conf_errors *e)
{
	const struct conf_class *c = s->class;
	char path[CONF_PATH_MAX], quoted[CONF_VALUE_TEXT_MAX];

	for (size_t i = 0; i < c->listeners_count; i++) {
		if (!conf_refer_may_be_listener(s->conf, c->listeners[i]))
			conf_errors_add(e, &c->at.listeners, member(path, s, "listeners"),
				"there is no listener \"%s\", expected the name of one",
				conf_value_quote(quoted, c->listeners[i]));
	}
}

/* Whether people have said who is in it, as far as what they said could be read. */
static void check_membership(const struct subject *s, struct conf_errors *e)
{
	const struct conf_class *c = s->class;
	bool is_whole = conf_place_is_set(&c->at.networks) && conf_place_is_set(&c->at.endpoints) &&
			conf_place_is_set(&c->at.certificate_names) &&
			conf_place_is_set(&c->at.listeners);

	if (is_whole && !c->networks_count && !c->files && !c->endpoints_count &&
		!c->certificate_names_count && !c->listeners_count)
		conf_errors_add(e, &c->place, s->path,
			"nobody is in it, expected networks, files, endpoints, certificate_names "
			"or listeners");
}

/* What has no letter is like nothing that comes. */
static void check_texts(const struct subject *s, const char *name, const struct conf_place *at,
	char *const *texts, struct conf_errors *e)
{
	char path[CONF_PATH_MAX];

	for (size_t i = 0; conf_place_is_set(at) && texts[i]; i++) {
		if (!*texts[i])
			conf_errors_add(e, at, member(path, s, name),
				"\"\" is nobody, expected what the client or its load balancer "
				"shows");
	}
}

/* Whether a listener where the class applies looks at certificates, as far as listeners could be read. */
static bool may_see_certificates(const struct subject *s)
{
	for (size_t i = 0; i < s->conf->listener_count; i++) {
		const struct conf_listener *l = &s->conf->listeners[i];

		if (conf_place_is_set(&l->at.name) && !conf_class_applies(s->class, l->name))
			continue;
		if (!conf_place_is_set(&l->place) || !conf_place_is_set(&l->at.name) ||
			(l->tls && (!conf_place_is_set(&l->tls->at.verify_client) ||
					   l->tls->verify_client != CONF_VERIFY_OFF)))
			return true;
	}
	return s->conf->listener_count == 0;
}

/* Worse when there is no other way into the class. */
static void check_certificates(const struct subject *s, struct conf_errors *e)
{
	static const char what[] =
		"no listener asks for the certificates of clients, expected verify_client = "
		"\"optional\" or \"require\" in the tls of one";
	const struct conf_class *c = s->class;
	char path[CONF_PATH_MAX];

	if (!conf_place_is_set(&c->at.certificate_names) || c->certificate_names_count == 0 ||
		!conf_place_is_set(&c->at.listeners) || may_see_certificates(s))
		return;
	member(path, s, "certificate_names");
	if (c->networks_count || c->files || c->endpoints_count)
		conf_errors_warn(e, &c->at.certificate_names, path, "%s", what);
	else
		conf_errors_add(e, &c->at.certificate_names, path, "%s", what);
}

/* --- deny --- */

static void check_denied(const struct subject *s, struct conf_errors *e)
{
	const struct conf_class *c = s->class;
	struct network *sorted;
	char path[CONF_PATH_MAX];

	if (!c->deny || !c->networks_count)
		return;
	sorted = malloc(c->networks_count * sizeof(*sorted));
	if (!sorted) {
		conf_errors_add(e, &c->place, s->path, "out of memory");
		return;
	}
	memcpy(sorted, c->networks, c->networks_count * sizeof(*sorted));
	conf_check_denied(s->conf, sorted, netlist_sort(sorted, c->networks_count), &c->at.networks,
		member(path, s, "networks"), e);
	free(sorted);
}

/* How somebody is refused who is denied: these are not for those who are let in. */
static bool is_of_refusing(const char *name)
{
	static const char *const names[] = {"action", "refuse_status", "retry_after", "tarpit"};
	bool found = false;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		found = found || strcmp(name, names[i]) == 0;
	return found;
}

static void warn_of_rows(
	enum conf_scope_id id, const void *base, const char *parent, struct conf_errors *e)
{
	const struct conf_scope *scope = conf_scope_get(id);
	char path[CONF_PATH_MAX];

	for (size_t i = 0; i < scope->option_count; i++) {
		const struct conf_option *o = &scope->options[i];
		const struct conf_place *at = (const void *)((const char *)base + o->at);
		bool is_limit = o->is_inherited || strcmp(o->name, "reserved") == 0 ||
				strcmp(o->name, "total_connections") == 0;

		if (!is_limit || is_of_refusing(o->name) || at->is_default ||
			!conf_place_is_set(at))
			continue;
		conf_path_member(path, parent, o->name);
		conf_errors_warn(
			e, at, path, "it means nothing where deny lets nobody in, expected none");
	}
}

/* Limits of those who are not let in. */
static void check_idle_rows(const struct subject *s, struct conf_errors *e)
{
	const struct conf_class *c = s->class;
	char path[CONF_PATH_MAX];

	if (!c->deny)
		return;
	warn_of_rows(CONF_SCOPE_CLASS, c, s->path, e);
	warn_of_rows(CONF_SCOPE_CLASS_SUBNET, &c->subnet, member(path, s, "subnet"), e);
	warn_of_rows(CONF_SCOPE_CLASS_TIMEOUTS, &c->timeouts, member(path, s, "timeouts"), e);
}

/* --- numbers --- */

static void check_totals(const struct subject *s, struct conf_errors *e)
{
	const struct conf_class *c = s->class;
	char path[CONF_PATH_MAX];

	if (!conf_place_is_set(&c->at.total_connections) || c->total_connections == 0)
		return;
	if (conf_place_is_set(&c->at.reserved) && c->reserved > c->total_connections)
		conf_errors_add(e, &c->at.reserved, member(path, s, "reserved"),
			"%u places are more than total_connections, %u, expected at most that",
			c->reserved, c->total_connections);
	if (conf_place_is_set(&c->at.connections) && !c->at.connections.is_default &&
		c->connections > c->total_connections)
		conf_errors_warn(e, &c->at.connections, member(path, s, "connections"),
			"%u of one source are more than total_connections of all, %u",
			c->connections, c->total_connections);
}

/* Where both are inherited, limits have been warned of. */
static void check_subnet(const struct subject *s, struct conf_errors *e)
{
	const struct conf_class *c = s->class;
	const struct conf_place *source = &c->at.connections, *subnet = &c->subnet.at.connections;
	char path[CONF_PATH_MAX];

	if (c->deny || !conf_place_is_set(source) || !conf_place_is_set(subnet) ||
		(source->is_default && subnet->is_default) || c->subnet.connections == 0 ||
		(c->connections && c->connections <= c->subnet.connections))
		return;
	conf_errors_warn(e, subnet->is_default ? source : subnet,
		member(path, s, "subnet.connections"),
		"%u are fewer than connections allows to one source of the subnet, %u",
		c->subnet.connections, c->connections);
}

static void check_class(const struct conf *conf, size_t index, struct conf_errors *e)
{
	const struct conf_class *c = &conf->limits.classes[index];
	struct subject s = {.conf = conf, .class = c, .index = index};
	char path[CONF_PATH_MAX];

	if (!conf_place_is_set(&c->subnet.place) && !conf_place_is_set(&c->timeouts.place))
		return; /* it is no group */
	conf_path_element(
		s.path, "limits.classes", conf_place_is_set(&c->at.name) ? c->name : NULL, index);
	check_name(&s, e);
	check_membership(&s, e);
	check_listeners(&s, e);
	check_texts(&s, "endpoints", &c->at.endpoints, c->endpoints, e);
	check_texts(&s, "certificate_names", &c->at.certificate_names, c->certificate_names, e);
	check_certificates(&s, e);
	check_denied(&s, e);
	check_idle_rows(&s, e);
	check_totals(&s, e);
	check_subnet(&s, e);
	if (!c->at.refuse_status.is_default)
		conf_check_status(c->refuse_status, &c->at.refuse_status,
			member(path, &s, "refuse_status"), e);
}

/* --- all of them --- */

/* At the class that takes the last place. */
static void check_reserved(const struct conf *c, struct conf_errors *e)
{
	char class[CONF_PATH_MAX], path[CONF_PATH_MAX];
	uint64_t sum = 0;

	if (!conf_place_is_set(&c->at.max_connections) || c->max_connections == 0)
		return;
	for (size_t i = 0; i < c->limits.class_count; i++) {
		const struct conf_class *k = &c->limits.classes[i];

		if (!conf_place_is_set(&k->at.reserved))
			continue;
		sum += k->reserved;
		if (k->reserved == 0 || sum < c->max_connections)
			continue;
		conf_path_element(class, "limits.classes",
			conf_place_is_set(&k->at.name) ? k->name : NULL, i);
		conf_path_member(path, class, "reserved");
		conf_errors_add(e, &k->at.reserved, path,
			"with the classes before it %llu places are reserved, expected fewer than "
			"max_connections, %u, so that some are left for others",
			(unsigned long long)sum, c->max_connections);
		return;
	}
}

/* A network of a class. */
struct claim {
	struct network network;
	size_t class;
};

static int compare_networks(const struct network *a, const struct network *b)
{
	int order = memcmp(&a->addr, &b->addr, sizeof(a->addr));

	return order ? order : a->prefix - b->prefix;
}

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int order = compare_networks(&x->network, &y->network);

	return order ? order : x->class < y->class ? -1 : x->class > y->class;
}

/* Whether the class applies wherever the other does. */
static bool covers(const struct conf_class *class, const struct conf_class *other)
{
	if (!conf_place_is_set(&class->at.listeners) || !conf_place_is_set(&other->at.listeners))
		return false;
	for (size_t i = 0; i < other->listeners_count; i++) {
		if (!conf_class_applies(class, other->listeners[i]))
			return false;
	}
	return other->listeners_count > 0 || class->listeners_count == 0;
}

/* The claims on one network, in the order of classes: an earlier class that covers a later one has it. */
static void check_claims(
	const struct conf *c, const struct claim *claims, size_t count, struct conf_errors *e)
{
	const struct conf_class *all = c->limits.classes;
	char class[CONF_PATH_MAX], path[CONF_PATH_MAX], text[NETWORK_TEXT_MAX];

	for (size_t i = 1; i < count; i++) {
		const struct conf_class *later = &all[claims[i].class];
		size_t k = 0;

		while (k < i && !covers(&all[claims[k].class], later))
			k++;
		if (k == i || !conf_place_is_set(&all[claims[k].class].at.name))
			continue;
		conf_path_element(class, "limits.classes",
			conf_place_is_set(&later->at.name) ? later->name : NULL, claims[i].class);
		conf_path_member(path, class, "networks");
		network_format(&claims[i].network, text);
		conf_errors_warn(e, &later->at.networks, path,
			"%s is in class \"%s\" already, which comes first and wins, expected it in "
			"one of them",
			text, all[claims[k].class].name);
	}
}

/* All networks sorted; returns how many are left when those that a class says twice are out. */
static size_t sort_claims(const struct conf *c, struct claim *claims)
{
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < c->limits.class_count; i++) {
		for (size_t n = 0; n < c->limits.classes[i].networks_count; n++)
			claims[count++] = (struct claim){c->limits.classes[i].networks[n], i};
	}
	if (count)
		qsort(claims, count, sizeof(*claims), compare_claims);
	for (size_t i = 0; i < count; i++) {
		if (kept == 0 || compare_claims(&claims[kept - 1], &claims[i]) != 0)
			claims[kept++] = claims[i];
	}
	return kept;
}

static void check_equal_networks(const struct conf *c, struct conf_errors *e)
{
	struct claim *claims;
	size_t count = 0;

	for (size_t i = 0; i < c->limits.class_count; i++)
		count += c->limits.classes[i].networks_count;
	claims = malloc((count + 1) * sizeof(*claims));
	if (!claims) {
		conf_errors_add(e, &c->limits.place, "limits.classes", "out of memory");
		return;
	}
	count = sort_claims(c, claims);
	for (size_t from = 0, to; from < count; from = to) {
		to = from + 1;
		while (to < count &&
			compare_networks(&claims[from].network, &claims[to].network) == 0)
			to++;
		check_claims(c, claims + from, to - from, e);
	}
	free(claims);
}

void conf_check_classes(const struct conf *c, struct conf_errors *e)
{
	for (size_t i = 0; i < c->limits.class_count; i++)
		check_class(c, i, e);
	check_reserved(c, e);
	check_equal_networks(c, e);
}
