/* SPDX-License-Identifier: BSD-2-Clause */
/* test_core_proxy_v1.c - version 1 of the PROXY protocol, read. */
#include "tests/unit/core_header_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void reads_v1_headers(void **state)
{
	static const struct {
		const char *text;
		struct expected e;
	} cases[] = {
		{"PROXY TCP4 203.0.113.10 198.51.100.10 61936 5060\r\n",
			{PROXY_ACCEPT, 0, FROM4, TO4, 50, NULL}},
		{"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
			{PROXY_ACCEPT, 0, "255.255.255.255:65535", "255.255.255.255:65535", 56,
				NULL}},
		{"PROXY TCP4 1.2.3.4 5.6.7.8 0 0\r\n",
			{PROXY_ACCEPT, 0, "1.2.3.4:0", "5.6.7.8:0", 32, NULL}},
		{"PROXY TCP6 2001:db8::10 2001:db8::20 61936 5061\r\n",
			{PROXY_ACCEPT, 0, FROM6, TO6, 49, NULL}},
		{"PROXY TCP6 2001:DB8::A 2001:db8::20 1 2\r\n",
			{PROXY_ACCEPT, 0, "[2001:db8::a]:1", "[2001:db8::20]:2", 41, NULL}},
		{"PROXY TCP6 " F8 " " F8 " 65535 65535\r\n",
			{PROXY_ACCEPT, 0, "[" F8 "]:65535", "[" F8 "]:65535", 104, NULL}},
		{"PROXY TCP6 ::ffff:203.0.113.10 ::ffff:c633:640a 61936 5060\r\n",
			{PROXY_ACCEPT, 0, FROM4, TO4, 60, NULL}},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 61936 5060\r\nREGISTER sip:a SIP/2.0\r\n",
			{PROXY_ACCEPT, 0, FROM4, TO4, 50, NULL}},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 61936 5060\r\n\r\n\r\n",
			{PROXY_ACCEPT, 0, FROM4, TO4, 50, NULL}},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 61936 5060\r\n"
		 "PROXY TCP4 192.0.2.66 198.51.100.10 1 2\r\n",
			{PROXY_ACCEPT, 0, FROM4, TO4, 50, NULL}},
		{"PROXY UNKNOWN\r\n", {PROXY_LOCAL, 0, NULL, NULL, 15, NULL}},
		{"PROXY UNKNOWN \r\n", {PROXY_LOCAL, 0, NULL, NULL, 16, NULL}},
		{"PROXY UNKNOWN anything: (even) \x80\xff\t\r\nOPTIONS",
			{PROXY_LOCAL, 0, NULL, NULL, 36, NULL}},
		{"PROXY UNKNOWN " F8 " " F8 " 65535 65535\r\n",
			{PROXY_LOCAL, 0, NULL, NULL, 107, NULL}},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bytes b = {0};
		bytes_append(&b, cases[i].text, strlen(cases[i].text));
		case_check(cases[i].text, &b, &cases[i].e);
	}
}

static void refuses_bad_v1_headers(void **state)
{
	static const struct {
		const char *text;
		enum proxy_fault fault;
	} cases[] = {
		{"proxy TCP4 203.0.113.10 198.51.100.10 1 2\r\n", PROXY_FAULT_SIGNATURE},
		{"PROXIMITY", PROXY_FAULT_SIGNATURE},
		{"PROXY\r\n", PROXY_FAULT_SIGNATURE},
		{"PROXY\tTCP4", PROXY_FAULT_SIGNATURE},
		{" PROXY TCP4", PROXY_FAULT_SIGNATURE},
		{"GET / HTTP/1.1\r\n", PROXY_FAULT_SIGNATURE},
		{"PUBLISH sip:a SIP/2.0\r\n", PROXY_FAULT_SIGNATURE},
		{"PROXY \r\n", PROXY_FAULT_FIELDS},
		{"PROXY TCP4\r\n", PROXY_FAULT_FIELDS},
		{"PROXY TCP4 \r\n", PROXY_FAULT_FIELDS},
		{"PROXY  TCP4 203.0.113.10 198.51.100.10 1 2\r\n", PROXY_FAULT_FIELDS},
		{"PROXY TCP4  203.0.113.10 198.51.100.10 1 2\r\n", PROXY_FAULT_FIELDS},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 1  2\r\n", PROXY_FAULT_FIELDS},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 1 2 \r\n", PROXY_FAULT_FIELDS},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 1 2 3\r\n", PROXY_FAULT_FIELDS},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 1\r\n", PROXY_FAULT_FIELDS},
		{"PROXY TCP4 203.0.113.10 198.51.100.10\r\n", PROXY_FAULT_FIELDS},
		{"PROXY tcp4 203.0.113.10 198.51.100.10 1 2\r\n", PROXY_FAULT_FIELDS},
		{"PROXY TCP 203.0.113.10 198.51.100.10 1 2\r\n", PROXY_FAULT_FIELDS},
		{"PROXY TCP46 203.0.113.10 198.51.100.10 1 2\r\n", PROXY_FAULT_FIELDS},
		{"PROXY UDP4 203.0.113.10 198.51.100.10 1 2\r\n", PROXY_FAULT_FIELDS},
		{"PROXY UNKNOWN2\r\n", PROXY_FAULT_FIELDS},
		{"PROXY UNKNOW\r\n", PROXY_FAULT_FIELDS},
		{"PROXY unknown\r\n", PROXY_FAULT_FIELDS},
		{"PROXY TCP4 203.0.113 198.51.100.10 1 2\r\n", PROXY_FAULT_ADDRESS},
		{"PROXY TCP4 203.0.113.10 198.51.100.256 1 2\r\n", PROXY_FAULT_ADDRESS},
		{"PROXY TCP4 203.0.113.010 198.51.100.10 1 2\r\n", PROXY_FAULT_ADDRESS},
		{"PROXY TCP4 0xcb.0.113.10 198.51.100.10 1 2\r\n", PROXY_FAULT_ADDRESS},
		{"PROXY TCP4 203.0.113.10 2001:db8::20 1 2\r\n", PROXY_FAULT_ADDRESS},
		{"PROXY TCP4 2001:db8::10 2001:db8::20 1 2\r\n", PROXY_FAULT_ADDRESS},
		{"PROXY TCP4 ::ffff:1.2.3.4 1.2.3.4 1 2\r\n", PROXY_FAULT_ADDRESS},
		{"PROXY TCP6 203.0.113.10 198.51.100.10 1 2\r\n", PROXY_FAULT_ADDRESS},
		{"PROXY TCP6 2001:db8::10 198.51.100.10 1 2\r\n", PROXY_FAULT_ADDRESS},
		{"PROXY TCP6 2001:db8::1::2 2001:db8::20 1 2\r\n", PROXY_FAULT_ADDRESS},
		{"PROXY TCP6 2001:db8:0:0:0:0:0:0:1 2001:db8::20 1 2\r\n", PROXY_FAULT_ADDRESS},
		{"PROXY TCP6 [2001:db8::10] 2001:db8::20 1 2\r\n", PROXY_FAULT_ADDRESS},
		{"PROXY TCP6 2001:db8::12345 2001:db8::20 1 2\r\n", PROXY_FAULT_ADDRESS},
		{"PROXY TCP6 fe80::1%eth0 2001:db8::20 1 2\r\n", PROXY_FAULT_ADDRESS},
		{"PROXY TCP4 localhost 198.51.100.10 1 2\r\n", PROXY_FAULT_ADDRESS},
		{"PROXY TCP4 203.0.113.10\t 198.51.100.10 1 2\r\n", PROXY_FAULT_ADDRESS},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 65536 2\r\n", PROXY_FAULT_PORT},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 1 99999\r\n", PROXY_FAULT_PORT},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 4294967297 2\r\n", PROXY_FAULT_PORT},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 01 2\r\n", PROXY_FAULT_PORT},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 -1 2\r\n", PROXY_FAULT_PORT},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 +1 2\r\n", PROXY_FAULT_PORT},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 0x1 2\r\n", PROXY_FAULT_PORT},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 1 \xef\xbc\x92\r\n", PROXY_FAULT_PORT},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 1 2\n", PROXY_FAULT_LINE_END},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 1 2\rX", PROXY_FAULT_LINE_END},
		{"PROXY TCP4 203.0.113.10 198.51.100.10 1 2\r\r\n", PROXY_FAULT_LINE_END},
		{"PROXY UNKNOWN with a lone\nline end\r\n", PROXY_FAULT_LINE_END},
		{"PROXY TCP4 0.0.0.0 198.51.100.10 1 2\r\n", PROXY_FAULT_SOURCE},
		{"PROXY TCP6 :: 2001:db8::20 1 2\r\n", PROXY_FAULT_SOURCE},
		{"PROXY TCP6 ::ffff:0:0 2001:db8::20 1 2\r\n", PROXY_FAULT_SOURCE},
		{"PROXY UNKNOWN " F8 " " F8 " 65535 65535 \r\n", PROXY_FAULT_TOO_LONG},
		{"PROXY UNKNOWN " F8 " " F8 " " F8 " " F8 "\r\n", PROXY_FAULT_TOO_LONG},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bytes b = {0};
		bytes_append(&b, cases[i].text, strlen(cases[i].text));
		case_check(cases[i].text, &b,
			&(struct expected){PROXY_REJECT, cases[i].fault, 0, 0, 0, 0});
	}
	struct bytes nul = {0};
	bytes_append(&nul, "PROXY TCP4 203.0.113.10\0 198.51.100.10 1 2\r\n", 44);
	case_check("nul", &nul, &(struct expected){PROXY_REJECT, PROXY_FAULT_LINE_END, 0, 0, 0, 0});
}

static void does_not_wait_for_a_line_longer_than_any_valid_one(void **state)
{
	struct bytes b = {0};
	struct proxy_header h;
	(void)state;
	bytes_append(&b, "PROXY UNKNOWN ", 14);
	while (b.length < 107)
		bytes_append(&b, "x", 1);
	assert_int_equal(case_judge(&b, 106, &h), PROXY_MORE);
	case_check("107", &b, &(struct expected){PROXY_REJECT, PROXY_FAULT_TOO_LONG, 0, 0, 0, 0});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_v1_headers),
		cmocka_unit_test(refuses_bad_v1_headers),
		cmocka_unit_test(does_not_wait_for_a_line_longer_than_any_valid_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
