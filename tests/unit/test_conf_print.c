/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_print.c - the printed sample is the table, and a configuration. */
#include "conf/change.h"
#include "conf/option.h"
#include "tests/unit/conf_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *sample(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	conf_print(out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static struct conf *load_good(const char *text)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text(text, "sample", &errors);

	if (!c)
		fail_msg("%s", errors.errors.kept[0].text);
	assert_int_equal(errors.warnings.count, 0);
	conf_errors_fini(&errors);
	return c;
}

static void the_sample_loads_without_an_error_or_a_warning(void **state)
{
	char *text = sample();
	struct conf *c = load_good(text);

	(void)state;
	assert_int_equal(c->listener_count, 1);
	assert_int_equal(c->pool_count, 1);
	assert_int_equal(c->pools[0].server_count, 1);
	conf_free(c);
	free(text);
}

/* Remove the // of each option; what explains is behind # and stays a comment. */
static char *uncomment(const char *text)
{
	char *out = malloc(strlen(text) + 1), *to = out;

	assert_non_null(out);
	for (const char *line = text; *line;) {
		size_t margin = strspn(line, "\t"), length = strcspn(line, "\n") + 1;
		size_t mark = strncmp(line + margin, "//", 2) == 0 ? 2 : 0;

		memcpy(to, line, margin);
		memcpy(to + margin, line + margin + mark, length - margin - mark);
		to += length - mark;
		line += length;
	}
	*to = '\0';
	return out;
}

/* The group that may not stand beside servers is the only thing that is wrong then; TLS is not spoken yet. */
static void every_default_of_the_sample_is_one_that_the_file_takes(void **state)
{
	struct conf_errors errors = {0};
	char *text = sample(), *all = uncomment(text);

	(void)state;
	assert_null(conf_load_text(all, "sample", &errors));
	assert_int_equal(errors.errors.count, 1);
	assert_int_equal(errors.warnings.count, 2);
	assert_non_null(strstr(errors.warnings.kept[0].text,
		"listeners.nlb-sip.tls: it means nothing while transport is not \"tls\""));
	assert_non_null(strstr(errors.warnings.kept[1].text,
		"pools.kamailio.tls: it means nothing without a server of transport \"tls\""));
	assert_non_null(strstr(errors.errors.kept[0].text,
		"pools.kamailio: it has servers and a respond group, expected one of them"));
	conf_errors_fini(&errors);
	free(all);
	free(text);
}

/* Blank the next group of this name from here on; returns what is behind it. */
static char *leave_out(char *text, const char *group)
{
	char *from = strstr(text, group), *end;

	assert_non_null(from);
	end = strstr(from, "};");
	assert_non_null(end);
	memset(from, ' ', (size_t)(end + 2 - from));
	return end;
}

static void written_out_defaults_are_those_of_a_file_without_them(void **state)
{
	char *text = sample(), *all = uncomment(text), changes[200];
	struct conf *c, *d;

	(void)state;
	leave_out(all, "respond: {");
	leave_out(leave_out(all, "tls: {"), "tls: {");
	c = load_good(text);
	d = load_good(all);
	conf_change_list(c, d, changes, sizeof(changes));
	assert_string_equal(changes, "limits.classes.trunks added, routes[0] added");
	conf_free(c);
	conf_free(d);
	free(all);
	free(text);
}

/* In the order of the table: the search goes on behind what was found. */
static const char *find_row(const char *text, const struct conf_option *o)
{
	char line[128], expected[CONF_EXPECTED_MAX];
	const char *found;

	conf_option_expected(o, expected);
	found = strstr(text, o->help);
	if (!found)
		fail_msg("the help of %s is not printed", o->name);
	snprintf(line, sizeof(line), " %sChanged by a %s.\n",
		o->is_inherited ? "Inherited unless given. " : "",
		o->effect == CONF_EFFECT_RESTART ? "restart" : "reload");
	text = strstr(found, expected);
	found = text ? strstr(text, line) : NULL;
	if (!found || memchr(text, '\n', (size_t)(found - text)))
		fail_msg("what %s takes, or when it changes, is not printed", o->name);
	found += strlen(line);
	found += strspn(found, "\t/");
	snprintf(line, sizeof(line), "%s = ", o->name);
	if (strncmp(found, line, strlen(line)) != 0)
		fail_msg("%s itself is not printed", o->name);
	found += strlen(line);
	if (o->default_text && !conf_option_is_list(o)) {
		found += *found == '"';
		if (strncmp(found, o->default_text, strlen(o->default_text)) != 0)
			fail_msg("the default of %s is not printed", o->name);
	}
	return found;
}

static const char *find_group(const char *text, enum conf_scope_id id)
{
	const struct conf_scope *scope = conf_scope_get(id);

	for (size_t i = 0; i < scope->option_count; i++)
		text = find_row(text, &scope->options[i]);
	for (size_t i = 0; i < scope->section_count; i++) {
		text = strstr(text, scope->sections[i].help);
		if (!text)
			fail_msg("%s is not printed", scope->sections[i].name);
		text = find_group(text, scope->sections[i].scope);
	}
	return text;
}

static void every_option_is_printed_with_its_help_range_default_and_effect(void **state)
{
	char *text = sample();

	(void)state;
	find_group(text, CONF_SCOPE_GLOBAL);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_loads_without_an_error_or_a_warning),
		cmocka_unit_test(every_default_of_the_sample_is_one_that_the_file_takes),
		cmocka_unit_test(written_out_defaults_are_those_of_a_file_without_them),
		cmocka_unit_test(every_option_is_printed_with_its_help_range_default_and_effect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
