/* SPDX-License-Identifier: BSD-2-Clause */
/* test_conf_value.c - values with a unit, as text and back. */
#include "conf/value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct number_case {
	const char *text;
	uint64_t value;
};

typedef bool parse_function(const char *text, uint64_t *value);

static void assert_reads(parse_function *parse, const struct number_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = 1;

		if (!parse(cases[i].text, &value) || value != cases[i].value)
			fail_msg("\"%s\" is read as %ju", cases[i].text, (uintmax_t)value);
	}
}

static void assert_refuses(parse_function *parse, const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = 4711;

		if (parse(texts[i], &value) || value != 4711)
			fail_msg("\"%s\" is read as %ju", texts[i], (uintmax_t)value);
	}
}

static void reads_durations_in_every_unit(void **state)
{
	static const struct number_case cases[] = {{"0ms", 0}, {"500ms", 500}, {"30s", 30000},
		{"5m", 300000}, {"1h", 3600000}, {"1d", 86400000}, {"0030s", 30000}, {"0s", 0},
		{"18446744073709551615ms", UINT64_MAX}};

	(void)state;
	assert_reads(conf_value_duration, cases, COUNT(cases));
}

static void refuses_what_is_no_duration(void **state)
{
	static const char *const texts[] = {"", "30", "s", "30 s", " 30s", "30s ", "-1s", "+1s",
		"1.5s", "30S", "30sec", "30s30s", "ms", "1w", "off", "0x10s", "1_000ms", "30s\n",
		"\xd9\xa3s"};

	(void)state;
	assert_refuses(conf_value_duration, texts, COUNT(texts));
}

static void reads_sizes_in_powers_of_1024(void **state)
{
	static const struct number_case cases[] = {{"0", 0}, {"16000", 16000}, {"64K", 65536},
		{"1M", 1048576}, {"1G", 1073741824}, {"18446744073709551615", UINT64_MAX}};

	(void)state;
	assert_reads(conf_value_size, cases, COUNT(cases));
}

static void refuses_what_is_no_size(void **state)
{
	static const char *const texts[] = {"", "K", "64k", "64KB", "64KiB", "64 K", "-1", "1.5M",
		"1T", "64K ", " 64K", "0x40", "64K1"};

	(void)state;
	assert_refuses(conf_value_size, texts, COUNT(texts));
}

static void reads_multipliers_and_nothing_else(void **state)
{
	static const struct number_case cases[] = {{"3x", 3}, {"0x", 0}, {"10x", 10}};
	static const char *const texts[] = {"", "x", "3", "3X", "x3", "3 x", "3x ", "-3x", "3.5x"};

	(void)state;
	assert_reads(conf_value_multiplier, cases, COUNT(cases));
	assert_refuses(conf_value_multiplier, texts, COUNT(texts));
}

static void takes_what_overflows_for_the_largest_value(void **state)
{
	static const struct number_case durations[] = {{"18446744073709551616ms", UINT64_MAX},
		{"18446744073709551615s", UINT64_MAX}, {"213503982335d", UINT64_MAX},
		{"99999999999999999999999999999999999999999999ms", UINT64_MAX}};
	static const struct number_case sizes[] = {{"18446744073709551616", UINT64_MAX},
		{"17179869184G", UINT64_MAX}, {"18014398509481984K", UINT64_MAX}};
	static const struct number_case multipliers[] = {{"18446744073709551616x", UINT64_MAX}};

	(void)state;
	assert_reads(conf_value_duration, durations, COUNT(durations));
	assert_reads(conf_value_size, sizes, COUNT(sizes));
	assert_reads(conf_value_multiplier, multipliers, COUNT(multipliers));
}

static void reads_rates_with_and_without_a_burst(void **state)
{
	static const struct {
		const char *text;
		struct conf_rate rate;
	} cases[] = {
		{"20/s", {20, 1000, 20}},
		{"600/10m", {600, 600000, 600}},
		{"20/s burst 60", {20, 1000, 60}},
		{"5/500ms burst 1", {5, 500, 1}},
		{"1/1d", {1, 86400000, 1}},
		{"1/m", {1, 60000, 1}},
		{"0/0s burst 0", {0, 0, 0}},
		{"4294967296/s", {UINT32_MAX, 1000, UINT32_MAX}},
		{"1/50d burst 99999999999", {1, UINT32_MAX, UINT32_MAX}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct conf_rate *expected = &cases[i].rate;
		struct conf_rate rate = {1, 1, 1};

		assert_true(conf_value_rate(cases[i].text, &rate));
		assert_int_equal(rate.count, expected->count);
		assert_int_equal(rate.period_ms, expected->period_ms);
		assert_int_equal(rate.burst, expected->burst);
	}
}

static void refuses_what_is_no_rate(void **state)
{
	static const char *const texts[] = {"", "20", "/s", "20/", "20/10", "s/20", "20/s burst",
		"20/s burst ", "20/s burst x", "20/s  burst 60", "20/s burst 60 ", "20/s burst 6/s",
		"20/s, burst 60", "20 / s", "20per s", "-20/s", "20/-1s", "20/s ", "20/sburst 60",
		"20/s/s", "off"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct conf_rate rate = {47, 11, 8};

		if (conf_value_rate(texts[i], &rate))
			fail_msg("\"%s\" is read as a rate", texts[i]);
		assert_int_equal(rate.count, 47);
		assert_int_equal(rate.period_ms, 11);
		assert_int_equal(rate.burst, 8);
	}
}

static void writes_the_shortest_text_that_reads_back_the_same(void **state)
{
	static const struct number_case durations[] = {{"0ms", 0}, {"1ms", 1}, {"999ms", 999},
		{"1s", 1000}, {"1500ms", 1500}, {"90s", 90000}, {"5m", 300000}, {"1h", 3600000},
		{"36h", 129600000}, {"7d", 604800000}, {"18446744073709551615ms", UINT64_MAX}};
	static const struct number_case sizes[] = {{"0", 0}, {"512", 512}, {"1K", 1024},
		{"1025", 1025}, {"64K", 65536}, {"3M", 3 << 20}, {"1024G", (uint64_t)1 << 40},
		{"18446744073709551615", UINT64_MAX}};
	char text[CONF_VALUE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(durations); i++)
		assert_string_equal(
			conf_value_write_duration(text, durations[i].value), durations[i].text);
	for (size_t i = 0; i < COUNT(sizes); i++)
		assert_string_equal(conf_value_write_size(text, sizes[i].value), sizes[i].text);
	assert_reads(conf_value_duration, durations, COUNT(durations));
	assert_reads(conf_value_size, sizes, COUNT(sizes));
}

static void writes_rates_that_read_back_the_same(void **state)
{
	static const char *const texts[] = {"20/s", "600/10m", "20/s burst 60", "1/d", "5/500ms",
		"7/12h", "4294967295/4294967295ms burst 4294967294"};
	char text[CONF_VALUE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct conf_rate rate;

		assert_true(conf_value_rate(texts[i], &rate));
		assert_string_equal(conf_value_write_rate(text, &rate), texts[i]);
	}
}

static void tells_text_from_what_is_none(void **state)
{
	static const char *const good[] = {"", "sip", "M\xc3\xbcller", "\xe2\x82\xac",
		"\xf0\x9f\x93\x9e", "\xc2\xa0", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80",
		"\xdf\xbf", "\xe0\xa0\x80", "\xf0\x90\x80\x80"};
	static const char *const controls[] = {
		"\x01", "a\tb", "a\nb", "a\r", "\x1b[0m", "\x7f", "\xc2\x80", "\xc2\x9f"};
	static const char *const broken[] = {"\x80", "\xbf", "\xff", "\xfe", "\xc3", "\xc3(",
		"\xe2\x82", "\xe2\x28\xa1", "\xf0\x9f\x93", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf",
		"\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80\x80", "a\xc3"};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_null(conf_value_text_fault(good[i]));
	for (size_t i = 0; i < COUNT(controls); i++)
		assert_string_equal(
			conf_value_text_fault(controls[i]), "it holds a control character");
	for (size_t i = 0; i < COUNT(broken); i++) {
		if (!conf_value_text_fault(broken[i]))
			fail_msg("broken text number %zu passes", i);
		assert_string_equal(conf_value_text_fault(broken[i]), "it is not UTF-8");
	}
}

static void takes_letters_digits_and_three_signs_for_a_name(void **state)
{
	(void)state;
	assert_true(conf_value_is_name("k1.example-com_2"));
	assert_true(conf_value_is_name("9"));
	assert_false(conf_value_is_name(""));
	assert_false(conf_value_is_name("a b"));
	assert_false(conf_value_is_name("a/b"));
	assert_false(conf_value_is_name("\xc3\xa4"));
	assert_false(conf_value_is_name("a\n"));
}

static void quotes_within_bounds_and_in_plain_ascii(void **state)
{
	char text[CONF_VALUE_TEXT_MAX], sixty_three[64], sixty_four[65];

	(void)state;
	assert_string_equal(conf_value_quote(text, "sip\x1b[0m\xc3\xa4"), "sip?[0m??");
	memset(sixty_three, 'a', 63);
	sixty_three[63] = '\0';
	assert_string_equal(conf_value_quote(text, sixty_three), sixty_three);
	memset(sixty_four, 'a', 64);
	sixty_four[64] = '\0';
	memcpy(sixty_three + 60, "...", 3);
	assert_string_equal(conf_value_quote(text, sixty_four), sixty_three);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_durations_in_every_unit),
		cmocka_unit_test(refuses_what_is_no_duration),
		cmocka_unit_test(reads_sizes_in_powers_of_1024),
		cmocka_unit_test(refuses_what_is_no_size),
		cmocka_unit_test(reads_multipliers_and_nothing_else),
		cmocka_unit_test(takes_what_overflows_for_the_largest_value),
		cmocka_unit_test(reads_rates_with_and_without_a_burst),
		cmocka_unit_test(refuses_what_is_no_rate),
		cmocka_unit_test(writes_the_shortest_text_that_reads_back_the_same),
		cmocka_unit_test(writes_rates_that_read_back_the_same),
		cmocka_unit_test(tells_text_from_what_is_none),
		cmocka_unit_test(takes_letters_digits_and_three_signs_for_a_name),
		cmocka_unit_test(quotes_within_bounds_and_in_plain_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
