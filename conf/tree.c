/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tree.c - the only user of libconfig (1.5). Its scanner calls exit() when malloc fails; all else
 * that is wrong in a file comes back as an error.
 */
#include "conf/tree.h"

#include <assert.h>
#include <libconfig.h>
#include <string.h>

struct builder {
	struct conf_arena *arena;
	const struct conf_source *source;
	const struct conf_prescan *prescan;
	size_t integers; /* met so far */
	size_t literals; /* of those, the ones that do not fit */
};

static bool fill_node(struct builder *b, struct conf_tree *node, config_setting_t *setting);

static bool fill_children(struct builder *b, struct conf_tree *node, config_setting_t *setting)
{
	int count = config_setting_length(setting);

	assert(count >= 0);
	node->child_count = (size_t)count;
	node->children = conf_arena_alloc(b->arena, node->child_count, sizeof(*node));
	if (!node->children)
		return false;
	for (int i = 0; i < count; i++) {
		config_setting_t *element = config_setting_get_elem(setting, (unsigned)i);

		if (!fill_node(b, &node->children[i], element))
			return false;
	}
	return true;
}

/* Both scanners meet the same integers in the same order; see prescan.h. */
static void fill_integer(struct builder *b, struct conf_tree *node, long long value)
{
	const struct conf_prescan *p = b->prescan;

	node->type = CONF_TREE_INTEGER;
	node->integer = value;
	if (b->literals < p->literal_count && p->literals[b->literals].ordinal == b->integers) {
		node->type = CONF_TREE_UNFIT;
		node->text = p->literals[b->literals++].text;
	}
	b->integers++;
}

static bool fill_string(struct builder *b, struct conf_tree *node, const char *text)
{
	node->type = CONF_TREE_STRING;
	node->text = conf_arena_copy(b->arena, text, strlen(text));
	return node->text;
}

static bool fill_value(struct builder *b, struct conf_tree *node, config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		node->type = CONF_TREE_GROUP;
		return fill_children(b, node, setting);
	case CONFIG_TYPE_LIST:
		node->type = CONF_TREE_LIST;
		return fill_children(b, node, setting);
	case CONFIG_TYPE_ARRAY:
		node->type = CONF_TREE_ARRAY;
		return fill_children(b, node, setting);
	case CONFIG_TYPE_INT:
		fill_integer(b, node, config_setting_get_int(setting));
		return true;
	case CONFIG_TYPE_INT64:
		fill_integer(b, node, config_setting_get_int64(setting));
		return true;
	case CONFIG_TYPE_BOOL:
		node->type = CONF_TREE_BOOL;
		node->flag = config_setting_get_bool(setting);
		return true;
	case CONFIG_TYPE_STRING:
		return fill_string(b, node, config_setting_get_string(setting));
	default:
		node->type = CONF_TREE_FLOAT;
		return true;
	}
}

static bool fill_node(struct builder *b, struct conf_tree *node, config_setting_t *setting)
{
	const char *name = config_setting_name(setting);

	node->place = conf_source_place(b->source, config_setting_source_line(setting));
	if (name)
		node->name = conf_arena_copy(b->arena, name, strlen(name));
	if (name && !node->name)
		return false;
	return fill_value(b, node, setting);
}

static const struct conf_tree *fail(const struct conf_source *s, unsigned line, const char *what)
{
	struct conf_place place = conf_source_place(s, line);

	conf_errors_add(s->errors, &place, "syntax", "%s", what);
	return NULL;
}

static const struct conf_tree *build(struct builder *b, config_setting_t *root)
{
	struct conf_tree *tree = conf_arena_alloc(b->arena, 1, sizeof(*tree));

	if (!tree || !fill_node(b, tree, root))
		return fail(b->source, 1, "out of memory");
	/* Were the two scanners ever to differ, no number of this file could be trusted. */
	if (b->integers != b->prescan->integer_count || b->literals != b->prescan->literal_count)
		return fail(b->source, 1, "its numbers cannot be read reliably");
	return tree;
}

const struct conf_tree *conf_tree_parse(
	struct conf_arena *arena, const struct conf_source *s, const struct conf_prescan *p)
{
	struct builder b = {.arena = arena, .source = s, .prescan = p};
	const struct conf_tree *tree = NULL;
	config_t config;

	config_init(&config);
	if (config_read_string(&config, s->text))
		tree = build(&b, config_root_setting(&config));
	else
		fail(s, (unsigned)config_error_line(&config), config_error_text(&config));
	config_destroy(&config);
	return tree;
}

const struct conf_tree *conf_tree_child(const struct conf_tree *group, const char *name)
{
	for (size_t i = 0; i < group->child_count; i++) {
		if (strcmp(group->children[i].name, name) == 0)
			return &group->children[i];
	}
	return NULL;
}

const char *conf_tree_type_name(enum conf_tree_type type)
{
	switch (type) {
	case CONF_TREE_GROUP:
		return "a group { }";
	case CONF_TREE_LIST:
		return "a list ( )";
	case CONF_TREE_ARRAY:
		return "an array [ ]";
	case CONF_TREE_BOOL:
		return "true or false";
	case CONF_TREE_INTEGER:
	case CONF_TREE_UNFIT:
		return "a bare number";
	case CONF_TREE_FLOAT:
		return "a number with a fraction";
	case CONF_TREE_STRING:
		break;
	}
	return "a string";
}
