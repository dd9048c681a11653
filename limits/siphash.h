/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * siphash.h - SipHash-1-3 (Aumasson and Bernstein, 2012), the keyed hash of tables that strangers fill. No state; any thread.
 *
 * 1-3 and not 2-4: a stranger never sees an output of a hash table's hash, so the margin of the
 * message authentication code is not needed, and an admission pays for each round. In the header, because most keys
 * have a length that the compiler knows.
 */
#ifndef SIPWEIR_LIMITS_SIPHASH_H
#define SIPWEIR_LIMITS_SIPHASH_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct siphash {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t siphash_rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline uint64_t siphash_word(const uint8_t *bytes)
{
	uint64_t word;
	memcpy(&word, bytes, sizeof(word));
	return le64toh(word);
}

/* What is left behind the last whole word, 0 to 7 bytes. */
static inline uint64_t siphash_rest(const uint8_t *bytes, size_t length)
{
	uint64_t word = 0;
	for (size_t i = 0; i < length; i++)
		word |= (uint64_t)bytes[i] << (8 * i);
	return word;
}

static inline void siphash_mix(struct siphash *s)
{
	s->v0 += s->v1;
	s->v1 = siphash_rotate(s->v1, 13) ^ s->v0;
	s->v0 = siphash_rotate(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = siphash_rotate(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = siphash_rotate(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = siphash_rotate(s->v1, 17) ^ s->v2;
	s->v2 = siphash_rotate(s->v2, 32);
}

static inline void siphash_absorb(struct siphash *s, uint64_t word)
{
	s->v3 ^= word;
	siphash_mix(s);
	s->v0 ^= word;
}

/*
 * Hash `length` bytes under a secret key. The same on every machine, whatever its byte order;
 * `bytes` may be NULL when length is 0. For hash tables only: too few rounds to authenticate a
 * message with.
 */
static inline uint64_t siphash13(const uint8_t key[16], const void *bytes, size_t length)
{
	uint64_t k0 = siphash_word(key);
	uint64_t k1 = siphash_word(key + 8);
	struct siphash s = {
		.v0 = k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = k1 ^ UINT64_C(0x7465646279746573),
	};
	const uint8_t *next = bytes;
	size_t left = length;
	for (; left >= 8; next += 8, left -= 8)
		siphash_absorb(&s, siphash_word(next));
	siphash_absorb(&s, (uint64_t)length << 56 | siphash_rest(next, left));
	s.v2 ^= 0xff;
	siphash_mix(&s);
	siphash_mix(&s);
	siphash_mix(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

#endif
