/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/name_book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_of(
	const struct name_entry *e, const struct conf_pool *pool, const struct conf_server *server)
{
	return e->resolve == pool->resolve && !strcmp(e->pool, pool->name) &&
	       !strcmp(e->server, server->name) && !strcmp(e->text, server->address_name);
}

static struct name_entry *find(const struct name_book *book, const struct conf_pool *pool,
	const struct conf_server *server)
{
	struct name_entry *e = book->entries;
	while (e && !is_of(e, pool, server))
		e = e->next;
	return e;
}

const struct name_entry *name_book_find(const struct name_book *book, const struct conf_pool *pool,
	const struct conf_server *server)
{
	return find(book, pool, server);
}

static void free_entry(struct name_entry *e)
{
	free(e->pool);
	free(e->server);
	free(e->text);
	free(e);
}

struct name_entry *name_book_entry(
	struct name_book *book, const struct conf_pool *pool, const struct conf_server *server)
{
	struct name_entry *e = find(book, pool, server);
	if (e)
		return e;
	e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->pool = strdup(pool->name);
	e->server = strdup(server->name);
	e->text = strdup(server->address_name);
	e->resolve = pool->resolve;
	if (!e->pool || !e->server || !e->text || !conf_host_parse(&e->host, e->text)) {
		free_entry(e);
		return NULL;
	}
	e->next = book->entries;
	book->entries = e;
	return e;
}

void name_book_fini(struct name_book *book)
{
	while (book->entries) {
		struct name_entry *e = book->entries;
		book->entries = e->next;
		free_entry(e);
	}
}

/* --- answers --- */

/* What was said twice counts once; the better priority of the two. */
static size_t take_distinct(
	struct name_answer to[NAME_ANSWERS_MAX], const struct name_answer *answers, size_t count)
{
	size_t taken = 0;
	for (size_t i = 0; i < count; i++) {
		size_t at = 0;
		while (at < taken && !addr_port_equal(&to[at].address, &answers[i].address))
			at++;
		if (at == taken && taken < NAME_ANSWERS_MAX)
			to[taken++] = answers[i];
		else if (at < taken && answers[i].priority < to[at].priority)
			to[at] = answers[i];
	}
	return taken;
}

/* So many better priorities are among them. */
static uint32_t tier_of(const struct name_answer *answers, size_t count, uint16_t priority)
{
	uint32_t tier = 0;
	for (size_t i = 0; i < count; i++) {
		bool is_first = answers[i].priority < priority;
		for (size_t j = 0; is_first && j < i; j++)
			is_first = answers[j].priority != answers[i].priority;
		tier += is_first;
	}
	return tier;
}

static const struct name_server *server_at(const struct name_entry *e, const struct addr_port *a)
{
	for (size_t i = 0; i < e->count; i++)
		if (addr_port_equal(&e->servers[i].address, a))
			return &e->servers[i];
	return NULL;
}

static bool is_taken(const struct name_server *servers, size_t count, uint16_t number)
{
	for (size_t i = 0; i < count; i++)
		if (servers[i].number == number)
			return true;
	return false;
}

static int by_number(const void *a, const void *b)
{
	const struct name_server *x = a, *y = b;
	return (x->number > y->number) - (x->number < y->number);
}

struct change {
	struct name_entry *entry;
	struct name_server servers[NAME_ANSWERS_MAX];
	size_t count;
	bool (*is_busy)(void *context, const struct name_entry *e, uint16_t number);
	void *context;
};

/* 0: there is none left. An object that an address has just left is still of those who are connected to it. */
static uint16_t free_number(const struct change *c, const struct addr_port *a)
{
	const struct name_entry *e = c->entry;
	/* What is connected to it, and what an administrator has told it, is its own. */
	for (unsigned i = 0; i < NAME_NUMBERS_MAX; i++)
		if (addr_port_equal(&e->last[i], a) &&
			!is_taken(c->servers, c->count, (uint16_t)(i + 1)))
			return (uint16_t)(i + 1);
	for (unsigned i = 1; i <= NAME_NUMBERS_MAX; i++) {
		uint16_t n = (uint16_t)i;
		if (!is_taken(c->servers, c->count, n) && !is_taken(e->servers, e->count, n) &&
			!c->is_busy(c->context, e, n))
			return n;
	}
	return 0;
}

static void add(struct change *c, const struct name_answer *a, uint16_t number, uint32_t tier)
{
	c->servers[c->count++] = (struct name_server){
		.address = a->address,
		.weight = a->weight ? a->weight : 1,
		.tier = tier,
		.number = number,
	};
}

/* Those that stay first, so that no newcomer gets what is theirs. */
static void take_all(struct change *c, const struct name_answer *answers, size_t count)
{
	for (unsigned pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < count; i++) {
			const struct name_answer *a = &answers[i];
			const struct name_server *old = server_at(c->entry, &a->address);
			uint16_t number = old ? old->number : 0;
			if ((old != NULL) != (pass == 0))
				continue;
			if (!old)
				number = free_number(c, &a->address);
			if (number)
				add(c, a, number, tier_of(answers, count, a->priority));
		}
	qsort(c->servers, c->count, sizeof(c->servers[0]), by_number);
}

/* One server alone keeps its address as long as that is among those of its name. */
static void take_one(struct change *c, const struct name_answer *answers, size_t count)
{
	const struct name_answer *chosen = &answers[0];
	for (size_t i = 0; i < count; i++)
		if (server_at(c->entry, &answers[i].address))
			chosen = &answers[i];
	add(c, chosen, 0, 0);
}

static bool is_unchanged(const struct name_server *a, const struct name_server *b)
{
	return addr_port_equal(&a->address, &b->address) && a->weight == b->weight &&
	       a->tier == b->tier && a->number == b->number;
}

bool name_entry_take(struct name_entry *e, const struct name_answer *answers, size_t count,
	bool (*is_busy)(void *context, const struct name_entry *e, uint16_t number), void *context)
{
	struct name_answer distinct[NAME_ANSWERS_MAX];
	struct change c = {.entry = e, .is_busy = is_busy, .context = context};
	count = take_distinct(distinct, answers, count);
	if (!count)
		return false;
	if (e->resolve == CONF_RESOLVE_ONE)
		take_one(&c, distinct, count);
	else
		take_all(&c, distinct, count);
	bool is_changed = c.count != e->count;
	for (size_t i = 0; i < c.count && !is_changed; i++)
		is_changed = !is_unchanged(&c.servers[i], &e->servers[i]);
	memcpy(e->servers, c.servers, sizeof(e->servers));
	e->count = c.count;
	for (size_t i = 0; i < e->count; i++)
		if (e->servers[i].number)
			e->last[e->servers[i].number - 1] = e->servers[i].address;
	return is_changed;
}

bool name_entry_is_within(
	const struct name_entry *e, const struct name_answer *answers, size_t count)
{
	size_t found = 0;
	for (size_t i = 0; i < e->count; i++)
		for (size_t j = 0; j < count; j++)
			if (addr_port_equal(&e->servers[i].address, &answers[j].address)) {
				found++;
				break;
			}
	return found == e->count;
}

void name_entry_object(
	const struct name_entry *e, const struct name_server *s, char out[NAME_OBJECT_MAX])
{
	if (s->number)
		snprintf(out, NAME_OBJECT_MAX, "%s/%u", e->server, s->number);
	else
		snprintf(out, NAME_OBJECT_MAX, "%s", e->server);
}

const char *name_entry_identity(const struct name_entry *e)
{
	return conf_host_domain(e->host.name);
}
