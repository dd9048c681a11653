/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of those whom a limit refuses: reset, closed, told in SIP, held unread; and of those who are only watched. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LIMITS(text)	 FAKE_CONF("", FAKE_ONE_SERVER, "limits: { " text " };")
#define PROXY_FROM(last) "PROXY TCP4 198.51.100." last " 192.0.2.99 1 2\r\n"
#define THROUGH(listener, text) \
	FAKE_CONF(FAKE_PROXY listener, FAKE_ONE_SERVER, "limits: { " text " };")

static const struct record *refused(const struct fake *f)
{
	const struct record *r = fake_last(f, RECORD_LIMIT_REFUSED);
	assert_non_null(r);
	return r;
}

static struct fake_stream *from(struct fake *f, const char *header)
{
	struct fake_stream *client = fake_client_from(f, "10.9.0.1:1");
	fake_say(client, header, strlen(header));
	return client;
}

static void who_is_refused_in_sip_gets_its_first_request_answered(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("connections = 1; action = \"refuse\";"), 1);
	fake_client(f);
	struct fake_stream *over = fake_client(f);
	assert_int_equal(fake_state(over), SESSION_SECURED);
	assert_string_equal(refused(f)->action, "refuse");
	fake_say(over, BYTES(REQUEST("REGISTER", "1")));
	assert_true(fake_wrote(over, "SIP/2.0 503 Service Unavailable\r\n"));
	assert_false(fake_wrote(over, "Retry-After"));
	assert_true(over->is_shut);
	fake_finish(over);
	assert_true(over->is_closed);
	assert_int_equal(over->how, STREAM_CLOSE_FIN);
	assert_int_equal(f->server_count, 0);
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 1);
	fake_stop(f);
}

static void the_answer_has_the_status_and_a_spread_retry_after(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("connections = 1; action = \"refuse\"; refuse_status = "
					 "480; retry_after = \"100s\";"),
		1);
	fake_client(f);
	struct fake_stream *over = fake_client(f);
	fake_say(over, BYTES(REQUEST("INVITE", "1")));
	assert_true(fake_wrote(over, "SIP/2.0 480 "));
	const char *after = strstr(over->written, "Retry-After: ");
	assert_non_null(after);
	int seconds = atoi(after + strlen("Retry-After: "));
	assert_in_range(seconds, 100, 150);
	fake_stop(f);
}

static void who_is_refused_in_sip_and_says_nothing_goes_after_two_seconds(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("connections = 1; action = \"refuse\";"), 1);
	fake_client(f);
	struct fake_stream *over = fake_client(f);
	fake_pass(f, 1900);
	assert_false(over->is_closed);
	fake_pass(f, 300);
	assert_true(over->is_closed);
	assert_int_equal(over->how, STREAM_CLOSE_RST);
	fake_stop(f);
}

static void an_ack_is_not_answered_when_it_is_refused(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("connections = 1; action = \"refuse\";"), 1);
	fake_client(f);
	struct fake_stream *over = fake_client(f);
	fake_say(over, BYTES(REQUEST("ACK", "1")));
	assert_int_equal(over->written_length, 0);
	assert_true(over->is_closed);
	fake_stop(f);
}

static void past_max_refusing_they_are_reset(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(LIMITS("connections = 1; action = \"refuse\"; max_refusing = 2;"), 1);
	fake_client(f);
	struct fake_stream *over[3];
	for (unsigned i = 0; i < 3; i++)
		over[i] = fake_client(f);
	assert_false(over[0]->is_closed);
	assert_false(over[1]->is_closed);
	assert_true(over[2]->is_closed);
	assert_int_equal(over[2]->how, STREAM_CLOSE_RST);
	assert_string_equal(refused(f)->action, "reset");
	fake_finish(over[0]); /* its place is free */
	assert_false(fake_client(f)->is_closed);
	fake_stop(f);
}

static void over_tls_the_handshake_comes_before_the_answer(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF(FAKE_TLS, FAKE_ONE_SERVER,
					  "limits: { connections = 1; action = \"refuse\"; };"),
		1);
	fake_client(f);
	struct fake_stream *over = fake_client(f);
	fake_say(over, BYTES(HELLO FINISHED REQUEST("OPTIONS", "1")));
	assert_true(over->is_secured);
	assert_true(fake_wrote(over, "SIP/2.0 503 "));
	assert_int_equal(f->server_count, 0);
	fake_stop(f);
}

static void the_tarpit_holds_it_unread_and_then_resets_it(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(LIMITS("connections = 1; action = \"tarpit\"; tarpit = \"5s\";"), 1);
	fake_client(f);
	struct fake_stream *over = fake_client(f);
	fake_say(over, BYTES(REQUEST("OPTIONS", "1")));
	assert_int_equal(over->taken, 0);
	assert_string_equal(refused(f)->action, "tarpit");
	fake_pass(f, 4800);
	assert_false(over->is_closed);
	fake_pass(f, 400);
	assert_true(over->is_closed);
	assert_int_equal(over->how, STREAM_CLOSE_RST);
	assert_int_equal(over->written_length, 0);
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 1);
	fake_stop(f);
}

static void past_max_tarpit_they_are_reset_at_once(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(LIMITS("connections = 1; action = \"tarpit\"; max_tarpit = 1;"), 1);
	fake_client(f);
	assert_false(fake_client(f)->is_closed);
	assert_true(fake_client(f)->is_closed);
	fake_stop(f);
}

/* --- the other limits of connections --- */

static void a_rate_refuses_without_a_second_look(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("connection_rate = \"10/s burst 2\";"), 1);
	f->holds_turns = true;
	for (unsigned i = 0; i < 2; i++)
		fake_finish(fake_client(f));
	assert_true(fake_client(f)->is_closed);
	assert_string_equal(refused(f)->limit, "connection_rate");
	assert_int_equal(refused(f)->max, 10);
	assert_false(fake_client_from(f, "192.0.2.77:1")->is_closed);
	fake_pass(f, 100);
	assert_false(fake_client(f)->is_closed);
	fake_stop(f);
}

static void unproven_ones_are_limited_until_they_speak(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("unproven = 2;"), 1);
	struct fake_stream *first = fake_client(f);
	fake_client(f);
	assert_true(fake_client(f)->is_closed);
	assert_string_equal(refused(f)->limit, "unproven");
	fake_say(first, BYTES(REQUEST("OPTIONS", "1")));
	assert_false(fake_client(f)->is_closed);
	fake_stop(f);
}

static void unregistered_ones_are_limited_until_a_2xx(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("unregistered = 1; action = \"refuse\";"), 1);
	struct fake_stream *first = fake_client(f), *second = fake_client(f);
	fake_say(first, BYTES(REQUEST("REGISTER", "1")));
	fake_say(second, BYTES(REQUEST("REGISTER", "2")));
	assert_true(fake_wrote(second, "SIP/2.0 503 "));
	assert_string_equal(refused(f)->limit, "unregistered");
	assert_int_equal(f->server_count, 1);
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "REGISTER", "1")));
	struct fake_stream *third = fake_client(f);
	fake_say(third, BYTES(REQUEST("REGISTER", "3")));
	assert_int_equal(f->server_count, 2);
	assert_int_equal(third->written_length, 0);
	fake_stop(f);
}

static void a_subnet_has_limits_of_its_own(void **state)
{
	(void)state;
	struct fake *f = fake_new(THROUGH("", "connections = 2; subnet: { connections = 3; };"), 1);
	from(f, PROXY_FROM("1"));
	from(f, PROXY_FROM("1"));
	from(f, PROXY_FROM("2"));
	assert_true(from(f, PROXY_FROM("3"))->is_closed);
	assert_string_equal(refused(f)->limit, "subnet.connections");
	assert_int_equal(refused(f)->current, 3);
	assert_false(from(f, "PROXY TCP4 198.51.101.1 192.0.2.99 1 2\r\n")->is_closed);
	fake_stop(f);
}

/* --- classes --- */

static void a_class_has_numbers_of_its_own_and_inherits_the_rest(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		THROUGH("", "connections = 1; action = \"close\"; classes = ( { name = \"trunks\"; "
			    "networks = [ \"198.51.100.0/28\" ]; connections = 2; } );"),
		1);
	from(f, PROXY_FROM("1"));
	from(f, PROXY_FROM("1"));
	struct fake_stream *third = from(f, PROXY_FROM("1"));
	assert_true(third->is_closed);
	assert_int_equal(third->how, STREAM_CLOSE_FIN);
	assert_string_equal(refused(f)->class, "trunks");
	assert_int_equal(refused(f)->max, 2);
	from(f, PROXY_FROM("99"));
	assert_true(from(f, PROXY_FROM("99"))->is_closed);
	assert_null(refused(f)->class);
	fake_stop(f);
}

static void the_total_of_a_class_counts_all_its_sources(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		THROUGH("", "classes = ( { name = \"few\"; networks = [ \"198.51.100.0/24\" ]; "
			    "total_connections = 2; } );"),
		1);
	struct fake_stream *first = from(f, PROXY_FROM("1"));
	from(f, PROXY_FROM("2"));
	assert_true(from(f, PROXY_FROM("3"))->is_closed);
	assert_string_equal(refused(f)->limit, "total_connections");
	fake_finish(first);
	assert_false(from(f, PROXY_FROM("3"))->is_closed);
	fake_stop(f);
}

static void who_is_denied_never_gets_in_not_even_while_limits_are_observed(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		THROUGH("", "mode = \"observe\"; classes = ( { name = \"blocked\"; networks = [ "
			    "\"198.51.100.66\" ]; deny = true; } );"),
		1);
	assert_true(from(f, PROXY_FROM("66"))->is_closed);
	assert_string_equal(refused(f)->limit, "deny");
	assert_string_equal(refused(f)->class, "blocked");
	assert_false(from(f, PROXY_FROM("67"))->is_closed);
	fake_stop(f);
}

static void reserved_places_are_nobody_elses(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER,
					  "max_connections = 4; limits: { classes = ( { name = "
					  "\"trunks\"; networks = [ "
					  "\"198.51.100.0/28\" ]; reserved = 2; } ); };"),
		1);
	for (unsigned i = 0; i < 2; i++)
		fake_say(from(f, PROXY_FROM("99")), BYTES(REQUEST("OPTIONS", "1")));
	assert_true(from(f, PROXY_FROM("99"))->is_closed);
	assert_string_equal(refused(f)->limit, "max_connections");
	for (unsigned i = 0; i < 2; i++) {
		struct fake_stream *trunk = from(f, PROXY_FROM("1"));
		assert_false(trunk->is_closed);
		fake_say(trunk, BYTES(REQUEST("OPTIONS", "1")));
	}
	assert_int_equal(f->shared.open, 4);
	fake_stop(f);
}

static void a_class_may_apply_on_some_listeners_alone(void **state)
{
	static const char two[] =
		"log: { level = \"debug\"; };"
		"listeners = ( { name = \"a\"; address = \"192.0.2.99:5060\"; pool = \"p\"; },"
		"{ name = \"b\"; address = \"192.0.2.99:5061\"; pool = \"p\"; } );"
		"pools = ( { name = \"p\"; " FAKE_ONE_SERVER " } );"
		"limits: { classes = ( { name = \"lab\"; listeners = [ \"b\" ]; connections = 1; } "
		"); };";
	(void)state;
	struct fake *f = fake_new(two, 1);
	for (unsigned i = 0; i < 2; i++) {
		fake_accept(fake_stream_new(f), 0, 0, "192.0.2.10:1");
		fake_run(f);
	}
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 0);
	/* the source is one, whatever the listener: it holds two already */
	fake_accept(fake_stream_new(f), 0, 1, "192.0.2.10:1");
	fake_run(f);
	assert_string_equal(refused(f)->class, "lab");
	fake_accept(fake_stream_new(f), 0, 1, "192.0.2.11:1");
	fake_run(f);
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 1);
	fake_stop(f);
}

static void timeouts_of_a_class_are_its_own(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		THROUGH("", "classes = ( { name = \"quick\"; networks = [ \"198.51.100.1\" ]; "
			    "timeouts: { first_message = \"1s\"; }; } );"),
		1);
	struct fake_stream *quick = from(f, PROXY_FROM("1")), *other = from(f, PROXY_FROM("2"));
	fake_pass(f, 1200);
	fake_assert_closed(quick, REASON_FIRST_MESSAGE_TIMEOUT);
	assert_false(other->is_closed);
	fake_stop(f);
}

static void counts_and_membership_outlive_a_reload_and_numbers_change_with_it(void **state)
{
	static const char one[] = THROUGH("", "classes = ( { name = \"c\"; networks = [ "
					      "\"198.51.100.1\" ]; connections = 5; } );");
	static const char less[] = THROUGH("", "classes = ( { name = \"c\"; networks = [ "
					       "\"198.51.100.1\" ]; connections = 2; } );");
	static const char none[] = THROUGH("", "connections = 9;");
	(void)state;
	struct fake *f = fake_new(one, 1);
	struct fake_stream *held[3];
	for (unsigned i = 0; i < 3; i++)
		held[i] = from(f, PROXY_FROM("1"));
	fake_reload(f, less);
	for (unsigned i = 0; i < 3; i++)
		assert_false(held[i]->is_closed);
	assert_true(from(f, PROXY_FROM("1"))->is_closed);
	assert_int_equal(refused(f)->current, 3);
	assert_int_equal(refused(f)->max, 2);
	fake_reload(f, none);
	assert_false(from(f, PROXY_FROM("1"))->is_closed);
	fake_reload(f, one);
	assert_int_equal(f->shared.classes[1]->total.open, 3);
	fake_stop(f);
}

/* --- observing --- */

static void who_is_observed_gets_in_is_counted_and_told(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("mode = \"observe\"; connections = 1;"), 1);
	fake_client(f);
	struct fake_stream *second = fake_client(f);
	assert_int_equal(fake_state(second), SESSION_SECURED);
	const struct record *r = fake_last(f, RECORD_LIMIT_WOULD_REFUSE);
	assert_string_equal(r->limit, "connections");
	assert_int_equal(r->current, 1);
	assert_int_equal(r->max, 1);
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 0);
	assert_int_equal(limiter_slots(f->shared.limiter), 2);
	fake_stop(f);
}

static void a_class_may_be_observed_while_others_are_not(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(THROUGH("", "connections = 1; classes = ( { name = \"new\"; networks = [ "
				     "\"198.51.100.1\" ]; mode = \"observe\"; } );"),
			1);
	from(f, PROXY_FROM("1"));
	assert_false(from(f, PROXY_FROM("1"))->is_closed);
	assert_string_equal(fake_last(f, RECORD_LIMIT_WOULD_REFUSE)->class, "new");
	from(f, PROXY_FROM("2"));
	assert_true(from(f, PROXY_FROM("2"))->is_closed);
	fake_stop(f);
}

static void near_is_told_at_80_percent(void **state)
{
	(void)state;
	struct fake *f = fake_new(LIMITS("connections = 10;"), 1);
	for (unsigned i = 0; i < 7; i++)
		fake_client(f);
	assert_int_equal(fake_count(f, RECORD_LIMIT_NEAR), 0);
	for (unsigned i = 0; i < 3; i++)
		fake_client(f);
	assert_int_equal(fake_count(f, RECORD_LIMIT_NEAR), 1);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_refused_in_sip_gets_its_first_request_answered),
		cmocka_unit_test(the_answer_has_the_status_and_a_spread_retry_after),
		cmocka_unit_test(who_is_refused_in_sip_and_says_nothing_goes_after_two_seconds),
		cmocka_unit_test(an_ack_is_not_answered_when_it_is_refused),
		cmocka_unit_test(past_max_refusing_they_are_reset),
		cmocka_unit_test(over_tls_the_handshake_comes_before_the_answer),
		cmocka_unit_test(the_tarpit_holds_it_unread_and_then_resets_it),
		cmocka_unit_test(past_max_tarpit_they_are_reset_at_once),
		cmocka_unit_test(a_rate_refuses_without_a_second_look),
		cmocka_unit_test(unproven_ones_are_limited_until_they_speak),
		cmocka_unit_test(unregistered_ones_are_limited_until_a_2xx),
		cmocka_unit_test(a_subnet_has_limits_of_its_own),
		cmocka_unit_test(a_class_has_numbers_of_its_own_and_inherits_the_rest),
		cmocka_unit_test(the_total_of_a_class_counts_all_its_sources),
		cmocka_unit_test(who_is_denied_never_gets_in_not_even_while_limits_are_observed),
		cmocka_unit_test(reserved_places_are_nobody_elses),
		cmocka_unit_test(a_class_may_apply_on_some_listeners_alone),
		cmocka_unit_test(timeouts_of_a_class_are_its_own),
		cmocka_unit_test(counts_and_membership_outlive_a_reload_and_numbers_change_with_it),
		cmocka_unit_test(who_is_observed_gets_in_is_counted_and_told),
		cmocka_unit_test(a_class_may_be_observed_while_others_are_not),
		cmocka_unit_test(near_is_told_at_80_percent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
