/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tag.c - SipHash-1-3 of header fields as they come, so that nothing needs to be copied together
 * first.
 */
#include "sip/tag.h"

enum { ROUNDS_AT_END = 3 };

static uint64_t rotate(uint64_t word, unsigned bits)
{
	return word << bits | word >> (64 - bits);
}

static void mix(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32) + v[3];
	v[2] += v[1];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static void add_word(struct tag_hash *h, uint64_t word)
{
	h->v[3] ^= word;
	mix(h->v);
	h->v[0] ^= word;
}

static void add_byte(struct tag_hash *h, uint8_t byte)
{
	h->word |= (uint64_t)byte << (8 * h->bytes);
	if (++h->bytes < 8)
		return;
	add_word(h, h->word);
	h->word = 0;
	h->bytes = 0;
}

void tag_begin(struct tag_hash *h, uint64_t key)
{
	*h = (struct tag_hash){
		.v = {key ^ 0x736f6d6570736575, key ^ 0x646f72616e646f6d, key ^ 0x6c7967656e657261,
			key ^ 0x7465646279746573},
	};
}

void tag_add(struct tag_hash *h, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		add_byte(h, bytes[i]);
	/* A header field that has passed the framer holds no NUL. */
	add_byte(h, 0);
}

void tag_end(struct tag_hash *h, char tag[TAG_LENGTH + 1])
{
	uint64_t hash;

	add_word(h, h->word | (uint64_t)h->bytes << 56);
	h->v[2] ^= 0xff;
	for (int i = 0; i < ROUNDS_AT_END; i++)
		mix(h->v);
	hash = h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
	for (int i = 0; i < TAG_LENGTH; i++)
		tag[i] = "0123456789abcdef"[hash >> (60 - 4 * i) & 15];
	tag[TAG_LENGTH] = '\0';
}
