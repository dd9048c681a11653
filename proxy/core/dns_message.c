/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/dns_message.h"

enum {
	HEADER = 12,
	QUESTIONS_AT = 4,
	ANSWERS_AT = 6,
	QUESTION = 4, /* behind its name: type and class */
	RECORD = 10,  /* behind its name: type, class, time to live, length of what follows */
	TTL_AT = 4,
	LENGTH_AT = 8,
	NAME_MAX_BYTES = 255,
	LABEL_MAX = 63,
	POINTER = 0xc0,
};

struct cursor {
	const uint8_t *at, *end;
};

static size_t left(const struct cursor *c)
{
	return (size_t)(c->end - c->at);
}

static unsigned number(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static bool skip(struct cursor *c, size_t bytes)
{
	if (left(c) < bytes)
		return false;
	c->at += bytes;
	return true;
}

/* Labels up to the empty one, or to a pointer, which is not followed: who it leads to is of no interest. */
static bool skip_name(struct cursor *c)
{
	const uint8_t *from = c->at;
	while (left(c)) {
		unsigned length = *c->at;
		if (length == 0)
			return skip(c, 1);
		if ((length & POINTER) == POINTER)
			return skip(c, 2);
		if (length > LABEL_MAX || !skip(c, length + 1) || c->at - from > NAME_MAX_BYTES)
			return false;
	}
	return false;
}

/* A time to live with the highest bit set is 0 (RFC 2181 section 8). */
static uint32_t ttl_of(const uint8_t *record)
{
	uint32_t ttl_s = (uint32_t)number(record + TTL_AT) << 16 | number(record + TTL_AT + 2);
	return ttl_s > INT32_MAX ? 0 : ttl_s;
}

bool dns_message_ttl(const uint8_t *bytes, size_t length, uint32_t *ttl_s)
{
	struct cursor c = {bytes, bytes + length};
	uint32_t smallest = UINT32_MAX;
	if (!skip(&c, HEADER))
		return false;
	for (unsigned i = number(bytes + QUESTIONS_AT); i; i--)
		if (!skip_name(&c) || !skip(&c, QUESTION))
			return false;
	for (unsigned i = number(bytes + ANSWERS_AT); i; i--) {
		if (!skip_name(&c) || left(&c) < RECORD)
			return false;
		uint32_t ttl = ttl_of(c.at);
		smallest = ttl < smallest ? ttl : smallest;
		if (!skip(&c, RECORD + (size_t)number(c.at + LENGTH_AT)))
			return false;
	}
	*ttl_s = smallest;
	return true;
}
