/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_core_proxy_header.c - the PROXY protocol: when the reader decides, what the writer writes,
 * and the vectors that SIPWEIR_VECTORS points to.
 */
#include "tests/unit/core_header_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Nobody is waited for in vain: the verdict comes with the byte that decides it, not one later. */
static void refuses_at_the_earliest_byte(void **state)
{
	static const struct {
		const char *hex;
		size_t at;
	} cases[] = {
		{"16 0301", 1},
		{"0d0a0d0a000d0a515549540d", 12},
		{SIG "31 11 000c", 13},
		{SIG "22 11 000c", 13},
		{SIG "21 41 000c", 14},
		{SIG "21 12 000c", 16},
		{SIG "21 11 000b", 16},
		{SIG "21 11 0ff1", 16},
		{SIG "21 00 0010", 16},
		{"50524f585920 54435034 0a", 11}, /* PROXY TCP4 and a lone LF */
		{"50524f585920 54435034 0d 20", 12},
		{"50524f585920 00", 7},
		{"50524f5859 0d", 6},
		{"70", 1},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bytes b = {0};
		struct proxy_header h;
		bytes_append_hex(&b, cases[i].hex);
		for (size_t length = 0; length < cases[i].at; length++)
			assert_int_equal(case_judge(&b, length, &h), PROXY_MORE);
		assert_int_equal(case_judge(&b, cases[i].at, &h), PROXY_REJECT);
	}
}

static void waits_for_what_can_still_become_a_header(void **state)
{
	static const char *const cases[] = {"", "0d", "0d0a0d0a", "0d0a0d0a000d0a", SIG, SIG "21",
		SIG "2111", SIG "211100", SIG "2111000c", SIG "2111000c cb00710ac633640af1f013",
		SIG "204f0003 dead", "50", "50524f58", "50524f5859", "50524f585920",
		"50524f585920 554e4b4e4f574e 0d"};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bytes b = {0};
		bytes_append_hex(&b, cases[i]);
		case_check(cases[i], &b, &(struct expected){PROXY_MORE, 0, 0, 0, 0, 0});
	}
}

static void says_the_version_as_soon_as_it_is_known(void **state)
{
	struct bytes v1 = {0}, v2 = {0};
	struct proxy_header h;
	(void)state;
	bytes_append(&v1, "PROXY ", 6);
	bytes_append_hex(&v2, SIG "21");
	for (size_t length = 0; length <= 6; length++) {
		case_judge(&v1, length, &h);
		assert_int_equal(h.version, length == 6 ? 1 : 0);
	}
	for (size_t length = 0; length <= 13; length++) {
		case_judge(&v2, length, &h);
		assert_int_equal(h.version, length == 13 ? 2 : 0);
	}
}

static void tells_a_beginning_from_other_traffic(void **state)
{
	static const char *const beginnings[] = {
		"P", "PROXY", "PROXY ", "PROXY TCP4 ", "\r", "\r\n\r\n"};
	static const char *const others[] = {"OPTIONS sip:a SIP/2.0", "PUBLISH sip:a SIP/2.0", "p",
		"PRXOY", "PROXYTCP4", "\n", "\r\n\r\nO", "\x16\x03\x01", " PROXY"};
	struct bytes v2 = {0};
	(void)state;
	for (size_t i = 0; i < COUNT(beginnings); i++)
		assert_true(proxy_header_is_prefix(
			(const uint8_t *)beginnings[i], strlen(beginnings[i])));
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(proxy_header_is_prefix((const uint8_t *)others[i], strlen(others[i])));
	bytes_append_hex(&v2, SIG "31");
	for (size_t length = 1; length <= 13; length++)
		assert_true(proxy_header_is_prefix(v2.at, length));
}

/* ---- writing ---- */

static void writes_what_the_document_shows(void **state)
{
	static const struct {
		unsigned version;
		const char *source, *destination, *text, *hex;
	} cases[] = {
		{1, FROM4, TO4, "PROXY TCP4 203.0.113.10 198.51.100.10 61936 5060\r\n", NULL},
		{1, FROM6, TO6, "PROXY TCP6 2001:db8::10 2001:db8::20 61936 5061\r\n", NULL},
		{1, FROM4, "[2001:db8::20]:5061",
			"PROXY TCP6 ::ffff:cb00:710a 2001:db8::20 61936 5061\r\n", NULL},
		{1, "[2001:db8::10]:1", "10.0.0.1:2",
			"PROXY TCP6 2001:db8::10 ::ffff:a00:1 1 2\r\n", NULL},
		{2, FROM4, TO4, NULL, SIG "21 11 000c" A4},
		{2, FROM6, TO6, NULL, SIG "21 21 0024" A6},
		{2, FROM4, "[2001:db8::20]:5061", NULL,
			SIG "21 21 0024 00000000000000000000ffffcb00710a "
			    "20010db8000000000000000000000020 f1f0 13c5"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr_port source, destination;
		struct bytes b = {0};
		uint8_t out[PROXY_HEADER_WRITE_MAX];
		assert_true(addr_port_parse(&source, cases[i].source));
		assert_true(addr_port_parse(&destination, cases[i].destination));
		if (cases[i].text)
			bytes_append(&b, cases[i].text, strlen(cases[i].text));
		else
			bytes_append_hex(&b, cases[i].hex);
		assert_int_equal(
			proxy_header_write(out, cases[i].version, &source, &destination), b.length);
		assert_memory_equal(out, b.at, b.length);
	}
}

static void reads_back_what_it_writes(void **state)
{
	static const char *const addresses[] = {"1.2.3.4", "255.255.255.255", "192.0.2.1",
		"2001:db8::1", "::1", "::1:2", "1::", F8, "64:ff9b::c000:201",
		"2001:db8:0:1:1:1:1:1"};
	static const uint16_t ports[] = {0, 1, 5060, 65535};
	(void)state;
	for (size_t i = 0; i < COUNT(addresses) * COUNT(addresses) * COUNT(ports) * 2; i++) {
		unsigned version = 1 + i % 2;
		struct addr_port source = {.port = ports[i / 2 % COUNT(ports)]};
		struct addr_port destination = {.port = (uint16_t)~source.port};
		struct bytes b = {0};
		assert_true(addr_parse(&source.addr, addresses[i / 8 % COUNT(addresses)]));
		assert_true(addr_parse(&destination.addr, addresses[i / 80]));
		b.length = proxy_header_write(b.at, version, &source, &destination);
		assert_true(b.length <= PROXY_HEADER_WRITE_MAX);

		struct proxy_header h;
		assert_int_equal(case_judge(&b, b.length, &h), PROXY_ACCEPT);
		assert_int_equal(h.used, b.length);
		assert_int_equal(h.version, version);
		assert_true(addr_equal(&h.source.addr, &source.addr));
		assert_true(addr_equal(&h.destination.addr, &destination.addr));
		assert_int_equal(h.source.port, source.port);
		assert_int_equal(h.destination.port, destination.port);
	}
}

static void names_each_fault_once(void **state)
{
	(void)state;
	for (int i = 0; i <= PROXY_FAULT_SOURCE; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(proxy_fault_name((enum proxy_fault)i),
				proxy_fault_name((enum proxy_fault)j));
}

/* ---- the shared vectors ---- */

/* Behind the next `mark`, or NULL. */
static const char *behind(const char *text, const char *mark)
{
	const char *found = strstr(text, mark);
	return found ? found + strlen(mark) : NULL;
}

/* Copy what stands in the next quotes, and return what follows them. The file has no escapes. */
static const char *quoted(const char *text, char *out, size_t size)
{
	const char *start = behind(text, "\"");
	assert_non_null(start);
	size_t length = strcspn(start, "\"");
	assert_true(length < size);
	memcpy(out, start, length);
	out[length] = '\0';
	return start + length + 1;
}

static const char *number(const char *text, unsigned long *value)
{
	char *end;
	*value = strtoul(text + strcspn(text, "0123456789"), &end, 10);
	return end;
}

/* What a vector expects: the kind, then addresses and ports, the bytes used, the endpoint. */
static void check_vector(const char *id, const struct bytes *b, const char *text)
{
	char kind[32], addresses[2][ADDR_TEXT_MAX], endpoint[PROXY_ENDPOINT_MAX + 1] = "";
	struct addr_port ends[2];
	unsigned long used = 0, port;
	struct proxy_header h;
	enum proxy_verdict verdict = case_judge(b, b->length, &h);
	text = quoted(text, kind, sizeof(kind));
	if (strcmp(kind, "PROXY") == 0) {
		for (int i = 0; i < 2; i++) {
			text = number(quoted(text, addresses[i], sizeof(addresses[i])), &port);
			assert_true(addr_parse(&ends[i].addr, addresses[i]));
			ends[i].port = (uint16_t)port;
		}
		text = number(text, &used);
		if (strcspn(text, "\"") < strcspn(text, "]"))
			quoted(text, endpoint, sizeof(endpoint));
		char texts[2][ADDR_PORT_TEXT_MAX];
		addr_port_format(&ends[0], texts[0]);
		addr_port_format(&ends[1], texts[1]);
		case_check(id, b,
			&(struct expected){PROXY_ACCEPT, 0, texts[0], texts[1], used, endpoint});
	} else if (strcmp(kind, "LOCAL") == 0) {
		number(text, &used);
		case_check(id, b, &(struct expected){PROXY_LOCAL, 0, NULL, NULL, used, NULL});
	} else if (strcmp(kind, "MORE") == 0) {
		case_check(id, b, &(struct expected){PROXY_MORE, 0, NULL, NULL, 0, NULL});
	} else if (strcmp(kind, "UNSPEC") == 0) {
		case_check(id, b,
			&(struct expected){PROXY_REJECT, PROXY_FAULT_UNSPEC, NULL, NULL, 0, NULL});
	} else {
		assert_string_equal(kind, "REJECT");
		assert_int_equal(verdict, PROXY_REJECT); /* with a fault of our own naming */
		case_check(id, b, &(struct expected){PROXY_REJECT, h.fault, NULL, NULL, 0, NULL});
	}
}

static char *read_vectors(void)
{
	const char *folder = getenv("SIPWEIR_VECTORS");
	char path[4096];
	snprintf(path, sizeof(path), "%s/proxy_protocol.json", folder ? folder : "");
	FILE *file = folder ? fopen(path, "rb") : NULL;
	if (file == NULL)
		return NULL;
	char *text = calloc(1, 1 << 20);
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	return text;
}

static void agrees_with_the_shared_vectors(void **state)
{
	char *text = read_vectors(), id[32];
	unsigned cases = 0;
	(void)state;
	if (text == NULL) {
		print_message("SIPWEIR_VECTORS names no folder with proxy_protocol.json\n");
		skip();
	}
	for (const char *at = text; (at = behind(at, "\"id\":")) != NULL; cases++) {
		struct bytes b = {0};
		char hex[2 * 1024];
		quoted(at, id, sizeof(id));
		quoted(behind(at, "\"hex\":"), hex, sizeof(hex));
		bytes_append_hex(&b, hex);
		check_vector(id, &b, behind(at, "\"expect\":"));
	}
	free(text);
	print_message("%u vectors\n", cases);
	assert_true(cases > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_at_the_earliest_byte),
		cmocka_unit_test(waits_for_what_can_still_become_a_header),
		cmocka_unit_test(says_the_version_as_soon_as_it_is_known),
		cmocka_unit_test(tells_a_beginning_from_other_traffic),
		cmocka_unit_test(writes_what_the_document_shows),
		cmocka_unit_test(reads_back_what_it_writes),
		cmocka_unit_test(names_each_fault_once),
		cmocka_unit_test(agrees_with_the_shared_vectors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
