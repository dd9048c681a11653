/* SPDX-License-Identifier: BSD-2-Clause */
/* A record as a line: valid JSON whatever the network has sent, and no credentials. */
#include "proxy/core/log_line.h"
#include "proxy/core/reason.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- a JSON reader that knows what a line may be: one object of strings and whole numbers --- */

static const char *read_string(const char *at)
{
	if (*at++ != '"')
		return NULL;
	for (; *at != '"'; at++) {
		if (*at < ' ' || *at > '~')
			return NULL;
		if (*at != '\\')
			continue;
		at++;
		if (*at == 'u') {
			if (strspn(at + 1, "0123456789abcdef") < 4)
				return NULL;
			at += 4;
		} else if (!*at || !strchr("\"\\/bfnrt", *at)) {
			return NULL;
		}
	}
	return at + 1;
}

static const char *read_value(const char *at)
{
	if (*at == '"')
		return read_string(at);
	size_t digits = strspn(at, "0123456789");
	return digits ? at + digits : NULL;
}

static bool is_json_line(const char *at)
{
	if (*at++ != '{')
		return false;
	do {
		at = read_string(at);
		if (!at || *at++ != ':')
			return false;
		at = read_value(at);
		if (!at)
			return false;
	} while (*at++ == ',');
	return at[-1] == '}' && !strcmp(at, "\n");
}

/* --- lines --- */

static char line[LOG_LINE_MAX + 1];

static const char *write(const struct record *r, enum conf_log_format format)
{
	struct text t;
	text_init(&t, line, LOG_LINE_MAX);
	log_line_write(&t, r, format);
	assert_false(t.is_cut);
	line[t.length] = '\0';
	if (format == CONF_FORMAT_JSON)
		assert_true(is_json_line(line));
	assert_int_equal(line[t.length - 1], '\n');
	assert_null(memchr(line, '\n', t.length - 1));
	return line;
}

static void set_sample(struct record *r, const void *bytes, size_t length)
{
	r->sample_length = (uint32_t)(length < RECORD_SAMPLE_MAX ? length : RECORD_SAMPLE_MAX);
	memcpy(r->sample, bytes, r->sample_length);
}

static void the_fields_are_those_of_the_contract(void **state)
{
	(void)state;
	struct record r;
	record_init(&r, RECORD_LIMIT_REFUSED);
	r.at_ms = 1700000000123;
	r.listener = "nlb-sip";
	r.has = RECORD_HAS_PEER | RECORD_HAS_SOURCE | RECORD_HAS_CURRENT;
	assert_true(addr_port_parse(&r.peer, "10.0.0.1:1234"));
	assert_true(addr_port_parse(&r.source, "[2001:db8::1]:5678"));
	strcpy(r.endpoint, "vpce-1");
	r.limit = "connections";
	r.current = 64;
	r.max = 64;
	r.action = "reset";
	r.count = 12;
	assert_string_equal(write(&r, CONF_FORMAT_JSON),
		"{\"ts\":\"2023-11-14T22:13:20.123Z\",\"level\":\"notice\",\"event\":\"limit."
		"refused\","
		"\"listener\":\"nlb-sip\",\"peer\":\"10.0.0.1:1234\",\"source\":\"2001:db8::1\","
		"\"source_port\":5678,\"endpoint\":\"vpce-1\",\"limit\":\"connections\","
		"\"current\":64,"
		"\"max\":64,\"action\":\"reset\",\"suppressed\":11}\n");
	assert_string_equal(write(&r, CONF_FORMAT_TEXT),
		"ts=2023-11-14T22:13:20.123Z level=notice event=limit.refused listener=nlb-sip "
		"peer=10.0.0.1:1234 source=2001:db8::1 source_port=5678 endpoint=vpce-1 "
		"limit=connections current=64 max=64 action=reset suppressed=11\n");
}

static void a_name_that_a_client_asks_for_is_escaped(void **state)
{
	(void)state;
	struct record r;
	record_init(&r, RECORD_TLS_FAILED);
	r.reason = "no_shared_cipher";
	r.version = "1.2";
	strcpy(r.sni, "a\"\nlevel=error");
	strcpy(r.message, "no cipher");
	assert_non_null(strstr(write(&r, CONF_FORMAT_JSON),
		"\"event\":\"tls.failed\",\"reason\":\"no_shared_cipher\",\"version\":\"1.2\","
		"\"sni\":\"a\\\"\\nlevel=error\",\"message\":\"no cipher\"}\n"));
	assert_non_null(strstr(write(&r, CONF_FORMAT_TEXT), " sni=\"a\\\"\\nlevel=error\" "));
}

static void each_event_makes_a_line_of_its_name(void **state)
{
	(void)state;
	for (unsigned event = 0; event < RECORD_EVENTS; event++) {
		struct record r;
		char field[64];
		record_init(&r, (enum record_event)event);
		snprintf(field, sizeof(field), "\"event\":\"%s\"",
			record_name((enum record_event)event));
		assert_non_null(strstr(write(&r, CONF_FORMAT_JSON), field));
		write(&r, CONF_FORMAT_TEXT);
	}
}

static void a_line_is_json_for_every_byte_in_a_sample(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		struct record r;
		uint8_t sample[RECORD_SAMPLE_MAX];
		record_init(&r, RECORD_SIP_BAD);
		memset(sample, (int)byte, sizeof(sample));
		set_sample(&r, sample, sizeof(sample));
		write(&r, CONF_FORMAT_JSON);
		assert_int_equal(strspn(write(&r, CONF_FORMAT_TEXT), "\n"), 0);
		for (const char *at = line; at[1]; at++)
			assert_true(*at >= ' ' && *at <= '~');
	}
}

static void the_longest_line_fits(void **state)
{
	(void)state;
	struct record r;
	char name[64], message[RECORD_MESSAGE_MAX];
	record_init(&r, RECORD_CONNECTION_CLOSED);
	memset(name, '"', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(message, 1, sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	r.listener = r.limit = r.action = r.reason = r.rule = r.pool = r.server = r.method =
		r.state = r.version = name;
	memcpy(r.endpoint, name, sizeof(r.endpoint));
	memset(r.sni, 1, sizeof(r.sni) - 1);
	memcpy(r.message, message, sizeof(message));
	r.has = UINT32_MAX;
	memset(&r.source, 0xee, sizeof(r.source));
	r.peer = r.address = r.source;
	r.at_ms = INT64_MAX / 2000000; /* the year 148092 */
	r.count = r.sources = r.current = r.max = r.offset = UINT32_MAX;
	r.bytes_in = r.bytes_out = r.messages = r.duration_ms = UINT64_MAX;
	memset(r.sample, 0xff, sizeof(r.sample));
	r.sample_length = RECORD_SAMPLE_MAX;
	write(&r, CONF_FORMAT_JSON);
	write(&r, CONF_FORMAT_TEXT);
}

static void text_values_that_could_mislead_are_quoted(void **state)
{
	static const struct {
		const char *value, *field;
	} cases[] = {
		{"plain", " reason=plain\n"},
		{"two words", " reason=\"two words\"\n"},
		{"a=b", " reason=\"a=b\"\n"},
		{"a\"b", " reason=\"a\\\"b\"\n"},
		{"a\nlevel=error", " reason=\"a\\nlevel=error\"\n"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct record r;
		record_init(&r, RECORD_SIP_BAD);
		r.reason = cases[i].value;
		assert_non_null(strstr(write(&r, CONF_FORMAT_TEXT), cases[i].field));
	}
}

/* --- credentials --- */

static void credentials_in_a_sample_are_masked(void **state)
{
	static const char *const headers[] = {
		"Authorization: Digest response=SECRET",
		"Proxy-Authorization: Digest response=SECRET",
		"AUTHORIZATION:Digest response=SECRET",
		"authorization : Digest response=SECRET",
		"Authorization\t \t: Digest response=SECRET",
		"Authorization\r\n : Digest response=SECRET",
		"Authorization:\r\n Digest response=SECRET",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct record r;
		char sample[RECORD_SAMPLE_MAX];
		record_init(&r, RECORD_SIP_BAD);
		int length = snprintf(
			sample, sizeof(sample), "REGISTER sip:a SIP/2.0\r\n%s", headers[i]);
		set_sample(&r, sample, (size_t)length);
		assert_null(strstr(write(&r, CONF_FORMAT_JSON), "SECRET"));
		assert_non_null(strstr(line, "REGISTER sip:a"));
		assert_non_null(strstr(line, "***"));
		assert_null(strstr(write(&r, CONF_FORMAT_TEXT), "SECRET"));
	}
}

/* The header begins at each place of the sample in turn, and is cut by its end. */
static void credentials_are_masked_wherever_the_sample_ends(void **state)
{
	static const char header[] = "Authorization: SECRETSECRETSECRET";
	(void)state;
	for (size_t at = 0; at <= RECORD_SAMPLE_MAX; at++) {
		struct record r;
		char sample[2 * RECORD_SAMPLE_MAX];
		memset(sample, 'x', sizeof(sample));
		memcpy(sample + at, header, sizeof(header) - 1);
		record_init(&r, RECORD_SIP_BAD);
		set_sample(&r, sample, at + sizeof(header) - 1);
		assert_null(strstr(write(&r, CONF_FORMAT_JSON), "SEC"));
	}
}

static void what_only_mentions_authorization_stays_readable(void **state)
{
	(void)state;
	struct record r;
	record_init(&r, RECORD_SIP_BAD);
	set_sample(&r, "Subject: authorization needed\r\n", 31);
	assert_non_null(strstr(write(&r, CONF_FORMAT_JSON), "authorization needed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fields_are_those_of_the_contract),
		cmocka_unit_test(a_name_that_a_client_asks_for_is_escaped),
		cmocka_unit_test(each_event_makes_a_line_of_its_name),
		cmocka_unit_test(a_line_is_json_for_every_byte_in_a_sample),
		cmocka_unit_test(the_longest_line_fits),
		cmocka_unit_test(text_values_that_could_mislead_are_quoted),
		cmocka_unit_test(credentials_in_a_sample_are_masked),
		cmocka_unit_test(credentials_are_masked_wherever_the_sample_ends),
		cmocka_unit_test(what_only_mentions_authorization_stays_readable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
