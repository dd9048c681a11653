/* SPDX-License-Identifier: BSD-2-Clause */
/* content_length.c - the name and the value of Content-Length. */
#include "sip/content_length.h"

#include "sip/scan.h"

enum {
	DIGITS_MAX = 10, /* of a length that is believed; enough for any 32-bit number */
	DIGITS_U64 = 19, /* as many always fit 64 bits */
};

enum content_length_name content_length_name(const uint8_t *name, uint32_t length)
{
	if (scan_equals(name, length, "l") || scan_equals(name, length, "Content-Length"))
		return CONTENT_LENGTH_YES;
	if (scan_equals(name, length, "Content_Length"))
		return CONTENT_LENGTH_LOOK_ALIKE;
	return CONTENT_LENGTH_NO;
}

bool content_length_resembles(const uint8_t *text, uint32_t length)
{
	uint8_t first = length ? text[0] | 0x20 : 0;
	uint32_t at;

	/* All such names begin so, and nearly no fold does. */
	if (first != 'c' && first != 'l')
		return false;
	at = scan_token(text, 0, length);
	if (content_length_name(text, at) == CONTENT_LENGTH_NO)
		return false;
	while (at < length && scan_is_blank(text[at]))
		at++;
	return at < length && text[at] == ':';
}

static uint32_t skip_blanks(const uint8_t *value, uint32_t length, uint32_t at)
{
	while (at < length && scan_is_blank(value[at]))
		at++;
	return at;
}

enum frame_fault content_length_read(
	const uint8_t *value, uint32_t length, uint32_t *result, uint32_t *at)
{
	uint32_t first = skip_blanks(value, length, 0);
	uint32_t i = first;
	uint64_t number = 0;

	for (; i < length && scan_is_digit(value[i]); i++)
		number = number * 10 + (uint64_t)(value[i] - '0');
	*at = skip_blanks(value, length, i);
	if (i == first || *at < length)
		return FRAME_FAULT_CONTENT_LENGTH;
	*result = number > UINT32_MAX ? UINT32_MAX : (uint32_t)number;
	if (i - first <= DIGITS_MAX)
		return FRAME_FAULT_NONE;
	/* More digits than DIGITS_U64 may have wrapped: nothing is made of that number. */
	*at = first + DIGITS_MAX;
	return *result == UINT32_MAX && i - first <= DIGITS_U64 ? FRAME_FAULT_MESSAGE_SIZE
								: FRAME_FAULT_CONTENT_LENGTH;
}
