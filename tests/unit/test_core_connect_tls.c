/* SPDX-License-Identifier: BSD-2-Clause */
/* The way to a server that speaks TLS: what is asked of the host, and what is told when it fails. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SERVERS                                                                             \
	"servers = ( { name = \"s1\"; address = \"10.0.0.1:5061\"; transport = \"tls\"; }," \
	"{ name = \"s2\"; address = \"10.0.0.2:5060\"; } );"

static const char mixed[] = FAKE_CONF("", SERVERS, "");
static const char with_header[] = FAKE_CONF("", SERVERS "proxy_protocol = \"v1\";", "");
static const char preface[] = "PROXY TCP4 192.0.2.10 192.0.2.98 40000 5061\r\n";

static void a_server_speaks_what_its_transport_says(void **state)
{
	(void)state;
	struct fake *f = fake_new(mixed, 1);
	fake_say(fake_client(f), BYTES(REQUEST("OPTIONS", "1")));
	fake_say(fake_client(f), BYTES(REQUEST("OPTIONS", "1")));
	assert_true(fake_server(f, 0)->is_for_tls);
	assert_false(fake_server(f, 1)->is_for_tls);
	assert_int_equal(fake_server(f, 0)->preface_length, 0);
	fake_assert_written(fake_server(f, 0), BYTES(REQUEST("OPTIONS", "1")));
	fake_stop(f);
}

static void the_header_goes_in_front_of_tls_and_not_into_it(void **state)
{
	(void)state;
	struct fake *f = fake_new(with_header, 1);
	fake_say(fake_client(f), BYTES(REQUEST("OPTIONS", "1")));
	struct fake_stream *server = fake_server(f, 0);
	assert_int_equal(server->preface_length, strlen(preface));
	assert_memory_equal(server->preface, preface, strlen(preface));
	fake_assert_written(server, BYTES(REQUEST("OPTIONS", "1")));
	fake_say(fake_client(f), BYTES(REQUEST("OPTIONS", "1")));
	assert_int_equal(fake_server(f, 1)->preface_length, 0); /* plain: with the first bytes */
	assert_true(fake_wrote(fake_server(f, 1), preface));
	fake_stop(f);
}

static void a_handshake_that_fails_is_told_and_the_next_server_tried(void **state)
{
	static const enum fake_connect script[] = {FAKE_FAILS, FAKE_UP};
	(void)state;
	struct fake *f = fake_new(mixed, 1);
	fake_connects(f, script, 2);
	fake_say(fake_client(f), BYTES(REQUEST("OPTIONS", "1")));
	const struct record *r = fake_last(f, RECORD_BACKEND_FAILED);
	assert_non_null(r);
	assert_string_equal(r->reason, "unknown_ca");
	assert_string_equal(r->message, "signed by nobody");
	assert_string_equal(r->server, "s1");
	fake_assert_written(fake_server(f, 1), BYTES(REQUEST("OPTIONS", "1")));
	fake_stop(f);
}

static void a_handshake_that_fails_later_is_told_too(void **state)
{
	static const enum fake_connect script[] = {FAKE_PENDING, FAKE_UP};
	(void)state;
	struct fake *f = fake_new(mixed, 1);
	fake_connects(f, script, 2);
	fake_say(fake_client(f), BYTES(REQUEST("OPTIONS", "1")));
	fake_fail_tls(fake_server(f, 0), "name_mismatch", "expected a, it has b");
	fake_run(f);
	const struct record *r = fake_last(f, RECORD_BACKEND_FAILED);
	assert_non_null(r);
	assert_string_equal(r->reason, "name_mismatch");
	assert_string_equal(r->message, "expected a, it has b");
	fake_assert_written(fake_server(f, 1), BYTES(REQUEST("OPTIONS", "1")));
	fake_stop(f);
}

/* With TLS 1.3 a server may refuse us when we are connected already. */
static void a_refusal_after_the_handshake_is_told(void **state)
{
	(void)state;
	struct fake *f = fake_new(mixed, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_fail_tls(fake_server(f, 0), "certificate_wanted", "set tls.certificate");
	fake_run(f);
	const struct record *r = fake_last(f, RECORD_BACKEND_FAILED);
	assert_non_null(r);
	assert_string_equal(r->reason, "certificate_wanted");
	assert_int_equal(fake_count(f, RECORD_BACKEND_FAILED), 1);
	fake_finish(client);
	fake_assert_closed(client, REASON_SERVER_RESET);
	fake_stop(f);
}

static void a_reset_after_the_handshake_is_no_failure_of_tls(void **state)
{
	(void)state;
	struct fake *f = fake_new(mixed, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_fail(fake_server(f, 0), ECONNRESET);
	assert_int_equal(fake_count(f, RECORD_BACKEND_FAILED), 0);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_speaks_what_its_transport_says),
		cmocka_unit_test(the_header_goes_in_front_of_tls_and_not_into_it),
		cmocka_unit_test(a_handshake_that_fails_is_told_and_the_next_server_tried),
		cmocka_unit_test(a_handshake_that_fails_later_is_told_too),
		cmocka_unit_test(a_refusal_after_the_handshake_is_told),
		cmocka_unit_test(a_reset_after_the_handshake_is_no_failure_of_tls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
