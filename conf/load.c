/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load.c - the walk over the table and the tree together.
 */
#include "conf/load.h"
#include "conf/nearest.h"
#include "conf/read.h"
#include "conf/value.h"

#include <stdio.h>
#include <string.h>

struct loader {
	struct conf_arena *arena;
	struct conf_errors *errors;
};

/* One group of the file, or one that it leaves out. */
struct group {
	const struct conf_scope *scope;
	const struct conf_tree *node; /* NULL: left out, everything has its default */
	struct conf_place place;
	char *base; /* of its structure */
	const char *path;
};

static void load_group(struct loader *l, const struct group *g);

/* Mark a name that was cut; `length` is what the whole would have taken. */
static void mark_cut(char path[CONF_PATH_MAX], int length)
{
	if (length >= CONF_PATH_MAX)
		memcpy(path + CONF_PATH_MAX - 4, "...", 4);
}

void conf_path_member(char path[CONF_PATH_MAX], const char *parent, const char *name)
{
	const char *dot = parent[0] ? "." : "";

	mark_cut(path, snprintf(path, CONF_PATH_MAX, "%s%s%s", parent, dot, name));
}

void conf_path_element(char path[CONF_PATH_MAX], const char *parent, const char *name, size_t index)
{
	if (name)
		conf_path_member(path, parent, name);
	else
		mark_cut(path, snprintf(path, CONF_PATH_MAX, "%s[%zu]", parent, index));
}

static void load_option(struct loader *l, const struct group *g, const struct conf_option *o)
{
	const struct conf_tree *given = g->node ? conf_tree_child(g->node, o->name) : NULL;
	struct conf_place *at = (void *)(g->base + o->at);
	size_t *count = o->count ? (void *)(g->base + o->count) : NULL;
	char path[CONF_PATH_MAX], expected[CONF_EXPECTED_MAX];
	struct conf_tree node;
	struct conf_reader reader = {l->arena, l->errors, o, &node, path, NULL};

	conf_path_member(path, g->path, o->name);
	if (!given && !o->default_text) {
		conf_errors_add(l->errors, &g->place, path, "missing, expected %s",
			conf_option_expected(o, expected));
		return;
	}
	node = given ? *given : conf_read_default(o);
	if (!given) {
		node.place = g->place;
		node.place.is_default = true;
	}
	if (conf_read_option(&reader, g->base + o->field, count))
		*at = node.place;
}

static bool knows(const struct conf_scope *scope, const char *name, struct conf_nearest *nearest)
{
	for (size_t i = 0; i < scope->option_count; i++) {
		if (strcmp(scope->options[i].name, name) == 0)
			return true;
		conf_nearest_try(nearest, scope->options[i].name);
	}
	for (size_t i = 0; i < scope->section_count; i++) {
		if (strcmp(scope->sections[i].name, name) == 0)
			return true;
		conf_nearest_try(nearest, scope->sections[i].name);
	}
	return false;
}

/* The groups that know the name itself, one after the other; "" for none. */
static void write_scopes(const char *name, char *out, size_t size)
{
	size_t length = 0;

	out[0] = '\0';
	for (unsigned id = 0; id < CONF_SCOPE_COUNT && length < size; id++) {
		struct conf_nearest ignored = {.wanted = name};
		const struct conf_scope *scope = conf_scope_get(id);

		if (knows(scope, name, &ignored))
			length += (size_t)snprintf(out + length, size - length, "%s\"%s\"",
				length ? ", " : "", scope->name);
	}
}

/* An option in the wrong place is looked for in all others. */
static void check_name(struct loader *l, const struct group *g, const struct conf_tree *child)
{
	struct conf_nearest here = {.wanted = child->name}, elsewhere = here;
	bool is_misplaced = false;
	char path[CONF_PATH_MAX], scopes[CONF_EXPECTED_MAX];

	if (knows(g->scope, child->name, &here))
		return;
	for (unsigned id = 0; id < CONF_SCOPE_COUNT && !is_misplaced; id++)
		is_misplaced = knows(conf_scope_get(id), child->name, &elsewhere);
	if (is_misplaced)
		elsewhere.name = child->name;
	conf_path_member(path, g->path, child->name);
	if (here.name && (here.distance == 1 || !is_misplaced)) {
		conf_errors_add(l->errors, &child->place, path, "unknown name, expected perhaps %s",
			here.name);
	} else if (elsewhere.name) {
		write_scopes(elsewhere.name, scopes, sizeof(scopes));
		conf_errors_add(l->errors, &child->place, path,
			"unknown name here, expected perhaps %s in %s", elsewhere.name, scopes);
	} else {
		conf_errors_add(l->errors, &child->place, path,
			"unknown name, expected one of sipweir --print-config");
	}
}

/* The name that the element has in messages; NULL when it has none that is fit for that. */
static const char *element_name(const struct conf_tree *node)
{
	const struct conf_tree *name = conf_tree_child(node, "name");
	bool ok = name && name->type == CONF_TREE_STRING && conf_value_is_name(name->text);

	return ok && strlen(name->text) < 64 ? name->text : NULL;
}

static void load_element(struct loader *l, const struct group *g, const char *parent, size_t index)
{
	char path[CONF_PATH_MAX];
	struct group element = *g;

	if (g->node->type != CONF_TREE_GROUP) {
		conf_path_element(path, parent, NULL, index);
		conf_errors_add(l->errors, &g->node->place, path, "it is %s, expected a group { }",
			conf_tree_type_name(g->node->type));
		return;
	}
	conf_path_element(path, parent, element_name(g->node), index);
	element.path = path;
	load_group(l, &element);
}

/* False, with an error added, when the node is no list of as many groups as the table allows. */
static bool count_groups(struct loader *l, const struct group *g, const struct conf_section *s,
	const struct conf_tree *node, const char *path)
{
	const char *one = conf_scope_get(s->scope)->name;
	const struct conf_place *place = node ? &node->place : &g->place;
	size_t count = node ? node->child_count : 0;

	if (node && node->type != CONF_TREE_LIST && (node->type != CONF_TREE_ARRAY || count > 0))
		conf_errors_add(l->errors, place, path,
			"it is %s, expected a list of groups: ( { }, { } )",
			conf_tree_type_name(node->type));
	else if (count < s->min)
		conf_errors_add(l->errors, place, path, "%s, expected at least one %s: ( { } )",
			node ? "empty" : "missing", one);
	else if (count > s->max)
		conf_errors_add(l->errors, place, path, "it has %zu elements, expected up to %zu",
			count, s->max);
	else
		return true;
	return false;
}

/* A list that is broken stays empty and is not NULL, so that nobody takes it for absent. */
static void load_groups(struct loader *l, const struct group *g, const struct conf_section *s,
	const struct conf_tree *node, const char *path)
{
	const struct conf_scope *scope = conf_scope_get(s->scope);
	bool ok = count_groups(l, g, s, node, path);
	size_t count = ok && node ? node->child_count : 0;
	char *base;

	if (ok && count == 0)
		return;
	base = conf_arena_alloc(l->arena, count, scope->size);
	if (!base) {
		conf_errors_add(l->errors, &g->place, path, "out of memory");
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const struct conf_tree *child = &node->children[i];
		struct group element = {scope, child, child->place, base + i * scope->size, NULL};

		memcpy(element.base + scope->place, &child->place, sizeof(child->place));
		load_element(l, &element, path, i);
	}
	memcpy(g->base + s->field, &base, sizeof(base));
	memcpy(g->base + s->count, &count, sizeof(count));
}

/* A group that is embedded or optional. */
static void load_one(struct loader *l, const struct group *g, const struct conf_section *s,
	const struct conf_tree *node, const char *path)
{
	const struct conf_scope *scope = conf_scope_get(s->scope);
	struct group one = {scope, node, node ? node->place : g->place, g->base + s->field, path};

	if (s->kind == CONF_KIND_GROUP_OPTIONAL) {
		if (!node)
			return;
		one.base = conf_arena_alloc(l->arena, 1, scope->size);
		if (!one.base) {
			conf_errors_add(l->errors, &node->place, path, "out of memory");
			return;
		}
		memcpy(g->base + s->field, &one.base, sizeof(one.base));
	}
	if (node && node->type != CONF_TREE_GROUP)
		conf_errors_add(l->errors, &node->place, path, "it is %s, expected a group { }",
			conf_tree_type_name(node->type));
	else
		load_group(l, &one);
}

static void load_group(struct loader *l, const struct group *g)
{
	const struct conf_scope *scope = g->scope;

	memcpy(g->base + scope->place, &g->place, sizeof(g->place));
	for (size_t i = 0; i < scope->option_count; i++)
		load_option(l, g, &scope->options[i]);
	for (size_t i = 0; i < scope->section_count; i++) {
		const struct conf_section *s = &scope->sections[i];
		const struct conf_tree *node = g->node ? conf_tree_child(g->node, s->name) : NULL;
		char path[CONF_PATH_MAX];

		conf_path_member(path, g->path, s->name);
		if (s->kind == CONF_KIND_GROUPS)
			load_groups(l, g, s, node, path);
		else
			load_one(l, g, s, node, path);
	}
	for (size_t i = 0; g->node && i < g->node->child_count; i++)
		check_name(l, g, &g->node->children[i]);
}

void conf_load_tree(struct conf *c, struct conf_arena *arena, const struct conf_tree *tree,
	struct conf_errors *errors)
{
	struct loader l = {arena, errors};
	struct group root = {conf_scope_get(CONF_SCOPE_GLOBAL), tree, tree->place, (char *)c, ""};

	load_group(&l, &root);
}
