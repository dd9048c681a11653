/* SPDX-License-Identifier: BSD-2-Clause */
/* What listening sockets are given, what accepted ones inherit, and how a taken address is told. */
#include "proxy/io/listen.h"
#include "proxy/io/tcp.h"

#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char text[] =
	"listeners = ( { name = \"in\"; address = \"127.0.0.1:0\"; pool = \"p\"; backlog = 7;\n"
	"  defer_accept = \"3s\"; } );\n"
	"pools = ( { name = \"p\"; respond: { status = 200; }; } );\n"
	"timeouts: { keepalive_idle = \"31s\"; keepalive_interval = \"11s\"; keepalive_count = 4; "
	"unacked = \"75s\"; };\n";

static struct conf *load(void)
{
	static struct conf_errors errors;
	struct conf *conf = conf_load_text(text, "test", &errors);
	assert_non_null(conf);
	conf_errors_fini(&errors);
	return conf;
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t length = sizeof(value);
	assert_int_equal(getsockopt(fd, level, name, &value, &length), 0);
	return value;
}

static int client_of(const struct addr_port *address)
{
	struct sockaddr_storage to;
	socklen_t length = addr_to_sockaddr(address, &to);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, length), 0);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	return fd;
}

/* Blocks until a client is there, on whichever of the sockets the kernel has chosen. */
static int accept_any(const int *fds, unsigned count)
{
	for (;;) {
		for (unsigned i = 0; i < count; i++) {
			int fd = accept(fds[i], NULL, NULL);
			if (fd >= 0)
				return fd;
		}
	}
}

static void accepted_sockets_inherit_keepalive_user_timeout_and_nodelay(void **state)
{
	(void)state;
	struct conf *conf = load();
	struct conf_errors errors = {0};
	struct sockets *s = listen_open(&conf->listeners[0], &conf->timeouts, 2, false, &errors);
	assert_non_null(s);
	const int fds[] = {s->acceptors[0].fd, s->acceptors[1].fd};
	assert_int_not_equal(s->bound.port, 0);
	assert_int_equal(s->backlog, 7);
	assert_in_range(option(fds[0], IPPROTO_TCP, TCP_DEFER_ACCEPT), 3, 8);

	int client = client_of(&s->bound), fd = accept_any(fds, 2);
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 31);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 11);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 4);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 75000);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	struct linger linger;
	socklen_t length = sizeof(linger);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length), 0);
	assert_int_equal(
		linger.l_onoff, 0); /* never inherited: it would destroy answers in flight */
	close(client);
	close(fd);
	listen_free(s);
	conf_free(conf);
}

static void a_taken_address_is_an_error_that_names_the_option_and_the_cure(void **state)
{
	(void)state;
	struct conf *conf = load();
	struct conf_errors errors = {0};
	struct sockets *s = listen_open(&conf->listeners[0], &conf->timeouts, 1, false, &errors);
	assert_non_null(s);
	conf->listeners[0].address = s->bound;
	assert_null(listen_open(&conf->listeners[0], &conf->timeouts, 1, false, &errors));
	assert_int_equal(errors.errors.kept_count, 1);
	const char *told = errors.errors.kept[0].text;
	assert_non_null(strstr(told, "test:1: listeners.in.address: "));
	assert_non_null(strstr(told, "is in use"));
	assert_non_null(strstr(told, "ss -ltnp"));
	conf_errors_fini(&errors);
	listen_free(s);
	conf_free(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted_sockets_inherit_keepalive_user_timeout_and_nodelay),
		cmocka_unit_test(a_taken_address_is_an_error_that_names_the_option_and_the_cure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
