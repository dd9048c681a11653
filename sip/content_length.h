/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * content_length.h - the one header field that decides where a message ends, read so that no other
 * reader can find another number in it. Internal to sip/. Pure functions; any thread.
 */
#ifndef SIPWEIR_SIP_CONTENT_LENGTH_H
#define SIPWEIR_SIP_CONTENT_LENGTH_H

#include <stdbool.h>
#include <stdint.h>

#include "sip/frame.h"

enum content_length_name {
	CONTENT_LENGTH_NO,	   /* another header */
	CONTENT_LENGTH_YES,	   /* Content-Length or l, any case */
	CONTENT_LENGTH_LOOK_ALIKE, /* Content_Length, to Kamailio and OpenSIPS the real one */
};

enum content_length_name content_length_name(const uint8_t *name, uint32_t length);

/*
 * Would a reader that does not know folding take this for a Content-Length line? `text` is a
 * continuation line behind its white space. Kamailio and OpenSIPS would.
 */
bool content_length_resembles(const uint8_t *text, uint32_t length);

/*
 * Read a value (without its line end; blanks around it are allowed). FRAME_FAULT_NONE: *result is
 * the number, or UINT32_MAX for a larger one. Otherwise *at is the byte that is wrong. A number of
 * more than ten digits is not believed: FRAME_FAULT_MESSAGE_SIZE when it is honestly too large,
 * FRAME_FAULT_CONTENT_LENGTH when it only looks long or would not fit 64 bits.
 */
enum frame_fault content_length_read(
	const uint8_t *value, uint32_t length, uint32_t *result, uint32_t *at);

#endif
