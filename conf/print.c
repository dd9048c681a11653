/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * print.c - the table as a configuration file: what an operator reads and copies from.
 */
#include "conf/conf.h"
#include "conf/option.h"

#include <stdio.h>
#include <string.h>

static const char preamble[] =
	"# Every option of sipweir, with what it accepts and its default. A line that begins with "
	"//\n"
	"# shows a default; remove the // to change it. The rest is an example that loads as it "
	"is.\n"
	"# What is \"inherited\" is as the option of that name in limits or timeouts.\n"
	"#\n"
	"# Durations are \"500ms\", \"30s\", \"5m\", \"1h\", \"1d\"; sizes \"16000\", \"64K\", "
	"\"1M\", \"1G\";\n"
	"# rates \"20/s\", \"600/10m\", \"20/s burst 60\"; a rate without a burst may come all at "
	"once.\n"
	"# \"Changed by a reload\" (SIGHUP) or \"by a restart\" says when a change takes effect.\n"
	"# @include \"FILE\" at the beginning of a line reads another file, relative to this "
	"one.\n";

/* How deep a line stands, and whether its group is shown as left out. */
struct margin {
	unsigned depth;
	bool is_off;
};

static void print_group(FILE *out, const struct conf_scope *scope, struct margin m);

static void indent(FILE *out, struct margin m, const char *mark)
{
	for (unsigned i = 0; i < m.depth; i++)
		fputc('\t', out);
	fputs(mark, out);
}

static void print_words(FILE *out, const char *text)
{
	const char *joint = "";
	fputs("[", out);
	while (*text) {
		int length = (int)strcspn(text, " ");
		fprintf(out, "%s \"%.*s\"", joint, length, text);
		joint = ",";
		text += length + (text[length] == ' ');
	}
	fputs(" ]", out);
}

/* The default or the example, written as the file wants it. */
static void print_value(FILE *out, const struct conf_option *o)
{
	const char *text = o->default_text ? o->default_text : o->example;

	if (o->type == CONF_TYPE_STRINGS)
		print_words(out, text);
	else if (conf_option_is_list(o))
		fputs("[ ]", out);
	else if (o->type == CONF_TYPE_BOOL || o->type == CONF_TYPE_UINT)
		fputs(text, out);
	else
		fprintf(out, "\"%s\"", text);
}

static void print_option(FILE *out, const struct conf_option *o, struct margin m)
{
	char expected[CONF_EXPECTED_MAX];

	indent(out, m, "# ");
	fprintf(out, "%s\n", o->help);
	indent(out, m, "# ");
	fprintf(out, "%s: %s. %sChanged by a %s.\n", o->default_text ? "Takes" : "Must be given",
		conf_option_expected(o, expected),
		o->is_inherited ? "Inherited unless given. " : "",
		o->effect == CONF_EFFECT_LIVE ? "reload" : "restart");
	indent(out, m, o->default_text || m.is_off ? "//" : "");
	fprintf(out, "%s = ", o->name);
	print_value(out, o);
	fputs(";\n", out);
}

static void print_line(FILE *out, struct margin m, const char *text)
{
	indent(out, m, m.is_off ? "//" : "");
	fprintf(out, "%s\n", text);
}

/* A list that may be empty is, but for the servers, without which the sample would send nothing anywhere. */
static bool is_left_out(const struct conf_section *s)
{
	return s->kind == CONF_KIND_GROUP_OPTIONAL ||
	       (s->kind == CONF_KIND_GROUPS && !s->min && s->scope != CONF_SCOPE_SERVER);
}

static void print_section(FILE *out, const struct conf_section *s, struct margin m)
{
	bool is_list = s->kind == CONF_KIND_GROUPS;
	struct margin inner = {m.depth + 1, m.is_off || is_left_out(s)};

	fputc('\n', out);
	indent(out, m, "# ");
	fprintf(out, "%s\n", s->help);
	m.is_off = inner.is_off;
	indent(out, m, m.is_off ? "//" : "");
	fprintf(out, is_list ? "%s = (\n" : "%s: {\n", s->name);
	if (is_list) {
		print_line(out, inner, "{");
		inner.depth++;
	}
	print_group(out, conf_scope_get(s->scope), inner);
	inner.depth--;
	if (is_list)
		print_line(out, inner, "}");
	print_line(out, m, is_list ? ");" : "};");
}

static void print_group(FILE *out, const struct conf_scope *scope, struct margin m)
{
	for (size_t i = 0; i < scope->option_count; i++) {
		if (i > 0 || m.depth == 0)
			fputc('\n', out);
		print_option(out, &scope->options[i], m);
	}
	for (size_t i = 0; i < scope->section_count; i++)
		print_section(out, &scope->sections[i], m);
}

void conf_print(FILE *out)
{
	fputs(preamble, out);
	print_group(out, conf_scope_get(CONF_SCOPE_GLOBAL), (struct margin){0, false});
}
