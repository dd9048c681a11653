/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * header.h - a view of the header lines of a message that the framer has passed. Copies nothing;
 * any thread.
 */
#ifndef SIPWEIR_SIP_HEADER_H
#define SIPWEIR_SIP_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct header_line {
	const uint8_t *name;
	size_t name_length; /* without white space before the colon */
	const uint8_t *value;
	size_t value_length; /* trimmed of white space and line ends; folds still inside */
	const uint8_t *whole;
	size_t whole_length; /* the line as received, folds and last CRLF included */
};

/*
 * Step through the header lines: *at starts at 0 and is moved behind the line returned. `message`
 * begins with the start line; `length` ends behind a whole line (the framer's header_length or
 * checked). False at the end.
 */
bool header_next(const uint8_t *message, size_t length, size_t *at, struct header_line *line);

/* Is this line `name`, in any case, or its one-letter form `compact` (0: it has none)? */
bool header_is(const struct header_line *line, const char *name, char compact);

/* The first such line. False when there is none. */
bool header_find(const uint8_t *message, size_t length, const char *name, char compact,
	struct header_line *line);

#endif
