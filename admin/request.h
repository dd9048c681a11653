/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * request.h - one line that sipweirctl sends, and the first line of what it gets.
 *
 *   request   FORMAT WORD...\n     FORMAT is text or json; words are separated by one space each. Of a word, what is no
 *                                  printable ASCII, spaces and the percent sign go as %XX
 *   answer    STATUS LENGTH\n      STATUS is ok, refused or usage; LENGTH bytes follow, and then the end
 *
 * Pure; any thread.
 */
#ifndef SIPWEIR_ADMIN_REQUEST_H
#define SIPWEIR_ADMIN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

enum { REQUEST_MAX = 1024, REQUEST_WORDS = 16 };

struct request {
	bool is_json;
	const char *words[REQUEST_WORDS + 1]; /* into the line; NULL behind the last */
	unsigned count;			      /* at least 1 */
};

/*
 * Take a line apart, in place: `length` bytes without the line feed, and one of room behind them. It has to live as long as the
 * request. Returns NULL, or what is wrong with it.
 */
const char *request_read(struct request *r, char *line, size_t length);

#endif
