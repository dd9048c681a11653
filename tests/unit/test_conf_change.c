/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_change.c - what differs between two files is found, all of it and nothing else. */
#include "conf/change.h"
#include "tests/unit/conf_case.h"
#include "tests/unit/conf_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* All changes as lines: "VALUE limits.connections f:3 live". */
struct told {
	FILE *out;
	char *text;
	size_t size;
};

static void on_change(void *context, const struct conf_change *c)
{
	static const char *const kinds[] = {"value", "added", "removed"};
	struct told *t = context;

	fprintf(t->out, "%s %s %s:%u %s\n", kinds[c->kind], c->path, c->at->file, c->at->line,
		c->effect == CONF_EFFECT_LIVE ? "live" : "restart");
}

static char *tell(const struct conf *from, const struct conf *to)
{
	struct told t = {0};

	t.out = open_memstream(&t.text, &t.size);
	assert_non_null(t.out);
	conf_change_each(from, to, on_change, &t);
	assert_int_equal(fclose(t.out), 0);
	return t.text;
}

static void assert_told(const struct conf *from, const struct conf *to, const char *expected)
{
	char *text = tell(from, to);

	assert_string_equal(text, expected);
	free(text);
}

static struct conf *load_good(const char *text)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_load_text(text, "f", &errors);

	if (!c)
		fail_msg("%s", errors.errors.kept[0].text);
	conf_errors_fini(&errors);
	return c;
}

static void assert_changes(const char *from, const char *to, const char *expected)
{
	struct conf *a = load_good(from), *b = load_good(to);

	assert_told(a, b, expected);
	assert_told(a, a, "");
	assert_told(b, b, "");
	conf_free(a);
	conf_free(b);
}

static const struct conf_option *name_of(enum conf_scope_id id)
{
	const struct conf_scope *scope = conf_scope_get(id);

	return strcmp(scope->options[0].name, "name") == 0 ? &scope->options[0] : NULL;
}

/* The path of the group, with a dot behind it, as conf_row makes it: one element in each list. */
static bool write_group(
	char out[256], const char *parent, enum conf_scope_id id, enum conf_scope_id wanted)
{
	const struct conf_scope *scope = conf_scope_get(id);
	char path[256];
	bool found = id == wanted;

	if (found)
		snprintf(out, 256, "%s", parent);
	for (size_t i = 0; i < scope->section_count && !found; i++) {
		const struct conf_section *s = &scope->sections[i];
		const struct conf_option *name = name_of(s->scope);

		if (s->kind != CONF_KIND_GROUPS)
			snprintf(path, sizeof(path), "%.100s%s.", parent, s->name);
		else if (name)
			snprintf(
				path, sizeof(path), "%.100s%s.%s.", parent, s->name, name->example);
		else
			snprintf(path, sizeof(path), "%.100s%s[0].", parent, s->name);
		found = write_group(out, path, s->scope, wanted);
	}
	return found;
}

static unsigned line_of_subject(struct conf_loaded *l, const struct conf_subject *s)
{
	struct conf_place at;

	memcpy(&at, conf_row_base(l, s) + s->option->at, sizeof(at));
	return at.line;
}

/* The subject at its least and at its most. A set of one word has no other; then the field is written. */
static void load_two(
	struct conf_loaded *from, struct conf_loaded *to, const struct conf_subject *subject)
{
	struct conf_subject s = *subject;
	char *least = conf_row_text(s.option, s.option->min);
	char *most = conf_row_text(s.option, s.option->max);
	unsigned other = 1;

	s.value = least;
	conf_row_load(from, &s);
	s.value = most;
	conf_row_load(to, &s);
	assert_int_equal(from->errors.errors.count + to->errors.errors.count, 0);
	if (s.option->min == s.option->max) {
		assert_int_equal(s.option->type, CONF_TYPE_ENUM);
		memcpy(conf_row_base(to, &s) + s.option->field, &other, sizeof(other));
	}
	from->conf.arena = from->arena;
	to->conf.arena = to->arena;
	free(least);
	free(most);
}

static void unload_two(struct conf_loaded *from, struct conf_loaded *to)
{
	conf_row_unload(from);
	conf_row_unload(to);
}

static void for_each_row(void (*visit)(const struct conf_subject *s))
{
	for (unsigned id = 0; id < CONF_SCOPE_COUNT; id++) {
		const struct conf_scope *scope = conf_scope_get(id);

		for (size_t i = 0; i < scope->option_count; i++)
			visit(&(struct conf_subject){id, &scope->options[i], NULL});
	}
}

static void visit_change(const struct conf_subject *s)
{
	struct conf_loaded from, to;
	char group[256], expected[512];

	/* Another name is another group: tested below. */
	if (s->option == name_of(s->scope))
		return;
	load_two(&from, &to, s);
	assert_true(write_group(group, "", CONF_SCOPE_GLOBAL, s->scope));
	snprintf(expected, sizeof(expected), "value %s%s f:%u %s\n", group, s->option->name,
		line_of_subject(&to, s),
		s->option->effect == CONF_EFFECT_LIVE ? "live" : "restart");
	assert_told(&from.conf, &to.conf, expected);
	assert_told(&from.conf, &from.conf, "");
	assert_told(&to.conf, &to.conf, "");
	unload_two(&from, &to);
}

static void every_row_that_differs_is_told_with_its_path_its_line_and_its_effect(void **state)
{
	(void)state;
	for_each_row(visit_change);
}

static void visit_default(const struct conf_subject *s)
{
	struct conf_loaded from, to;

	if (!s->option->default_text)
		return;
	conf_row_load(&from, s);
	conf_row_load(&to, s);
	assert_told(&from.conf, &to.conf, "");
	unload_two(&from, &to);
}

static void two_equal_files_have_no_changes(void **state)
{
	(void)state;
	for_each_row(visit_default);
	assert_changes(CASE_GOOD, CASE_GOOD, "");
}

static void what_is_given_as_it_was_by_default_has_not_changed(void **state)
{
	(void)state;
	assert_changes(CASE_GOOD,
		CASE_GOOD "workers = 0; limits: { connections = 1024; };\n"
			  "log: { budget = \"100/1s burst 100\"; }; admin: { trusted = ( ); };",
		"");
}

static void values_of_several_parts_differ_when_one_part_does(void **state)
{
	(void)state;
	assert_changes(CASE_GOOD "log: { budget = \"20/s\"; };",
		CASE_GOOD "log: { budget = \"20/s burst 60\"; };", "value log.budget f:3 live\n");
	assert_changes(CASE_GOOD "log: { budget = \"20/s\"; };",
		CASE_GOOD "log: { budget = \"20/m\"; };", "value log.budget f:3 live\n");
	assert_changes(CASE_GOOD "admin: { health = \"127.0.0.1:1\"; };",
		CASE_GOOD "admin: { health = \"127.0.0.2:1\"; };", "value admin.health f:3 live\n");
	assert_changes(CASE_GOOD "admin: { health = \"127.0.0.1:1\"; };",
		CASE_GOOD "admin: { health = \"\"; };", "value admin.health f:3 live\n");
	assert_changes(CASE_GOOD "admin: { health = \"[::]:1\"; trusted = [ \"10.0.0.0/8\" ]; };",
		CASE_GOOD "admin: { health = \"[::]:1\"; trusted = [ \"10.0.0.0/9\" ]; };",
		"value admin.trusted f:3 live\n");
	assert_changes(CASE_GOOD "admin: { health = \"[::]:1\"; trusted = [ \"10.0.0.0/8\" ]; };",
		CASE_GOOD "admin: { health = \"[::]:1\"; trusted = [ \"11.0.0.0/8\" ]; };",
		"value admin.trusted f:3 live\n");
	assert_changes(CASE_GOOD "sip: { schemes = [ \"sip\", \"tel\" ]; };",
		CASE_GOOD "sip: { schemes = [ \"sip\", \"sips\" ]; };",
		"value sip.schemes f:3 live\n");
	assert_changes(CASE_GOOD "sip: { schemes = [ \"sip\", \"tel\" ]; };",
		CASE_GOOD "sip: { schemes = [ \"sip\" ]; };", "value sip.schemes f:3 live\n");
	assert_changes(CASE_GOOD "sip: { schemes = [ \"sip\" ]; };",
		CASE_GOOD "sip: { schemes = [ \"sip\", \"tel\" ]; };",
		"value sip.schemes f:3 live\n");
	assert_changes(
		CASE_GOOD "user = \"a\";", CASE_GOOD "user = \"b\";", "value user f:3 restart\n");
}

#define LISTENERS(text) CASE_POOL "listeners = (\n" text " );"
#define A(text)		"{ name = \"a\"; address = \"127.0.0.1:1\"; pool = \"p\"; " text " }"
#define B		"{ name = \"b\"; address = \"127.0.0.1:2\"; pool = \"p\"; }"
#define TLS(text)	A("transport = \"tls\"; tls: { " text " };")

static void groups_are_the_same_by_name_wherever_they_stand(void **state)
{
	(void)state;
	assert_changes(LISTENERS(A("") ",\n" B), LISTENERS(B ",\n" A("")), "");
	assert_changes(LISTENERS(A("") ",\n" B), LISTENERS(B ",\n" A("backlog = 5;")),
		"value listeners.a.backlog f:4 live\n");
	assert_changes(LISTENERS(A("")), LISTENERS(A("") ",\n" B), "added listeners.b f:4 live\n");
	assert_changes(LISTENERS(A("") ",\n" B), LISTENERS(B), "removed listeners.a f:1 live\n");
	assert_changes(LISTENERS(A("")), LISTENERS(B),
		"added listeners.b f:3 live\n"
		"removed listeners.a f:1 live\n");
}

static void groups_without_a_name_are_the_same_by_their_place(void **state)
{
#define CERTIFICATE(name) "{ certificate = \"" name "\"; }"
	(void)state;
	assert_changes(
		LISTENERS(TLS("certificates = ( " CERTIFICATE("/a") ",\n" CERTIFICATE("/b") " );")),
		LISTENERS(TLS("certificates = ( " CERTIFICATE("/a") ",\n" CERTIFICATE("/c") " );")),
		"value listeners.a.tls.certificates[1].certificate f:4 live\n");
	assert_changes(LISTENERS(TLS("certificates = ( " CERTIFICATE("/a") " );")),
		LISTENERS(TLS("certificates = ( " CERTIFICATE("/a") ",\n" CERTIFICATE("/b") " );")),
		"added listeners.a.tls.certificates[1] f:4 live\n");
	assert_changes(
		LISTENERS(TLS("certificates = ( " CERTIFICATE("/a") ",\n" CERTIFICATE("/b") " );")),
		LISTENERS(TLS("certificates = ( " CERTIFICATE("/a") " );")),
		"removed listeners.a.tls.certificates[1] f:3 live\n");
}

static void optional_groups_come_and_go_as_a_whole(void **state)
{
	(void)state;
	assert_changes(LISTENERS(A("")),
		LISTENERS(TLS("certificates = ( " CERTIFICATE("/a") " );")),
		"value listeners.a.transport f:3 live\n"
		"added listeners.a.tls f:3 live\n");
	assert_changes(CASE_GOOD, CASE_LISTENER "pools = (\n{ name = \"p\"; respond: { }; } );",
		"removed pools.p.servers.s f:3 live\n"
		"added pools.p.respond f:3 live\n");
	assert_changes(CASE_LISTENER "pools = ( { name = \"p\"; respond: { }; } );",
		CASE_LISTENER "pools = ( { name = \"p\"; respond: { status = 404; }; } );",
		"value pools.p.respond.status f:2 live\n");
	assert_changes(CASE_LISTENER "pools = ( { name = \"p\"; respond: { }; } );",
		CASE_LISTENER "pools = ( { name = \"p\"; respond: { };\n"
			      "}, { name = \"q\"; respond: { }; } );",
		"added pools.q f:3 live\n");
}

#define CLASSES(before, text) CASE_GOOD before "limits: { classes = (\n" text " ); };"
#define C(text)		      "{ name = \"c\"; networks = [ \"192.0.2.0/24\" ]; " text " }"
#define D(text)		      "{ name = \"d\"; files = ( { path = \"/d\"; " text " } ); }"

static void classes_are_the_same_by_name_and_their_files_by_place(void **state)
{
	(void)state;
	assert_changes(CLASSES("", C("") ",\n" D("")), CLASSES("", D("") ",\n" C("")), "");
	assert_changes(CLASSES("", C("")), CLASSES("", C("") ",\n" D("")),
		"added limits.classes.d f:5 live\n");
	assert_changes(CLASSES("", C("") ",\n" D("")), CLASSES("", D("")),
		"removed limits.classes.c f:3 live\n");
	assert_changes(CASE_GOOD, CLASSES("", C("")), "added limits.classes.c f:4 live\n");
	assert_changes(CLASSES("", D("")), CLASSES("", D("on_error = \"fail\";")),
		"value limits.classes.d.files[0].on_error f:4 live\n");
	assert_changes(CLASSES("", C("subnet: { connections = 5; };")),
		CLASSES("", C("subnet: { connections = 6; };")),
		"value limits.classes.c.subnet.connections f:4 live\n");
}

static void what_a_class_inherits_is_told_where_it_was_changed_and_not_in_the_class(void **state)
{
	(void)state;
	assert_changes(CLASSES("", C("")), CLASSES("timeouts: { idle = \"1h\"; };\n", C("")),
		"value timeouts.idle f:3 live\n");
	assert_changes("max_connections = 1;\n" CASE_GOOD "limits: { connections = 5;\n"
		       "classes = ( " C("") " ); };",
		"max_connections = 1;\n" CASE_GOOD "limits: { connections = 6;\n"
		"classes = ( " C("") " ); };",
		"value limits.connections f:4 live\n");
}

static void a_class_that_names_what_it_inherited_has_changed_when_its_value_has(void **state)
{
	(void)state;
	assert_changes(CLASSES("", C("")), CLASSES("", C("connections = 1024;")), "");
	assert_changes(CLASSES("", C("")), CLASSES("", C("connections = 5;")),
		"value limits.classes.c.connections f:4 live\n");
	assert_changes(CLASSES("", C("connections = 5;")), CLASSES("", C("")),
		"value limits.classes.c.connections f:4 live\n");
}

static const char many[] =
	"workers = 2; limits: { connections = 5; };\n" CASE_LISTENER
	"timeouts: { idle = \"1h\"; };\n"
	"pools = ( { name = \"p\"; servers = ( { name = \"s\"; address = \"10.0.0.1:5060\"; } ); },"
	" { name = \"q\"; respond: { }; } );";
static const char all_of_them[] =
	"workers (after a restart), limits.connections, timeouts.idle, pools.q added";

static void changes_are_listed_in_one_line(void **state)
{
	struct conf *a = load_good(CASE_GOOD), *b = load_good(many);
	char text[320];

	(void)state;
	assert_int_equal(conf_change_list(a, b, text, sizeof(text)), 4);
	assert_string_equal(text, all_of_them);
	assert_int_equal(conf_change_list(b, a, text, sizeof(text)), 4);
	assert_string_equal(text,
		"workers (after a restart), limits.connections, timeouts.idle, pools.q removed");
	assert_int_equal(conf_change_list(b, b, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	conf_free(a);
	conf_free(b);
}

static void a_line_that_is_too_short_says_how_many_are_left_out(void **state)
{
	struct conf *a = load_good(CASE_GOOD), *b = load_good(many);
	char text[sizeof(all_of_them) + 40];

	(void)state;
	assert_int_equal(conf_change_list(a, b, text, 90), 4);
	assert_string_equal(text, "workers (after a restart), limits.connections, and 2 more");
	/* The third would fit where the second does not: nothing is left out in the middle. */
	assert_int_equal(conf_change_list(a, b, text, 74), 4);
	assert_string_equal(text, "workers (after a restart), and 3 more");
	assert_int_equal(conf_change_list(a, b, text, 20), 4);
	assert_string_equal(text, "4 changes");
	for (size_t size = 1; size <= sizeof(text); size++) {
		char *exact = malloc(size); /* so that a sanitizer sees its end */

		assert_non_null(exact);
		assert_int_equal(conf_change_list(a, b, exact, size), 4);
		assert_true(strlen(exact) < size);
		free(exact);
	}
	conf_free(a);
	conf_free(b);
}

static void visit_keep(const struct conf_subject *s)
{
	struct conf_errors errors = {0};
	struct conf_loaded from, to;
	bool is_kept = s->option->effect == CONF_EFFECT_RESTART;
	char expected[256];

	if (s->option == name_of(s->scope))
		return;
	load_two(&from, &to, s);
	assert_true(conf_change_keep(&from.conf, &to.conf, &errors));
	assert_int_equal(errors.errors.count, 0);
	assert_int_equal(errors.warnings.count, is_kept ? 1 : 0);
	if (is_kept) {
		assert_told(&from.conf, &to.conf, "");
		assert_true(conf_row_number(&to, s) == s->option->min);
		snprintf(expected, sizeof(expected),
			"%s: changed, and takes effect after a restart", s->option->name);
		assert_non_null(strstr(errors.warnings.kept[0].text, expected));
	} else {
		assert_true(conf_row_number(&to, s) == s->option->max ||
			    s->option->min == s->option->max);
	}
	conf_errors_fini(&errors);
	unload_two(&from, &to);
}

static void what_only_a_restart_changes_is_kept_and_warned_of_and_the_rest_is_not(void **state)
{
	(void)state;
	for_each_row(visit_keep);
}

static void what_is_kept_outlives_the_configuration_that_it_comes_from(void **state)
{
	struct conf_errors errors = {0};
	struct conf *a = load_good(CASE_GOOD "user = \"old\"; workers = 3;");
	struct conf *b = load_good(CASE_GOOD "user = \"new\";\n"
					     "limits: { ipv4_prefix = 24; connections = 7; };");
	char *lines;

	(void)state;
	assert_true(conf_change_keep(a, b, &errors));
	conf_free(a);
	assert_string_equal(b->user, "old");
	assert_int_equal(b->workers, 3);
	assert_int_equal(b->limits.ipv4_prefix, 32);
	assert_int_equal(b->limits.connections, 7);
	lines = conf_case_lines(&errors.warnings);
	assert_string_equal(lines,
		"f:1: workers: changed, and takes effect after a restart\n"
		"f:3: user: changed, and takes effect after a restart\n"
		"f:4: limits.ipv4_prefix: changed, and takes effect after a restart\n");
	free(lines);
	conf_errors_fini(&errors);
	conf_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			every_row_that_differs_is_told_with_its_path_its_line_and_its_effect),
		cmocka_unit_test(two_equal_files_have_no_changes),
		cmocka_unit_test(what_is_given_as_it_was_by_default_has_not_changed),
		cmocka_unit_test(values_of_several_parts_differ_when_one_part_does),
		cmocka_unit_test(groups_are_the_same_by_name_wherever_they_stand),
		cmocka_unit_test(groups_without_a_name_are_the_same_by_their_place),
		cmocka_unit_test(optional_groups_come_and_go_as_a_whole),
		cmocka_unit_test(classes_are_the_same_by_name_and_their_files_by_place),
		cmocka_unit_test(
			what_a_class_inherits_is_told_where_it_was_changed_and_not_in_the_class),
		cmocka_unit_test(
			a_class_that_names_what_it_inherited_has_changed_when_its_value_has),
		cmocka_unit_test(changes_are_listed_in_one_line),
		cmocka_unit_test(a_line_that_is_too_short_says_how_many_are_left_out),
		cmocka_unit_test(
			what_only_a_restart_changes_is_kept_and_warned_of_and_the_rest_is_not),
		cmocka_unit_test(what_is_kept_outlives_the_configuration_that_it_comes_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
