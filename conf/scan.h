/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * scan.h - the tokens of libconfig's language, cut as libconfig 1.5 cuts them.
 *
 * libconfig neither tells that a number did not fit nor why a file could not be read; whoever wants
 * to say so looks at the tokens. Nothing is allocated; any thread.
 */
#ifndef SIPWEIR_CONF_SCAN_H
#define SIPWEIR_CONF_SCAN_H

#include <stdbool.h>
#include <stddef.h>

enum conf_token_kind {
	CONF_TOKEN_END,
	CONF_TOKEN_NAME,
	CONF_TOKEN_BOOL,
	CONF_TOKEN_INTEGER, /* decimal or hexadecimal, with its sign and its L */
	CONF_TOKEN_FLOAT,
	CONF_TOKEN_STRING,  /* with its quotes */
	CONF_TOKEN_SIGN,    /* one of = : , ; { } [ ] ( ) */
	CONF_TOKEN_INCLUDE, /* @include "FILE" at the beginning of a line, through the quote */
	CONF_TOKEN_OPEN,    /* a string, a comment or an @include that does not end */
	CONF_TOKEN_GARBAGE, /* one byte that begins nothing */
};

struct conf_token {
	enum conf_token_kind kind;
	const char *start; /* in the text */
	size_t length;
	unsigned line; /* of its first byte, from 1 */
	bool is_tight; /* nothing between it and the token before */
};

struct conf_scan {
	const char *at;
	const char *begin;
	const char *end;
	unsigned line;
};

/* Begin at the first of `length` bytes, which stay the caller's and must outlive the tokens. */
void conf_scan_init(struct conf_scan *s, const char *text, size_t length);

/* The next token; CONF_TOKEN_END again and again behind the last. */
void conf_scan_next(struct conf_scan *s, struct conf_token *t);

/* True for the one-byte token `sign`. */
bool conf_token_is(const struct conf_token *t, char sign);

#endif
