/* SPDX-License-Identifier: BSD-2-Clause */
/* scan.c - the inner loops of the framer. */
#include "sip/scan.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { TOKEN = 1, SEPARATOR = 2, CONTROL = 4 };

/* clang-format off */
#define T TOKEN
#define S SEPARATOR
#define C CONTROL
/* Sixteen to a line; the upper half, 8-bit bytes, is none of these. */
static const uint8_t classes[256] = {
	C, C, C, C, C, C, C, C, C, 0, C, C, C, C, C, C, /* TAB is text */
	C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C,
	0, T, 0, 0, 0, T, S, T, 0, 0, T, T, S, T, T, 0, /* !  %  &  '  *  +  ,  -  . */
	T, T, T, T, T, T, T, T, T, T, 0, S, 0, 0, 0, 0, /* 0 to 9  ; */
	0, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, /* A to O */
	T, T, T, T, T, T, T, T, T, T, T, 0, 0, 0, 0, T, /* P to Z  _ */
	T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, /* `  a to o */
	T, T, T, T, T, T, T, T, T, T, T, 0, 0, 0, T, C, /* p to z  ~  DEL */
};
#undef T
#undef S
#undef C
/* clang-format on */

bool scan_is_token(uint8_t byte)
{
	return classes[byte] & TOKEN;
}

bool scan_is_control(uint8_t byte)
{
	return classes[byte] & CONTROL;
}

uint32_t scan_plain_text(const uint8_t *bytes, uint32_t from, uint32_t to)
{
	while (from < to && !scan_is_control(bytes[from]))
		from++;
	return from;
}

uint32_t scan_plain_token(const uint8_t *bytes, uint32_t from, uint32_t to)
{
	while (from < to && scan_is_token(bytes[from]))
		from++;
	return from;
}

uint32_t scan_plain_separators(const uint8_t *bytes, uint32_t from, uint32_t to)
{
	uint32_t count = 0;

	for (; from < to; from++)
		count += classes[bytes[from]] == SEPARATOR;
	return count;
}

#ifdef __SSE2__

enum { LANES = 16 };

static inline __m128i load(const uint8_t *bytes)
{
	return _mm_loadu_si128((const __m128i *)(const void *)bytes);
}

/* 0xff in each lane that holds this byte. */
static inline __m128i equal(__m128i block, char byte)
{
	return _mm_cmpeq_epi8(block, _mm_set1_epi8(byte));
}

/*
 * A bit for each byte that is below 0x20 (TAB too) or DEL. min(b, 0x1f) == b is b <= 0x1f without a
 * sign.
 */
static inline unsigned stops_in(const uint8_t *bytes)
{
	__m128i block = load(bytes);
	__m128i low = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);

	return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, equal(block, 0x7f)));
}

uint32_t scan_text(const uint8_t *bytes, uint32_t from, uint32_t to)
{
	while (to - from >= LANES) {
		unsigned stops = stops_in(bytes + from);

		if (!stops) {
			from += LANES;
			continue;
		}
		from += (uint32_t)__builtin_ctz(stops);
		/* A TAB is text, but so rare that it is cheaper to stop for it. */
		if (bytes[from] != '\t')
			return from;
		from++;
	}
	return scan_plain_text(bytes, from, to);
}

/*
 * How many of the next 16 bytes, from the first, are letters or '-': nearly every header name is
 * nothing else.
 */
static inline uint32_t plain_name(const uint8_t *bytes)
{
	__m128i block = load(bytes);
	__m128i lower = _mm_or_si128(block, _mm_set1_epi8(0x20));
	__m128i letter = _mm_and_si128(_mm_cmpgt_epi8(lower, _mm_set1_epi8('a' - 1)),
		_mm_cmplt_epi8(lower, _mm_set1_epi8('z' + 1)));
	unsigned names = (unsigned)_mm_movemask_epi8(_mm_or_si128(letter, equal(block, '-')));

	return (uint32_t)__builtin_ctz(~names);
}

uint32_t scan_token(const uint8_t *bytes, uint32_t from, uint32_t to)
{
	if (to - from > LANES) {
		from += plain_name(bytes + from);
		if (bytes[from] == ':')
			return from;
	}
	return scan_plain_token(bytes, from, to);
}

uint32_t scan_separators(const uint8_t *bytes, uint32_t from, uint32_t to)
{
	__m128i zero = _mm_setzero_si128();
	__m128i sums = zero; /* two 64-bit sums */

	for (; to - from >= LANES; from += LANES) {
		__m128i block = load(bytes + from);
		__m128i found = _mm_or_si128(equal(block, ';'), equal(block, ','));

		found = _mm_or_si128(found, equal(block, '&'));
		sums = _mm_add_epi64(sums, _mm_sad_epu8(_mm_sub_epi8(zero, found), zero));
	}
	sums = _mm_add_epi64(sums, _mm_srli_si128(sums, 8));
	return (uint32_t)_mm_cvtsi128_si32(sums) + scan_plain_separators(bytes, from, to);
}

#else

uint32_t scan_text(const uint8_t *bytes, uint32_t from, uint32_t to)
{
	return scan_plain_text(bytes, from, to);
}

uint32_t scan_token(const uint8_t *bytes, uint32_t from, uint32_t to)
{
	return scan_plain_token(bytes, from, to);
}

uint32_t scan_separators(const uint8_t *bytes, uint32_t from, uint32_t to)
{
	return scan_plain_separators(bytes, from, to);
}

#endif

uint32_t scan_line(const uint8_t *bytes, uint32_t from, uint32_t to, uint32_t *colon)
{
	uint32_t name = scan_token(bytes, from, to);
	/* Not from the colon on: the processor need not wait for the name to look for the end. */
	uint32_t end = scan_text(bytes, from, to);

	if (name == from || name == to || bytes[name] != ':')
		return from;
	if (to - end < 3 || bytes[end] != '\r' || bytes[end + 1] != '\n' ||
		scan_is_blank(bytes[end + 2]))
		return from;
	*colon = name;
	return end + 2;
}

uint32_t scan_separator(const uint8_t *bytes, uint32_t from, uint32_t to, uint32_t skip)
{
	for (; from < to; from++)
		if (classes[bytes[from]] == SEPARATOR && skip-- == 0)
			break;
	return from;
}

bool scan_equals_folded(const uint8_t *bytes, const char *word)
{
	for (; *word; word++, bytes++) {
		uint8_t fold = scan_is_letter((uint8_t)*word) ? 0x20 : 0;

		if ((*bytes | fold) != ((uint8_t)*word | fold))
			return false;
	}
	return true;
}
