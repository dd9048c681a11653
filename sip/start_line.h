/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * start_line.h - is this the first line of a SIP message, and if not, of what? (RFC 3261 section
 * 7.1, 7.2) Internal to sip/. Pure functions; any thread.
 */
#ifndef SIPWEIR_SIP_START_LINE_H
#define SIPWEIR_SIP_START_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "sip/frame.h"

enum {
	START_LINE_MAX = 4096,	  /* bytes, without its CRLF */
	START_LINE_WORD_MAX = 64, /* bytes of a method, or "SIP"; RFC 4475 has a method of 43 */
};

struct start_line {
	enum frame_fault fault; /* FRAME_FAULT_NONE: the line is sound */
	uint32_t offset;	/* of what is wrong */
	enum frame_kind kind;	/* known also when only the version or the spacing is wrong */
	enum frame_method method;
	uint16_t status;
};

/* What to say of a stream whose message begins with this byte: a fault, or none so far. */
enum frame_fault start_line_first(uint8_t byte);

/*
 * Judge the first word as it comes: *at is moved over line[*at..end) to the byte behind the word,
 * *whole says that it was reached. On a fault *at is the byte that is wrong.
 */
enum frame_fault start_line_word(const uint8_t *line, uint32_t *at, uint32_t end, bool *whole);

/*
 * Judge a line, without its line end, whose first word has passed and that holds no control byte
 * but TAB.
 */
struct start_line start_line_read(const uint8_t *line, uint32_t length);

#endif
