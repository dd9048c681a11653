/* SPDX-License-Identifier: BSD-2-Clause */
/* Who has been told no holds no slot of its source, and so must not keep others out while it goes. */
#include "tests/unit/core_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BAD_LENGTH \
	"OPTIONS sip:b@example.com SIP/2.0\r\n" LINES("OPTIONS", "2") "Content-Length: -1\r\n\r\n"

static const char conf[] = FAKE_CONF("", "respond: { status = 200; };", "max_connections = 2;");

/* Proven, then refused; its FIN does not come. */
static struct fake_stream *refused(struct fake *f)
{
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1") BAD_LENGTH));
	assert_int_equal(fake_state(client), SESSION_REFUSING);
	assert_true(client->is_shut);
	return client;
}

static void those_on_their_way_out_make_room_the_first_one_first(void **state)
{
	(void)state;
	struct fake *f = fake_new(conf, 1);
	struct fake_stream *first = refused(f);
	struct fake_stream *second = refused(f);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "3")));
	assert_true(fake_wrote(client, "SIP/2.0 200 "));
	fake_assert_closed(first, REASON_SIP_BAD);
	assert_false(second->is_closed);
	assert_int_equal(fake_count(f, RECORD_LIMIT_REFUSED), 0);
	fake_stop(f);
}

/* An unproven one may be a phone that is about to speak. */
static void they_go_before_the_unproven(void **state)
{
	(void)state;
	struct fake *f = fake_new(conf, 1);
	struct fake_stream *silent = fake_client(f);
	struct fake_stream *leaving = refused(f);
	fake_client(f);
	assert_true(leaving->is_closed);
	assert_false(silent->is_closed);
	fake_stop(f);
}

static void they_are_closed_at_the_stop_too(void **state)
{
	(void)state;
	struct fake *f = fake_new(conf, 1);
	refused(f);
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_on_their_way_out_make_room_the_first_one_first),
		cmocka_unit_test(they_go_before_the_unproven),
		cmocka_unit_test(they_are_closed_at_the_stop_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
