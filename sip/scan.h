/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan.h - the inner loops of the framer: runs of text, runs of token characters. Internal to sip/.
 *
 * Each function reads bytes[from..to) and nothing outside of it, keeps nothing, and may be used by
 * any thread. What decides the cost of a message is made twice, sixteen bytes at a time where the
 * compiler has SSE2, and plainly (scan_plain_...) for elsewhere and for short rests. Both give the
 * same answer.
 */
#ifndef SIPWEIR_SIP_SCAN_H
#define SIPWEIR_SIP_SCAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * Where text ends: the first control byte other than TAB (CR and LF among them, and DEL), or `to`.
 */
uint32_t scan_text(const uint8_t *bytes, uint32_t from, uint32_t to);
uint32_t scan_plain_text(const uint8_t *bytes, uint32_t from, uint32_t to);

/* Where a run of token characters (RFC 3261 section 25.1) ends, or `to`. */
uint32_t scan_token(const uint8_t *bytes, uint32_t from, uint32_t to);
uint32_t scan_plain_token(const uint8_t *bytes, uint32_t from, uint32_t to);

/* How many ; , and & there are. */
uint32_t scan_separators(const uint8_t *bytes, uint32_t from, uint32_t to);
uint32_t scan_plain_separators(const uint8_t *bytes, uint32_t from, uint32_t to);

/* Where the separator number `skip` (from 0) stands, or `to` when there are not so many. */
uint32_t scan_separator(const uint8_t *bytes, uint32_t from, uint32_t to, uint32_t skip);

/*
 * Is bytes[from] the beginning of a header line as nearly all are: a token, a colon, text, CRLF,
 * and behind it a byte that does not fold it? Then where the next line begins, and *colon is set;
 * otherwise, and when it cannot be known yet, `from`.
 */
uint32_t scan_line(const uint8_t *bytes, uint32_t from, uint32_t to, uint32_t *colon);

bool scan_is_token(uint8_t byte);

/*
 * A control byte that may not stand in a header section: all but TAB, DEL included. CR and LF are
 * among them.
 */
bool scan_is_control(uint8_t byte);

static inline bool scan_is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static inline bool scan_is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static inline bool scan_is_letter(uint8_t byte)
{
	return (uint8_t)((byte | 0x20) - 'a') < 26;
}

/* As many bytes as `word` has: are they the same but for the case of letters? */
bool scan_equals_folded(const uint8_t *bytes, const char *word);

/*
 * Are bytes[0..length) this ASCII `word`, whatever the case of its letters? Nearly all who mean a
 * word write it as the RFC does, and a comparison of constant length costs next to nothing: give it
 * in that spelling.
 */
static inline bool scan_equals(const uint8_t *bytes, uint32_t length, const char *word)
{
	if (length != strlen(word))
		return false;
	return !memcmp(bytes, word, strlen(word)) || scan_equals_folded(bytes, word);
}

#endif
