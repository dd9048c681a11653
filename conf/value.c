/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * value.c - values that carry a unit.
 */
#include "conf/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t factor;
};

/* Ascending: the last that divides a value writes it. */
static const struct unit durations[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000}};
static const struct unit sizes[] = {{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t times(uint64_t a, uint64_t b)
{
	return b && a > UINT64_MAX / b ? UINT64_MAX : a * b;
}

static uint32_t narrow(uint64_t value)
{
	return value < UINT32_MAX ? (uint32_t)value : UINT32_MAX;
}

/* The digits at *text, which moves behind them. False, *text untouched, when there are none. */
static bool read_digits(const char **text, uint64_t *value)
{
	const char *c = *text;

	*value = 0;
	for (; *c >= '0' && *c <= '9'; c++) {
		uint64_t digit = (uint64_t)(*c - '0');

		*value = times(*value, 10);
		*value = *value > UINT64_MAX - digit ? UINT64_MAX : *value + digit;
	}
	if (c == *text)
		return false;
	*text = c;
	return true;
}

static const struct unit *find_unit(
	const struct unit *units, size_t count, const char *name, size_t length)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(units[i].name) == length && memcmp(units[i].name, name, length) == 0)
			return &units[i];
	}
	return NULL;
}

static bool read_value(const struct unit *units, size_t count, const char *text, uint64_t *value)
{
	const struct unit *unit;
	uint64_t number;

	if (!read_digits(&text, &number))
		return false;
	unit = find_unit(units, count, text, strlen(text));
	if (!unit)
		return false;
	*value = times(number, unit->factor);
	return true;
}

bool conf_value_duration(const char *text, uint64_t *ms)
{
	return read_value(durations, COUNT(durations), text, ms);
}

bool conf_value_size(const char *text, uint64_t *bytes)
{
	return read_value(sizes, COUNT(sizes), text, bytes);
}

bool conf_value_multiplier(const char *text, uint64_t *times_out)
{
	uint64_t number;

	if (!read_digits(&text, &number) || strcmp(text, "x") != 0)
		return false;
	*times_out = number;
	return true;
}

/* "s", "10m": up to a blank or the end. */
static bool read_period(const char **text, uint64_t *ms)
{
	size_t length;
	const struct unit *unit;
	uint64_t number;

	if (!read_digits(text, &number))
		number = 1;
	length = strcspn(*text, " ");
	unit = find_unit(durations, COUNT(durations), *text, length);
	if (!unit)
		return false;
	*ms = times(number, unit->factor);
	*text += length;
	return true;
}

bool conf_value_rate(const char *text, struct conf_rate *rate)
{
	static const char word[] = " burst ";
	uint64_t count, period, burst;

	if (!read_digits(&text, &count) || *text++ != '/' || !read_period(&text, &period))
		return false;
	burst = count;
	if (*text) {
		if (strncmp(text, word, sizeof(word) - 1) != 0)
			return false;
		text += sizeof(word) - 1;
		if (!read_digits(&text, &burst) || *text)
			return false;
	}
	*rate = (struct conf_rate){narrow(count), narrow(period), narrow(burst)};
	return true;
}

static const char *write_value(
	char out[CONF_VALUE_TEXT_MAX], const struct unit *units, size_t count, uint64_t value)
{
	const struct unit *unit = units;

	for (size_t i = 1; value && i < count; i++) {
		if (value % units[i].factor == 0)
			unit = &units[i];
	}
	snprintf(out, CONF_VALUE_TEXT_MAX, "%" PRIu64 "%s", value / unit->factor, unit->name);
	return out;
}

const char *conf_value_write_duration(char out[CONF_VALUE_TEXT_MAX], uint64_t ms)
{
	return write_value(out, durations, COUNT(durations), ms);
}

const char *conf_value_write_size(char out[CONF_VALUE_TEXT_MAX], uint64_t bytes)
{
	return write_value(out, sizes, COUNT(sizes), bytes);
}

const char *conf_value_write_rate(char out[CONF_VALUE_TEXT_MAX], const struct conf_rate *rate)
{
	char period[CONF_VALUE_TEXT_MAX];
	const char *unit = conf_value_write_duration(period, rate->period_ms);
	int length;

	if (unit[0] == '1' && (unit[1] < '0' || unit[1] > '9'))
		unit++;
	length = snprintf(out, CONF_VALUE_TEXT_MAX, "%" PRIu32 "/%.16s", rate->count, unit);
	if (rate->burst != rate->count)
		snprintf(out + length, CONF_VALUE_TEXT_MAX - (size_t)length, " burst %" PRIu32,
			rate->burst);
	return out;
}

/*
 * The length of the character at `c` and its code point; 0 for what is not UTF-8 (RFC 3629: no
 * longer form than needed, no surrogates, nothing above U+10FFFF).
 */
static size_t read_character(const unsigned char *c, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = c[0] < 0x80 ? 1 : c[0] < 0xc0 ? 0 : c[0] < 0xe0 ? 2 : c[0] < 0xf0 ? 3 : 4;

	if (length <= 1) {
		*code = c[0];
		return length;
	}
	*code = c[0] & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | (c[i] & 0x3f);
	}
	if (c[0] >= 0xf8 || *code < least[length] || *code > 0x10ffff)
		return 0;
	return *code >= 0xd800 && *code <= 0xdfff ? 0 : length;
}

const char *conf_value_text_fault(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	uint32_t code;

	while (*c) {
		size_t length = read_character(c, &code);

		if (length == 0)
			return "it is not UTF-8";
		if (code < 0x20 || (code >= 0x7f && code < 0xa0))
			return "it holds a control character";
		c += length;
	}
	return NULL;
}

bool conf_value_is_name(const char *text)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";

	return *text && text[strspn(text, allowed)] == '\0';
}

const char *conf_value_quote(char out[CONF_VALUE_TEXT_MAX], const char *text)
{
	size_t length = 0;

	for (; length < CONF_VALUE_TEXT_MAX - 1 && text[length]; length++) {
		bool is_plain = text[length] >= ' ' && text[length] < 0x7f;

		out[length] = is_plain ? text[length] : '?';
	}
	out[length] = '\0';
	if (text[length])
		memcpy(out + CONF_VALUE_TEXT_MAX - 4, "...", 4);
	return out;
}
