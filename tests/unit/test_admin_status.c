/* SPDX-License-Identifier: BSD-2-Clause */
/* The status, from an inspection made by hand: every line of it, for people and for programs. */
#include "admin/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIST(name, ...)                                              \
	static struct inspect_count name##_counts[] = {__VA_ARGS__}; \
	static const struct inspect_list name = {                    \
		name##_counts, sizeof(name##_counts) / sizeof(name##_counts[0])}

LIST(states, {{"default", "unnamed"}, 12}, {{"default", "named"}, 0},
	{{"default", "relaying"}, 500}, {{"c", "unnamed"}, 0}, {{"c", "named"}, 0},
	{{"c", "relaying"}, 300});
LIST(few, {{"default", "relaying"}, 3});
LIST(none, {{"default", "relaying"}, 0});
LIST(reloads, {{"done"}, 3}, {{"failed"}, 1});

static const char expected_text[] =
	"sipweir 1.2.3, up 3d 4h, 2 workers, serving\n"
	"configuration  generation 4; reloads: 3 done, 1 failed\n"
	"connections    815 of 65000\n"
	"sources        415 of 262144\n"
	"bans           9\n"
	"TLS handshakes 5 in progress, 6 waiting\n"
	"memory held    1.2M of 512.0M\n"
	"log lines lost 7\n"
	"\n"
	"listener  address       transport  open  by state\n"
	"nlb-sip   0.0.0.0:5060  tcp         812  12 unnamed, 800 relaying\n"
	"old       [::1]:5061    tls           3  3 relaying; removed\n"
	"idle      0.0.0.0:5062  tcp           0\n"
	"\n"
	"pool         server  address         transport  connections\n"
	"kamailio     k1      10.0.1.10:5060  tcp                 44\n"
	"kamailio     k2                                           1  removed\n"
	"maintenance          answers 503                         12\n"
	"\n"
	"listener  certificate    expires\n"
	"nlb-sip   near.example   in 13d 23h\n"
	"old       *.example.com  HAS EXPIRED\n";

static const char expected_json[] =
	"{\"version\":\"1.2.3\",\"state\":\"serving\",\"healthy\":true,\"ready\":true,\"uptime_"
	"ms\":"
	"273600000,\"workers\":2,\"generation\":4,\"reloads\":{\"done\":3,\"failed\":1},"
	"\"accept_left_ms\":0,\"drain_left_ms\":0,\"connections\":815,\"max_connections\":65000,"
	"\"sources\":415,\"sources_capacity\":262144,\"bans\":9,\"handshakes\":5,\"handshakes_"
	"waiting\":6,"
	"\"memory_held\":1300000,\"memory_total\":"
	"536870912,\"log_dropped\":7,\"listeners\":["
	"{\"name\":\"nlb-sip\",\"address\":\"0.0.0.0:5060\",\"transport\":\"tcp\",\"removed\":"
	"false,"
	"\"open\":812,\"states\":{\"unnamed\":12,\"named\":0,\"relaying\":800}},"
	"{\"name\":\"old\",\"address\":\"[::1]:5061\",\"transport\":\"tls\",\"removed\":true,"
	"\"open\":3,\"states\":{\"relaying\":3}},"
	"{\"name\":\"idle\",\"address\":\"0.0.0.0:5062\",\"transport\":\"tcp\",\"removed\":false,"
	"\"open\":0,\"states\":{\"relaying\":0}}],\"pools\":["
	"{\"name\":\"kamailio\",\"removed\":false,\"clients\":40,\"answers\":0},"
	"{\"name\":\"maintenance\",\"removed\":false,\"clients\":12,\"answers\":503}],\"servers\":["
	"{\"pool\":\"kamailio\",\"name\":\"k1\",\"address\":\"10.0.1.10:5060\",\"transport\":"
	"\"tcp\","
	"\"removed\":false,\"connections\":44"
	",\"queued\":0,\"weight\":1,\"backup\":false,\"state\":\"up\",\"ordered\":false,\"health\":"
	"\"up\",\"health_ms\":0,\"reason\":\"answered\",\"status\":200,\"lost\":false,\"drain_left_"
	"ms\":0},"
	"{\"pool\":\"kamailio\",\"name\":\"k2\",\"address\":\"\",\"transport\":\"\",\"removed\":"
	"true,"
	"\"connections\":1"
	",\"queued\":0,\"weight\":0,\"backup\":false,\"state\":\"removed\",\"ordered\":false,"
	"\"health\":\"unknown\",\"health_ms\":0,\"reason\":\"not_checked\",\"status\":0,\"lost\":"
	"false,\"drain_left_ms\":0}],\"certificates\":["
	"{\"listener\":\"nlb-sip\",\"name\":\"far.example\",\"left_s\":1209600},"
	"{\"listener\":\"nlb-sip\",\"name\":\"near.example\",\"left_s\":1209599},"
	"{\"listener\":\"old\",\"name\":\"*.example.com\",\"left_s\":0}]}\n";

static struct inspect_listener listeners[] = {
	{.name = "nlb-sip", .transport = "tcp", .connections = {0}},
	{.name = "old", .transport = "tls", .is_retired = true},
	{.name = "idle", .transport = "tcp"},
};
static struct inspect_pool pools[] = {
	{.name = "kamailio", .clients = 40},
	{.name = "maintenance", .clients = 12, .answers = 503},
};
static struct inspect_server servers[] = {
	{.pool = "kamailio",
		.name = "k1",
		.transport = "tcp",
		.connections = 44,
		.weight = 1,
		.up = 1,
		.state = "up",
		.health = "up",
		.reason = "answered",
		.status = 200},
	{.pool = "kamailio",
		.name = "k2",
		.transport = "",
		.connections = 1,
		.is_retired = true,
		.state = "removed",
		.health = "unknown",
		.reason = "not_checked"},
};

static struct inspect_certificate certificates[] = {
	{.listener = "nlb-sip", .name = "far.example", .left_s = 1209600},
	{.listener = "nlb-sip", .name = "near.example", .left_s = 1209599},
	{.listener = "old", .name = "*.example.com", .left_s = 0},
};

static struct inspection make(void)
{
	listeners[0].connections = states;
	listeners[1].connections = few;
	listeners[2].connections = none;
	assert_true(addr_port_parse(&listeners[0].address, "0.0.0.0:5060"));
	assert_true(addr_port_parse(&listeners[1].address, "[::1]:5061"));
	assert_true(addr_port_parse(&listeners[2].address, "0.0.0.0:5062"));
	assert_true(addr_port_parse(&servers[0].address, "10.0.1.10:5060"));
	return (struct inspection){
		.version = "1.2.3",
		.handshakes_placed = 5,
		.handshakes_waiting = 6,
		.memory_held = 1300000,
		.memory_total = 512 * 1024 * 1024,
		.sources = 415,
		.sources_capacity = 262144,
		.bans = 9,
		.log_dropped = 7,
		.uptime_ms = ((uint64_t)3 * 24 + 4) * 3600 * 1000,
		.generation = 4,
		.reloads = reloads,
		.workers = 2,
		.open = 815,
		.max_connections = 65000,
		.listeners = listeners,
		.listener_count = 3,
		.pools = pools,
		.pool_count = 2,
		.servers = servers,
		.server_count = 2,
		.certificates = certificates,
		.certificate_count = 3,
	};
}

static char page[8192];

static const char *text_of(const struct status *s)
{
	struct text t;
	text_init(&t, page, sizeof(page));
	assert_true(status_write_text(&t, s));
	page[t.length] = '\0';
	return page;
}

static void people_see_everything_on_one_screen(void **state)
{
	struct inspection all = make();
	(void)state;
	assert_string_equal(text_of(&(struct status){&all, true, true}), expected_text);
}

static void programs_get_the_same_numbers(void **state)
{
	struct inspection all = make();
	struct text t;
	(void)state;
	text_init(&t, page, sizeof(page));
	assert_true(status_write_json(&t, &(struct status){&all, true, true}));
	page[t.length] = '\0';
	assert_string_equal(page, expected_json);
}

static void certificates_that_are_good_for_long_are_not_told_to_people(void **state)
{
	struct inspection all = make();
	(void)state;
	all.certificate_count = 1;
	assert_null(strstr(text_of(&(struct status){&all, true, true}), "certificate"));
}

static void assert_first_line(const struct status *s, const char *expected)
{
	text_of(s);
	*strchr(page, '\n') = '\0';
	assert_string_equal(page, expected);
}

static void the_first_line_says_what_is_wrong(void **state)
{
	struct inspection all = make();
	(void)state;
	all.uptime_ms = 999;
	all.workers = 1;
	assert_first_line(
		&(struct status){&all, true, false}, "sipweir 1.2.3, up 0s, 1 worker, not serving");
	assert_first_line(&(struct status){&all, false, false},
		"sipweir 1.2.3, up 0s, 1 worker, not serving; A WORKER IS STUCK");
	all.draining = 1;
	all.accept_left_ms = 29000;
	all.drain_left_ms = 329000;
	assert_first_line(&(struct status){&all, true, false},
		"sipweir 1.2.3, up 0s, 1 worker, draining: accepts for 29s more, ends within 5m "
		"29s");
	all.accept_left_ms = 0;
	assert_first_line(&(struct status){&all, true, false},
		"sipweir 1.2.3, up 0s, 1 worker, draining: accepts no more, ends within 5m 29s");
}

static void what_does_not_fit_is_no_page(void **state)
{
	struct inspection all = make();
	const struct status s = {&all, true, true};
	(void)state;
	for (size_t size = 1; size < sizeof(expected_json) + 8; size += 11) {
		char *bytes = malloc(size);
		struct text t;
		assert_non_null(bytes);
		text_init(&t, bytes, size);
		assert_int_equal(status_write_json(&t, &s), size >= sizeof(expected_json));
		text_init(&t, bytes, size);
		assert_int_equal(status_write_text(&t, &s), size >= sizeof(expected_text));
		free(bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_see_everything_on_one_screen),
		cmocka_unit_test(programs_get_the_same_numbers),
		cmocka_unit_test(certificates_that_are_good_for_long_are_not_told_to_people),
		cmocka_unit_test(the_first_line_says_what_is_wrong),
		cmocka_unit_test(what_does_not_fit_is_no_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
