/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/names.h"

#include "conf/load.h"
#include "proxy/io/dns.h"
#include "proxy/io/notice.h"
#include "proxy/io/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FIRST_WAIT_MS = 5000,
	IDLE_MS = 60000, /* with nothing to do */
	TTL_MIN_S = 1,
	TTL_MAX_S = 3600,
	RETRY_MIN_MS = 1000,
	RETRY_MAX_MS = 30000,
};

/* One name, as long as it is configured. */
struct lookup {
	struct lookup *next;
	struct server *server;
	struct name_entry *entry;
	uint64_t due_ms;
	uint32_t retry_ms;
	bool is_asking;
	bool is_tried;	   /* there was an answer, or none came */
	const char *fault; /* of the last one; NULL: it was good */
	bool is_wanted;
};

struct names {
	struct dns *dns;
	struct lookup *lookups;
	bool is_changed; /* since the plan in force was made */
	bool is_foreign; /* the resolvers that are asked are those of a reload that may fail yet */
};

/* --- saying what became of it --- */

static void tell(
	const struct lookup *l, enum record_event event, const char *reason, const char *message)
{
	struct record r;
	record_init(&r, event);
	r.pool = l->entry->pool;
	r.server = l->entry->server;
	r.reason = reason;
	snprintf(r.message, sizeof(r.message), "%s", message);
	notice_tell(l->server, &r);
}

static void tell_changed(const struct lookup *l)
{
	const struct name_entry *e = l->entry;
	char message[RECORD_MESSAGE_MAX];
	size_t length = (size_t)snprintf(message, sizeof(message), "%.100s is now", e->host.name);
	for (size_t i = 0; i < e->count && length + ADDR_PORT_TEXT_MAX + 8 < sizeof(message); i++) {
		char text[ADDR_PORT_TEXT_MAX];
		addr_port_format(&e->servers[i].address, text);
		length += (size_t)snprintf(
			message + length, sizeof(message) - length, "%s %s", i ? "," : "", text);
		if (i + 1 < e->count && length + 2 * ADDR_PORT_TEXT_MAX >= sizeof(message))
			length += (size_t)snprintf(
				message + length, sizeof(message) - length, ", ...");
	}
	tell(l, RECORD_RESOLVE_CHANGED, NULL, message);
}

static void tell_failed(const struct lookup *l, const char *fault)
{
	char message[RECORD_MESSAGE_MAX];
	snprintf(message, sizeof(message), "%.200s cannot be resolved; %s", l->entry->host.name,
		l->entry->count ? "the last answer stays" : "there is no server until it can");
	tell(l, RECORD_RESOLVE_FAILED, fault, message);
}

/* --- answers --- */

static const struct pool *find_pool(const struct shared *sh, const char *name)
{
	const struct pool *p = sh->pools;
	while (p && strcmp(p->name, name) != 0)
		p = p->next;
	return p;
}

static bool is_busy(void *context, const struct name_entry *e, uint16_t number)
{
	const struct server *s = context;
	const struct pool *p = find_pool(&s->shared, e->pool);
	char object[NAME_OBJECT_MAX];
	name_entry_object(e, &(struct name_server){.number = number}, object);
	for (const struct backend *b = p ? p->backends : NULL; b; b = b->next)
		if (!strcmp(b->name, object))
			return atomic_load(&b->open) || atomic_load(&b->order);
	return false;
}

/* Of what is not whole, what takes nothing away is believed: it is more than there was. */
static bool is_good(const struct lookup *l, const struct dns_answer *a)
{
	return !a->fault || (a->count && name_entry_is_within(l->entry, a->answers, a->count));
}

static void on_answer(void *owner, const struct dns_answer *answer)
{
	struct lookup *l = owner;
	struct server *s = l->server;
	uint64_t now_ms = server_now_ms();
	l->is_asking = false;
	l->is_tried = true;
	l->fault = is_good(l, answer) ? NULL : answer->fault;
	if (l->fault) {
		l->due_ms = now_ms + l->retry_ms;
		l->retry_ms = l->retry_ms < RETRY_MAX_MS / 2 ? l->retry_ms * 2 : RETRY_MAX_MS;
		if (l->is_wanted)
			tell_failed(l, answer->fault);
		return;
	}
	uint32_t ttl_s = answer->ttl_s > TTL_MIN_S ? answer->ttl_s : TTL_MIN_S;
	l->due_ms = now_ms + (ttl_s < TTL_MAX_S ? ttl_s : TTL_MAX_S) * (uint64_t)1000;
	l->retry_ms = RETRY_MIN_MS;
	if (!name_entry_take(l->entry, answer->answers, answer->count, is_busy, s) || !l->is_wanted)
		return;
	s->names->is_changed = true;
	tell_changed(l);
}

/* --- questions --- */

static void ask(struct names *n, struct lookup *l)
{
	l->is_asking = true;
	if (dns_ask(n->dns, &l->entry->host, on_answer, l))
		return;
	l->is_asking = false;
	l->due_ms = server_now_ms() + RETRY_MAX_MS;
}

/* How long until the next is due. */
static int ask_due(struct names *n)
{
	uint64_t now_ms = server_now_ms(), soonest_ms = now_ms + IDLE_MS;
	for (struct lookup *l = n->lookups; l; l = l->next) {
		if (!l->is_wanted || l->is_asking)
			continue;
		/* What is known is of the others: nothing may change by a reload that fails. */
		if (n->is_foreign && l->is_tried)
			continue;
		if (l->due_ms <= now_ms)
			ask(n, l);
		if (!l->is_asking && l->due_ms < soonest_ms)
			soonest_ms = l->due_ms;
	}
	return soonest_ms > now_ms ? (int)(soonest_ms - now_ms) : 0;
}

static struct lookup *lookup_of(struct server *s, struct name_entry *e)
{
	struct names *n = s->names;
	for (struct lookup *l = n->lookups; l; l = l->next)
		if (l->entry == e)
			return l;
	struct lookup *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	*l = (struct lookup){.next = n->lookups, .server = s, .entry = e, .retry_ms = RETRY_MIN_MS};
	n->lookups = l;
	return l;
}

static void want_pool(struct server *s, const struct conf_pool *pool)
{
	for (size_t i = 0; i < pool->server_count; i++) {
		if (!pool->servers[i].address_name)
			continue;
		struct name_entry *e = name_book_entry(&s->shared.names, pool, &pool->servers[i]);
		struct lookup *l = e ? lookup_of(s, e) : NULL;
		if (l)
			l->is_wanted = true;
		else
			notice_say(s, RECORD_FAILED, CONF_LOG_ERROR,
				"the host has no memory to look for pools.%s.servers.%s",
				pool->name, pool->servers[i].name);
	}
}

/* Who was asked before is not waited for. */
static void ask_others(struct server *s, const struct conf *conf)
{
	struct names *n = s->names;
	struct dns *dns = dns_new((const char *const *)conf->resolvers);
	if (!dns) {
		notice_say(s, RECORD_FAILED, CONF_LOG_ERROR,
			"the host has no memory to ask for the names of servers");
		return;
	}
	dns_free(n->dns);
	n->dns = dns;
	for (struct lookup *l = n->lookups; l; l = l->next) {
		l->is_asking = false;
		l->due_ms = 0;
		l->retry_ms = RETRY_MIN_MS;
	}
}

static bool has_other_resolvers(const struct conf *a, const struct conf *b)
{
	if (a->resolvers_count != b->resolvers_count)
		return true;
	for (size_t i = 0; i < a->resolvers_count; i++)
		if (strcmp(a->resolvers[i], b->resolvers[i]) != 0)
			return true;
	return false;
}

static bool is_waiting(const struct names *n)
{
	for (const struct lookup *l = n->lookups; l; l = l->next)
		if (l->is_wanted && !l->is_tried)
			return true;
	return false;
}

void names_adopt(struct server *s)
{
	struct names *n = s->names;
	const struct conf *conf = s->plan->settings->conf;
	if (!n)
		return;
	for (struct lookup *l = n->lookups; l; l = l->next)
		l->is_wanted = false;
	for (size_t i = 0; i < conf->pool_count; i++)
		want_pool(s, &conf->pools[i]);
	if (n->lookups &&
		(!n->dns || n->is_foreign ||
			(s->old_plan && has_other_resolvers(s->old_plan->settings->conf, conf))))
		ask_others(s, conf);
	n->is_foreign = false;
}

bool names_are_tried(const struct server *s)
{
	return !s->names || !is_waiting(s->names);
}

bool names_expect(struct server *s, const struct conf *conf)
{
	struct names *n = s->names;
	if (!n)
		return true;
	for (size_t i = 0; i < conf->pool_count; i++)
		want_pool(s, &conf->pools[i]);
	if (!is_waiting(n))
		return true;
	n->is_foreign = has_other_resolvers(s->plan->settings->conf, conf);
	if (!n->dns || n->is_foreign)
		ask_others(s, conf);
	return !n->dns; /* then nobody can be waited for */
}

static void warn(struct server *s, const struct conf_pool *p, const struct conf_server *server,
	struct conf_errors *errors)
{
	char pool[CONF_PATH_MAX], servers[CONF_PATH_MAX], one[CONF_PATH_MAX], path[CONF_PATH_MAX];
	struct name_entry *e = name_book_entry(&s->shared.names, p, server);
	const struct lookup *l = e ? lookup_of(s, e) : NULL;
	if (!l || e->count)
		return;
	conf_path_element(pool, "pools", p->name, 0);
	conf_path_member(servers, pool, "servers");
	conf_path_element(one, servers, server->name, 0);
	conf_path_member(path, one, "address");
	conf_errors_warn(errors, &server->at.address, path,
		"\"%s\" cannot be resolved (%s), and there is no such server until it can; "
		"expected "
		"a name that is known",
		e->host.name, l->fault ? l->fault : "no answer yet");
}

void names_warn(struct server *s, const struct conf *conf, struct conf_errors *errors)
{
	for (size_t i = 0; s->names && i < conf->pool_count; i++)
		for (size_t j = 0; j < conf->pools[i].server_count; j++)
			if (conf->pools[i].servers[j].address_name)
				warn(s, &conf->pools[i], &conf->pools[i].servers[j], errors);
}

/* --- the main loop --- */

size_t names_poll(struct server *s, struct pollfd fds[], int *most_ms)
{
	return s->names && s->names->dns ? dns_poll(s->names->dns, fds, most_ms) : 0;
}

void names_take(struct server *s, const struct pollfd *fds, size_t count)
{
	if (s->names && s->names->dns)
		dns_go_on(s->names->dns, fds, count);
}

int names_go_on(struct server *s)
{
	struct names *n = s->names;
	if (!n || !n->dns)
		return IDLE_MS;
	if (n->is_changed && !reload_is_pending(s))
		n->is_changed = !reload_names(s);
	return ask_due(n);
}

/* --- beginning and end --- */

void names_begin(struct server *s)
{
	uint64_t until_ms = server_now_ms() + FIRST_WAIT_MS;
	s->names = calloc(1, sizeof(*s->names));
	names_adopt(s);
	if (!s->names || !s->names->dns)
		return;
	ask_due(s->names);
	while (is_waiting(s->names)) {
		struct pollfd fds[DNS_FDS_MAX + 1];
		uint64_t now_ms = server_now_ms();
		int most_ms = now_ms < until_ms ? (int)(until_ms - now_ms) : 0;
		if (!most_ms)
			break;
		size_t count = dns_poll(s->names->dns, fds, &most_ms);
		fds[count] = (struct pollfd){.fd = s->signals, .events = POLLIN};
		poll(fds, count + 1, most_ms);
		dns_go_on(s->names->dns, fds, count);
		if (fds[count].revents)
			break; /* whoever wants it to stop is not kept waiting for a resolver */
	}
	s->names->is_changed = false; /* the caller makes another plan of it */
}

void names_fini(struct server *s)
{
	struct names *n = s->names;
	if (!n)
		return;
	dns_free(n->dns);
	while (n->lookups) {
		struct lookup *l = n->lookups;
		n->lookups = l->next;
		free(l);
	}
	free(n);
	s->names = NULL;
}
