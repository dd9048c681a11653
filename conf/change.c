/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * change.c - one walk over the table with two structures in hand.
 */
#include "conf/change.h"
#include "conf/arena.h"
#include "conf/load.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct walk {
	conf_change_visit *visit;
	void *context;
};

/* The same group of both sides. */
struct pair {
	const struct conf_scope *scope;
	const char *from;
	const char *to;
	const char *path;
};

/* The groups of one section, on one side: one if it is embedded, up to one if it is optional. */
struct groups {
	const struct conf_option *name; /* NULL: they have none */
	const char *first;
	size_t count;
	size_t size;
};

static void compare_group(const struct walk *w, const struct pair *p);

static bool is_equal_text(const void *a, const void *b)
{
	const char *x, *y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return strcmp(x, y) == 0;
}

static bool is_equal_network(const struct network *a, const struct network *b)
{
	return a->prefix == b->prefix && addr_equal(&a->addr, &b->addr);
}

/* Lists of `count` elements each. */
static bool is_equal_list(enum conf_type type, const void *a, const void *b, size_t count)
{
	const void *x, *y;
	bool is_equal = true;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	for (size_t i = 0; i < count && is_equal; i++) {
		if (type == CONF_TYPE_NETWORKS)
			is_equal = is_equal_network(
				(const struct network *)x + i, (const struct network *)y + i);
		else
			is_equal = is_equal_text(
				(const char *const *)x + i, (const char *const *)y + i);
	}
	return is_equal;
}

static bool is_equal_host(const struct conf_option *o, const char *from, const char *to)
{
	const char *x, *y;

	memcpy(&x, from + o->count, sizeof(x));
	memcpy(&y, to + o->count, sizeof(y));
	if (x || y)
		return x && y && strcmp(x, y) == 0;
	return addr_port_equal((const struct addr_port *)(const void *)(from + o->field),
		(const struct addr_port *)(const void *)(to + o->field));
}

static bool is_equal_option(const struct conf_option *o, const char *from, const char *to)
{
	const void *a = from + o->field, *b = to + o->field;
	size_t count = 1, count_to = 1;

	if (o->type == CONF_TYPE_HOST)
		return is_equal_host(o, from, to);
	if (o->count) {
		memcpy(&count, from + o->count, sizeof(count));
		memcpy(&count_to, to + o->count, sizeof(count_to));
	}
	if (count != count_to || count == 0)
		return count == count_to;
	if (conf_option_is_list(o))
		return is_equal_list(o->type, a, b, count);
	if (conf_option_is_text(o))
		return is_equal_text(a, b);
	if (o->type == CONF_TYPE_ADDRESS || o->type == CONF_TYPE_ADDRESS_NONE)
		return addr_port_equal(a, b);
	return memcmp(a, b, conf_option_size(o)) == 0;
}

/* A value that both take from elsewhere has changed there, and is told there alone. */
static bool is_inherited(const struct conf_option *o, const struct pair *p)
{
	struct conf_place from, to;

	memcpy(&from, p->from + o->at, sizeof(from));
	memcpy(&to, p->to + o->at, sizeof(to));
	return o->is_inherited && from.is_default && to.is_default;
}

static void compare_option(const struct walk *w, const struct pair *p, const struct conf_option *o)
{
	char path[CONF_PATH_MAX];
	const void *at = p->to + o->at;

	if (is_inherited(o, p) || is_equal_option(o, p->from, p->to))
		return;
	conf_path_member(path, p->path, o->name);
	w->visit(w->context, &(struct conf_change){CONF_CHANGE_VALUE, o->effect, path, at});
}

static const struct conf_option *find_name(const struct conf_scope *scope)
{
	for (size_t i = 0; i < scope->option_count; i++) {
		const struct conf_option *o = &scope->options[i];

		if (o->type == CONF_TYPE_NAME && strcmp(o->name, "name") == 0)
			return o;
	}
	return NULL;
}

static struct groups read_groups(const struct conf_section *s, const char *base)
{
	const struct conf_scope *scope = conf_scope_get(s->scope);
	struct groups g = {find_name(scope), base + s->field, 1, scope->size};

	if (s->kind != CONF_KIND_GROUP)
		memcpy(&g.first, base + s->field, sizeof(g.first));
	if (s->kind == CONF_KIND_GROUP_OPTIONAL)
		g.count = g.first ? 1 : 0;
	if (s->kind == CONF_KIND_GROUPS)
		memcpy(&g.count, base + s->count, sizeof(g.count));
	return g;
}

static const char *group_at(const struct groups *g, size_t i)
{
	return g->first + i * g->size;
}

static const char *group_name(const struct groups *g, size_t i)
{
	const char *name = NULL;

	if (g->name)
		memcpy(&name, group_at(g, i) + g->name->field, sizeof(name));
	return name;
}

/*
 * The group of `in` that belongs to the one at `i` of `g`, or NULL. Nearly always it stands at the same
 * place, so that is looked at first.
 */
static const char *find_partner(const struct groups *in, const struct groups *g, size_t i)
{
	const char *name = group_name(g, i);

	if (!name)
		return i < in->count ? group_at(in, i) : NULL;
	if (i < in->count && strcmp(group_name(in, i), name) == 0)
		return group_at(in, i);
	for (size_t k = 0; k < in->count; k++) {
		if (strcmp(group_name(in, k), name) == 0)
			return group_at(in, k);
	}
	return NULL;
}

static void write_path(char path[CONF_PATH_MAX], const struct conf_section *s, const char *parent,
	const struct groups *g, size_t i)
{
	char list[CONF_PATH_MAX];

	if (s->kind != CONF_KIND_GROUPS) {
		conf_path_member(path, parent, s->name);
		return;
	}
	conf_path_member(list, parent, s->name);
	conf_path_element(path, list, group_name(g, i), i);
}

static void compare_section(
	const struct walk *w, const struct pair *p, const struct conf_section *s)
{
	const struct conf_scope *scope = conf_scope_get(s->scope);
	struct groups from = read_groups(s, p->from), to = read_groups(s, p->to);
	char path[CONF_PATH_MAX];
	struct conf_change change = {.effect = CONF_EFFECT_LIVE, .path = path};

	for (size_t i = 0; i < to.count; i++) {
		const char *group = group_at(&to, i), *before = find_partner(&from, &to, i);

		write_path(path, s, p->path, &to, i);
		if (before) {
			compare_group(w, &(struct pair){scope, before, group, path});
			continue;
		}
		change.kind = CONF_CHANGE_ADDED;
		change.at = (const void *)(group + scope->place);
		w->visit(w->context, &change);
	}
	change.kind = CONF_CHANGE_REMOVED;
	change.at = (const void *)(p->to + p->scope->place);
	for (size_t i = 0; i < from.count; i++) {
		if (find_partner(&to, &from, i))
			continue;
		write_path(path, s, p->path, &from, i);
		w->visit(w->context, &change);
	}
}

static void compare_group(const struct walk *w, const struct pair *p)
{
	for (size_t i = 0; i < p->scope->option_count; i++)
		compare_option(w, p, &p->scope->options[i]);
	for (size_t i = 0; i < p->scope->section_count; i++)
		compare_section(w, p, &p->scope->sections[i]);
}

void conf_change_each(
	const struct conf *from, const struct conf *to, conf_change_visit *visit, void *context)
{
	struct pair whole = {
		conf_scope_get(CONF_SCOPE_GLOBAL), (const char *)from, (const char *)to, ""};

	compare_group(&(struct walk){visit, context}, &whole);
}

struct list {
	char *out;
	size_t size;
	size_t length;
	size_t listed;
	size_t count;
};

/* Room that is kept free for the words behind what fits, with their NUL. */
enum { MORE_MAX = sizeof(", and 18446744073709551615 more") };

static void on_listed(void *context, const struct conf_change *c)
{
	struct list *l = context;
	const char *joint = l->listed ? ", " : "", *what = "";
	char text[CONF_PATH_MAX + 32];
	int length;

	if (c->kind != CONF_CHANGE_VALUE)
		what = c->kind == CONF_CHANGE_ADDED ? " added" : " removed";
	else if (c->effect == CONF_EFFECT_RESTART)
		what = " (after a restart)";
	length = snprintf(text, sizeof(text), "%s%s%s", joint, c->path, what);
	assert(length > 0 && (size_t)length < sizeof(text));
	/* Once one did not fit, none follows: the line is the first of them, and not a selection. */
	if (l->listed == l->count && l->length + (size_t)length + MORE_MAX <= l->size) {
		memcpy(l->out + l->length, text, (size_t)length + 1);
		l->length += (size_t)length;
		l->listed++;
	}
	l->count++;
}

size_t conf_change_list(const struct conf *from, const struct conf *to, char *out, size_t size)
{
	struct list l = {.out = out, .size = size};

	assert(size > 0);
	out[0] = '\0';
	conf_change_each(from, to, on_listed, &l);
	if (l.listed == 0 && l.count > 0)
		snprintf(out, size, "%zu changes", l.count);
	else if (l.listed < l.count)
		snprintf(out + l.length, size - l.length, ", and %zu more", l.count - l.listed);
	return l.count;
}

struct keep {
	struct conf_arena *arena;
	bool is_short;
};

static void keep_option(struct keep *k, const struct conf_option *o, const char *from, char *to)
{
	const char *text;

	if (!conf_option_is_text(o)) {
		memcpy(to + o->field, from + o->field, conf_option_size(o));
		return;
	}
	memcpy(&text, from + o->field, sizeof(text));
	text = conf_arena_copy(k->arena, text, strlen(text));
	if (text)
		memcpy(to + o->field, &text, sizeof(text));
	else
		k->is_short = true;
}

/* What only a restart changes stands in groups that are always there, and is plain or a text. */
static void keep_group(struct keep *k, const struct conf_scope *scope, const char *from, char *to)
{
	for (size_t i = 0; i < scope->option_count; i++) {
		const struct conf_option *o = &scope->options[i];

		if (o->effect == CONF_EFFECT_RESTART && !is_equal_option(o, from, to))
			keep_option(k, o, from, to);
	}
	for (size_t i = 0; i < scope->section_count; i++) {
		const struct conf_section *s = &scope->sections[i];

		if (s->kind == CONF_KIND_GROUP)
			keep_group(k, conf_scope_get(s->scope), from + s->field, to + s->field);
	}
}

static void on_kept(void *context, const struct conf_change *c)
{
	if (c->effect == CONF_EFFECT_RESTART)
		conf_errors_warn(
			context, c->at, c->path, "changed, and takes effect after a restart");
}

bool conf_change_keep(const struct conf *from, struct conf *to, struct conf_errors *errors)
{
	struct keep k = {.arena = to->arena};

	conf_change_each(from, to, on_kept, errors);
	keep_group(&k, conf_scope_get(CONF_SCOPE_GLOBAL), (const char *)from, (char *)to);
	if (k.is_short)
		conf_errors_add(errors, &to->place, "", "out of memory");
	return !k.is_short;
}
