/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_source.c - files, and files within files. */
#include "tests/unit/conf_case.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Each test runs in a folder of its own, so that the names in messages are short. */
static char folder[] = "/tmp/test_conf_source.XX"
		       "XX"
		       "XX";
static const char *const names[] = {"main.conf", "a.conf", "b.conf", "sub/c.conf", "sub/d.conf"};

static int enter_folder(void **state)
{
	(void)state;
	strcpy(folder + sizeof(folder) - 7, "XX"
					    "XX"
					    "XX");
	return mkdtemp(folder) && chdir(folder) == 0 && mkdir("sub", 0700) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(names[i]);
	return rmdir("sub") == 0 && chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void write_bytes(const char *name, const void *bytes, size_t length)
{
	FILE *out = fopen(name, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(bytes, 1, length, out), length);
	assert_int_equal(fclose(out), 0);
}

static void write_text(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static struct conf *load_good(const char *path)
{
	struct conf_errors errors = {0};
	struct conf *c = conf_load(path, &errors);

	if (!c)
		fail_msg("%s", errors.errors.kept[0].text);
	conf_errors_fini(&errors);
	return c;
}

static void assert_errors(const char *path, const char *expected)
{
	struct conf_errors errors = {0};
	char *lines;

	assert_null(conf_load(path, &errors));
	lines = conf_case_lines(&errors.errors);
	assert_string_equal(lines, expected);
	free(lines);
	conf_errors_fini(&errors);
}

static void reads_a_file(void **state)
{
	struct conf *c;

	(void)state;
	write_text("main.conf", CASE_GOOD "workers = 5;");
	c = load_good("main.conf");
	assert_int_equal(c->workers, 5);
	assert_string_equal(c->at.workers.file, "main.conf");
	assert_int_equal(c->at.workers.line, 3);
	conf_free(c);
}

static void a_file_that_cannot_be_read_is_told(void **state)
{
	(void)state;
	assert_errors("absent.conf",
		"absent.conf: No such file or directory, expected a readable configuration file\n");
	assert_errors("sub", "sub: Is a directory, expected a readable configuration file\n");
}

static void includes_are_relative_to_the_file_that_names_them(void **state)
{
	char absolute[sizeof(folder) + 32], text[256];
	struct conf *c;

	(void)state;
	snprintf(absolute, sizeof(absolute), "%s/b.conf", folder);
	snprintf(text, sizeof(text),
		"@include \"sub/c.conf\"\n  @include \"a.conf\" workers = 6;\n"
		"log: {\n@include \"%s\"\n};\n",
		absolute);
	write_text("main.conf", text);
	write_text("a.conf", CASE_POOL);
	write_text("b.conf", "level = \"debug\";\n\nformat = \"text\";");
	write_text("sub/c.conf", "\n@include \"d.conf\"\n");
	write_text("sub/d.conf", CASE_LISTENER);
	c = load_good("main.conf");
	assert_string_equal(c->listeners[0].place.file, "sub/d.conf");
	assert_int_equal(c->listeners[0].place.line, 1);
	assert_string_equal(c->pools[0].place.file, "a.conf");
	assert_int_equal(c->workers, 6);
	assert_string_equal(c->at.workers.file, "main.conf");
	assert_int_equal(c->at.workers.line, 2);
	assert_int_equal(c->log.place.line, 3);
	assert_int_equal(c->log.level, CONF_LOG_DEBUG);
	assert_string_equal(c->log.at.format.file, absolute);
	assert_int_equal(c->log.at.format.line, 3);
	conf_free(c);
}

static void the_folder_of_the_first_file_counts_not_the_current_one(void **state)
{
	char path[sizeof(folder) + 32];
	struct conf *c;

	(void)state;
	write_text("main.conf", "@include \"sub/c.conf\"\n");
	write_text("sub/c.conf", CASE_GOOD);
	snprintf(path, sizeof(path), "%s/main.conf", folder);
	assert_int_equal(chdir("/"), 0);
	c = load_good(path);
	assert_int_equal(chdir(folder), 0);
	conf_free(c);
}

static void errors_name_the_file_and_the_line_they_are_in(void **state)
{
	(void)state;
	write_text("main.conf", "workers = 257;\n@include \"b.conf\"\n@include \"a.conf\"\n\n"
				"max_connections = -1;\n" CASE_GOOD);
	write_text("a.conf", "\nlimits: { connections = 4294967296; };\n");
	write_text("b.conf", "# comment\n\nlog: { level = \"loud\"; };");
	assert_errors("main.conf",
		"main.conf:1: workers: 257 is out of range, expected a whole number 0..256\n"
		"main.conf:5: max_connections: -1 is out of range, expected a whole number "
		"0..10000000\n"
		"a.conf:2: limits.connections: 4294967296 is out of range, expected a whole number "
		"0..1000000\n"
		"b.conf:3: log.level: \"loud\" is not known, expected \"error\", \"warning\", "
		"\"notice\", \"info\" or \"debug\"\n");
}

static void syntax_errors_name_the_file_they_are_in(void **state)
{
	(void)state;
	write_text("main.conf", CASE_GOOD "@include \"a.conf\"\nworkers = 1;\n");
	write_text("a.conf", "timeouts: {\n idle = 30s;\n};\n");
	assert_errors(
		"main.conf", "a.conf:2: timeouts.idle: 30s has no quotes, expected \"30s\"\n");
	write_text("a.conf", "workers = 2;");
	assert_errors("main.conf",
		"main.conf:4: workers: given twice, expected once; first at a.conf:1\n");
}

static void an_include_that_cannot_be_read_is_told_where_it_is_asked_for(void **state)
{
	(void)state;
	write_text("main.conf", CASE_GOOD "\n@include \"sub/none.conf\"\n");
	assert_errors("main.conf",
		"main.conf:4: sub/none.conf: No such file or directory, expected a readable "
		"configuration file\n");
	write_text("main.conf", "@include \"a\\\\b.conf\"\n");
	assert_errors("main.conf",
		"main.conf:1: the name behind @include is broken, expected @include "
		"\"FILE\" on one line and without \\\n");
	write_text("main.conf", "@include \"a.conf\n\"\n");
	assert_errors("main.conf",
		"main.conf:1: the name behind @include is broken, expected @include "
		"\"FILE\" on one line and without \\\n");
}

static void a_file_that_includes_itself_is_refused(void **state)
{
	(void)state;
	write_text("main.conf", "@include \"a.conf\"\n");
	write_text("a.conf", "\n@include \"main.conf\"\n");
	assert_errors("main.conf",
		"main.conf:1: @include goes deeper than 10 files, expected none that "
		"includes itself\n");
}

/* Files 1 to `count`, each but the last including the next one. */
static void write_chain(unsigned count)
{
	for (unsigned i = 1; i <= count; i++) {
		char name[32], text[64] = "# the end\n";

		snprintf(name, sizeof(name), "sub/%u.conf", i);
		if (i < count)
			snprintf(text, sizeof(text), "@include \"%u.conf\"\n", i + 1);
		write_text(name, text);
	}
}

static void remove_chain(unsigned count)
{
	for (unsigned i = 1; i <= count; i++) {
		char name[32];

		snprintf(name, sizeof(name), "sub/%u.conf", i);
		assert_int_equal(unlink(name), 0);
	}
}

static void includes_go_ten_files_deep_and_no_further(void **state)
{
	(void)state;
	write_text("main.conf", "@include \"sub/1.conf\"\n" CASE_GOOD);
	write_chain(10);
	conf_free(load_good("main.conf"));
	write_chain(11);
	assert_errors("main.conf",
		"sub/10.conf:1: @include goes deeper than 10 files, expected none that "
		"includes itself\n");
	remove_chain(11);
}

/* Only at the beginning of a line, and not in what is no text of the file. */
static void includes_in_strings_and_comments_are_none(void **state)
{
	struct conf *c;

	(void)state;
	write_text("main.conf",
		"// @include \"none\"\n# @include \"none\"\n/*\n@include \"none\"\n*/\n" CASE_GOOD
		"log: { target = \"/@include \\\"none\\\"\"; };\n");
	c = load_good("main.conf");
	assert_string_equal(c->log.target, "/@include \"none\"");
	conf_free(c);
	write_text("main.conf", CASE_GOOD "workers = 1; @include \"a.conf\"\n");
	write_text("a.conf", "");
	assert_errors("main.conf",
		"main.conf:3: syntax: stray characters, expected the name of an option\n");
}

static void what_does_not_end_in_its_own_file_is_refused_there(void **state)
{
	(void)state;
	write_text("main.conf", "@include \"a.conf\"\n/* */ " CASE_GOOD);
	write_text("a.conf", "\n/* never ends\n");
	assert_errors("main.conf", "a.conf:2: this comment has no end, expected */\n");
	write_text("main.conf", "@include \"a.conf\"\n" CASE_GOOD);
	write_text("a.conf", "\nlog: { level = \"info; };");
	assert_errors("main.conf",
		"a.conf:2: syntax: the string that begins here does not end on its line, "
		"expected a closing quote\n");
}

static void text_from_memory_includes_nothing(void **state)
{
	static const struct conf_case cases[] = {
		{CASE_GOOD "@include \"a.conf\"\n", "f:3: @include is not possible here\n", ""}};

	(void)state;
	write_text("a.conf", "workers = 1;");
	conf_case_check(cases, 1);
}

static void a_file_that_is_no_text_is_refused(void **state)
{
	static const char nul[] = "workers = 1;\n\n# \0\n";

	(void)state;
	write_bytes("main.conf", nul, sizeof(nul) - 1);
	assert_errors("main.conf", "main.conf:3: holds a NUL byte, expected plain text\n");
	write_text("main.conf", "\xef\xbb\xbf" CASE_GOOD);
	assert_errors("main.conf",
		"main.conf:1: begins with a byte order mark, expected plain text without one\n");
}

static void files_are_bounded_alone_and_together(void **state)
{
	size_t length = (size_t)3 << 20;
	char *text = malloc(length * 2);

	(void)state;
	assert_non_null(text);
	memset(text, '\n', length * 2);
	write_bytes("main.conf", text, length * 2);
	assert_errors(
		"main.conf", "main.conf: File too large, expected a readable configuration file\n");
	write_bytes("a.conf", text, length);
	write_text("main.conf", "@include \"a.conf\"\n\n@include \"a.conf\"\n");
	assert_errors("main.conf", "a.conf:1: too large, expected 4M with all includes\n");
	free(text);
}

static void lines_end_as_on_other_systems_too(void **state)
{
	struct conf *c;

	(void)state;
	write_text("main.conf",
		"workers = 5;\r\n\r\n" CASE_GOOD "log: {\r\n level = \"debug\";\r\n};\r\n");
	c = load_good("main.conf");
	assert_int_equal(c->workers, 5);
	assert_int_equal(c->log.at.level.line, 6);
	conf_free(c);
}

static void a_pipe_is_read_to_its_end(void **state)
{
	pid_t writer;

	(void)state;
	assert_int_equal(mkfifo("main.conf", 0600), 0);
	writer = fork();
	assert_true(writer >= 0);
	if (writer == 0) {
		write_text("main.conf", "workers = 7;\n" CASE_GOOD);
		_exit(0);
	}
	struct conf *c = load_good("main.conf");
	assert_int_equal(c->workers, 7);
	conf_free(c);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
}

/* Whoever loads has other things to do. */
static void a_pipe_that_nobody_writes_to_is_not_waited_for_long(void **state)
{
	(void)state;
	assert_int_equal(mkfifo("main.conf", 0600), 0);
	alarm(30);
	assert_errors("main.conf",
		"main.conf: No data available, expected a readable configuration file\n");
	alarm(0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(reads_a_file),
		IN_FOLDER(a_file_that_cannot_be_read_is_told),
		IN_FOLDER(includes_are_relative_to_the_file_that_names_them),
		IN_FOLDER(the_folder_of_the_first_file_counts_not_the_current_one),
		IN_FOLDER(errors_name_the_file_and_the_line_they_are_in),
		IN_FOLDER(syntax_errors_name_the_file_they_are_in),
		IN_FOLDER(an_include_that_cannot_be_read_is_told_where_it_is_asked_for),
		IN_FOLDER(a_file_that_includes_itself_is_refused),
		IN_FOLDER(includes_go_ten_files_deep_and_no_further),
		IN_FOLDER(includes_in_strings_and_comments_are_none),
		IN_FOLDER(what_does_not_end_in_its_own_file_is_refused_there),
		IN_FOLDER(text_from_memory_includes_nothing),
		IN_FOLDER(a_file_that_is_no_text_is_refused),
		IN_FOLDER(files_are_bounded_alone_and_together),
		IN_FOLDER(lines_end_as_on_other_systems_too),
		IN_FOLDER(a_pipe_is_read_to_its_end),
		IN_FOLDER(a_pipe_that_nobody_writes_to_is_not_waited_for_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
