/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h - the one writer of text for programs: log lines now, JSON and metrics elsewhere. Into a caller's buffer; what does
 * not fit is left out and noticed, never written past the end.
 */
#ifndef SIPWEIR_PROXY_CORE_TEXT_H
#define SIPWEIR_PROXY_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *bytes;
	size_t length, size; /* length stays below size; no NUL is written */
	bool is_cut;
};

void text_init(struct text *t, char *bytes, size_t size);
void text_put(struct text *t, const char *string);
void text_put_char(struct text *t, char c);
void text_put_uint(struct text *t, uint64_t value);

/*
 * The bytes as the inside of a JSON string, in ASCII alone: quotes, backslashes and controls escaped, every byte above 126
 * as \u00XX. Whole escapes or none, so that a cut string is still a string.
 */
void text_put_escaped(struct text *t, const void *bytes, size_t length);

/* The inside of a label's value in Prometheus' text format: quotes, backslashes and line feeds escaped. */
void text_put_label(struct text *t, const char *value);

/* The name of an errno, as in "ECONNREFUSED": a constant. */
const char *text_errno(int failure);

#endif
