/* SPDX-License-Identifier: BSD-2-Clause */
/* conf_row.c - texts made from the table. */
#include "tests/unit/conf_row.h"
#include "conf/load.h"
#include "conf/prescan.h"
#include "conf/syntax.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void write_group(FILE *out, enum conf_scope_id id, const struct conf_subject *s);

/* True when the scope is the wanted one or a group in it is. */
static bool holds(enum conf_scope_id id, enum conf_scope_id wanted)
{
	const struct conf_scope *scope = conf_scope_get(id);
	bool found = id == wanted;

	for (size_t i = 0; i < scope->section_count && !found; i++)
		found = holds(scope->sections[i].scope, wanted);
	return found;
}

static void write_section(
	FILE *out, const struct conf_section *section, const struct conf_subject *s)
{
	bool is_list = section->kind == CONF_KIND_GROUPS;

	if (section->kind == CONF_KIND_GROUP_OPTIONAL && !holds(section->scope, s->scope))
		return;
	fprintf(out, is_list ? "%s = ( {\n" : "%s: {\n", section->name);
	write_group(out, section->scope, s);
	fputs(is_list ? "} );\n" : "};\n", out);
}

/* What must be given, the subject, and every group that is not optional. */
static void write_group(FILE *out, enum conf_scope_id id, const struct conf_subject *s)
{
	const struct conf_scope *scope = conf_scope_get(id);

	for (size_t i = 0; i < scope->option_count; i++) {
		const struct conf_option *o = &scope->options[i];

		if (o == s->option && s->value)
			fprintf(out, "%s = %s;\n", o->name, s->value);
		else if (o != s->option && o->example)
			fprintf(out, "%s = \"%s\";\n", o->name, o->example);
	}
	for (size_t i = 0; i < scope->section_count; i++)
		write_section(out, &scope->sections[i], s);
}

void conf_row_load(struct conf_loaded *l, const struct conf_subject *s)
{
	struct conf_source source;
	struct conf_prescan prescan;
	const struct conf_tree *tree;
	size_t size;
	FILE *out;

	memset(l, 0, sizeof(*l));
	out = open_memstream(&l->text, &size);
	assert_non_null(out);
	write_group(out, CONF_SCOPE_GLOBAL, s);
	assert_int_equal(fclose(out), 0);
	l->arena = conf_arena_new();
	assert_non_null(l->arena);
	assert_true(conf_source_read_text(&source, l->arena, l->text, "f", &l->errors));
	assert_true(conf_prescan(&prescan, &source));
	assert_true(conf_syntax_check(&source));
	tree = conf_tree_parse(l->arena, &source, &prescan);
	assert_non_null(tree);
	conf_load_tree(&l->conf, l->arena, tree, &l->errors);
	conf_source_fini(&source);
}

void conf_row_unload(struct conf_loaded *l)
{
	free(l->text);
	conf_errors_fini(&l->errors);
	conf_arena_free(l->arena);
}

/* The structure of the first group of this scope, or NULL. */
static char *find_base(char *base, enum conf_scope_id id, enum conf_scope_id wanted)
{
	const struct conf_scope *scope = conf_scope_get(id);
	char *found = id == wanted ? base : NULL;

	for (size_t i = 0; i < scope->section_count && !found; i++) {
		const struct conf_section *s = &scope->sections[i];
		char *inner = base + s->field;

		if (s->kind != CONF_KIND_GROUP)
			memcpy(&inner, base + s->field, sizeof(inner));
		if (inner)
			found = find_base(inner, s->scope, wanted);
	}
	return found;
}

char *conf_row_base(struct conf_loaded *l, const struct conf_subject *s)
{
	char *base = find_base((char *)&l->conf, CONF_SCOPE_GLOBAL, s->scope);

	assert_non_null(base);
	return base;
}

uint64_t conf_row_number(struct conf_loaded *l, const struct conf_subject *s)
{
	const struct conf_option *o = s->option;
	char *base = conf_row_base(l, s), *field = base + o->field;
	uint32_t number = 0;
	uint64_t large;
	bool flag;
	const char *text;

	switch (o->type) {
	case CONF_TYPE_BOOL:
		memcpy(&flag, field, sizeof(flag));
		return flag;
	case CONF_TYPE_SIZE_64:
		memcpy(&large, field, sizeof(large));
		return large;
	case CONF_TYPE_RATE_OFF:
		return ((struct conf_rate *)(void *)field)->count;
	case CONF_TYPE_STRING:
	case CONF_TYPE_TARGET:
	case CONF_TYPE_PATH:
	case CONF_TYPE_NAME:
		memcpy(&text, field, sizeof(text));
		return strlen(text);
	case CONF_TYPE_ADDRESS:
	case CONF_TYPE_HOST:
	case CONF_TYPE_ADDRESS_NONE:
		return ((struct addr_port *)(void *)field)->port;
	case CONF_TYPE_NETWORKS:
	case CONF_TYPE_STRINGS:
		memcpy(&large, base + o->count, sizeof(large));
		return large;
	default:
		memcpy(&number, field, sizeof(number));
		return number;
	}
}

static void write_words(FILE *out, const char *word, uint64_t count)
{
	fputs("[ ", out);
	for (uint64_t i = 0; i < count; i++)
		fprintf(out, "%s%s", i ? ", " : "", word);
	fputs(" ]", out);
}

static void write_string(FILE *out, char first, uint64_t length)
{
	fputc('"', out);
	for (uint64_t i = 0; i < length; i++)
		fputc(i ? 'a' : first, out);
	fputc('"', out);
}

char *conf_row_text(const struct conf_option *o, uint64_t number)
{
	size_t size, count;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);
	const char *const *words;

	assert_non_null(out);
	switch (o->type) {
	case CONF_TYPE_BOOL:
		fputs(number ? "true" : "false", out);
		break;
	case CONF_TYPE_UINT:
		fprintf(out, "%" PRIu64, number);
		break;
	case CONF_TYPE_DURATION:
	case CONF_TYPE_DURATION_OFF:
		fprintf(out, "\"%" PRIu64 "ms\"", number);
		break;
	case CONF_TYPE_SIZE:
	case CONF_TYPE_SIZE_ZERO:
	case CONF_TYPE_SIZE_64:
		fprintf(out, "\"%" PRIu64 "\"", number);
		break;
	case CONF_TYPE_RATE_OFF:
		fprintf(out, "\"%" PRIu64 "/s\"", number);
		break;
	case CONF_TYPE_MULTIPLIER_OFF:
		fprintf(out, "\"%" PRIu64 "x\"", number);
		break;
	case CONF_TYPE_ENUM:
		words = conf_option_words(o->unit, &count);
		fprintf(out, "\"%s\"", number < count ? words[number] : "none-of-them");
		break;
	case CONF_TYPE_STRING:
	case CONF_TYPE_NAME:
		write_string(out, 'a', number);
		break;
	case CONF_TYPE_TARGET:
	case CONF_TYPE_PATH:
		write_string(out, '/', number);
		break;
	case CONF_TYPE_ADDRESS:
	case CONF_TYPE_HOST:
	case CONF_TYPE_ADDRESS_NONE:
		fprintf(out, "\"192.0.2.1:%" PRIu64 "\"", number);
		break;
	case CONF_TYPE_NETWORKS:
		write_words(out, "\"192.0.2.0/24\"", number);
		break;
	case CONF_TYPE_STRINGS:
		write_words(out, "\"sip\"", number);
		break;
	}
	assert_int_equal(fclose(out), 0);
	return text;
}
