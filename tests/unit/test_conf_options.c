/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_conf_options.c - every row of the table, driven by the table: whoever adds an option adds no
 * line here.
 */
#include "conf/tree.h"
#include "tests/unit/conf_row.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static unsigned line_of(const char *text, const char *value)
{
	const char *found = strstr(text, value);
	unsigned line = 1;

	assert_non_null(found);
	for (const char *c = text; c < found; c++)
		line += *c == '\n';
	return line;
}

static void assert_accepts(const struct conf_subject *s, uint64_t expected)
{
	struct conf_loaded l;

	conf_row_load(&l, s);
	if (l.errors.errors.count)
		fail_msg("%s = %s: %s", s->option->name, s->value, l.errors.errors.kept[0].text);
	if (conf_row_number(&l, s) != expected)
		fail_msg("%s = %s is read as %" PRIu64, s->option->name, s->value,
			conf_row_number(&l, s));
	conf_row_unload(&l);
}

/* One error and no more, at the line of the option, that names it and says what it takes. */
static void assert_refuses(const struct conf_subject *s)
{
	char given[4400], start[16], name[80], expected[CONF_EXPECTED_MAX];
	const struct conf_message *m;
	struct conf_loaded l;

	conf_row_load(&l, s);
	if (l.errors.errors.count != 1)
		fail_msg(
			"%s = %.80s: %zu errors", s->option->name, s->value, l.errors.errors.count);
	m = &l.errors.errors.kept[0];
	snprintf(given, sizeof(given), "%s = %s;\n", s->option->name, s->value);
	snprintf(start, sizeof(start), "f:%u: ", line_of(l.text, given));
	snprintf(name, sizeof(name), "%s: ", s->option->name);
	conf_option_expected(s->option, expected);
	if (strncmp(m->text, start, strlen(start)) != 0 || !strstr(m->text, name) ||
		!strstr(m->text, expected))
		fail_msg("%s = %.80s: %s", s->option->name, s->value, m->text);
	conf_row_unload(&l);
}

static void refuse_number(const struct conf_subject *s, uint64_t number)
{
	struct conf_subject wrong = *s;
	char *text = conf_row_text(s->option, number);

	wrong.value = text;
	assert_refuses(&wrong);
	free(text);
}

static void accept_number(const struct conf_subject *s, uint64_t number)
{
	struct conf_subject right = *s;
	char *text = conf_row_text(s->option, number);

	right.value = text;
	assert_accepts(&right, number);
	free(text);
}

static void for_each_row(void (*visit)(const struct conf_subject *s))
{
	for (unsigned id = 0; id < CONF_SCOPE_COUNT; id++) {
		const struct conf_scope *scope = conf_scope_get(id);

		assert_true(scope->option_count > 0);
		for (size_t i = 0; i < scope->option_count; i++)
			visit(&(struct conf_subject){id, &scope->options[i], NULL});
	}
}

static void visit_min_and_max(const struct conf_subject *s)
{
	assert_true(s->option->min <= s->option->max);
	accept_number(s, s->option->min);
	accept_number(s, s->option->max);
}

static void every_row_accepts_its_min_and_its_max(void **state)
{
	(void)state;
	for_each_row(visit_min_and_max);
}

/* Steps are of a second where fractions of one are refused anyway. */
static void visit_beyond(const struct conf_subject *s)
{
	const struct conf_option *o = s->option;
	uint64_t step = o->unit == CONF_UNIT_S ? 1000 : 1;

	if (o->type == CONF_TYPE_BOOL)
		return;
	if (o->min >= step && o->type != CONF_TYPE_ENUM)
		refuse_number(s, o->min - step);
	refuse_number(s, o->max + step);
	if (o->unit == CONF_UNIT_S)
		refuse_number(s, o->min + 1);
}

static void every_row_refuses_one_less_than_its_min_and_one_more_than_its_max(void **state)
{
	(void)state;
	for_each_row(visit_beyond);
}

/* The words of a default as a list of the file. */
static void write_list(char *out, size_t size, const char *words)
{
	size_t length = (size_t)snprintf(out, size, "[");

	while (*words) {
		int word = (int)strcspn(words, " ");

		length += (size_t)snprintf(out + length, size - length, "%s \"%.*s\"",
			length > 1 ? "," : "", word, words);
		words += word + (words[word] == ' ');
	}
	snprintf(out + length, size - length, " ]");
}

static void visit_absent(const struct conf_subject *s)
{
	const struct conf_option *o = s->option;
	struct conf_loaded absent, given;
	char text[512];
	bool is_bare = o->type == CONF_TYPE_BOOL || o->type == CONF_TYPE_UINT;
	struct conf_subject written = *s;

	conf_row_load(&absent, s);
	if (!o->default_text) {
		assert_non_null(o->example);
		assert_int_equal(absent.errors.errors.count, 1);
		snprintf(text, sizeof(text), "%s: missing, expected ", o->name);
		assert_non_null(strstr(absent.errors.errors.kept[0].text, text));
		conf_row_unload(&absent);
		return;
	}
	snprintf(text, sizeof(text), is_bare ? "%s" : "\"%s\"", o->default_text);
	if (conf_option_is_list(o))
		write_list(text, sizeof(text), o->default_text);
	written.value = text;
	conf_row_load(&given, &written);
	assert_int_equal(absent.errors.errors.count, 0);
	assert_int_equal(given.errors.errors.count, 0);
	assert_true(conf_row_number(&absent, s) == conf_row_number(&given, s));
	conf_row_unload(&absent);
	conf_row_unload(&given);
}

static void every_row_that_is_absent_has_its_default_or_is_missed(void **state)
{
	(void)state;
	for_each_row(visit_absent);
}

static void visit_default(const struct conf_subject *s)
{
	const struct conf_option *o = s->option;
	struct conf_loaded l;
	uint64_t number;

	if (!o->default_text)
		return;
	conf_row_load(&l, s);
	number = conf_row_number(&l, s);
	if (!(number == 0 && conf_option_has_zero(o)) && (number < o->min || number > o->max))
		fail_msg("the default of %s lies outside of its bounds", o->name);
	conf_row_unload(&l);
}

static void every_default_lies_within_its_bounds(void **state)
{
	(void)state;
	for_each_row(visit_default);
}

static void visit_zero(const struct conf_subject *s)
{
	struct conf_subject zero = *s;

	if (!conf_option_has_zero(s->option))
		return;
	zero.value = s->option->type == CONF_TYPE_SIZE_ZERO ? "\"0\"" : "\"off\"";
	assert_accepts(&zero, 0);
}

static void every_row_that_can_be_off_is_0_then(void **state)
{
	(void)state;
	for_each_row(visit_zero);
}

static bool takes(const struct conf_option *o, enum conf_tree_type type)
{
	if (o->type == CONF_TYPE_BOOL)
		return type == CONF_TREE_BOOL;
	if (o->type == CONF_TYPE_UINT)
		return type == CONF_TREE_INTEGER;
	if (conf_option_is_list(o))
		return type == CONF_TREE_LIST || type == CONF_TREE_ARRAY;
	return type == CONF_TREE_STRING;
}

static void visit_types(const struct conf_subject *s)
{
	static const struct {
		enum conf_tree_type type;
		const char *value;
	} values[] = {
		{CONF_TREE_GROUP, "{ }"},
		{CONF_TREE_GROUP, "{ name = \"x\"; }"},
		{CONF_TREE_LIST, "( )"},
		{CONF_TREE_LIST, "( \"off\" )"},
		{CONF_TREE_ARRAY, "[ ]"},
		{CONF_TREE_ARRAY, "[ 10 ]"},
		{CONF_TREE_BOOL, "true"},
		{CONF_TREE_INTEGER, "10"},
		{CONF_TREE_UNFIT, "4294967296"},
		{CONF_TREE_UNFIT, "99999999999999999999L"},
		{CONF_TREE_FLOAT, "10.0"},
		{CONF_TREE_FLOAT, "1e400"},
		{CONF_TREE_STRING, "\"10s\""},
	};
	struct conf_subject wrong = *s;

	for (size_t i = 0; i < COUNT(values); i++) {
		if (takes(s->option, values[i].type))
			continue;
		wrong.value = values[i].value;
		assert_refuses(&wrong);
	}
}

static void every_row_refuses_every_other_type(void **state)
{
	(void)state;
	for_each_row(visit_types);
}

static void visit_text(const struct conf_subject *s)
{
	static const char *const values[] = {
		"\"a\\x01\"", "\"a\\n\"", "\"a\tb\"", "\"\\xff\"", "\"\xc3\x28\"", "\"\\x7f\""};
	struct conf_subject wrong = *s;

	if (!takes(s->option, CONF_TREE_STRING))
		return;
	for (size_t i = 0; i < COUNT(values); i++) {
		wrong.value = values[i];
		assert_refuses(&wrong);
	}
}

static void every_string_refuses_control_characters_and_broken_utf8(void **state)
{
	(void)state;
	for_each_row(visit_text);
}

static void visit_shape(const struct conf_subject *s)
{
	const struct conf_option *o = s->option;
	size_t length = strlen(o->help), count;

	assert_true(!o->default_text != !o->example);
	if (length < 10 || o->help[length - 1] != '.')
		fail_msg("the help of %s is no sentence", o->name);
	if (o->type == CONF_TYPE_ENUM) {
		conf_option_words(o->unit, &count);
		assert_int_equal(o->min, 0);
		assert_int_equal(o->max, count - 1);
	}
	if (o->type == CONF_TYPE_NETWORKS)
		assert_string_equal(o->default_text, "");
}

static void every_row_has_a_default_or_an_example_and_a_sentence_of_help(void **state)
{
	(void)state;
	for_each_row(visit_shape);
}

static void no_name_stands_twice_in_a_scope(void **state)
{
	(void)state;
	for (unsigned id = 0; id < CONF_SCOPE_COUNT; id++) {
		const struct conf_scope *scope = conf_scope_get(id);

		for (size_t i = 0; i < scope->option_count; i++) {
			for (size_t j = 0; j < i; j++)
				assert_string_not_equal(
					scope->options[i].name, scope->options[j].name);
			for (size_t j = 0; j < scope->section_count; j++)
				assert_string_not_equal(
					scope->options[i].name, scope->sections[j].name);
		}
	}
}

static void visit_place(const struct conf_subject *s)
{
	const struct conf_option *o = s->option;
	struct conf_subject given = *s;
	char *text = conf_row_text(o, o->max), *value = NULL;
	struct conf_place at;
	struct conf_loaded l;

	given.value = text;
	conf_row_load(&l, &given);
	memcpy(&at, conf_row_base(&l, s) + o->at, sizeof(at));
	assert_true(asprintf(&value, "%s = %s;\n", o->name, text) > 0);
	assert_string_equal(at.file, "f");
	assert_int_equal(at.line, line_of(l.text, value));
	conf_row_unload(&l);
	free(text);
	free(value);
}

static void every_row_keeps_the_line_that_gave_it(void **state)
{
	(void)state;
	for_each_row(visit_place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_accepts_its_min_and_its_max),
		cmocka_unit_test(every_row_refuses_one_less_than_its_min_and_one_more_than_its_max),
		cmocka_unit_test(every_row_that_is_absent_has_its_default_or_is_missed),
		cmocka_unit_test(every_default_lies_within_its_bounds),
		cmocka_unit_test(every_row_that_can_be_off_is_0_then),
		cmocka_unit_test(every_row_refuses_every_other_type),
		cmocka_unit_test(every_string_refuses_control_characters_and_broken_utf8),
		cmocka_unit_test(every_row_has_a_default_or_an_example_and_a_sentence_of_help),
		cmocka_unit_test(no_name_stands_twice_in_a_scope),
		cmocka_unit_test(every_row_keeps_the_line_that_gave_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
