/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * siphash.c - SipHash with 1 compression and 3 finalisation rounds (Aumasson and Bernstein, 2012).
 *
 * 1-3 and not 2-4: a stranger never sees an output of a hash table's hash, so the margin of the
 * message authentication code is not needed, and an admission pays for each round.
 */
#include "limits/siphash.h"

#include <endian.h>
#include <string.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static uint64_t load_word(const uint8_t *bytes)
{
	uint64_t word;
	memcpy(&word, bytes, sizeof(word));
	return le64toh(word);
}

/* What is left behind the last whole word, 0 to 7 bytes. */
static uint64_t load_rest(const uint8_t *bytes, size_t length)
{
	uint64_t word = 0;
	for (size_t i = 0; i < length; i++)
		word |= (uint64_t)bytes[i] << (8 * i);
	return word;
}

static inline void mix(struct state *s)
{
	s->v0 += s->v1;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v2 = rotate(s->v2, 32);
}

static inline void absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	mix(s);
	s->v0 ^= word;
}

uint64_t siphash13(const uint8_t key[16], const void *bytes, size_t length)
{
	uint64_t k0 = load_word(key);
	uint64_t k1 = load_word(key + 8);
	struct state s = {
		.v0 = k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = k1 ^ UINT64_C(0x7465646279746573),
	};
	const uint8_t *next = bytes;
	size_t left = length;
	for (; left >= 8; next += 8, left -= 8)
		absorb(&s, load_word(next));
	absorb(&s, (uint64_t)length << 56 | load_rest(next, left));
	s.v2 ^= 0xff;
	mix(&s);
	mix(&s);
	mix(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
