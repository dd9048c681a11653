/* SPDX-License-Identifier: BSD-2-Clause */
/* What a reload means for those who are connected, and for those who come after it. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LISTENER(name, pool, more)                                    \
	"log: { level = \"debug\"; }; listeners = ( { name = \"" name \
	"\"; address = \"192.0.2.99:5060\"; pool = \"" pool "\"; " more " } );"
#define SERVER(name, host)   "servers = ( { name = \"" name "\"; address = \"" host ":5060\"; } ); "
#define POOL(name, more)     "{ name = \"" name "\"; " more " }"
#define ONE_POOL(name, more) "pools = ( " POOL(name, more) " );"
#define OPTIONAL	     "proxy_protocol = \"optional\"; trusted = [ \"10.9.0.0/16\" ];"

static const char before[] = LISTENER("l", "p", "") ONE_POOL("p", SERVER("s1", "10.0.0.1"));
static const char elsewhere[] = LISTENER("m", "q", "") ONE_POOL("q", SERVER("t1", "10.0.0.2"));

static void assert_connected_to(const struct fake *f, unsigned n, const char *address)
{
	char text[ADDR_PORT_TEXT_MAX];
	addr_port_format(&fake_server((struct fake *)(uintptr_t)f, n)->to, text);
	assert_string_equal(text, address);
}

static void a_connection_lives_through_the_removal_of_its_listener_and_its_pool(void **state)
{
	(void)state;
	struct fake *f = fake_new(before, 2);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	struct fake_stream *server = fake_server(f, 0);
	fake_reload(f, elsewhere);
	fake_reload(f, elsewhere);
	fake_forget(server);
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	fake_assert_written(server, BYTES(REQUEST("OPTIONS", "2")));
	fake_say(server, BYTES(RESPONSE("200 OK", "OPTIONS", "2")));
	fake_assert_written(client, BYTES(RESPONSE("200 OK", "OPTIONS", "2")));
	fake_pass(f, 70000); /* its pool still pings the server, as it was told to */
	assert_true(fake_wrote(server, "\r\n\r\n"));
	fake_finish(server);
	fake_finish(client);
	fake_assert_closed(client, REASON_SERVER_CLOSED);
	assert_string_equal(fake_last(f, RECORD_CONNECTION_CLOSED)->listener, "l");
	assert_string_equal(fake_last(f, RECORD_CONNECTION_CLOSED)->pool, "p");
	fake_end(f);
}

static void who_has_not_spoken_yet_gets_the_pool_that_its_listener_has_now(void **state)
{
	(void)state;
	struct fake *f = fake_new(before, 1);
	struct fake_stream *client = fake_client(f);
	fake_reload(f, LISTENER("l", "q", "") ONE_POOL("q", SERVER("t1", "10.0.0.2")));
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	assert_connected_to(f, 0, "10.0.0.2:5060");
	fake_stop(f);
}

static void who_has_not_spoken_on_a_removed_listener_gets_its_last_pool(void **state)
{
	(void)state;
	struct fake *f = fake_new(before, 1);
	struct fake_stream *client = fake_client(f);
	for (unsigned i = 0; i < 3; i++)
		fake_reload(f, elsewhere);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	assert_connected_to(f, 0, "10.0.0.1:5060");
	fake_stop(f);
}

static void a_header_that_may_be_omitted_may_be_so_on_a_removed_listener(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		LISTENER("l", "p", OPTIONAL) ONE_POOL("p", "respond: { status = 200; };"), 1);
	struct fake_stream *client = fake_client_from(f, "10.9.0.1:4000");
	assert_int_equal(fake_state(client), SESSION_UNNAMED);
	fake_reload(f, elsewhere);
	fake_reload(f, elsewhere);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	assert_true(fake_wrote(client, "SIP/2.0 200 OK"));
	fake_stop(f);
}

static void the_proven_stay_with_their_pool_when_their_listener_gets_another(void **state)
{
	(void)state;
	struct fake *f = fake_new(before, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_reload(f, LISTENER("l", "q", "") ONE_POOL("q", SERVER("t1", "10.0.0.2")));
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	assert_int_equal(f->server_count, 1);
	assert_true(fake_wrote(fake_server(f, 0), "CSeq: 2 OPTIONS"));
	fake_stop(f);
}

static void a_pool_that_becomes_a_responder_answers_those_alone_who_come_after(void **state)
{
	(void)state;
	struct fake *f = fake_new(before, 1);
	struct fake_stream *early = fake_client(f), *late;
	fake_say(early, BYTES(REQUEST("OPTIONS", "1")));
	fake_reload(f, LISTENER("l", "p", "") ONE_POOL("p", "respond: { status = 404; };"));
	late = fake_client(f);
	fake_say(late, BYTES(REQUEST("OPTIONS", "1")));
	assert_true(fake_wrote(late, "SIP/2.0 404"));
	fake_say(early, BYTES(REQUEST("OPTIONS", "2")));
	assert_true(fake_wrote(fake_server(f, 0), "CSeq: 2 OPTIONS"));
	fake_reload(f, before);
	fake_say(late, BYTES(REQUEST("OPTIONS", "2")));
	assert_int_equal(fake_wrote_times(late, "SIP/2.0 404"), 2);
	fake_stop(f);
}

static void a_removed_server_keeps_its_connections_and_gets_no_new_ones(void **state)
{
	(void)state;
	struct fake *f = fake_new(before, 1);
	struct fake_stream *early = fake_client(f), *late;
	fake_say(early, BYTES(REQUEST("OPTIONS", "1")));
	fake_reload(f, LISTENER("l", "p", "") ONE_POOL("p", SERVER("s2", "10.0.0.2")));
	late = fake_client(f);
	fake_say(late, BYTES(REQUEST("OPTIONS", "1")));
	assert_connected_to(f, 1, "10.0.0.2:5060");
	fake_say(early, BYTES(REQUEST("OPTIONS", "2")));
	assert_true(fake_wrote(fake_server(f, 0), "CSeq: 2 OPTIONS"));
	fake_stop(f);
}

static void the_next_server_that_is_tried_is_one_of_the_new_list(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING, FAKE_UP};
	(void)state;
	struct fake *f = fake_new(before, 1);
	struct fake_stream *client = fake_client(f);
	fake_connects(f, script, 2);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_reload(f, LISTENER("l", "p", "") ONE_POOL("p",
			       "servers = ( { name = \"s8\"; address = \"10.0.0.8:5060\"; },"
			       "{ name = \"s9\"; address = \"10.0.0.9:5060\"; } );"));
	fake_fail(fake_server(f, 0), ECONNREFUSED);
	assert_string_equal(fake_last(f, RECORD_BACKEND_FAILED)->server, "s1");
	assert_non_null(
		strstr(fake_last(f, RECORD_BACKEND_FAILED)->message, "pools.p.servers.s1.address"));
	assert_int_equal(f->server_count, 2);
	assert_true(fake_wrote(fake_server(f, 1), "CSeq: 1 OPTIONS"));
	fake_stop(f);
}

/* --- deadlines --- */

#define TIMED(timeouts, pool)                                                         \
	LISTENER("l", "p", "")                                                        \
	ONE_POOL("p", SERVER("s1", "10.0.0.1") "health: { method = \"off\"; };" pool) \
	"timeouts: { " timeouts " };"

static void a_deadline_that_a_reload_brings_nearer_holds_for_those_who_are_silent(void **state)
{
	(void)state;
	struct fake *f = fake_new(TIMED("first_message = \"1h\";", ""), 2);
	struct fake_stream *mute = fake_client(f), *idle = fake_client(f);
	fake_say(idle, BYTES(REQUEST("OPTIONS", "1")));
	fake_pass(f, 1000);
	fake_reload(f, TIMED("first_message = \"3s\"; idle = \"5s\";", ""));
	fake_pass(f, 1800);
	assert_int_equal(fake_state(mute), SESSION_SECURED);
	fake_pass(f, 400);
	fake_assert_closed(mute, REASON_FIRST_MESSAGE_TIMEOUT);
	fake_pass(f, 1600);
	assert_int_equal(fake_state(idle), SESSION_RELAYING);
	fake_pass(f, 400);
	fake_assert_closed(idle, REASON_IDLE);
	fake_end(f);
}

static void pings_to_a_server_that_a_reload_switches_on_go_out(void **state)
{
	(void)state;
	struct fake *f = fake_new(TIMED("", "keepalive_interval = \"off\";"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_forget(fake_server(f, 0));
	fake_pass(f, 90000);
	fake_assert_written(fake_server(f, 0), BYTES(""));
	fake_reload(f, TIMED("", "keepalive_interval = \"2s\";"));
	fake_pass(f, 300);
	fake_assert_written(fake_server(f, 0), BYTES("\r\n\r\n"));
	fake_stop(f);
}

static void more_sessions_than_one_turn_looks_at_are_all_looked_at(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(TIMED("first_message = \"1h\";",
				 "") "max_connections = 1500; limits: { connections = 0; };",
			1);
	for (unsigned i = 0; i < 1200; i++)
		fake_client(f);
	fake_reload(f, TIMED("first_message = \"1s\";", ""));
	fake_pass(f, 2000);
	assert_int_equal(atomic_load(&f->shared.open), 0);
	fake_end(f);
}

/* --- limits --- */

#define LIMITED(connections, more) \
	LISTENER("l", "p", "")     \
	ONE_POOL("p", SERVER("s1", "10.0.0.1")) "limits: { connections = " connections "; };" more

static void a_raised_limit_admits_and_a_lowered_one_closes_nobody_and_admits_nobody(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITED("2", ""), 1);
	struct fake_stream *clients[4];
	for (unsigned i = 0; i < 3; i++)
		clients[i] = fake_client(f);
	fake_assert_closed(clients[2], REASON_LIMIT_CONNECTIONS);
	fake_reload(f, LIMITED("3", ""));
	clients[2] = fake_client(f);
	assert_int_equal(fake_state(clients[2]), SESSION_SECURED);
	fake_reload(f, LIMITED("1", ""));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(fake_state(clients[i]), SESSION_SECURED);
	for (unsigned i = 0; i < 3; i++) {
		clients[3] = fake_client(f);
		fake_assert_closed(clients[3], REASON_LIMIT_CONNECTIONS);
		assert_int_equal(fake_last(f, RECORD_LIMIT_REFUSED)->current, 3 - i);
		assert_int_equal(fake_last(f, RECORD_LIMIT_REFUSED)->max, 1);
		fake_finish(clients[i]);
	}
	clients[3] = fake_client(f);
	assert_int_equal(fake_state(clients[3]), SESSION_SECURED);
	fake_stop(f);
}

static void max_connections_may_be_lowered_and_raised_within_the_room(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITED("9", ""), 1);
	struct fake_stream *clients[3];
	for (unsigned i = 0; i < 2; i++) {
		clients[i] = fake_client(f);
		fake_say(clients[i], BYTES(REQUEST("OPTIONS", "1")));
	}
	fake_reload(f, LIMITED("9", "max_connections = 1;"));
	clients[2] = fake_client(f);
	fake_assert_closed(clients[2], REASON_LIMIT_MAX_CONNECTIONS);
	assert_int_equal(fake_state(clients[0]), SESSION_RELAYING);
	fake_reload(f, LIMITED("9", "max_connections = 3;"));
	clients[2] = fake_client(f);
	assert_int_equal(fake_state(clients[2]), SESSION_SECURED);
	fake_stop(f);
}

static void messages_are_bounded_by_what_is_configured_when_they_come(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITED("9", "sip: { max_header_bytes = \"512\"; };"), 1);
	struct fake_stream *client = fake_client(f);
	char longer[700] = "X-A: ";
	memset(longer + 5, 'a', sizeof(longer) - 8);
	memcpy(longer + sizeof(longer) - 3, "\r\n", 3);
	fake_reload(f, LIMITED("9", ""));
	fake_queue(client, BYTES("OPTIONS sip:b@example.com SIP/2.0\r\n" LINES("OPTIONS", "1")));
	fake_queue(client, longer, strlen(longer));
	fake_say(client, BYTES("Content-Length: 0\r\n\r\n"));
	assert_true(fake_wrote(fake_server(f, 0), "CSeq: 1 OPTIONS"));
	fake_stop(f);
}

/* --- the structures --- */

static void what_comes_back_under_its_name_goes_on_counting(void **state)
{
	(void)state;
	struct fake *f = fake_new(before, 1);
	struct listener *l = fake_listener(f, 0);
	struct backend *b = settings_pool(f->settings, 0)->servers[0].backend;
	fake_finish(fake_client(f));
	fake_reload(f, elsewhere);
	assert_ptr_not_equal(fake_listener(f, 0), l);
	fake_reload(f, before);
	assert_ptr_equal(fake_listener(f, 0), l);
	assert_ptr_equal(settings_pool(f->settings, 0)->servers[0].backend, b);
	assert_int_equal(counter_read(&l->counters[0].accepted), 1);
	fake_end(f);
}

static void a_removed_configuration_is_kept_no_longer_than_somebody_uses_it(void **state)
{
	(void)state;
	struct fake *f = fake_new(before, 1);
	struct fake_stream *client = fake_client(f);
	size_t slot = fake_listener(f, 0)->slot;
	fake_reload(f, elsewhere);
	fake_reload(f, elsewhere);
	assert_non_null(f->settings->listeners[slot].conf);
	assert_true(f->settings->listeners[slot].is_retired);
	fake_finish(client);
	fake_reload(f, elsewhere);
	assert_null(f->settings->listeners[slot].conf);
	assert_null(f->settings->listeners[slot].share);
	fake_end(f);
}

static void settings_that_are_dropped_leave_the_configuration_to_whoever_made_it(void **state)
{
	(void)state;
	struct fake *f = fake_new(before, 1);
	struct conf_errors errors = {0};
	struct conf *conf = conf_load_text(elsewhere, "test", &errors);
	struct settings *s = settings_new(&f->shared, conf, f->settings);
	assert_non_null(s);
	assert_int_equal(s->generation, 2);
	settings_keep_conf(s);
	settings_free(s);
	assert_string_equal(conf->listeners[0].name, "m");
	conf_free(conf);
	conf_errors_fini(&errors);
	fake_say(fake_client(f), BYTES(REQUEST("OPTIONS", "1")));
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_connection_lives_through_the_removal_of_its_listener_and_its_pool),
		cmocka_unit_test(who_has_not_spoken_yet_gets_the_pool_that_its_listener_has_now),
		cmocka_unit_test(who_has_not_spoken_on_a_removed_listener_gets_its_last_pool),
		cmocka_unit_test(a_header_that_may_be_omitted_may_be_so_on_a_removed_listener),
		cmocka_unit_test(the_proven_stay_with_their_pool_when_their_listener_gets_another),
		cmocka_unit_test(
			a_pool_that_becomes_a_responder_answers_those_alone_who_come_after),
		cmocka_unit_test(a_removed_server_keeps_its_connections_and_gets_no_new_ones),
		cmocka_unit_test(the_next_server_that_is_tried_is_one_of_the_new_list),
		cmocka_unit_test(
			a_deadline_that_a_reload_brings_nearer_holds_for_those_who_are_silent),
		cmocka_unit_test(pings_to_a_server_that_a_reload_switches_on_go_out),
		cmocka_unit_test(more_sessions_than_one_turn_looks_at_are_all_looked_at),
		cmocka_unit_test(
			a_raised_limit_admits_and_a_lowered_one_closes_nobody_and_admits_nobody),
		cmocka_unit_test(max_connections_may_be_lowered_and_raised_within_the_room),
		cmocka_unit_test(messages_are_bounded_by_what_is_configured_when_they_come),
		cmocka_unit_test(what_comes_back_under_its_name_goes_on_counting),
		cmocka_unit_test(a_removed_configuration_is_kept_no_longer_than_somebody_uses_it),
		cmocka_unit_test(
			settings_that_are_dropped_leave_the_configuration_to_whoever_made_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
