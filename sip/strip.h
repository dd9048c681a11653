/* SPDX-License-Identifier: BSD-2-Clause */
/* strip.h - headers that are taken out of a message, and no other byte changed. No state; any thread. */
#ifndef SIPWEIR_SIP_STRIP_H
#define SIPWEIR_SIP_STRIP_H

#include "sip/frame.h"

#include <stddef.h>
#include <stdint.h>

/* For frame_limits.marked: the names (NULL behind the last; NULL: none), in any case. */
uint64_t strip_marks(const char *const *names);

/*
 * Take all lines with these names, their folds included, out of a message that frame_next() has passed, in place: what stands
 * before a line moves behind it, so that the message begins later and ends where it did. Returns by how many bytes it
 * begins later; `frame` is that of the shorter message then. The cost grows with the length of the header section alone.
 */
size_t strip_headers(uint8_t *message, struct frame *frame, const char *const *names);

#endif
