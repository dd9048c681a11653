/* SPDX-License-Identifier: BSD-2-Clause */
/* What an acceptor does when the host gives no more descriptors, and how many connections one turn takes. */
#include "proxy/core/session.h"
#include "proxy/io/acceptor.h"
#include "proxy/core/settings.h"
#include "proxy/io/listen.h"

#include <event2/event.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static const char text[] =
	"listeners = ( { name = \"in\"; address = \"127.0.0.1:0\"; pool = \"p\"; } );\n"
	"pools = ( { name = \"p\"; respond: { status = 200; }; } );\n"
	"limits: { tracked_sources = 16; }; max_connections = 200;\n";

static struct world {
	struct conf *conf;
	struct shared shared;
	struct core core;
	struct host host;
	struct tcp tcp;
	struct event_base *base;
	struct settings *settings;
	struct sockets *sockets;
	unsigned shortages;
} w;

static void count_report(struct host *h, const struct record *r)
{
	(void)h;
	w.shortages += r->event == RECORD_KERNEL_DESCRIPTORS;
}

static void no_turns(struct host *h)
{
	(void)h;
}

static void no_event(struct tcp *t)
{
	(void)t;
}

static int begin(void **state)
{
	static struct conf_errors errors;
	(void)state;
	memset(&w, 0, sizeof(w));
	w.conf = conf_load_text(text, "test", &errors);
	assert_non_null(w.conf);
	w.host = (struct host){.report = count_report, .ask_turns = no_turns};
	const struct shared_setup setup = {
		.limits = &w.conf->limits, .capacity = 200, .workers = 1};
	assert_true(shared_init(&w.shared, &setup));
	w.settings = settings_new(&w.shared, w.conf, NULL);
	assert_non_null(w.settings);
	settings_publish(&w.shared, w.settings);
	assert_true(core_init(&w.core, &w.shared, &w.host, 0, 1000));
	w.base = event_base_new();
	assert_non_null(w.base);
	assert_true(tcp_init(&w.tcp, w.base, 1000, no_event));
	w.sockets = listen_open(&w.conf->listeners[0], &w.conf->timeouts, 1, false, &errors);
	assert_non_null(w.sockets);
	assert_true(acceptor_open(&w.sockets->acceptors[0], &w.core, &w.tcp, w.shared.listeners));
	return 0;
}

static int end(void **state)
{
	(void)state;
	acceptor_close(&w.sockets->acceptors[0]);
	listen_free(w.sockets);
	while (core_sweep(&w.core, REASON_SHUTDOWN, 100))
		core_end_turn(&w.core);
	core_end_turn(&w.core);
	event_base_free(w.base);
	tcp_fini(&w.tcp);
	core_fini(&w.core);
	settings_free(w.settings);
	shared_fini(&w.shared);
	return 0;
}

static int call(void)
{
	struct sockaddr_storage to;
	socklen_t length = addr_to_sockaddr(&w.sockets->bound, &to);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, length), 0);
	return fd;
}

static void turns(unsigned count)
{
	while (count--)
		event_base_loop(w.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void without_descriptors_it_pauses_and_then_goes_on(void **state)
{
	struct rlimit whole, none;
	(void)state;
	int client = call(), next = open("/dev/null", O_RDONLY);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &whole), 0);
	none = whole;
	none.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	turns(1000);
	assert_int_equal(w.shortages, 1); /* not one per turn: the listener would spin */
	assert_int_equal(w.shared.open, 0);

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &whole), 0);
	event_base_loop(w.base, EVLOOP_ONCE); /* its timer */
	turns(2);
	assert_int_equal(w.shared.open, 1);
	assert_int_equal(w.shortages, 1);
	close(client);
}

static void a_paused_one_that_closes_accepts_its_whole_queue_first(void **state)
{
	struct rlimit whole, none;
	int clients[5];
	(void)state;
	for (unsigned i = 0; i < 5; i++)
		clients[i] = call();
	int next = open("/dev/null", O_RDONLY);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &whole), 0);
	none = whole;
	none.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	turns(1);
	assert_int_equal(w.shortages, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &whole), 0);
	acceptor_close(&w.sockets->acceptors[0]);
	assert_int_equal(w.shared.open, 5);
	for (unsigned i = 0; i < 5; i++)
		close(clients[i]);
}

static void one_turn_takes_a_bounded_number(void **state)
{
	int clients[100];
	(void)state;
	for (unsigned i = 0; i < 100; i++)
		clients[i] = call();
	turns(1);
	assert_in_range(w.shared.open, 1, 64);
	turns(2);
	assert_int_equal(w.shared.open, 100);
	for (unsigned i = 0; i < 100; i++)
		close(clients[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			without_descriptors_it_pauses_and_then_goes_on, begin, end),
		cmocka_unit_test_setup_teardown(
			a_paused_one_that_closes_accepts_its_whole_queue_first, begin, end),
		cmocka_unit_test_setup_teardown(one_turn_takes_a_bounded_number, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
