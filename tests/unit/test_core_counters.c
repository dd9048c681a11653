/* SPDX-License-Identifier: BSD-2-Clause */
/* What is counted, where and how often; and that the sets of all workers add up. */
#include "tests/unit/core_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char plain[] = FAKE_CONF("", FAKE_ONE_SERVER, "");
static const char proxied[] = FAKE_CONF(FAKE_PROXY, FAKE_ONE_SERVER, "");
static const char respond[] =
	FAKE_CONF("", "respond: { status = 480; };", "limits: { connections = 1; };");

/* The sum over all workers; static, as the test at hand is alone. */
static const struct listener_counters *sum(const struct fake *f)
{
	static struct listener_counters total;
	memset(&total, 0, sizeof(total));
	for (unsigned w = 0; w < f->shared.workers; w++)
		counters_add_listener(&total, &fake_listener(f, 0)->counters[w]);
	return &total;
}

/* The same of those that are in no class. */
static const struct class_counters *class_sum(const struct fake *f)
{
	static struct class_counters total;
	memset(&total, 0, sizeof(total));
	for (unsigned w = 0; w < f->shared.workers; w++)
		counters_add_class(&total, &fake_listener(f, 0)->classes[CLASS_NONE][w]);
	return &total;
}

static uint64_t open_in(const struct fake *f, enum session_state state)
{
	return counter_read(&class_sum(f)->connections[state]);
}

static void accepted_is_closed_and_open_together(void **state)
{
	(void)state;
	struct fake *f = fake_new(proxied, 2);
	struct fake_stream *clients[6];
	for (unsigned i = 0; i < 6; i++) {
		clients[i] = fake_stream_new(f);
		fake_accept(clients[i], i % 2, 0, "10.9.0.1:1000");
	}
	fake_run(f);
	assert_int_equal(open_in(f, SESSION_UNNAMED), 6);
	for (unsigned i = 0; i < 4; i++)
		fake_say(clients[i], BYTES(PROXY_V1));
	for (unsigned i = 0; i < 2; i++)
		fake_say(clients[i], BYTES(REQUEST("OPTIONS", "1")));
	assert_int_equal(open_in(f, SESSION_UNNAMED), 2);
	assert_int_equal(open_in(f, SESSION_SECURED), 2);
	assert_int_equal(open_in(f, SESSION_RELAYING), 2);
	fake_finish(clients[2]);
	fake_fail(clients[3], ECONNRESET);
	assert_int_equal(counter_read(&sum(f)->closed[REASON_CLIENT_CLOSED]), 1);
	assert_int_equal(counter_read(&sum(f)->closed[REASON_CLIENT_RESET]), 1);
	assert_int_equal(open_in(f, SESSION_SECURED), 0);
	assert_int_equal(counter_read(&sum(f)->accepted), 6);
	fake_stop(f);
}

static void a_closed_connection_is_in_no_state(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_finish(client);
	assert_int_equal(open_in(f, SESSION_HALF_CLOSED), 1);
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "OPTIONS", "1")));
	fake_assert_closed(client, REASON_ANSWERED);
	for (unsigned s = 0; s < COUNTERS_STATES; s++)
		assert_int_equal(open_in(f, s), 0);
	fake_end(f);
}

static void messages_are_counted_by_direction_and_method(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("INVITE", "1") REQUEST("ACK", "1") REQUEST("PUB", "2")));
	fake_say(client, BYTES(REQUEST("INVITE", "3")));
	fake_say(client, BYTES(RESPONSE("200 OK", "NOTIFY", "9")));
	fake_say(fake_server(f, 0), BYTES(RESPONSE("100 Trying", "INVITE", "1")));
	fake_say(fake_server(f, 0), BYTES(REQUEST("BYE", "4")));
	const struct listener_counters *all = sum(f);
	const struct counter *in = all->messages[DIRECTION_IN];
	const struct counter *out = all->messages[DIRECTION_OUT];
	assert_int_equal(counter_read(&in[METHOD_INVITE]), 2);
	assert_int_equal(counter_read(&in[METHOD_ACK]), 1);
	assert_int_equal(counter_read(&in[METHOD_OTHER]), 1);
	assert_int_equal(counter_read(&in[COUNTERS_RESPONSE]), 1);
	assert_int_equal(counter_read(&out[COUNTERS_RESPONSE]), 1);
	assert_int_equal(counter_read(&out[METHOD_BYE]), 1);
	assert_int_equal(counter_read(&out[METHOD_INVITE]), 0);
	fake_stop(f);
}

static void responses_of_a_server_are_counted_by_class_or_exactly(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("REGISTER", "1")));
	const struct server_counters *c =
		settings_pool(f->settings, 0)->servers[0].backend->counters;
	assert_int_equal(counter_read(&c->connections), 1);
	fake_say(fake_server(f, 0), BYTES(RESPONSE("401 Unauthorized", "REGISTER", "1")));
	fake_say(fake_server(f, 0), BYTES(RESPONSE("200 OK", "REGISTER", "2")));
	fake_say(fake_server(f, 0), BYTES(RESPONSE("202 OK", "REGISTER", "3")));
	assert_int_equal(counter_read(&c->responses[counters_status_slot(401)]), 1);
	assert_int_equal(counter_read(&c->responses[counters_status_slot(299)]), 2);
	assert_int_equal(counter_read(&c->responses[counters_status_slot(400)]), 0);
	fake_finish(client);
	fake_pass(f, 20000);
	assert_int_equal(counter_read(&c->connections), 0);
	fake_stop(f);
}

static void every_status_has_one_slot_and_its_name(void **state)
{
	(void)state;
	static const struct {
		unsigned status;
		const char *name;
	} cases[] = {{100, "1xx"}, {199, "1xx"}, {200, "2xx"}, {302, "3xx"}, {400, "4xx"},
		{401, "401"}, {402, "4xx"}, {403, "403"}, {404, "404"}, {407, "407"}, {408, "408"},
		{486, "4xx"}, {500, "5xx"}, {503, "503"}, {504, "5xx"}, {603, "6xx"}, {699, "6xx"}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(
			counters_status_name(counters_status_slot(cases[i].status)), cases[i].name);
}

static void refusals_are_counted_by_limit_and_action(void **state)
{
	(void)state;
	struct fake *f = fake_new(respond, 2);
	fake_client(f);
	fake_client(f);
	fake_client(f);
	assert_int_equal(
		counter_read(&class_sum(f)->refused[REASON_LIMIT_CONNECTIONS][CONF_ACTION_RESET]),
		2);
	assert_int_equal(
		counter_read(&class_sum(f)->refused[REASON_LIMIT_CONNECTIONS][CONF_ACTION_CLOSE]),
		0);
	assert_int_equal(counter_read(&sum(f)->closed[REASON_LIMIT_CONNECTIONS]), 2);
	fake_stop(f);
}

static void a_source_let_in_uncounted_is_counted_here(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER,
				 "limits: { tracked_sources = 1; when_full = \"admit\"; };"),
			1);
	fake_client_from(f, "192.0.2.1:1");
	fake_client_from(f, "192.0.2.2:1");
	assert_int_equal(
		counter_read(&class_sum(f)->would_refuse[REASON_LIMIT_TRACKED_SOURCES]), 1);
	fake_stop(f);
}

static void headers_are_counted_by_version_and_outcome(void **state)
{
	(void)state;
	struct fake *f = fake_new(proxied, 1);
	fake_say(fake_client_from(f, "10.9.0.1:1"), BYTES(PROXY_V1));
	fake_say(fake_client_from(f, "10.9.0.1:2"), BYTES("PROXY UNKNOWN\r\n"));
	fake_say(fake_client_from(f, "10.9.0.1:3"), BYTES("OPTIONS sip:a SIP/2.0\r\n"));
	fake_client_from(f, "192.0.2.1:4");
	fake_client_from(f, "10.9.0.1:5");
	fake_pass(f, 11000);
	const struct listener_counters *all = sum(f);
	assert_int_equal(counter_read(&all->headers[1][HEADER_ACCEPTED]), 1);
	assert_int_equal(counter_read(&all->headers[1][HEADER_LOCAL]), 1);
	assert_int_equal(counter_read(&all->headers[0][HEADER_FAULTY + PROXY_FAULT_SIGNATURE]), 1);
	assert_int_equal(counter_read(&all->headers[0][HEADER_UNTRUSTED]), 1);
	assert_int_equal(counter_read(&all->headers[0][HEADER_TIMEOUT]), 1);
	fake_stop(f);
}

static void an_omitted_header_is_counted_where_it_is_optional(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("proxy_protocol = \"optional\"; trusted = [ \"10.9.0.0/16\" ];",
				 FAKE_ONE_SERVER, ""),
			1);
	fake_say(fake_client_from(f, "10.9.0.1:1"), BYTES(REQUEST("OPTIONS", "1")));
	fake_client_from(f, "10.9.0.1:2");
	fake_pass(f, 11000);
	assert_int_equal(counter_read(&sum(f)->headers[0][HEADER_OMITTED]), 2);
	fake_stop(f);
}

static void answers_made_here_are_counted_by_their_cause(void **state)
{
	(void)state;
	static const enum fake_connect refused[] = {FAKE_REFUSED};
	struct fake *f = fake_new(plain, 1);
	fake_connects(f, refused, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES("OPTIONS sip:b@example.com SIP/2.0\r\nContent-Length: 0\r\n"
			       "Via: SIP/2.0/TCP a;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
			       "To: <sip:b@c>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n"));
	fake_say(client, BYTES(REQUEST("OPTIONS", "1") REQUEST("ACK", "1")));
	fake_say(client,
		BYTES("OPTIONS sip:b@example.com SIP/7.0\r\n" LINES("OPTIONS", "2") "\r\n"));
	const struct listener_counters *all = sum(f);
	assert_int_equal(counter_read(&all->refusals[REFUSAL_MESSAGE + MESSAGE_FAULT_CSEQ]), 1);
	assert_int_equal(counter_read(&all->refusals[REFUSAL_UNREACHABLE]), 1);
	assert_int_equal(counter_read(&all->refusals[REFUSAL_FRAME + FRAME_FAULT_VERSION]), 1);
	fake_stop(f);
}

static void what_a_pool_without_servers_answers_is_counted_by_status(void **state)
{
	(void)state;
	struct fake *f = fake_new(respond, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1") REQUEST("INVITE", "2") REQUEST("ACK", "2")));
	assert_int_equal(counter_read(&sum(f)->responded[480 - COUNTERS_STATUS_MIN]), 2);
	fake_stop(f);
}

static void pings_are_counted_one_by_one(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES("\r\n\r\n\r\n\r\n" REQUEST("OPTIONS", "1") "\r\n\r\n"));
	assert_int_equal(counter_read(&sum(f)->pings), 3);
	fake_stop(f);
}

static void the_time_until_the_first_message_is_counted_once(void **state)
{
	(void)state;
	struct fake *f = fake_new(plain, 1);
	struct fake_stream *client = fake_client(f);
	fake_pass(f, 600);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "2")));
	fake_say(client, BYTES(REQUEST("OPTIONS", "3")));
	const struct histogram *h = &sum(f)->admission;
	for (unsigned b = 0; b < HISTOGRAM_BUCKETS; b++)
		assert_int_equal(counter_read(&h->buckets[b]), !strcmp(histogram_bound(b), "1"));
	assert_int_equal(counter_read(&h->sum_ms), 600);
	fake_stop(f);
}

static void the_time_to_connect_is_that_of_the_server_that_was_reached(void **state)
{
	(void)state;
	static const enum fake_connect ways[] = {FAKE_PENDING, FAKE_UP};
	struct fake *f = fake_new(FAKE_CONF("", FAKE_THREE_SERVERS, ""), 1);
	fake_connects(f, ways, 2);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	fake_pass(f, 700);
	fake_fail(fake_server(f, 0), ECONNREFUSED);
	const struct pool_settings *p = settings_pool(f->settings, 0);
	uint64_t counts[3];
	for (unsigned i = 0; i < 3; i++)
		counts[i] = counter_read(&p->servers[i].backend->counters[0].connect.buckets[0]);
	assert_int_equal(counts[0], 0);
	assert_int_equal(counts[1], 1);
	assert_int_equal(counts[2], 0);
	assert_int_equal(counter_read(&p->servers[0].backend->counters[0].connect.sum_ms), 0);
	fake_stop(f);
}

/* Two rows with the same labels would make the whole page unreadable for Prometheus. */
static void no_two_causes_have_one_name_and_status(void **state)
{
	(void)state;
	for (unsigned a = 0; a < REFUSAL_COUNT; a++)
		for (unsigned b = 0; b < a; b++)
			if (refusal_status(a) && refusal_status(a) == refusal_status(b))
				assert_string_not_equal(refusal_name(a), refusal_name(b));
	for (unsigned a = 0; a < HEADER_OUTCOMES; a++)
		for (unsigned b = 0; b < a; b++)
			if (counters_header_name(a) && counters_header_name(b))
				assert_string_not_equal(
					counters_header_name(a), counters_header_name(b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted_is_closed_and_open_together),
		cmocka_unit_test(a_closed_connection_is_in_no_state),
		cmocka_unit_test(messages_are_counted_by_direction_and_method),
		cmocka_unit_test(responses_of_a_server_are_counted_by_class_or_exactly),
		cmocka_unit_test(every_status_has_one_slot_and_its_name),
		cmocka_unit_test(refusals_are_counted_by_limit_and_action),
		cmocka_unit_test(a_source_let_in_uncounted_is_counted_here),
		cmocka_unit_test(headers_are_counted_by_version_and_outcome),
		cmocka_unit_test(an_omitted_header_is_counted_where_it_is_optional),
		cmocka_unit_test(answers_made_here_are_counted_by_their_cause),
		cmocka_unit_test(what_a_pool_without_servers_answers_is_counted_by_status),
		cmocka_unit_test(pings_are_counted_one_by_one),
		cmocka_unit_test(the_time_until_the_first_message_is_counted_once),
		cmocka_unit_test(the_time_to_connect_is_that_of_the_server_that_was_reached),
		cmocka_unit_test(no_two_causes_have_one_name_and_status),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
