/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_io_tls_ticket_keys.c - what is read as keys is whole, different, and read the same again from what a writer would make
 * of it.
 */
#include "proxy/io/tls_ticket_keys.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool rule)
{
	if (!rule)
		abort();
}

static size_t write_key(char *out, const struct tls_ticket_key *key)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t bytes[81] = {0};
	memcpy(bytes, key, sizeof(*key));
	for (size_t i = 0; i < 27; i++) {
		const uint8_t *three = bytes + 3 * i;
		uint32_t bits = (uint32_t)three[0] << 16 | (uint32_t)three[1] << 8 | three[2];
		for (unsigned d = 0; d < 4; d++)
			*out++ = digits[bits >> (18 - 6 * d) & 63];
	}
	out[-1] = '=';
	*out = '\n';
	return 109;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct tls_ticket_keys k, again;
	char text[TLS_TICKET_KEYS_MAX * 109];
	unsigned line;
	size_t size = 0;
	enum tls_ticket_fault fault = tls_ticket_keys_read(&k, (const char *)bytes, length, &line);
	require(line <= length);
	if (fault != TLS_TICKET_OK) {
		require(*tls_ticket_fault_text(fault) != '\0');
		return 0;
	}
	require(k.count >= 1 && k.count <= TLS_TICKET_KEYS_MAX);
	for (unsigned i = 0; i < k.count; i++)
		size += write_key(text + size, &k.keys[i]);
	require(tls_ticket_keys_read(&again, text, size, &line) == TLS_TICKET_OK);
	require(again.count == k.count);
	require(!memcmp(again.keys, k.keys, k.count * sizeof(k.keys[0])));
	return 0;
}
