/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_sip_scan.c - the inner loops: the fast ones must agree with the plain ones, and both with
 * the RFC.
 */
#include "sip/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LONGEST = 80 };

static void knows_the_token_characters_of_rfc_3261(void **state)
{
	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
		bool digit = byte >= '0' && byte <= '9';
		bool mark = byte && byte < 128 && strchr("-.!%*_+`'~", byte);

		assert_int_equal(scan_is_token((uint8_t)byte), letter || digit || mark);
		assert_int_equal(scan_is_letter((uint8_t)byte), letter);
		assert_int_equal(scan_is_digit((uint8_t)byte), digit);
	}
}

static void takes_every_control_byte_but_tab_for_one(void **state)
{
	(void)state;
	for (int byte = 0; byte < 256; byte++)
		assert_int_equal(
			scan_is_control((uint8_t)byte), (byte < 32 && byte != '\t') || byte == 127);
}

/* A block of exactly `length` bytes, so that a read outside of it is seen. */
static uint8_t *block(uint32_t length, uint8_t fill)
{
	uint8_t *bytes = malloc(length ? length : 1);

	assert_non_null(bytes);
	memset(bytes, fill, length);
	return bytes;
}

static void assert_agreement(const uint8_t *bytes, uint32_t length)
{
	for (uint32_t from = 0; from <= length; from += 5) {
		assert_int_equal(
			scan_text(bytes, from, length), scan_plain_text(bytes, from, length));
		assert_int_equal(
			scan_token(bytes, from, length), scan_plain_token(bytes, from, length));
		assert_int_equal(scan_separators(bytes, from, length),
			scan_plain_separators(bytes, from, length));
	}
}

static void fast_loops_agree_on_each_byte_at_each_place(void **state)
{
	static const uint8_t fills[] = {'a', '-', ';', '0', '\t', 0xe9};

	(void)state;
	for (uint32_t length = 0; length <= LONGEST; length += 7)
		for (size_t f = 0; f < sizeof fills; f++) {
			uint8_t *bytes = block(length, fills[f]);

			for (uint32_t at = 0; at < length; at += 3)
				for (int byte = 0; byte < 256; byte++) {
					bytes[at] = (uint8_t)byte;
					assert_agreement(bytes, length);
					bytes[at] = fills[f];
				}
			free(bytes);
		}
}

static void finds_a_byte_that_ends_text_at_each_place(void **state)
{
	(void)state;
	for (uint32_t length = 1; length <= LONGEST; length++) {
		uint8_t *bytes = block(length, 'x');

		assert_int_equal(scan_text(bytes, 0, length), length);
		for (uint32_t at = 0; at < length; at++) {
			bytes[at] = '\r';
			assert_int_equal(scan_text(bytes, 0, length), at);
			bytes[at] = 0x7f;
			assert_int_equal(scan_text(bytes, 0, length), at);
			bytes[at] = '\t';
			assert_int_equal(scan_text(bytes, 0, length), length);
			bytes[at] = 0xff;
			assert_int_equal(scan_text(bytes, 0, length), length);
			bytes[at] = 'x';
		}
		free(bytes);
	}
}

static void counts_separators_and_finds_the_nth(void **state)
{
	static const char text[] = "a;b,c&d:e=f;;;;;;;;;;;;;;;;;;;;;;;;;;;;;;g,h&i?j";
	const uint8_t *bytes = (const uint8_t *)text;
	uint32_t length = sizeof text - 1;

	(void)state;
	assert_int_equal(scan_separators(bytes, 0, length), 35);
	assert_int_equal(scan_plain_separators(bytes, 0, length), 35);
	assert_int_equal(scan_separator(bytes, 0, length, 0), 1);
	assert_int_equal(scan_separator(bytes, 0, length, 2), 5);
	assert_int_equal(scan_separator(bytes, 0, length, 34), length - 4);
	assert_int_equal(scan_separator(bytes, 0, length, 35), length);
}

static uint32_t pass_line(const char *text, uint32_t *colon)
{
	return scan_line((const uint8_t *)text, 0, (uint32_t)strlen(text), colon);
}

static void passes_only_lines_that_need_no_judging(void **state)
{
	uint32_t colon = 0;

	(void)state;
	assert_int_equal(pass_line("Via: x\r\nTo", &colon), 8);
	assert_int_equal(colon, 3);
	assert_int_equal(pass_line("A-Name-Longer-Than-Sixteen:\tx\r\n\r\n", &colon), 31);
	assert_int_equal(colon, 26);
	assert_int_equal(pass_line("Via:\r\nT", &colon), 6);
	assert_int_equal(pass_line("Via: x\r\n", &colon), 0);
	assert_int_equal(pass_line("Via: x\r\n y", &colon), 0);
	assert_int_equal(pass_line("Via: x\r\n\ty", &colon), 0);
	assert_int_equal(pass_line("Via : x\r\nT", &colon), 0);
	assert_int_equal(pass_line(": x\r\nT", &colon), 0);
	assert_int_equal(pass_line("Via\r\nTo: y\r\nC", &colon), 0);
	assert_int_equal(pass_line("Via: x\ny: z\r\nT", &colon), 0);
	assert_int_equal(pass_line("Via: x\r\r\nT", &colon), 0);
	assert_int_equal(pass_line("Via: \001\r\nT", &colon), 0);
	assert_int_equal(pass_line("V\303\251a: \r\nT", &colon), 0);
}

static void compares_words_whatever_their_case(void **state)
{
	(void)state;
	assert_true(scan_equals((const uint8_t *)"SIP/2.0", 7, "SIP/2.0"));
	assert_true(scan_equals((const uint8_t *)"sIp/2.0", 7, "SIP/2.0"));
	assert_false(scan_equals((const uint8_t *)"SIP/2.0", 6, "SIP/2.0"));
	assert_false(scan_equals((const uint8_t *)"SIP/2.0x", 8, "SIP/2.0"));
	assert_false(scan_equals((const uint8_t *)"SIP\017"
						  "2.0",
		7, "SIP/2.0"));
	assert_false(scan_equals((const uint8_t *)"content\rlength", 14, "Content-Length"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_the_token_characters_of_rfc_3261),
		cmocka_unit_test(takes_every_control_byte_but_tab_for_one),
		cmocka_unit_test(fast_loops_agree_on_each_byte_at_each_place),
		cmocka_unit_test(finds_a_byte_that_ends_text_at_each_place),
		cmocka_unit_test(counts_separators_and_finds_the_nth),
		cmocka_unit_test(passes_only_lines_that_need_no_judging),
		cmocka_unit_test(compares_words_whatever_their_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
