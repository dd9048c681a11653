/* SPDX-License-Identifier: BSD-2-Clause */
/* The servers of all pools, from an inspection made by hand. */
#include "admin/backends.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SERVERS = 4 };

static const char expected_text[] =
	"pool  server  address           transport  weight    open  queued  state            "
	"health\n"
	"p     k1      10.0.0.1:5060     tcp        5           44       3  up               up\n"
	"p     backup  10.0.0.2:5060     tcp        1 backup     0       0  down (ordered)   "
	"down for 2m 0s: timeout, lost\n"
	"p     k3      [2001:db8::1]:61  tls        1            7       0  drain (ordered)  "
	"up for 3h 0m, drained in 12m 0s\n"
	"p     old                                  0            1       0  removed          "
	"unknown\n";

static const char expected_json[] =
	"{\"servers\":["
	"{\"pool\":\"p\",\"name\":\"k1\",\"address\":\"10.0.0.1:5060\",\"transport\":\"tcp\","
	"\"removed\":false,\"connections\":44,\"queued\":3,\"weight\":5,\"backup\":false,"
	"\"state\":\"up\",\"ordered\":false,\"health\":\"up\",\"health_ms\":0,"
	"\"reason\":\"answered\",\"status\":200,\"lost\":false,\"drain_left_ms\":0},"
	"{\"pool\":\"p\",\"name\":\"backup\",\"address\":\"10.0.0.2:5060\",\"transport\":\"tcp\","
	"\"removed\":false,\"connections\":0,\"queued\":0,\"weight\":1,\"backup\":true,"
	"\"state\":\"down\",\"ordered\":true,\"health\":\"down\",\"health_ms\":120000,"
	"\"reason\":\"timeout\",\"status\":0,\"lost\":true,\"drain_left_ms\":0},"
	"{\"pool\":\"p\",\"name\":\"k3\",\"address\":\"[2001:db8::1]:61\",\"transport\":\"tls\","
	"\"removed\":false,\"connections\":7,\"queued\":0,\"weight\":1,\"backup\":false,"
	"\"state\":\"drain\",\"ordered\":true,\"health\":\"up\",\"health_ms\":10800000,"
	"\"reason\":\"answered\",\"status\":200,\"lost\":false,\"drain_left_ms\":720000},"
	"{\"pool\":\"p\",\"name\":\"old\",\"address\":\"\",\"transport\":\"\","
	"\"removed\":true,\"connections\":1,\"queued\":0,\"weight\":0,\"backup\":false,"
	"\"state\":\"removed\",\"ordered\":false,\"health\":\"unknown\",\"health_ms\":0,"
	"\"reason\":\"not_checked\",\"status\":0,\"lost\":false,\"drain_left_ms\":0}"
	"]}\n";

static struct inspect_server servers[SERVERS];

static struct inspection make(void)
{
	static const struct inspect_server made[SERVERS] = {
		{.pool = "p",
			.name = "k1",
			.transport = "tcp",
			.connections = 44,
			.queued = 3,
			.weight = 5,
			.state = "up",
			.health = "up",
			.reason = "answered",
			.status = 200},
		{.pool = "p",
			.name = "backup",
			.transport = "tcp",
			.weight = 1,
			.is_backup = true,
			.state = "down",
			.is_ordered = true,
			.health = "down",
			.reason = "timeout",
			.health_ms = 120000,
			.is_lost = true},
		{.pool = "p",
			.name = "k3",
			.transport = "tls",
			.connections = 7,
			.weight = 1,
			.state = "drain",
			.is_ordered = true,
			.health = "up",
			.reason = "answered",
			.status = 200,
			.health_ms = 10800000,
			.drain_left_ms = 720000},
		{.pool = "p",
			.name = "old",
			.transport = "",
			.is_retired = true,
			.connections = 1,
			.state = "removed",
			.health = "unknown",
			.reason = "not_checked"},
	};
	memcpy(servers, made, sizeof(made));
	assert_true(addr_port_parse(&servers[0].address, "10.0.0.1:5060"));
	assert_true(addr_port_parse(&servers[1].address, "10.0.0.2:5060"));
	assert_true(addr_port_parse(&servers[2].address, "[2001:db8::1]:61"));
	return (struct inspection){.servers = servers, .server_count = SERVERS};
}

static const char *page_of(page_write *write, const struct inspection *all)
{
	static char page[8192];
	struct text t;
	text_init(&t, page, sizeof(page));
	assert_true(write(&t, all));
	page[t.length] = '\0';
	return page;
}

static void people_see_a_table(void **state)
{
	struct inspection all = make();
	(void)state;
	assert_string_equal(page_of(backends_write_text, &all), expected_text);
}

static void programs_get_the_same(void **state)
{
	struct inspection all = make();
	(void)state;
	assert_string_equal(page_of(backends_write_json, &all), expected_json);
}

static void without_servers_there_is_a_head_and_an_empty_list(void **state)
{
	struct inspection all = {0};
	(void)state;
	assert_string_equal(page_of(backends_write_text, &all),
		"pool  server  address  transport  weight  open  queued  state  health\n");
	assert_string_equal(page_of(backends_write_json, &all), "{\"servers\":[]}\n");
}

static void what_does_not_fit_is_no_page(void **state)
{
	struct inspection all = make();
	(void)state;
	for (size_t size = 1; size < sizeof(expected_json) + 8; size += 7) {
		char *bytes = malloc(size);
		struct text t;
		assert_non_null(bytes);
		text_init(&t, bytes, size);
		assert_int_equal(backends_write_json(&t, &all), size >= sizeof(expected_json));
		text_init(&t, bytes, size);
		assert_int_equal(backends_write_text(&t, &all), size >= sizeof(expected_text));
		free(bytes);
	}
}

static void the_longest_reason_is_cut_and_not_written_past_its_end(void **state)
{
	static char reason[200];
	struct inspection all = make();
	(void)state;
	memset(reason, 'x', sizeof(reason) - 1);
	servers[1].reason = reason;
	const char *page = page_of(backends_write_text, &all);
	assert_non_null(strstr(page, "down for 2m 0s: xxxxxxxx"));
	assert_true(strlen(page) < sizeof(expected_text) + 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people_see_a_table),
		cmocka_unit_test(programs_get_the_same),
		cmocka_unit_test(without_servers_there_is_a_head_and_an_empty_list),
		cmocka_unit_test(what_does_not_fit_is_no_page),
		cmocka_unit_test(the_longest_reason_is_cut_and_not_written_past_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
