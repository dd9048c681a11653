/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * core_header_case.h - one case of the PROXY protocol's reader, judged in every way it can be
 * split.
 */
#ifndef SIPWEIR_TESTS_CORE_HEADER_CASE_H
#define SIPWEIR_TESTS_CORE_HEADER_CASE_H

#include "proxy/core/proxy_header.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define SIG   "0d0a0d0a000d0a515549540a "
#define A4    " cb00710a c633640a f1f0 13c4 "
#define FROM4 "203.0.113.10:61936"
#define TO4   "198.51.100.10:5060"
#define A6    " 20010db8000000000000000000000010 20010db8000000000000000000000020 f1f0 13c5 "
#define FROM6 "[2001:db8::10]:61936"
#define TO6   "[2001:db8::20]:5061"
#define F8    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

enum { CASE_MAX = 8192 };

struct bytes {
	size_t length;
	uint8_t at[CASE_MAX];
};

struct expected {
	enum proxy_verdict verdict;
	enum proxy_fault fault;
	const char *source, *destination; /* with ports; looked at after PROXY_ACCEPT */
	size_t used;
	const char *endpoint; /* NULL: none */
};

void bytes_append(struct bytes *b, const void *bytes, size_t length);

/* Pairs of digits, with spaces between pairs where one likes. */
void bytes_append_hex(struct bytes *b, const char *hex);

/*
 * The verdict on the first `length` bytes, in a block of that size, so that a read behind is seen.
 */
enum proxy_verdict case_judge(const struct bytes *b, size_t length, struct proxy_header *h);

/*
 * Fail unless the bytes have the expected outcome whole, and each beginning of them either none yet
 * or the same. Since the reader keeps nothing between calls, that is every way to split them.
 */
void case_check(const char *name, const struct bytes *b, const struct expected *e);

#endif
