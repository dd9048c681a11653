/* SPDX-License-Identifier: BSD-2-Clause */
/* The control socket's file: whose it is, what may be replaced, and what stands in the way. */
#include "admin/control_socket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_SIZE = 100 };

static char folder[64];
static char path[PATH_SIZE];
static struct conf_errors errors;

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/sipweir.d-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/control.sock", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	conf_errors_fini(&errors);
	unlink(path);
	return rmdir(folder);
}

static enum control_socket_verdict open_at(
	struct control_socket **s, const char *at, bool is_default)
{
	const struct conf_admin conf = {
		.control = at,
		.at.control = {.file = "f", .line = 7, .is_default = is_default},
	};
	conf_errors_fini(&errors);
	return control_socket_open(s, &conf, &errors);
}

static bool answers(const char *at)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(address.sun_path, at);
	bool is_there = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return is_there;
}

/* A socket of somebody else, who is dead unless it is kept. */
static int bind_other(bool is_listening)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (is_listening)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void its_file_is_the_owners_alone_and_goes_with_it(void **state)
{
	struct control_socket *s;
	struct stat status;
	mode_t before = umask(0);
	(void)state;
	assert_int_equal(open_at(&s, path, false), CONTROL_SOCKET_OPEN);
	umask(before);
	assert_int_equal(lstat(path, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_true(answers(path));
	assert_string_equal(control_socket_path(s), path);
	assert_true(control_socket_is_there(s));
	control_socket_close(s);
	assert_int_not_equal(lstat(path, &status), 0);
}

static void what_a_dead_process_has_left_is_replaced(void **state)
{
	struct control_socket *s;
	(void)state;
	close(bind_other(true));
	assert_int_equal(open_at(&s, path, false), CONTROL_SOCKET_OPEN);
	assert_true(answers(path));
	control_socket_close(s);
}

static void a_living_process_keeps_its_socket_and_the_error_says_so(void **state)
{
	struct control_socket *s;
	(void)state;
	for (int is_default = 0; is_default < 2; is_default++) {
		int fd = bind_other(true);
		assert_int_equal(open_at(&s, path, is_default), CONTROL_SOCKET_FAILED);
		assert_int_equal(errors.errors.count, 1);
		assert_non_null(strstr(errors.errors.kept[0].text,
			"f:7: admin.control: another process listens at /tmp/sipweir.d-"));
		assert_true(answers(path));
		close(fd);
		unlink(path);
	}
}

static void a_living_process_whose_queue_is_full_is_alive(void **state)
{
	struct control_socket *s;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = bind_other(false), clients[8];
	(void)state;
	strcpy(address.sun_path, path);
	assert_int_equal(listen(fd, 0), 0);
	for (int i = 0; i < 8; i++) {
		clients[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		int done = connect(clients[i], (struct sockaddr *)&address, sizeof(address));
		assert_true(done == 0 || i > 0);
	}
	assert_int_equal(open_at(&s, path, false), CONTROL_SOCKET_FAILED);
	assert_non_null(strstr(errors.errors.kept[0].text, "another process listens"));
	for (int i = 0; i < 8; i++)
		close(clients[i]);
	close(fd);
}

static void a_file_that_is_no_socket_stays(void **state)
{
	struct control_socket *s;
	struct stat status;
	FILE *file = fopen(path, "w");
	(void)state;
	fputs("mine", file);
	fclose(file);
	assert_int_equal(open_at(&s, path, false), CONTROL_SOCKET_FAILED);
	assert_non_null(strstr(errors.errors.kept[0].text, "is there and no socket"));
	assert_int_equal(lstat(path, &status), 0);
	assert_int_equal(status.st_size, 4);
}

static void a_folder_that_is_not_there_is_an_error_only_where_the_path_was_written(void **state)
{
	struct control_socket *s = NULL;
	char deep[PATH_SIZE + 16];
	(void)state;
	snprintf(deep, sizeof(deep), "%s/none/none/c.sock", folder);
	assert_int_equal(open_at(&s, deep, false), CONTROL_SOCKET_FAILED);
	assert_int_equal(errors.errors.count, 1);
	assert_non_null(strstr(errors.errors.kept[0].text,
		": No such file or directory; expected a path in a folder that is there"));
	assert_int_equal(open_at(&s, deep, true), CONTROL_SOCKET_SPARED);
	assert_int_equal(errors.errors.count, 0);
	assert_int_equal(errors.warnings.count, 1);
	assert_non_null(strstr(errors.warnings.kept[0].text, "f:7: admin.control: no socket for"));
	assert_null(s);
}

static void a_file_that_somebody_has_replaced_is_no_longer_its_own(void **state)
{
	struct control_socket *s;
	(void)state;
	assert_int_equal(open_at(&s, path, false), CONTROL_SOCKET_OPEN);
	unlink(path);
	assert_false(control_socket_is_there(s));
	int successor = bind_other(true);
	assert_false(control_socket_is_there(s));
	control_socket_close(s);
	assert_true(answers(path));
	close(successor);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		TEST(its_file_is_the_owners_alone_and_goes_with_it),
		TEST(what_a_dead_process_has_left_is_replaced),
		TEST(a_living_process_keeps_its_socket_and_the_error_says_so),
		TEST(a_living_process_whose_queue_is_full_is_alive),
		TEST(a_file_that_is_no_socket_stays),
		TEST(a_folder_that_is_not_there_is_an_error_only_where_the_path_was_written),
		TEST(a_file_that_somebody_has_replaced_is_no_longer_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
