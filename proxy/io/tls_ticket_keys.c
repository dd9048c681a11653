/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_ticket_keys.h"

#include <string.h>

enum {
	KEY_BYTES = 80,
	KEY_DIGITS = 108, /* of base64: the last of them is the '=' that 80 bytes end with */
};

_Static_assert(sizeof(struct tls_ticket_key) == KEY_BYTES, "the file's 80 bytes are the structure");

struct reader {
	struct tls_ticket_keys *keys;
	char digits[KEY_DIGITS]; /* of a key that is not whole */
	size_t digit_count;
	unsigned line, begun; /* now, and where that key began */
};

static int value_of(char digit)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = digit ? strchr(digits, digit) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* False when the digits are not those that 80 bytes are written with. */
static bool decode(const char digits[KEY_DIGITS], uint8_t out[KEY_BYTES])
{
	uint32_t bits = 0;
	unsigned count = 0;
	size_t length = 0;
	for (size_t i = 0; i < KEY_DIGITS - 1; i++) {
		int value = value_of(digits[i]);
		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		out[length++] = (uint8_t)(bits >> count);
		bits &= (1u << count) - 1;
	}
	return digits[KEY_DIGITS - 1] == '=' && bits == 0;
}

static bool is_known(const struct tls_ticket_keys *k, const struct tls_ticket_key *key)
{
	for (unsigned i = 0; i < k->count; i++)
		if (!memcmp(k->keys[i].name, key->name, sizeof(key->name)))
			return true;
	return false;
}

static enum tls_ticket_fault add_key(struct reader *r)
{
	struct tls_ticket_key key;
	uint8_t bytes[KEY_BYTES];
	if (!decode(r->digits, bytes))
		return TLS_TICKET_SIZE; /* padded elsewhere, or with bits behind the last byte */
	memcpy(&key, bytes, sizeof(key));
	if (r->keys->count == TLS_TICKET_KEYS_MAX)
		return TLS_TICKET_MANY;
	if (is_known(r->keys, &key))
		return TLS_TICKET_TWICE;
	r->keys->keys[r->keys->count++] = key;
	r->digit_count = 0;
	return TLS_TICKET_OK;
}

static enum tls_ticket_fault read_line(struct reader *r, const char *text, size_t length)
{
	while (length &&
		(text[length - 1] == '\r' || text[length - 1] == ' ' || text[length - 1] == '\t'))
		length--;
	if (!length || text[0] == '#')
		return r->digit_count ? TLS_TICKET_SIZE : TLS_TICKET_OK;
	if (!r->digit_count)
		r->begun = r->line;
	for (size_t i = 0; i < length; i++)
		if (text[i] != '=' && value_of(text[i]) < 0)
			return TLS_TICKET_NO_BASE64;
	if (length > KEY_DIGITS - r->digit_count)
		return TLS_TICKET_SIZE;
	memcpy(r->digits + r->digit_count, text, length);
	r->digit_count += length;
	return r->digit_count == KEY_DIGITS ? add_key(r) : TLS_TICKET_OK;
}

enum tls_ticket_fault tls_ticket_keys_read(
	struct tls_ticket_keys *k, const char *text, size_t length, unsigned *line)
{
	struct reader r = {.keys = k};
	enum tls_ticket_fault fault = TLS_TICKET_OK;
	size_t at = 0;
	k->count = 0;
	while (at < length && fault == TLS_TICKET_OK) {
		const char *end = memchr(text + at, '\n', length - at);
		size_t size = end ? (size_t)(end - text) - at : length - at;
		r.line++;
		fault = read_line(&r, text + at, size);
		at += size + 1;
	}
	if (fault == TLS_TICKET_OK && r.digit_count)
		fault = TLS_TICKET_SIZE;
	if (fault == TLS_TICKET_OK && !k->count)
		fault = TLS_TICKET_NONE;
	*line = fault == TLS_TICKET_SIZE && r.digit_count ? r.begun : r.line;
	return fault;
}

const char *tls_ticket_fault_text(enum tls_ticket_fault fault)
{
#define EXPECTED "expected keys of 80 bytes in base64: openssl rand -base64 80"
	switch (fault) {
	case TLS_TICKET_OK:
		break;
	case TLS_TICKET_NO_BASE64:
		return "that is no base64, " EXPECTED;
	case TLS_TICKET_SIZE:
		return "that is no key of 80 bytes, " EXPECTED;
	case TLS_TICKET_TWICE:
		return "that key is there already, expected each once";
	case TLS_TICKET_MANY:
		return "there are more than 16 keys, expected those that may still be in use, the "
		       "newest first";
	case TLS_TICKET_NONE:
		return "there is no key, " EXPECTED;
	}
	return "";
#undef EXPECTED
}
