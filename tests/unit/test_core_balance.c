/* SPDX-License-Identifier: BSD-2-Clause */
/* Which server a connection goes to. */
#include "proxy/core/balance.h"
#include "tests/unit/core_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SOURCES = 100000, EIGHT = 8 };

#define EIGHT_SERVERS                                      \
	"servers = ("                                      \
	"{ name = \"k1\"; address = \"10.0.0.1:5060\"; }," \
	"{ name = \"k2\"; address = \"10.0.0.2:5060\"; }," \
	"{ name = \"k3\"; address = \"10.0.0.3:5060\"; }," \
	"{ name = \"k4\"; address = \"10.0.0.4:5060\"; }," \
	"{ name = \"k5\"; address = \"10.0.0.5:5060\"; }," \
	"{ name = \"k6\"; address = \"10.0.0.6:5060\"; }," \
	"{ name = \"k7\"; address = \"10.0.0.7:5060\"; }," \
	"{ name = \"k8\"; address = \"10.0.0.8:5060\"; } );"
#define SEVEN_SERVERS_TURNED_ROUND                         \
	"servers = ("                                      \
	"{ name = \"k8\"; address = \"10.0.0.8:5060\"; }," \
	"{ name = \"k7\"; address = \"10.0.0.7:5060\"; }," \
	"{ name = \"k6\"; address = \"10.0.0.6:5060\"; }," \
	"{ name = \"k5\"; address = \"10.0.0.5:5060\"; }," \
	"{ name = \"k4\"; address = \"10.0.0.4:5060\"; }," \
	"{ name = \"k2\"; address = \"10.0.0.2:5060\"; }," \
	"{ name = \"k1\"; address = \"10.0.0.1:5060\"; } );"
#define BY_SOURCE "health: { method = \"off\"; };" /* the policy is the default */
#define IN_TURN	  "policy = \"round-robin\"; health: { method = \"off\"; };"
#define LEAST	  "policy = \"least-connections\"; health: { method = \"off\"; };"
#define THREE(a, b, c)                                                      \
	"servers = ( { name = \"a\"; address = \"10.0.0.1:5060\"; " a " }," \
	"{ name = \"b\"; address = \"10.0.0.2:5060\"; " b " },"             \
	"{ name = \"c\"; address = \"10.0.0.3:5060\"; " c " } );"

static const char hashed[] = FAKE_CONF_CHECKED("", BY_SOURCE EIGHT_SERVERS, "");

static const struct pool_settings *pool_of(const struct fake *f)
{
	return settings_pool(f->settings, 0);
}

static struct backend *backend_of(const struct fake *f, const char *name)
{
	const struct pool_settings *p = pool_of(f);
	for (size_t i = 0; i < p->server_count; i++)
		if (!strcmp(p->servers[i].backend->name, name))
			return p->servers[i].backend;
	fail_msg("no server %s", name);
	return NULL;
}

static uint64_t source_of(const struct fake *f, const char *address, const char *endpoint)
{
	struct addr a;
	assert_true(addr_parse(&a, address));
	return balance_source(&f->conf->limits, &a, endpoint);
}

static uint64_t nth_source(const struct fake *f, unsigned n)
{
	char address[32];
	snprintf(address, sizeof(address), "10.%u.%u.%u", n >> 16, n >> 8 & 255, n & 255);
	return source_of(f, address, "");
}

/* The name of the server; "" for none. */
static const char *choose(const struct fake *f, uint64_t source)
{
	const struct choice c = {.pool = pool_of(f), .source = source, .now_ms = f->now_ms};
	const struct server_settings *s = balance_choose(&c);
	return s ? s->backend->name : "";
}

static char letter(const struct fake *f)
{
	const char *name = choose(f, 1);
	return *name ? *name : '-';
}

/* So many choices in turn, one letter each; nothing is counted as open. */
static void assert_turns(const struct fake *f, const char *expected)
{
	char turns[64] = "";
	for (size_t i = 0; expected[i]; i++)
		turns[i] = letter(f);
	assert_string_equal(turns, expected);
}

static void take(const struct fake *f, const char *name, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_true(backend_take(backend_of(f, name), 0));
}

static void give_all(const struct fake *f)
{
	const struct pool_settings *p = pool_of(f);
	for (size_t i = 0; i < p->server_count; i++)
		atomic_store(&p->servers[i].backend->open, 0);
}

static void order(const struct fake *f, const char *name, enum conf_server_state state)
{
	atomic_store(&backend_of(f, name)->order, (unsigned)state + 1);
}

/* --- source-hash --- */

static char chosen[SOURCES];

static void remember(const struct fake *f)
{
	for (unsigned n = 0; n < SOURCES; n++)
		chosen[n] = choose(f, nth_source(f, n))[1];
}

/* All sources of k3 have moved, and nobody else has. Returns how many those are. */
static unsigned assert_those_of_k3_have_moved(const struct fake *f)
{
	unsigned moved = 0, to[EIGHT + 1] = {0};
	for (unsigned n = 0; n < SOURCES; n++) {
		char now = choose(f, nth_source(f, n))[1];
		if (chosen[n] != '3') {
			assert_int_equal(now, chosen[n]);
			continue;
		}
		assert_int_not_equal(now, '3');
		to[now - '0']++;
		moved++;
	}
	for (unsigned k = 1; k <= EIGHT; k++)
		if (k != 3) /* to all of the others alike */
			assert_in_range(to[k], moved / 7 * 8 / 10, moved / 7 * 12 / 10);
	assert_in_range(moved, SOURCES * 105 / 1000, SOURCES * 145 / 1000);
	return moved;
}

static void a_source_finds_its_server_in_another_process_and_from_another_file(void **state)
{
	(void)state;
	struct fake *f = fake_new(hashed, 1);
	remember(f);
	fake_end(f);
	f = fake_new(FAKE_CONF_CHECKED("", BY_SOURCE SEVEN_SERVERS_TURNED_ROUND, ""), 2);
	assert_those_of_k3_have_moved(f);
	fake_end(f);
}

static void without_a_server_its_sources_alone_move(void **state)
{
	static const enum conf_server_state states[] = {CONF_SERVER_DOWN, CONF_SERVER_DRAIN};
	(void)state;
	struct fake *f = fake_new(hashed, 1);
	remember(f);
	struct backend *k3 = backend_of(f, "k3");
	for (unsigned i = 0; i < 2; i++) {
		order(f, "k3", states[i]);
		assert_those_of_k3_have_moved(f);
		atomic_store(&k3->order, 0);
	}
	backend_tell(k3, BACKEND_DOWN, f->now_ms);
	assert_those_of_k3_have_moved(f);
	atomic_store(&k3->health, BACKEND_UP);
	for (unsigned n = 0; n < SOURCES; n++)
		assert_int_equal(choose(f, nth_source(f, n))[1], chosen[n]);
	fake_end(f);
}

static void sources_are_shared_by_weight(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF_CHECKED("",
				 BY_SOURCE THREE("weight = 5;", "weight = 3;", "weight = 2;"), ""),
			1);
	unsigned of[3] = {0};
	for (unsigned n = 0; n < SOURCES; n++)
		of[choose(f, nth_source(f, n))[0] - 'a']++;
	assert_in_range(of[0], SOURCES * 49 / 100, SOURCES * 51 / 100);
	assert_in_range(of[1], SOURCES * 29 / 100, SOURCES * 31 / 100);
	assert_in_range(of[2], SOURCES * 19 / 100, SOURCES * 21 / 100);
	fake_end(f);
}

/* Half of all connections come from ten addresses, such as those of large offices. */
static void no_server_has_more_than_a_quarter_above_the_mean(void **state)
{
	(void)state;
	struct fake *f = fake_new(hashed, 1);
	const struct pool_settings *p = pool_of(f);
	for (unsigned n = 0; n < SOURCES; n++) {
		const char *name = choose(f, nth_source(f, n % 2 ? n : n / 2 % 10));
		take(f, name, 1);
		unsigned mean = n / EIGHT + 1;
		unsigned open = atomic_load(&backend_of(f, name)->open);
		if (open > 32 && open > mean * 5 / 4 + 2)
			fail_msg("%u of %u connections at %s", open, n, name);
	}
	for (unsigned i = 0; i < EIGHT; i++)
		assert_in_range(atomic_load(&p->servers[i].backend->open), SOURCES / 16,
			SOURCES / EIGHT * 5 / 4 + 1);
	give_all(f);
	fake_end(f);
}

static void below_32_connections_a_server_is_not_too_full_for_its_own(void **state)
{
	(void)state;
	struct fake *f = fake_new(hashed, 1);
	uint64_t source = source_of(f, "192.0.2.10", "");
	char own[BACKEND_NAME_MAX];
	strcpy(own, choose(f, source));
	for (unsigned n = 0; n < 32; n++) {
		assert_string_equal(choose(f, source), own);
		take(f, own, 1);
	}
	assert_string_not_equal(choose(f, source), own);
	give_all(f);
	fake_end(f);
}

static void the_endpoint_is_part_of_the_source(void **state)
{
	(void)state;
	struct fake *f = fake_new(hashed, 1);
	uint64_t plain = source_of(f, "10.0.0.1", "");
	assert_true(plain != source_of(f, "10.0.0.1", "vpce-1"));
	assert_true(source_of(f, "10.0.0.1", "vpce-1") != source_of(f, "10.0.0.1", "vpce-2"));
	assert_true(source_of(f, "10.0.0.1", "vpce-1") == source_of(f, "10.0.0.1", "vpce-1"));
	assert_true(source_of(f, "10.0.0.2", "vpce-1") != source_of(f, "10.0.0.1", "vpce-1"));
	fake_end(f);
}

static void all_of_an_ipv6_prefix_is_one_source(void **state)
{
	(void)state;
	struct fake *f = fake_new(hashed, 1);
	uint64_t source = source_of(f, "2001:db8:0:1::1", "");
	assert_true(source == source_of(f, "2001:db8:0:1:ffff::2", ""));
	assert_true(source != source_of(f, "2001:db8:0:2::1", ""));
	assert_true(source_of(f, "192.0.2.1", "") != source_of(f, "192.0.2.2", ""));
	fake_end(f);
}

/* --- round-robin --- */

static void turns_are_spread_smoothly_by_weight(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF_CHECKED("", IN_TURN THREE("weight = 5;", "", ""), ""), 1);
	assert_turns(f, "aabacaaaabacaa");
	fake_end(f);
	f = fake_new(FAKE_CONF_CHECKED("", IN_TURN THREE("weight = 3;", "", ""), ""), 1);
	assert_turns(f, "abacaabaca");
	fake_end(f);
}

static void workers_share_the_turns(void **state)
{
	static const char ports[] = "123123";
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", FAKE_THREE_SERVERS, ""), 2);
	for (unsigned i = 0; i < 6; i++) {
		struct fake_stream *client = fake_stream_new(f);
		fake_queue(client, BYTES(REQUEST("OPTIONS", "1")));
		fake_accept(client, i % 2, 0, "192.0.2.10:4000");
		fake_run(f);
		char to[ADDR_PORT_TEXT_MAX];
		addr_port_format(&fake_server(f, i)->to, to);
		assert_int_equal(to[strlen("10.0.0.")], ports[i]);
	}
	fake_stop(f);
}

static void a_server_that_is_down_loses_its_turns_to_the_others(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF_CHECKED("", IN_TURN THREE("", "", ""), ""), 1);
	backend_tell(backend_of(f, "b"), BACKEND_DOWN, f->now_ms);
	assert_turns(f, "acacac");
	fake_end(f);
}

/* --- least-connections --- */

static void the_least_connected_for_its_weight_is_next(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF_CHECKED("", LEAST THREE("weight = 2;", "", ""), ""), 1);
	for (unsigned n = 0; n < 4000; n++)
		take(f, choose(f, n), 1);
	assert_in_range(atomic_load(&backend_of(f, "a")->open), 1999, 2001);
	assert_in_range(atomic_load(&backend_of(f, "b")->open), 999, 1001);
	assert_in_range(atomic_load(&backend_of(f, "c")->open), 999, 1001);
	atomic_store(&backend_of(f, "c")->open, 10);
	for (unsigned n = 0; n < 900; n++) {
		assert_string_equal(choose(f, n), "c");
		take(f, "c", 1);
	}
	give_all(f);
	fake_end(f);
}

static void equals_take_turns(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF_CHECKED("", LEAST THREE("", "", ""), ""), 1);
	unsigned of[3] = {0};
	for (unsigned n = 0; n < 30; n++)
		of[letter(f) - 'a']++;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(of[i], 10);
	fake_end(f);
}

/* --- all policies --- */

static const char *const policies[] = {BY_SOURCE, IN_TURN, LEAST};

static struct fake *with_policy(unsigned policy, const char *servers)
{
	char text[2048];
	snprintf(text, sizeof(text), FAKE_CONF_CHECKED("", "%s %s", ""), policies[policy], servers);
	return fake_new(text, 1);
}

static void a_backup_is_used_when_nobody_else_is_up(void **state)
{
	(void)state;
	for (unsigned policy = 0; policy < 3; policy++) {
		struct fake *f = with_policy(policy, THREE("backup = true;", "", ""));
		for (unsigned n = 0; n < 50; n++)
			assert_string_not_equal(choose(f, nth_source(f, n)), "a");
		order(f, "b", CONF_SERVER_DRAIN);
		backend_tell(backend_of(f, "c"), BACKEND_DOWN, f->now_ms);
		for (unsigned n = 0; n < 50; n++)
			assert_string_equal(choose(f, nth_source(f, n)), "a");
		assert_true(balance_has_other(pool_of(f), backend_of(f, "c")));
		assert_false(balance_has_other(pool_of(f), backend_of(f, "a")));
		fake_end(f);
	}
}

static void a_full_server_is_passed_over(void **state)
{
	(void)state;
	for (unsigned policy = 0; policy < 3; policy++) {
		struct fake *f =
			with_policy(policy, THREE("max_connections = 2;", "max_connections = 3;",
						    "max_connections = 4;"));
		for (unsigned n = 0; n < 9; n++)
			take(f, choose(f, nth_source(f, n)), 1);
		assert_int_equal(atomic_load(&backend_of(f, "a")->open), 2);
		assert_int_equal(atomic_load(&backend_of(f, "b")->open), 3);
		assert_int_equal(atomic_load(&backend_of(f, "c")->open), 4);
		assert_string_equal(choose(f, 1), "");
		give_all(f);
		fake_end(f);
	}
}

static void when_all_are_full_a_request_gets_503(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("",
				 "servers = ( { name = \"a\"; address = \"10.0.0.1:5060\"; "
				 "max_connections = 1; }, { name = \"b\"; address = "
				 "\"10.0.0.2:5060\"; max_connections = 1; } );",
				 ""),
			1);
	struct fake_stream *clients[3];
	for (unsigned i = 0; i < 3; i++) {
		clients[i] = fake_client(f);
		fake_say(clients[i], BYTES(REQUEST("OPTIONS", "1")));
	}
	assert_int_equal(f->server_count, 2);
	assert_int_equal(fake_wrote_times(clients[2], "SIP/2.0 503"), 1);
	fake_finish(clients[0]);
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_say(clients[2], BYTES(REQUEST("OPTIONS", "2")));
	assert_int_equal(f->server_count, 3);
	fake_stop(f);
}

static void when_all_are_down_they_are_tried_or_not_as_all_down_says(void **state)
{
	(void)state;
	struct fake *f = with_policy(1, THREE("", "", "backup = true;"));
	for (const char *name = "abc"; *name; name++)
		backend_tell(backend_of(f, (char[]){*name, '\0'}), BACKEND_DOWN, f->now_ms);
	assert_turns(f, "abab");
	order(f, "a", CONF_SERVER_DOWN); /* an administrator's word is no guess */
	assert_turns(f, "bbbb");
	fake_end(f);
	f = with_policy(1, "all_down = \"refuse\";" THREE("", "", ""));
	for (const char *name = "abc"; *name; name++)
		backend_tell(backend_of(f, (char[]){*name, '\0'}), BACKEND_DOWN, f->now_ms);
	assert_turns(f, "--");
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	assert_int_equal(f->server_count, 0);
	assert_int_equal(fake_wrote_times(client, "SIP/2.0 503"), 1);
	fake_stop(f);
}

static void who_is_drained_or_down_gets_nobody_new(void **state)
{
	static const char *const states[] = {"drain", "down"};
	(void)state;
	for (unsigned i = 0; i < 2; i++)
		for (unsigned policy = 0; policy < 3; policy++) {
			char servers[512];
			snprintf(servers, sizeof(servers), THREE("state = \"%s\";", "", ""),
				states[i]);
			struct fake *f = with_policy(policy, servers);
			for (unsigned n = 0; n < 50; n++)
				assert_string_not_equal(choose(f, nth_source(f, n)), "a");
			order(f, "b", CONF_SERVER_DRAIN);
			order(f, "c", CONF_SERVER_DOWN);
			assert_string_equal(choose(f, 1), "");
			order(f, "a", CONF_SERVER_UP); /* against the file */
			assert_string_equal(choose(f, 1), "a");
			fake_end(f);
		}
}

static void a_server_that_has_come_back_gets_its_share_little_by_little(void **state)
{
	static const unsigned at_most[] = {60, 250, 420, 500};
	(void)state;
	for (unsigned policy = 0; policy < 2; policy++) {
		struct fake *f = with_policy(policy,
			"slow_start = \"30s\"; servers = ( { name = \"a\"; address = "
			"\"10.0.0.1:5060\"; }, { name = \"b\"; address = \"10.0.0.2:5060\"; } );");
		struct backend *b = backend_of(f, "b");
		backend_tell(b, BACKEND_DOWN, f->now_ms);
		backend_tell(b, BACKEND_UP, f->now_ms);
		unsigned before = 0;
		for (unsigned step = 0; step < 4; step++) {
			unsigned share = 0;
			for (unsigned n = 0; n < 1000; n++)
				share += *choose(f, nth_source(f, n)) == 'b';
			assert_in_range(share, before + 1, at_most[step] + 40);
			before = share;
			f->now_ms += 10000;
		}
		assert_in_range(before, 450, 550);
		fake_end(f);
	}
}

static void servers_that_were_tried_are_out_of_the_question(void **state)
{
	(void)state;
	for (unsigned policy = 0; policy < 3; policy++) {
		struct fake *f = with_policy(policy, THREE("", "", "backup = true;"));
		uint16_t tried[3];
		char order_of[4] = "";
		struct choice c = {.pool = pool_of(f), .source = 7, .tried = tried};
		for (; c.tried_count < 3; c.tried_count++) {
			const struct server_settings *s = balance_choose(&c);
			assert_non_null(s);
			order_of[c.tried_count] = s->backend->name[0];
			tried[c.tried_count] = s->backend->slot;
		}
		assert_null(balance_choose(&c));
		assert_true(!strcmp(order_of, "abc") || !strcmp(order_of, "bac"));
		fake_end(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_source_finds_its_server_in_another_process_and_from_another_file),
		cmocka_unit_test(without_a_server_its_sources_alone_move),
		cmocka_unit_test(sources_are_shared_by_weight),
		cmocka_unit_test(no_server_has_more_than_a_quarter_above_the_mean),
		cmocka_unit_test(below_32_connections_a_server_is_not_too_full_for_its_own),
		cmocka_unit_test(the_endpoint_is_part_of_the_source),
		cmocka_unit_test(all_of_an_ipv6_prefix_is_one_source),
		cmocka_unit_test(turns_are_spread_smoothly_by_weight),
		cmocka_unit_test(workers_share_the_turns),
		cmocka_unit_test(a_server_that_is_down_loses_its_turns_to_the_others),
		cmocka_unit_test(the_least_connected_for_its_weight_is_next),
		cmocka_unit_test(equals_take_turns),
		cmocka_unit_test(a_backup_is_used_when_nobody_else_is_up),
		cmocka_unit_test(a_full_server_is_passed_over),
		cmocka_unit_test(when_all_are_full_a_request_gets_503),
		cmocka_unit_test(when_all_are_down_they_are_tried_or_not_as_all_down_says),
		cmocka_unit_test(who_is_drained_or_down_gets_nobody_new),
		cmocka_unit_test(a_server_that_has_come_back_gets_its_share_little_by_little),
		cmocka_unit_test(servers_that_were_tried_are_out_of_the_question),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
