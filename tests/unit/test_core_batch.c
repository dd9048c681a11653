/* SPDX-License-Identifier: BSD-2-Clause */
/* A run over many messages that ends in its middle: what comes behind is neither kept nor sent. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { MESSAGES = 5 * BATCH_RANGES };

/* In one piece. The CRLFs keep the messages from being one range. */
static void queue_many(struct fake_stream *client)
{
	for (unsigned i = 0; i < MESSAGES; i++) {
		client->piece_count = 0;
		fake_queue(client, BYTES(REQUEST("OPTIONS", "2") "\r\n"));
	}
}

/* The client's bytes are looked at before the reset of the server is. */
static void a_server_found_dead_ends_the_run(void **state)
{
	(void)state;
	struct fake *f = fake_new(FAKE_CONF("", FAKE_ONE_SERVER, ""), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	struct fake_stream *server = fake_server(f, 0);
	fake_forget(server);
	server->is_failing = ECONNRESET;
	queue_many(client);
	fake_run(f);
	assert_int_equal(server->written_length, 0);
	assert_true(server->is_closed);
	fake_finish(client);
	fake_assert_closed(client, REASON_SERVER_RESET);
	fake_end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_found_dead_ends_the_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
