/* SPDX-License-Identifier: BSD-2-Clause */
/* A pool without servers: every request is answered here. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char demo[] = FAKE_CONF("", "respond: { status = 200; };", "");
static const char maintenance[] = FAKE_CONF(
	"", "respond: { status = 503; reason = \"Maintenance\"; retry_after = \"100s\"; };", "");

static void every_request_but_ack_is_answered(void **state)
{
	(void)state;
	struct fake *f = fake_new(demo, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1") REQUEST("ACK", "2") RESPONSE(
				 "200 OK", "NOTIFY", "3") REQUEST("REGISTER", "4")));
	assert_int_equal(fake_wrote_times(client, "SIP/2.0 200 OK\r\n"), 2);
	assert_true(fake_wrote(client, "CSeq: 1 OPTIONS\r\n"));
	assert_true(fake_wrote(client, "CSeq: 4 REGISTER\r\n"));
	assert_int_equal(fake_wrote_times(client, "To: <sip:b@example.com>;tag="), 2);
	assert_int_equal(fake_state(client), SESSION_RELAYING);
	fake_finish(client);
	fake_assert_closed(client, REASON_CLIENT_CLOSED);
	assert_int_equal(f->server_count, 0);
	fake_end(f);
}

static void pings_are_answered_once_it_has_answered_a_request(void **state)
{
	(void)state;
	struct fake *f = fake_new(demo, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES("\r\n\r\n"));
	assert_null(client->written);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_forget(client);
	fake_say(client, BYTES("\r\n\r\n"));
	fake_assert_written(client, BYTES("\r\n"));
	fake_stop(f);
}

static void a_request_and_a_fin_get_the_answer_and_the_close(void **state)
{
	(void)state;
	struct fake *f = fake_new(demo, 1);
	struct fake_stream *client = fake_stream_new(f);
	fake_queue(client, BYTES(REQUEST("OPTIONS", "1")));
	client->is_ended = true;
	client->room = 20;
	fake_accept(client, 0, 0, "192.0.2.10:1");
	fake_run(f);
	assert_false(client->is_closed);
	fake_give_room(client, SIZE_MAX);
	assert_true(fake_wrote(client, "SIP/2.0 200 OK\r\n"));
	assert_true(fake_wrote(client, "Content-Length: 0\r\n\r\n"));
	fake_assert_closed(client, REASON_CLIENT_CLOSED);
	fake_end(f);
}

static void retry_after_is_spread_by_up_to_half(void **state)
{
	(void)state;
	unsigned seen = 0;
	bool is_low = false, is_high = false;
	struct fake *f = fake_new(maintenance, 1);
	for (unsigned i = 0; i < 40; i++) {
		struct fake_stream *client = fake_client(f);
		fake_say(client, BYTES(REQUEST("REGISTER", "1")));
		assert_true(fake_wrote(client, "SIP/2.0 503 Maintenance\r\n"));
		const char *at = strstr(client->written, "Retry-After: ");
		assert_non_null(at);
		unsigned seconds = (unsigned)strtoul(at + 13, NULL, 10);
		assert_in_range(seconds, 100, 150);
		is_low |= seconds < 115;
		is_high |= seconds > 135;
		seen++;
		fake_pass(f, 1000);
	}
	assert_int_equal(seen, 40);
	assert_true(is_low && is_high);
	fake_stop(f);
}

static void a_client_that_reads_no_answers_is_not_read_and_then_gets_them_all(void **state)
{
	(void)state;
	struct fake *f = fake_new(demo, 1);
	struct fake_stream *client = fake_client(f);
	client->room = 0;
	for (unsigned i = 0; i < 50; i++)
		fake_say(client, BYTES(REQUEST("OPTIONS", "1") REQUEST("INVITE", "2")));
	assert_int_equal(client->taken, sizeof(REQUEST("OPTIONS", "1") REQUEST("INVITE", "2")) - 1);
	while (client->taken < client->input_length)
		fake_give_room(client, 37);
	fake_give_room(client, SIZE_MAX);
	assert_int_equal(fake_wrote_times(client, "SIP/2.0 200 OK\r\n"), 100);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_request_but_ack_is_answered),
		cmocka_unit_test(pings_are_answered_once_it_has_answered_a_request),
		cmocka_unit_test(a_request_and_a_fin_get_the_answer_and_the_close),
		cmocka_unit_test(retry_after_is_spread_by_up_to_half),
		cmocka_unit_test(a_client_that_reads_no_answers_is_not_read_and_then_gets_them_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
