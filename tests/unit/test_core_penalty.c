/* SPDX-License-Identifier: BSD-2-Clause */
/* Penalties and bans: what costs points, what does not, whose they are, and what a ban closes. And the load balancer's traps. */
#include "tests/unit/core_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PENALTY(text) \
	FAKE_CONF("", FAKE_ONE_SERVER, "limits: { penalty: { mode = \"enforce\"; " text " }; };")
#define FIVE_AUTH "auth_failed = 20; ban_at = 100; ban_for = \"10s\"; ban_max = \"1h\";"

/* A message whose CSeq is of a REGISTER, with or without credentials. */
static void ask(struct fake_stream *client, const char *method, unsigned cseq, bool has_credentials)
{
	char text[512];
	int length = snprintf(text, sizeof(text),
		"%s sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK%u\r\n"
		"From: <sip:a@example.com>;tag=1\r\nTo: <sip:alice@example.com>\r\nCall-ID: "
		"call\r\n"
		"CSeq: %u %s\r\n%sContent-Length: 0\r\n\r\n",
		method, cseq, cseq, method,
		has_credentials ? "Authorization: Digest username=\"alice\"\r\n" : "");
	fake_say(client, text, (size_t)length);
}

static void answer(struct fake_stream *server, const char *status, const char *method,
	unsigned cseq, const char *more)
{
	char text[512];
	int length = snprintf(text, sizeof(text),
		"SIP/2.0 %s\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK%u\r\n"
		"From: <sip:a@example.com>;tag=1\r\nTo: <sip:alice@example.com>;tag=2\r\n"
		"Call-ID: call\r\nCSeq: %u   %s\r\n%sContent-Length: 0\r\n\r\n",
		status, cseq, cseq, method, more);
	fake_say(server, text, (size_t)length);
}

static bool is_banned(struct fake *f)
{
	struct fake_stream *again = fake_client(f);
	bool is = again->is_closed && !strcmp(fake_last(f, RECORD_LIMIT_REFUSED)->limit, "ban");
	return is;
}

static void wrong_passwords_ban_the_source_for_a_while_and_longer_each_time(void **state)
{
	(void)state;
	struct fake *f = fake_new(PENALTY(FIVE_AUTH), 1);
	for (unsigned round = 0; round < 2; round++) {
		struct fake_stream *client = fake_client(f);
		for (unsigned i = 0; i < 5; i++) {
			ask(client, "REGISTER", i + 1, true);
			assert_int_equal(fake_count(f, RECORD_BAN_START), round);
			answer(fake_server(f, round), "401 Unauthorized", "REGISTER", i + 1, "");
		}
		const struct record *r = fake_last(f, RECORD_BAN_START);
		assert_non_null(r);
		assert_string_equal(r->reason, "auth_failed");
		assert_string_equal(r->user, "alice");
		assert_int_equal(r->duration_ms, round ? 20000 : 10000);
		assert_true(is_banned(f));
		fake_pass(f, round ? 20500 : 10500);
	}
	assert_false(is_banned(f));
	fake_stop(f);
}

static void a_challenge_a_stale_nonce_and_one_wrong_password_ban_nobody(void **state)
{
	(void)state;
	struct fake *f = fake_new(PENALTY(FIVE_AUTH), 1);
	struct fake_stream *client = fake_client(f);
	unsigned cseq = 0;
	for (unsigned i = 0; i < 30; i++) {
		ask(client, "REGISTER", ++cseq, false);
		answer(fake_server(f, 0), "401 Unauthorized", "REGISTER", cseq,
			"WWW-Authenticate: Digest nonce=\"a\"\r\n");
		ask(client, "REGISTER", ++cseq, true);
		answer(fake_server(f, 0), i == 3 ? "401 Unauthorized" : "407 Proxy Auth",
			"REGISTER", cseq,
			i == 3 ? "WWW-Authenticate: Digest nonce=\"stale=true\"\r\n"
			       : "Proxy-Authenticate: Digest nonce=\"b\", Stale = TRUE\r\n");
	}
	assert_int_equal(fake_count(f, RECORD_BAN_START), 0);
	fake_stop(f);
}

/* 500 phones behind one address, each with its challenge, on connections of their own. */
static void an_office_that_registers_rightly_is_not_banned(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER,
				 "max_connections = 600; limits: { unproven = 0; penalty: { mode = "
				 "\"enforce\"; " FIVE_AUTH " }; };"),
			1);
	for (unsigned i = 0; i < 500; i++) {
		struct fake_stream *client = fake_client(f);
		ask(client, "REGISTER", 1, false);
		answer(fake_server(f, i), "401 Unauthorized", "REGISTER", 1, "");
		ask(client, "REGISTER", 2, true);
		answer(fake_server(f, i), "200 OK", "REGISTER", 2, "");
	}
	assert_int_equal(fake_count(f, RECORD_BAN_START), 0);
	fake_stop(f);
}

static void ten_challenges_that_are_never_followed_cost_points(void **state)
{
	(void)state;
	struct fake *f = fake_new(PENALTY("auth_failed = 100; ban_at = 100;"), 1);
	struct fake_stream *client = fake_client(f);
	for (unsigned i = 1; i <= 12; i++) {
		ask(client, "INVITE", i, false);
		answer(fake_server(f, 0), "407 Proxy Authentication Required", "INVITE", i, "");
	}
	assert_int_equal(fake_count(f, RECORD_BAN_START), 0);
	fake_pass(f, 32100);
	ask(client, "INVITE", 20, false);
	answer(fake_server(f, 0), "407 Proxy Authentication Required", "INVITE", 20, "");
	assert_int_equal(fake_count(f, RECORD_BAN_START), 1);
	fake_stop(f);
}

static void a_2xx_to_a_register_clears_what_that_connection_did_alone(void **state)
{
	(void)state;
	struct fake *f = fake_new(PENALTY(FIVE_AUTH), 1);
	struct fake_stream *good = fake_client(f), *bad = fake_client(f);
	for (unsigned i = 1; i <= 2; i++) {
		ask(good, "REGISTER", i, true);
		answer(fake_server(f, 0), "403 Forbidden", "REGISTER", i, "");
	}
	for (unsigned i = 1; i <= 2; i++) {
		ask(bad, "REGISTER", i, true);
		answer(fake_server(f, 1), "403 Forbidden", "REGISTER", i, "");
	}
	ask(good, "REGISTER", 9, true);
	answer(fake_server(f, 0), "200 OK", "REGISTER", 9, "");
	/* 40 points are left */
	for (unsigned i = 3; i <= 4; i++) {
		ask(bad, "REGISTER", i, true);
		answer(fake_server(f, 1), "403 Forbidden", "REGISTER", i, "");
		assert_int_equal(fake_count(f, RECORD_BAN_START), 0);
	}
	ask(bad, "REGISTER", 5, true);
	answer(fake_server(f, 1), "403 Forbidden", "REGISTER", 5, "");
	assert_int_equal(fake_count(f, RECORD_BAN_START), 1);
	fake_stop(f);
}

static void ban(struct fake *f, const char *closes)
{
	char conf[1024];
	snprintf(conf, sizeof(conf),
		PENALTY("auth_failed = 100; ban_at = 100; ban_closes = \"%s\";"), closes);
	fake_reload(f, conf);
	struct fake_stream *client = fake_client(f);
	unsigned server = f->server_count;
	ask(client, "REGISTER", 1, true);
	answer(fake_server(f, server), "403 Forbidden", "REGISTER", 1, "");
	fake_pass(f, 200);
}

static void ban_closes_decides_about_open_connections(void **state)
{
	static const struct {
		const char *closes;
		bool keeps_registered, keeps_others;
	} cases[] = {{"none", true, true}, {"unregistered", true, false}, {"all", false, false}};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fake *f = fake_new(PENALTY("ban_at = 100;"), 2);
		struct fake_stream *registered = fake_client(f), *other = fake_client(f);
		struct fake_stream *stranger = fake_client_from(f, "192.0.2.77:1");
		ask(registered, "REGISTER", 1, true);
		answer(fake_server(f, 0), "200 OK", "REGISTER", 1, "");
		ask(other, "OPTIONS", 1, false);
		ban(f, cases[i].closes);
		assert_int_equal(registered->is_closed, !cases[i].keeps_registered);
		assert_int_equal(other->is_closed, !cases[i].keeps_others);
		assert_false(stranger->is_closed);
		assert_true(is_banned(f));
		fake_stop(f);
	}
}

static void observed_penalties_say_who_would_be_banned(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER,
				 "limits: { penalty: { auth_failed = 50; ban_at = 100; }; };"),
			1);
	struct fake_stream *client = fake_client(f);
	for (unsigned i = 1; i <= 4; i++) {
		ask(client, "REGISTER", i, true);
		answer(fake_server(f, 0), "403 Forbidden", "REGISTER", i, "");
	}
	assert_int_equal(fake_count(f, RECORD_BAN_WOULD_START), 2);
	assert_int_equal(fake_count(f, RECORD_BAN_START), 0);
	assert_false(is_banned(f));
	fake_stop(f);
}

static void whoever_is_exempt_gets_no_points(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", FAKE_ONE_SERVER,
					  "limits: { penalty: { mode = \"enforce\"; auth_failed = "
					  "100; ban_at = 100; }; "
					  "classes = ( { name = \"t\"; networks = [ "
					  "\"192.0.2.0/24\" ]; exempt_from_ban "
					  "= true; } ); };"),
		1);
	struct fake_stream *client = fake_client(f);
	ask(client, "REGISTER", 1, true);
	answer(fake_server(f, 0), "403 Forbidden", "REGISTER", 1, "");
	assert_int_equal(fake_count(f, RECORD_BAN_START), 0);
	fake_stop(f);
}

static void other_causes_cost_what_the_file_says(void **state)
{
	static const struct {
		const char *conf, *says, *cause;
	} cases[] = {
		{PENALTY("scanner = 100; ban_at = 100;"),
			"OPTIONS sip:b SIP/2.0\r\nUser-Agent: a Friendly-Scanner v1\r\n" LINES(
				"OPTIONS", "1") "Content-Length: 0\r\n\r\n",
			"scanner"},
		{PENALTY("bad_sip = 100; ban_at = 100;"), "GET / HTTP/1.1\r\n\r\n", "bad_sip"},
		{PENALTY("ping_flood = 100; ban_at = 100;"),
			"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r"
			"\n\r\n"
			"\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n",
			"ping_flood"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fake *f = fake_new(cases[i].conf, 1);
		fake_say(fake_client(f), cases[i].says, strlen(cases[i].says));
		assert_non_null(fake_last(f, RECORD_BAN_START));
		assert_string_equal(fake_last(f, RECORD_BAN_START)->reason, cases[i].cause);
		assert_true(is_banned(f));
		fake_stop(f);
	}
}

static void a_404_and_a_refusal_cost_what_the_file_says(void **state)
{
	(void)state;
	struct fake *f = fake_new(PENALTY("not_found = 100; ban_at = 100;"), 1);
	ask(fake_client(f), "INVITE", 1, false);
	answer(fake_server(f, 0), "404 Not Found", "INVITE", 1, "");
	assert_string_equal(fake_last(f, RECORD_BAN_START)->reason, "not_found");
	fake_stop(f);
	f = fake_new(
		FAKE_CONF("", FAKE_ONE_SERVER,
			"limits: { connections = 1; penalty: { mode = \"enforce\"; refused = 40; "
			"ban_at = 100; }; };"),
		1);
	for (unsigned i = 0; i < 4; i++)
		fake_client(f);
	assert_string_equal(fake_last(f, RECORD_BAN_START)->reason, "refused");
	/* being kept out by the ban costs no more */
	for (unsigned i = 0; i < 9; i++)
		assert_true(is_banned(f));
	assert_int_equal(fake_count(f, RECORD_BAN_START), 1);
	fake_stop(f);
}

static void tls_that_fails_costs_points_unless_the_client_said_so(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF(FAKE_TLS, FAKE_ONE_SERVER,
				 "limits: { penalty: { mode = \"enforce\"; bad_tls = 100; ban_at = "
				 "100; }; };"),
			1);
	struct fake_stream *alert = fake_client(f);
	alert->fault = "alert_unknown_ca";
	alert->is_alert = true;
	fake_say(alert, BYTES("x"));
	assert_int_equal(fake_count(f, RECORD_BAN_START), 0);
	fake_say(fake_client(f), BYTES("x"));
	assert_int_equal(fake_count(f, RECORD_BAN_START), 1);
	fake_stop(f);
}

/* --- hints --- */

static const struct record *hint(const struct fake *f)
{
	const struct record *r = fake_last(f, RECORD_LIMIT_HINT);
	assert_non_null(r);
	assert_int_equal(fake_count(f, RECORD_LIMIT_HINT), 1);
	return r;
}

static void a_private_source_at_its_limit_may_be_a_load_balancer(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER, "limits: { connections = 1; };"), 1);
	fake_client(f);
	fake_client(f);
	assert_int_equal(fake_count(f, RECORD_LIMIT_HINT), 0); /* 192.0.2.10 is public */
	for (unsigned i = 0; i < 5; i++)
		fake_client_from(f, "10.0.3.7:1");
	assert_non_null(strstr(hint(f)->message, "proxy_protocol"));
	fake_pass(f, 3599 * 1000);
	fake_client_from(f, "10.0.3.7:1");
	assert_int_equal(fake_count(f, RECORD_LIMIT_HINT), 1);
	fake_pass(f, 2 * 1000);
	for (unsigned i = 0; i < 2; i++)
		fake_client_from(f, "10.0.3.7:1");
	assert_int_equal(fake_count(f, RECORD_LIMIT_HINT), 2);
	fake_stop(f);
}

static void one_source_with_most_connections_may_be_a_load_balancer(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF("", FAKE_ONE_SERVER, "max_connections = 300; limits: { unproven = 0; };"),
		1);
	for (unsigned i = 0; i < 99; i++)
		fake_client(f);
	assert_int_equal(fake_count(f, RECORD_LIMIT_HINT), 0);
	fake_client(f);
	assert_non_null(strstr(hint(f)->message, "one source holds most"));
	fake_stop(f);
}

static void a_header_where_none_is_read_and_none_where_one_is_due(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", FAKE_ONE_SERVER, ""), 1);
	fake_say(fake_client(f), BYTES("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"));
	assert_non_null(strstr(hint(f)->message, "none is read"));
	fake_stop(f);
	f = fake_new(FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER, ""), 1);
	fake_say(fake_client_from(f, "10.9.0.1:1"), BYTES(REQUEST("OPTIONS", "1")));
	assert_non_null(strstr(hint(f)->message, "proxy_protocol_v2.enabled"));
	fake_stop(f);
}

static void an_untrusted_peer_whose_header_names_itself_shows_client_ip_preservation(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER, ""), 1);
	struct fake_stream *one = fake_client_from(f, "198.51.100.7:40000");
	struct fake_stream *second = fake_client_from(f, "198.51.100.8:1");
	assert_true(second->is_closed); /* one is kept for the sake of a hint, not all */
	assert_false(one->is_closed);
	fake_say(one, BYTES(PROXY_V1));
	assert_true(one->is_closed);
	assert_non_null(strstr(hint(f)->message, "preserve_client_ip.enabled"));
	assert_int_equal(f->server_count, 0);
	assert_string_equal(fake_last(f, RECORD_PROXY_HEADER_BAD)->reason, "untrusted_peer");
	assert_true(fake_client_from(f, "198.51.100.7:40001")->is_closed);
	fake_stop(f);
}

static void an_untrusted_peer_that_says_nothing_goes_after_a_second(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER, ""), 1);
	struct fake_stream *one = fake_client_from(f, "198.51.100.7:40000");
	fake_pass(f, 1200);
	assert_true(one->is_closed);
	assert_int_equal(fake_count(f, RECORD_LIMIT_HINT), 0);
	assert_string_equal(fake_last(f, RECORD_PROXY_HEADER_BAD)->reason, "untrusted_peer");
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_passwords_ban_the_source_for_a_while_and_longer_each_time),
		cmocka_unit_test(a_challenge_a_stale_nonce_and_one_wrong_password_ban_nobody),
		cmocka_unit_test(an_office_that_registers_rightly_is_not_banned),
		cmocka_unit_test(ten_challenges_that_are_never_followed_cost_points),
		cmocka_unit_test(a_2xx_to_a_register_clears_what_that_connection_did_alone),
		cmocka_unit_test(ban_closes_decides_about_open_connections),
		cmocka_unit_test(observed_penalties_say_who_would_be_banned),
		cmocka_unit_test(whoever_is_exempt_gets_no_points),
		cmocka_unit_test(other_causes_cost_what_the_file_says),
		cmocka_unit_test(a_404_and_a_refusal_cost_what_the_file_says),
		cmocka_unit_test(tls_that_fails_costs_points_unless_the_client_said_so),
		cmocka_unit_test(a_private_source_at_its_limit_may_be_a_load_balancer),
		cmocka_unit_test(one_source_with_most_connections_may_be_a_load_balancer),
		cmocka_unit_test(a_header_where_none_is_read_and_none_where_one_is_due),
		cmocka_unit_test(
			an_untrusted_peer_whose_header_names_itself_shows_client_ip_preservation),
		cmocka_unit_test(an_untrusted_peer_that_says_nothing_goes_after_a_second),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
