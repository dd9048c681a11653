/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quotes.h - header sections that are kept because an answer may have to quote them. Those of usual size come from blocks that
 * are used again and again, so that a request that passes costs no malloc(). One thread per store.
 */
#ifndef SIPWEIR_SIP_QUOTES_H
#define SIPWEIR_SIP_QUOTES_H

#include <stddef.h>
#include <stdint.h>

struct quote {
	struct quote *next; /* the store's */
	uint32_t length;
	uint32_t room; /* bytes that it holds in all, for whoever counts them */
	uint8_t bytes[];
};

/* Zeroed: empty. */
struct quotes {
	struct quote *free;
	unsigned kept;
};

/* A copy; NULL when memory is short. */
struct quote *quotes_keep(struct quotes *q, const uint8_t *bytes, size_t length);

/* NULL is fine. */
void quotes_release(struct quotes *q, struct quote *quote);

/* The blocks that are not in use. */
void quotes_fini(struct quotes *q);

#endif
