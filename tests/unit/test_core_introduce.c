/* SPDX-License-Identifier: BSD-2-Clause */
/* test_core_introduce.c - how servers are told who is calling: TLVs, header lines, addresses of their own. */
#include "tests/unit/core_fake.h"

#include "proxy/core/crc32c.h"
#include "proxy/core/introduce.h"
#include "proxy/core/proxy_tlv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The last of this event; NULL: there was none. */
static const struct record *last_record(const struct fake *f, enum record_event event)
{
	for (size_t i = f->record_count; i > 0; i--)
		if (f->records[i - 1].event == event)
			return &f->records[i - 1];
	return NULL;
}

/* --- TLVs --- */

static const enum conf_proxy_tlv all[] = {
	CONF_TLV_CRC32C, CONF_TLV_UNIQUE_ID, CONF_TLV_AUTHORITY, CONF_TLV_SSL, CONF_TLV_ENDPOINT};

static const struct proxy_tlvs full = {
	.wanted = all,
	.count = 5,
	.max = PROXY_HEADER_WRITE_MAX,
	.unique_id = "id-1",
	.authority = "sip.example.com",
	.endpoint = "vpce-08d2bf15fac5001c9",
	.tls_version = "1.3",
	.tls_cipher = "TLS_AES_128_GCM_SHA256",
	.certificate = "phone",
};

/* A header of version 2 for 192.0.2.1:1 to 192.0.2.2:2, with these. */
static size_t write(
	uint8_t out[PROXY_HEADER_WRITE_MAX], const struct proxy_tlvs *t, unsigned *out_of)
{
	struct addr_port from, to;
	assert_true(addr_port_parse(&from, "192.0.2.1:1") && addr_port_parse(&to, "192.0.2.2:2"));
	size_t length = proxy_header_write(out, 2, &from, &to);
	assert_int_equal(length, 28);
	return proxy_tlv_append(out, length, t, out_of);
}

static void assert_tlvs(const struct proxy_tlvs *t, const void *expected, size_t length)
{
	uint8_t out[PROXY_HEADER_WRITE_MAX];
	struct proxy_header header;
	unsigned left_out;
	size_t written = write(out, t, &left_out);
	assert_int_equal(written, 28 + length);
	assert_memory_equal(out + 28, expected, length);
	assert_int_equal(left_out, 0);
	assert_int_equal(proxy_header_read(out, written, &header), PROXY_ACCEPT);
	assert_int_equal(header.used, written);
}

static void each_tlv_is_written_as_the_document_says(void **state)
{
	static const struct {
		enum conf_proxy_tlv wanted;
		const char *bytes;
		size_t length;
	} cases[] = {
		{CONF_TLV_UNIQUE_ID, BYTES("\x05\0\4id-1")},
		{CONF_TLV_AUTHORITY, BYTES("\x02\0\xfsip.example.com")},
		{CONF_TLV_ENDPOINT, BYTES("\xea\0\x17\1vpce-08d2bf15fac5001c9")},
		{CONF_TLV_SSL, BYTES("\x20\0\x30\7\0\0\0\0"
				     "\x21\0\7TLSv1.3"
				     "\x22\0\5phone"
				     "\x23\0\x16TLS_AES_128_GCM_SHA256")},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proxy_tlvs t = full;
		t.wanted = &cases[i].wanted;
		t.count = 1;
		assert_tlvs(&t, cases[i].bytes, cases[i].length);
	}
}

static void without_a_certificate_nothing_was_verified(void **state)
{
	static const enum conf_proxy_tlv ssl = CONF_TLV_SSL;
	struct proxy_tlvs t = full;
	(void)state;
	t.wanted = &ssl;
	t.count = 1;
	t.certificate = NULL;
	t.tls_cipher = NULL;
	t.tls_version = "1.0";
	assert_tlvs(&t, BYTES("\x20\0\xd\1\0\0\0\1\x21\0\5TLSv1"));
	t.certificate = "p";
	t.is_resumed = true;
	assert_tlvs(&t, BYTES("\x20\0\x11\5\0\0\0\0\x21\0\5TLSv1\x22\0\1p"));
}

static void what_there_is_not_is_not_told(void **state)
{
	struct proxy_tlvs t = {
		.wanted = all + 1, .count = 4, .max = PROXY_HEADER_WRITE_MAX, .endpoint = ""};
	(void)state;
	assert_tlvs(&t, "", 0);
}

/* Its value is behind its own three bytes, and counts as zeros. */
static void the_checksum_goes_first_and_is_over_all(void **state)
{
	uint8_t out[PROXY_HEADER_WRITE_MAX], copy[PROXY_HEADER_WRITE_MAX];
	unsigned left_out;
	(void)state;
	size_t length = write(out, &full, &left_out);
	assert_int_equal(left_out, 0);
	assert_memory_equal(out + 28, "\3\0\4", 3);
	memcpy(copy, out, length);
	memset(copy + 31, 0, 4);
	uint32_t crc = crc32c_extend(0, copy, length);
	const uint8_t expected[] = {
		(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc};
	assert_memory_equal(out + 31, expected, 4);
	struct proxy_header header;
	assert_int_equal(proxy_header_read(out, length, &header), PROXY_ACCEPT);
	assert_string_equal(header.endpoint, full.endpoint);
}

/* Whatever the bound, the header is whole, and what is told is told whole. */
static void what_does_not_fit_is_left_out_whole(void **state)
{
	(void)state;
	unsigned seen = 0;
	for (size_t max = PROXY_HEADER_PLAIN_MAX; max <= 231; max++) {
		uint8_t out[PROXY_HEADER_WRITE_MAX];
		struct proxy_tlvs t = full;
		struct proxy_header header;
		unsigned left_out;
		t.max = max;
		size_t length = write(out, &t, &left_out);
		assert_true(length <= max);
		assert_int_equal(proxy_header_read(out, length, &header), PROXY_ACCEPT);
		assert_int_equal(header.used, length);
		assert_string_equal(
			header.endpoint, left_out & 1u << CONF_TLV_ENDPOINT ? "" : full.endpoint);
		seen |= left_out;
		if (max == 231)
			assert_int_equal(left_out, 0);
	}
	assert_true(seen & 1u << CONF_TLV_SSL && seen & 1u << CONF_TLV_ENDPOINT);
}

#define V2(more) FAKE_ONE_SERVER "proxy_protocol = \"v2\";" more

static void a_tlv_that_was_left_out_is_told_in_the_log(void **state)
{
	static const char conf[] =
		"log: { level = \"debug\"; };"
		"listeners = ( { name = \"l\"; address = \"192.0.2.99:5060\"; pool = "
		"\"p\"; " FAKE_TLS
		" } ); pools = ( { name = \"p\"; policy = \"round-robin\"; health: { method = "
		"\"off\"; }; " V2(
			"proxy_tlvs = [ \"authority\" ]; proxy_header_max = \"107\";") " } );";
	char name[100];
	(void)state;
	struct fake *f = fake_new(conf, 1);
	struct fake_stream *s = fake_stream_new(f);
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	s->security.sni = name;
	fake_accept(s, 0, 0, "192.0.2.10:1");
	fake_say(s, BYTES(HELLO FINISHED REQUEST("OPTIONS", "1")));
	const struct record *r = last_record(f, RECORD_PROXY_HEADER_CUT);
	assert_non_null(r);
	assert_string_equal(r->reason, "authority");
	fake_stop(f);
}

/* --- header lines --- */

#define LINED(more)		  FAKE_CONF("", FAKE_ONE_SERVER "source_header = \"X-AUTH-IP\";", more)
#define TOLD			  "X-AUTH-IP: 192.0.2.10\r\nX-AUTH-PORT: 40000\r\n"
#define WITH(lines, method, cseq) method " sip:b@example.com SIP/2.0\r\n" LINES(method, cseq) lines
#define END			  "Content-Length: 0\r\n\r\n"

static void each_request_tells_who_is_calling(void **state)
{
	(void)state;
	struct fake *f = fake_new(LINED(""), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1") REQUEST_BODY("MESSAGE", "2", "5", "hello")
					 RESPONSE("200 OK", "BYE", "9") REQUEST("ACK", "3")));
	fake_assert_written(fake_server(f, 0),
		BYTES(WITH("Content-Length: 0\r\n" TOLD "\r\n", "OPTIONS", "1") WITH(
			"Content-Length: 5\r\n" TOLD "\r\nhello", "MESSAGE", "2") RESPONSE("200 OK",
			"BYE", "9") WITH("Content-Length: 0\r\n" TOLD "\r\n", "ACK", "3")));
	fake_stop(f);
}

/* More than one batch holds, in one read. */
static void many_requests_at_once_are_each_told(void **state)
{
	enum { MANY = 40 };
	static const char one[] = REQUEST("OPTIONS", "1");
	static const char told[] = WITH("Content-Length: 0\r\n" TOLD "\r\n", "OPTIONS", "1");
	char said[MANY * sizeof(one)] = "", expected[MANY * sizeof(told)] = "";
	(void)state;
	struct fake *f = fake_new(LINED("sip: { max_pending = 1000; };"), 1);
	for (unsigned i = 0; i < MANY; i++) {
		memcpy(said + i * (sizeof(one) - 1), one, sizeof(one));
		memcpy(expected + i * (sizeof(told) - 1), told, sizeof(told));
	}
	fake_say(fake_client(f), said, MANY * (sizeof(one) - 1));
	fake_assert_written(fake_server(f, 0), expected, MANY * (sizeof(told) - 1));
	fake_stop(f);
}

static void nobody_else_says_it(void **state)
{
	(void)state;
	struct fake *f = fake_new(LINED("sip: { strip_headers = [ ]; };"), 1);
	fake_say(fake_client(f),
		BYTES(WITH("x-auth-ip: 10.0.0.1\r\nX-Auth-Port: 1\r\n" END, "OPTIONS", "1")
				WITH("X-AUTH-IPS: kept\r\n" END, "OPTIONS", "2")));
	fake_assert_written(fake_server(f, 0),
		BYTES(WITH("Content-Length: 0\r\n" TOLD "\r\n", "OPTIONS", "1") WITH(
			"X-AUTH-IPS: kept\r\nContent-Length: 0\r\n" TOLD "\r\n", "OPTIONS", "2")));
	fake_stop(f);
}

static void whoever_is_trusted_may_say_it_and_then_nothing_is_added(void **state)
{
	static const char conf[] = LINED("limits: { classes = ( { name = \"proxy\"; networks = [ "
					 "\"192.0.2.10\" ]; keep_headers = true; } ); };");
	(void)state;
	struct fake *f = fake_new(conf, 1);
	fake_say(fake_client(f),
		BYTES(WITH("X-AUTH-IP: 10.0.0.1\r\nX-AUTH-PORT: 7\r\n" END, "OPTIONS", "1")
				WITH("X-AUTH-PORT: 7\r\n" END, "OPTIONS", "2")));
	fake_assert_written(fake_server(f, 0),
		BYTES(WITH("X-AUTH-IP: 10.0.0.1\r\nX-AUTH-PORT: 7\r\n" END, "OPTIONS", "1")
				WITH("Content-Length: 0\r\n" TOLD "\r\n", "OPTIONS", "2")));
	fake_stop(f);
}

static void a_name_that_does_not_end_in_ip_gets_port_behind_it(void **state)
{
	(void)state;
	struct fake *f =
		fake_new(FAKE_CONF("", FAKE_ONE_SERVER "source_header = \"P-Source\";", ""), 1);
	fake_say(fake_client(f), BYTES(REQUEST("OPTIONS", "1")));
	assert_non_null(strstr(fake_server(f, 0)->written,
		"\r\nP-Source: 192.0.2.10\r\nP-Source-Port: 40000\r\n\r\n"));
	fake_stop(f);
}

/* The batch that nobody takes is answered request by request, with what was put in and without; none is lost. */
static void requests_that_reach_nobody_are_all_answered(void **state)
{
	static const enum fake_connect how[] = {FAKE_REFUSED, FAKE_REFUSED, FAKE_PENDING};
	(void)state;
	struct fake *f = fake_new(LINED("sip: { max_headers = 8; };"), 1);
	fake_connects(f, how, 3);
	f->otherwise = FAKE_REFUSED;
	for (unsigned i = 0; i < 3; i++) {
		struct fake_stream *client = fake_client(f);
		unsigned count = 0;
		fake_say(client, BYTES(WITH("X: y\r\n" END, "OPTIONS", "1") WITH("X: y\r\n" END,
					 "OPTIONS", "2") WITH("X: y\r\n" END, "OPTIONS", "3")));
		fake_pass(f, 60000);
		for (const char *at = client->written; (at = strstr(at, "SIP/2.0 503 ")); at++)
			count++;
		assert_int_equal(count, 3);
	}
	fake_stop(f);
}

/* Nobody is there to be told, and whoever answers here wants the request as it came. */
static void what_is_answered_here_is_left_as_it_came(void **state)
{
	(void)state;
	struct fake *f = fake_new(
		FAKE_CONF("", "source_header = \"X-AUTH-IP\"; respond: { status = 480; };", ""), 1);
	struct fake_stream *client = fake_client(f);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1") REQUEST("OPTIONS", "2")));
	assert_int_equal(fake_wrote_times(client, "SIP/2.0 480 "), 2);
	fake_stop(f);
}

static void the_lines_count_for_what_servers_take(void **state)
{
	static const char request[] = REQUEST_BODY("MESSAGE", "1", "1000", "");
	static char said[sizeof(request) + 1000];
	char conf[600];
	(void)state;
	memcpy(said, request, sizeof(request) - 1);
	memset(said + sizeof(request) - 1, 'x', 1000);
	size_t length = sizeof(request) - 1 + 1000, told = sizeof(TOLD) - 1;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(conf, sizeof(conf),
			FAKE_CONF("",
				FAKE_ONE_SERVER "source_header = \"X-AUTH-IP\"; max_message = "
						"\"%zu\";",
				""),
			length + told - i);
		struct fake *f = fake_new(conf, 1);
		struct fake_stream *client = fake_client(f);
		fake_say(client, said, length);
		assert_int_equal(f->server_count, 1 - i);
		assert_int_equal(client->written && strstr(client->written, "SIP/2.0 513 "), i);
		fake_stop(f);
	}
}

/* --- addresses of their own --- */

#define MAPPED                                                                \
	FAKE_CONF(FAKE_PROXY,                                                 \
		FAKE_ONE_SERVER "proxy_protocol = \"v1\"; endpoint_source = " \
				"\"map\";",                                   \
		"")

static size_t header_of(
	uint8_t out[PROXY_HEADER_WRITE_MAX], const char *source, const char *endpoint)
{
	static const enum conf_proxy_tlv wanted = CONF_TLV_ENDPOINT;
	struct proxy_tlvs t = {
		.wanted = &wanted, .count = 1, .max = PROXY_HEADER_WRITE_MAX, .endpoint = endpoint};
	struct addr_port from, to;
	unsigned left_out;
	assert_true(addr_port_parse(&from, source) && addr_port_parse(&to, "192.0.2.99:5060"));
	return proxy_tlv_append(out, proxy_header_write(out, 2, &from, &to), &t, &left_out);
}

/* Whom the next server is told to be calling, from a v1 header. */
static void ask_source(
	struct fake *f, const char *source, const char *endpoint, char out[ADDR_TEXT_MAX])
{
	uint8_t header[PROXY_HEADER_WRITE_MAX];
	size_t length = header_of(header, source, endpoint);
	unsigned index = f->server_count;
	struct fake_stream *client = fake_client_from(f, "10.9.0.1:1");
	fake_say(client, header, length);
	fake_say(client, BYTES(REQUEST("OPTIONS", "1")));
	assert_int_equal(sscanf(fake_server(f, index)->written, "PROXY TCP%*c %45s ", out), 1);
}

static void endpoints_with_the_same_address_are_two_sources_to_servers(void **state)
{
	char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX], c[ADDR_TEXT_MAX], again[ADDR_TEXT_MAX];
	(void)state;
	struct fake *f = fake_new(MAPPED, 1);
	ask_source(f, "10.0.0.5:40000", "vpce-1", a);
	ask_source(f, "10.0.0.5:40000", "vpce-2", b);
	ask_source(f, "10.0.0.6:40000", "vpce-1", c);
	ask_source(f, "10.0.0.5:40001", "vpce-1", again);
	assert_string_equal(a, again);
	assert_string_not_equal(a, b);
	assert_string_not_equal(a, c);
	assert_memory_equal(a, "fd", 2);
	const struct record *r = last_record(f, RECORD_ENDPOINT_MAPPED);
	char text[ADDR_TEXT_MAX];
	assert_non_null(r);
	addr_format(&r->address.addr, text);
	assert_string_equal(text, a);
	assert_string_equal(r->endpoint, "vpce-1");
	fake_stop(f);
}

/* Every sipweir of today and tomorrow gives the same: scripts and ACLs may hold it. */
static void the_address_never_changes(void **state)
{
	char a[ADDR_TEXT_MAX];
	(void)state;
	struct fake *f = fake_new(MAPPED, 1);
	ask_source(f, "10.0.0.5:40000", "vpce-08d2bf15fac5001c9", a);
	assert_string_equal(a, "fda7:5aec:7a74:7223:d584:ce2:615f:2843");
	fake_stop(f);
}

static void who_comes_by_no_endpoint_keeps_its_address(void **state)
{
	char a[ADDR_TEXT_MAX];
	(void)state;
	struct fake *f = fake_new(MAPPED, 1);
	ask_source(f, "10.0.0.5:40000", "", a);
	assert_string_equal(a, "10.0.0.5");
	assert_null(last_record(f, RECORD_ENDPOINT_MAPPED));
	fake_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_tlv_is_written_as_the_document_says),
		cmocka_unit_test(without_a_certificate_nothing_was_verified),
		cmocka_unit_test(what_there_is_not_is_not_told),
		cmocka_unit_test(the_checksum_goes_first_and_is_over_all),
		cmocka_unit_test(what_does_not_fit_is_left_out_whole),
		cmocka_unit_test(a_tlv_that_was_left_out_is_told_in_the_log),
		cmocka_unit_test(each_request_tells_who_is_calling),
		cmocka_unit_test(many_requests_at_once_are_each_told),
		cmocka_unit_test(nobody_else_says_it),
		cmocka_unit_test(whoever_is_trusted_may_say_it_and_then_nothing_is_added),
		cmocka_unit_test(a_name_that_does_not_end_in_ip_gets_port_behind_it),
		cmocka_unit_test(requests_that_reach_nobody_are_all_answered),
		cmocka_unit_test(what_is_answered_here_is_left_as_it_came),
		cmocka_unit_test(the_lines_count_for_what_servers_take),
		cmocka_unit_test(endpoints_with_the_same_address_are_two_sources_to_servers),
		cmocka_unit_test(the_address_never_changes),
		cmocka_unit_test(who_comes_by_no_endpoint_keeps_its_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
