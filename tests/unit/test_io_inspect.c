/* SPDX-License-Identifier: BSD-2-Clause */
/* What operators are shown: the sum over the workers, under the right labels, and whether all workers turn. */
#include "proxy/io/inspect.h"
#include "proxy/core/session.h"
#include "proxy/io/listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const char text[] =
	"listeners = ( { name = \"a\"; address = \"127.0.0.1:0\"; pool = \"p\"; backlog = 7; },\n"
	"  { name = \"b\"; address = \"127.0.0.1:0\"; pool = \"r\"; } );\n"
	"pools = ( { name = \"p\"; servers = ( { name = \"s1\"; address = \"192.0.2.1:5060\"; },\n"
	"  { name = \"s2\"; address = \"192.0.2.2:5060\"; } ); },\n"
	"  { name = \"r\"; respond: { status = 200; }; } );\n"
	"limits: { tracked_sources = 9; };\n";

enum { WORKERS = 2 };

/* A proxy that nobody runs: what is shown is what the test has counted. */
struct stage {
	struct conf *conf;
	struct settings *settings;
	struct shared shared;
	struct log *log;
	struct worker *workers;
	struct inspector inspector;
};

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void begin(struct stage *s)
{
	static struct conf_errors errors;
	memset(s, 0, sizeof(*s));
	s->conf = conf_load_text(text, "test", &errors);
	assert_non_null(s->conf);
	const struct shared_setup setup = {
		.limits = &s->conf->limits, .capacity = 10, .workers = WORKERS};
	assert_true(shared_init(&s->shared, &setup));
	s->settings = settings_new(&s->shared, s->conf, NULL);
	assert_non_null(s->settings);
	settings_publish(&s->shared, s->settings);
	s->log = log_new(&s->conf->log, WORKERS, &errors);
	assert_non_null(s->log);
	s->workers = calloc(WORKERS, sizeof(*s->workers));
	assert_non_null(s->workers);
	for (unsigned w = 0; w < WORKERS; w++)
		atomic_store(&s->workers[w].turned_ms, now_ms());
	s->inspector.shared = &s->shared;
	s->inspector.workers = s->workers;
	s->inspector.log = s->log;
	conf_errors_fini(&errors);
}

static void end(struct stage *s)
{
	log_free(s->log);
	free(s->workers);
	settings_free(s->settings);
	shared_fini(&s->shared);
}

/* The value with these labels, or one that no count has. */
static uint64_t value(const struct inspect_list *list, const char *a, const char *b, const char *c)
{
	const char *wanted[INSPECT_LABELS] = {a, b, c};
	for (size_t i = 0; i < list->count; i++) {
		bool is_it = true;
		for (unsigned l = 0; l < INSPECT_LABELS && wanted[l]; l++)
			is_it &= !strcmp(list->counts[i].labels[l], wanted[l]);
		if (is_it)
			return list->counts[i].value;
	}
	return UINT64_MAX;
}

static void count_in(struct listener_counters *c)
{
	counter_add(&c->accepted, 10);
	counter_add(&c->pings, 4);
	counter_add(&c->queue, 2);
	counter_add(&c->closed[REASON_IDLE], 3);
	counter_add(&c->messages[DIRECTION_OUT][METHOD_BYE], 6);
	counter_add(&c->messages[DIRECTION_IN][COUNTERS_RESPONSE], 7);
	counter_add(&c->headers[2][HEADER_FAULTY + PROXY_FAULT_CRC32C], 8);
	counter_add(&c->handshakes[counters_tls_version("1.2")][TLS_TIMEOUT][1], 11);
	counter_add(&c->refusals[REFUSAL_UNREACHABLE], 9);
	counter_add(&c->responded[699 - COUNTERS_STATUS_MIN], 1);
}

static void count_in_class(struct class_counters *c)
{
	counter_add(&c->refused[REASON_LIMIT_MEMORY][CONF_ACTION_CLOSE], 5);
	counter_add(&c->would_refuse[REASON_LIMIT_TRACKED_SOURCES], 2);
	counter_add(&c->delayed, 13);
}

static void counts_of_all_workers_add_up_under_their_labels(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	for (unsigned w = 0; w < WORKERS; w++) {
		count_in(&settings_listener(s.settings, 0)->listener->counters[w]);
		count_in_class(&settings_listener(s.settings, 0)->listener->classes[CLASS_NONE][w]);
		counter_count(
			&settings_pool(s.settings, 0)->servers[1].backend->counters[w].connections);
		counter_count(&settings_pool(s.settings, 0)
				       ->servers[1]
				       .backend->counters[w]
				       .responses[counters_status_slot(407)]);
	}
	struct inspection *all = inspect_take(&s.inspector);
	assert_non_null(all);
	assert_int_equal(all->listener_count, 2);
	const struct inspect_listener *a = &all->listeners[0];
	assert_string_equal(a->name, "a");
	assert_int_equal(a->accepted, 20);
	assert_int_equal(a->pings, 8);
	assert_int_equal(a->queue, 4);
	assert_int_equal(value(&a->closed, "idle", NULL, NULL), 6);
	assert_int_equal(value(&a->refused, "default", "memory", "close"), 10);
	assert_int_equal(value(&a->refused, "default", "memory", "reset"), 0);
	assert_int_equal(value(&a->messages, "out", "request", "BYE"), 12);
	assert_int_equal(value(&a->messages, "in", "response", ""), 14);
	assert_int_equal(value(&a->headers, "v2", "crc32c", NULL), 16);
	assert_int_equal(value(&a->handshakes, "1.2", "timeout", "true"), 22);
	assert_int_equal(a->handshakes.count, 1);
	assert_int_equal(value(&a->answers, "503", "unreachable", NULL), 18);
	assert_int_equal(value(&a->answers, "699", "respond", NULL), 2);
	assert_int_equal(value(&a->would_refuse, "default", "tracked_sources", NULL), 4);
	assert_int_equal(value(&a->delayed, "default", NULL, NULL), 26);
	assert_int_equal(all->listeners[1].accepted, 0);
	assert_int_equal(all->server_count, 2);
	assert_string_equal(all->servers[1].pool, "p");
	assert_string_equal(all->servers[1].name, "s2");
	assert_int_equal(all->servers[1].connections, 2);
	assert_int_equal(value(&all->servers[1].responses, "407", NULL, NULL), 2);
	assert_int_equal(all->servers[0].connections, 0);
	assert_int_equal(all->sources_capacity, 9);
	inspect_free(all);
	end(&s);
}

static void everything_is_shown_with_its_address_and_what_it_is_for(void **state)
{
	(void)state;
	struct stage s;
	char address[ADDR_PORT_TEXT_MAX];
	begin(&s);
	counter_count(&settings_pool(s.settings, 1)->pool->lanes[0].sessions);
	counter_count(&settings_pool(s.settings, 1)->pool->lanes[1].sessions);
	struct inspection *all = inspect_take(&s.inspector);
	addr_port_format(&all->listeners[0].address, address);
	assert_string_equal(address, "127.0.0.1:0");
	assert_string_equal(all->listeners[0].transport, "tcp");
	assert_false(all->listeners[0].is_retired);
	addr_port_format(&all->servers[1].address, address);
	assert_string_equal(address, "192.0.2.2:5060");
	assert_string_equal(all->servers[1].transport, "tcp");
	assert_false(all->servers[1].is_retired);
	assert_int_equal(all->pool_count, 2);
	assert_string_equal(all->pools[0].name, "p");
	assert_int_equal(all->pools[0].answers, 0);
	assert_int_equal(all->pools[0].clients, 0);
	assert_int_equal(all->pools[1].answers, 200);
	assert_int_equal(all->pools[1].clients, 2);
	inspect_free(all);
	end(&s);
}

/* A reload has taken the server out; somebody is still connected to it, and nobody to the other one that went. */
static void what_a_reload_has_removed_is_shown_as_long_as_it_is_used(void **state)
{
	static struct conf_errors errors;
	static const char less[] =
		"listeners = ( { name = \"b\"; address = \"127.0.0.1:0\"; pool = \"p\"; } );\n"
		"pools = ( { name = \"p\"; servers = ( { name = \"s3\"; address = "
		"\"192.0.2.3:5060\"; } ); } );\n";
	(void)state;
	struct stage s;
	begin(&s);
	counter_count(&settings_pool(s.settings, 0)->servers[1].backend->counters[0].connections);
	counter_count(&settings_listener(s.settings, 0)
			       ->listener->classes[CLASS_NONE][0]
			       .connections[SESSION_NAMED]);
	struct conf *conf = conf_load_text(less, "less", &errors);
	assert_non_null(conf);
	struct settings *next = settings_new(&s.shared, conf, s.settings);
	assert_non_null(next);
	settings_publish(&s.shared, next);
	settings_free(s.settings);
	s.settings = next;
	struct inspection *all = inspect_take(&s.inspector);
	assert_int_equal(all->listener_count, 2);
	assert_string_equal(all->listeners[0].name, "a");
	assert_true(all->listeners[0].is_retired);
	assert_string_equal(all->listeners[0].transport, "tcp");
	assert_false(all->listeners[1].is_retired);
	assert_int_equal(all->server_count, 2);
	for (size_t i = 0; i < all->server_count; i++) {
		bool is_new = !strcmp(all->servers[i].name, "s3");
		assert_int_equal(all->servers[i].is_retired, !is_new);
		assert_int_equal(all->servers[i].connections, !is_new);
	}
	inspect_free(all);
	conf_errors_fini(&errors);
	end(&s);
}

static void the_state_of_the_process_is_told(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	for (unsigned w = 0; w < WORKERS; w++)
		atomic_store(&s.workers[w].generation, 1);
	atomic_store(&s.inspector.reloads[INSPECT_RELOAD_DONE], 3);
	atomic_store(&s.inspector.reloads[INSPECT_RELOAD_FAILED], 2);
	struct inspection *all = inspect_take(&s.inspector);
	assert_int_equal(value(&all->reloads, "done", NULL, NULL), 3);
	assert_int_equal(value(&all->reloads, "failed", NULL, NULL), 2);
	assert_int_equal(value(&all->build, SIPWEIR_VERSION, NULL, NULL), 1);
	assert_int_equal(all->generation, 1);
	assert_int_equal(all->draining, 0);
	assert_int_equal(all->accept_left_ms + all->drain_left_ms, 0);
	assert_int_equal(all->memory_total, 512 * 1024 * 1024);
	inspect_free(all);
	atomic_store(&s.inspector.accept_ends_ms, now_ms() + 30000);
	atomic_store(&s.inspector.leave_ends_ms, now_ms() + 60000);
	atomic_store(&s.workers[1].generation, 0);
	all = inspect_take(&s.inspector);
	assert_int_equal(all->draining, 1);
	assert_in_range(all->accept_left_ms, 20000, 30010);
	assert_in_range(all->drain_left_ms, 50000, 60010);
	assert_int_equal(all->generation, 0); /* one worker has not taken it yet */
	inspect_free(all);
	end(&s);
}

/* A connection may begin in one worker's set and, for a reader in between, not yet have left another state. */
static void what_one_worker_has_counted_down_is_taken_from_the_sum(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct class_counters *sets =
		settings_listener(s.settings, 0)->listener->classes[CLASS_NONE];
	counter_add(&sets[0].connections[SESSION_PROVEN], 3);
	counter_uncount(&sets[1].connections[SESSION_PROVEN]);
	struct inspection *all = inspect_take(&s.inspector);
	assert_int_equal(value(&all->listeners[0].connections, "default", "proven", NULL), 2);
	inspect_free(all);
	end(&s);
}

static uint64_t up_to(const struct inspect_histogram *h, const char *bound)
{
	for (unsigned b = 0; b < INSPECT_BUCKETS; b++)
		if (!strcmp(h->bounds[b], bound))
			return h->counts[b];
	return UINT64_MAX;
}

static void how_long_things_took_adds_up_over_workers_listeners_and_servers(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	const struct pool_settings *p = settings_pool(s.settings, 0);
	for (unsigned w = 0; w < WORKERS; w++) {
		histogram_count(&settings_listener(s.settings, w)->listener->counters[w].admission,
			w ? 31000 : 250);
		histogram_count(&p->servers[w].backend->counters[w].connect, 6 + w);
	}
	struct inspection *all = inspect_take(&s.inspector);
	assert_int_equal(up_to(&all->admission, "0.1"), 0);
	assert_int_equal(up_to(&all->admission, "0.25"), 1);
	assert_int_equal(up_to(&all->admission, "30"), 1);
	assert_int_equal(up_to(&all->admission, "+Inf"), 2);
	assert_int_equal(all->admission.sum_ms, 31250);
	assert_int_equal(all->pool_count, 2);
	assert_string_equal(all->pools[0].name, "p");
	assert_int_equal(up_to(&all->pools[0].connect, "0.005"), 0);
	assert_int_equal(up_to(&all->pools[0].connect, "0.01"), 2);
	assert_int_equal(all->pools[0].connect.sum_ms, 13);
	assert_null(all->pools[1].connect.bounds[0]); /* it has no servers */
	inspect_free(all);
	end(&s);
}

static void handshakes_that_hold_or_want_a_place_are_shown(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct places *places = &s.shared.handshakes;
	for (unsigned w = 0; w < WORKERS; w++)
		places_begin_waiting(places, w);
	assert_true(places_take(places, 1, 9));
	struct inspection *all = inspect_take(&s.inspector);
	assert_int_equal(all->handshakes_placed, 1);
	assert_int_equal(all->handshakes_waiting, 2);
	inspect_free(all);
	end(&s);
}

/* Whatever can be counted finds its room, and no label is missing. */
static void a_listener_on_which_everything_has_happened_is_shown_whole(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct listener_counters *c = &settings_listener(s.settings, 0)->listener->counters[0];
	for (size_t i = 0; i < sizeof(*c) / sizeof(struct counter); i++)
		counter_count((struct counter *)c + i);
	/* what cannot be counted: there is no answer to such a fault, and no such fault */
	for (unsigned r = 0; r < REFUSAL_COUNT; r++)
		if (!refusal_status(r))
			counter_set(&c->refusals[r], 0);
	for (unsigned v = 0; v < COUNTERS_VERSIONS; v++)
		counter_set(&c->headers[v][HEADER_FAULTY + PROXY_FAULT_NONE], 0);
	struct inspection *all = inspect_take(&s.inspector);
	const struct inspect_listener *a = &all->listeners[0];
	for (size_t i = 0; i < a->headers.count; i++)
		assert_non_null(a->headers.counts[i].labels[1]);
	assert_int_equal(a->headers.count, COUNTERS_VERSIONS * (HEADER_OUTCOMES - 1));
	assert_int_equal(a->handshakes.count, TLS_VERSIONS * TLS_OUTCOMES * 2);
	for (size_t i = 0; i < a->handshakes.count; i++)
		for (unsigned l = 0; l < 3; l++)
			assert_non_null(a->handshakes.counts[i].labels[l]);
	for (unsigned status = 200; status < 700; status++) {
		char label[4];
		snprintf(label, sizeof(label), "%u", status);
		assert_int_equal(value(&a->answers, label, "respond", NULL), 1);
	}
	inspect_free(all);
	end(&s);
}

static void it_is_healthy_while_every_worker_has_turned_within_five_seconds(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	assert_true(inspect_is_healthy(&s.inspector));
	atomic_store(&s.workers[1].turned_ms, now_ms() - INSPECT_STUCK_MS + 1000);
	assert_true(inspect_is_healthy(&s.inspector));
	atomic_store(&s.workers[1].turned_ms, now_ms() - INSPECT_STUCK_MS - 1);
	assert_false(inspect_is_healthy(&s.inspector));
	end(&s);
}

static void it_is_ready_while_it_serves_and_is_healthy(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	assert_false(inspect_is_ready(&s.inspector));
	atomic_store(&s.inspector.is_serving, true);
	assert_true(inspect_is_ready(&s.inspector));
	atomic_store(&s.workers[0].turned_ms, now_ms() - 6000);
	assert_false(inspect_is_ready(&s.inspector));
	end(&s);
}

static void a_listening_socket_tells_its_queue_and_its_limit(void **state)
{
	(void)state;
	struct stage s;
	struct conf_errors errors = {0};
	uint32_t length, limit;
	begin(&s);
	struct sockets *sockets =
		listen_open(&s.conf->listeners[0], &s.conf->timeouts, 1, false, &errors);
	assert_non_null(sockets);
	int fd = sockets->acceptors[0].fd;
	struct sockaddr_storage to;
	socklen_t size = addr_to_sockaddr(&sockets->bound, &to);
	int clients[3];
	for (unsigned i = 0; i < 3; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(connect(clients[i], (struct sockaddr *)&to, size), 0);
	}
	assert_true(listen_queue(fd, &length, &limit));
	assert_int_equal(length, 3);
	assert_int_equal(limit, 7);
	assert_false(listen_queue(clients[0], &length, &limit));
	for (unsigned i = 0; i < 3; i++)
		close(clients[i]);
	listen_free(sockets);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_of_all_workers_add_up_under_their_labels),
		cmocka_unit_test(everything_is_shown_with_its_address_and_what_it_is_for),
		cmocka_unit_test(what_a_reload_has_removed_is_shown_as_long_as_it_is_used),
		cmocka_unit_test(the_state_of_the_process_is_told),
		cmocka_unit_test(what_one_worker_has_counted_down_is_taken_from_the_sum),
		cmocka_unit_test(how_long_things_took_adds_up_over_workers_listeners_and_servers),
		cmocka_unit_test(handshakes_that_hold_or_want_a_place_are_shown),
		cmocka_unit_test(a_listener_on_which_everything_has_happened_is_shown_whole),
		cmocka_unit_test(it_is_healthy_while_every_worker_has_turned_within_five_seconds),
		cmocka_unit_test(it_is_ready_while_it_serves_and_is_healthy),
		cmocka_unit_test(a_listening_socket_tells_its_queue_and_its_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
