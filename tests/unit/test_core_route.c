/* SPDX-License-Identifier: BSD-2-Clause */
/* test_core_route.c - which pool a connection goes to, and that it stays there. */
#include "tests/unit/core_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define POOLS                                                      \
	"pools = ( { name = \"p\"; respond: { status = 480; }; }," \
	"{ name = \"q\"; respond: { status = 481; }; },"           \
	"{ name = \"r\"; respond: { status = 482; }; } );"
#define LISTENERS                                                                          \
	"listeners = ( { name = \"l\"; address = \"192.0.2.99:5060\"; pool = \"p\"; },"    \
	"{ name = \"t\"; address = \"192.0.2.99:5061\"; pool = \"p\"; " FAKE_TLS " },"     \
	"{ name = \"n\"; address = \"192.0.2.99:5062\"; pool = \"p\"; " FAKE_PROXY " } );" \
	"limits: { classes = ( { name = \"c\"; networks = [ \"192.0.2.7\" ]; } ); };"
#define CONF(routes) LISTENERS POOLS "routes = ( " routes " );"

/* Whose answer comes: of "p" 480, of "q" 481, of "r" 482. */
static void assert_pool(struct fake_stream *client, const char *request, const char *pool)
{
	char expected[32];
	fake_say(client, request, strlen(request));
	snprintf(expected, sizeof(expected), "SIP/2.0 48%d ", pool[0] - 'p');
	if (!strstr(client->written, expected))
		fail_msg("not of %s: %s", pool, client->written);
}

static struct fake_stream *connect_to(struct fake *f, unsigned listener, const char *peer)
{
	struct fake_stream *s = fake_stream_new(f);
	fake_accept(s, 0, listener, peer);
	fake_run(f);
	return s;
}

static void without_a_route_that_fits_it_is_the_pool_of_the_listener(void **state)
{
	(void)state;
	struct fake *f = fake_new(CONF("{ class = \"c\"; pool = \"q\"; }"), 1);
	assert_pool(fake_client(f), REQUEST("OPTIONS", "1"), "p");
	fake_stop(f);
}

static void the_first_route_that_fits_counts(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		CONF("{ class = \"c\"; pool = \"q\"; }, { listener = \"l\"; pool = \"r\"; },"
		     "{ pool = \"p\"; }"),
		1);
	assert_pool(fake_client_from(f, "192.0.2.7:1"), REQUEST("OPTIONS", "1"), "q");
	assert_pool(fake_client(f), REQUEST("OPTIONS", "1"), "r");
	fake_stop(f);
}

static void a_route_fits_when_all_that_it_names_does(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(CONF("{ class = \"c\"; first_method = \"REGISTER\"; pool = \"q\"; }"), 1);
	assert_pool(fake_client_from(f, "192.0.2.7:1"), REQUEST("OPTIONS", "1"), "p");
	assert_pool(fake_client(f), REQUEST("REGISTER", "1"), "p");
	assert_pool(fake_client_from(f, "192.0.2.7:2"), REQUEST("REGISTER", "1"), "q");
	fake_stop(f);
}

static void the_first_method_is_that_of_the_first_request_alone(void **state)
{
	(void)state;
	struct fake *f = fake_new(CONF("{ first_method = \"REGISTER\"; pool = \"q\"; }"), 1);
	struct fake_stream *client = fake_client(f);
	assert_pool(client, REQUEST("OPTIONS", "1"), "p");
	fake_say(client, BYTES(REQUEST("REGISTER", "2")));
	assert_null(strstr(client->written, "SIP/2.0 481 "));
	/* Neither more nor less than the word. */
	assert_pool(fake_client(f), REQUEST("REGISTERS", "1"), "p");
	assert_pool(fake_client(f), REQUEST("REGISTE", "1"), "p");
	fake_stop(f);
}

static void a_response_has_no_method(void **state)
{
	(void)state;
	struct fake *f = fake_new(CONF("{ first_method = \"REGISTER\"; pool = \"q\"; }"), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(RESPONSE("200 OK", "REGISTER", "1")));
	assert_pool(client, REQUEST("REGISTER", "2"), "p");
	fake_stop(f);
}

static void assert_sni(struct fake *f, const char *name, const char *pool)
{
	struct fake_stream *s = fake_stream_new(f);
	s->security.sni = name;
	fake_accept(s, 0, 1, "192.0.2.10:1");
	fake_say(s, BYTES(HELLO FINISHED));
	assert_pool(s, REQUEST("OPTIONS", "1"), pool);
}

static void the_name_that_was_asked_for_is_compared_in_any_case(void **state)
{
	(void)state;
	struct fake *f = fake_new(CONF("{ server_name = \"sip.example.com\"; pool = \"q\"; },"
				       "{ server_name = \"*.example.com\"; pool = \"r\"; }"),
		1);
	assert_sni(f, "SIP.Example.com", "q");
	assert_sni(f, "eu.example.com", "r");
	assert_sni(f, "a.eu.example.com", "p");
	assert_sni(f, ".example.com", "p");
	assert_sni(f, "example.com", "p");
	assert_sni(f, NULL, "p");
	assert_pool(fake_client(f), REQUEST("OPTIONS", "1"), "p");
	fake_stop(f);
}

static void a_connection_keeps_its_pool_over_a_reload(void **state)
{
	(void)state;
	struct fake *f = fake_new(CONF("{ class = \"c\"; pool = \"q\"; }"), 1);
	struct fake_stream *client = fake_client_from(f, "192.0.2.7:1");
	assert_pool(client, REQUEST("OPTIONS", "1"), "q");
	fake_reload(f, CONF("{ class = \"c\"; pool = \"r\"; }"));
	fake_say(client, BYTES(REQUEST("OPTIONS", "2")));
	assert_null(strstr(client->written, "SIP/2.0 482 "));
	assert_pool(fake_client_from(f, "192.0.2.7:2"), REQUEST("OPTIONS", "1"), "r");
	fake_stop(f);
}

/* The connection has not spoken yet: what counts is what is in force when it does. */
static void a_connection_is_routed_when_it_speaks(void **state)
{
	(void)state;
	struct fake *f = fake_new(CONF("{ class = \"c\"; pool = \"q\"; }"), 1);
	struct fake_stream *client = connect_to(f, 0, "192.0.2.7:1");
	fake_reload(f, CONF(""));
	assert_pool(client, REQUEST("OPTIONS", "1"), "p");
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_route_that_fits_it_is_the_pool_of_the_listener),
		cmocka_unit_test(the_first_route_that_fits_counts),
		cmocka_unit_test(a_route_fits_when_all_that_it_names_does),
		cmocka_unit_test(the_first_method_is_that_of_the_first_request_alone),
		cmocka_unit_test(a_response_has_no_method),
		cmocka_unit_test(the_name_that_was_asked_for_is_compared_in_any_case),
		cmocka_unit_test(a_connection_keeps_its_pool_over_a_reload),
		cmocka_unit_test(a_connection_is_routed_when_it_speaks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
