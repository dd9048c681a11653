/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * section.h - the start line and the header lines of one message, read as they come. Internal to
 * sip/, made for frame.c alone: the state is the framer's.
 */
#ifndef SIPWEIR_SIP_SECTION_H
#define SIPWEIR_SIP_SECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sip/frame.h"

/* What may come next: framer.state. */
enum section_state {
	AT_BORDER, /* no message has begun */
	AT_FIRST_WORD,
	AT_START_LINE,
	AT_START_LF,
	AT_LINE, /* the first byte of a line behind the start line */
	AT_NAME,
	AT_COLON,
	AT_VALUE,
	AT_VALUE_LF,
	AT_FOLD, /* the white space that begins a continuation line */
	AT_END_LF,
	AT_BODY,
};

/*
 * Go on reading a message[0..available) whose state is between AT_FIRST_WORD and AT_END_LF. True:
 * all that came is judged, and the state is AT_BODY if the empty line was there. False: out->fault,
 * offset and checked say why not.
 */
bool section_read(struct framer *f, const struct frame_limits *limits, const uint8_t *message,
	size_t available, struct frame *out);

#endif
