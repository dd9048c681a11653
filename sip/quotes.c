/* SPDX-License-Identifier: BSD-2-Clause */
#include "sip/quotes.h"

#include <stdlib.h>
#include <string.h>

enum {
	USUAL = 1024 - sizeof(struct quote), /* holds the header section of nearly every request */
	KEPT_MAX = 1024,
};

static struct quote *take(struct quotes *q, size_t length)
{
	struct quote *quote = q->free;
	size_t room = length > USUAL ? length : USUAL;
	if (quote && length <= USUAL) {
		q->free = quote->next;
		q->kept--;
		return quote;
	}
	quote = malloc(sizeof(*quote) + room);
	if (quote)
		quote->room = (uint32_t)(sizeof(*quote) + room);
	return quote;
}

struct quote *quotes_keep(struct quotes *q, const uint8_t *bytes, size_t length)
{
	struct quote *quote = take(q, length);
	if (!quote)
		return NULL;
	quote->length = (uint32_t)length;
	memcpy(quote->bytes, bytes, length);
	return quote;
}

void quotes_release(struct quotes *q, struct quote *quote)
{
	if (!quote)
		return;
	if (quote->room > sizeof(*quote) + USUAL || q->kept == KEPT_MAX) {
		free(quote);
		return;
	}
	quote->next = q->free;
	q->free = quote;
	q->kept++;
}

void quotes_fini(struct quotes *q)
{
	while (q->free) {
		struct quote *quote = q->free;
		q->free = quote->next;
		free(quote);
	}
	q->kept = 0;
}
