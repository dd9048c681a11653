/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_core_proxy_header.c - a verdict, once given, holds for every longer beginning; what is
 * accepted is whole, bounded and the same when it is written and read again.
 */
#include "proxy/core/proxy_header.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool rule)
{
	if (!rule)
		abort();
}

static void require_same(const struct proxy_header *a, const struct proxy_header *b)
{
	require(a->version == b->version && a->used == b->used && a->fault == b->fault);
	require(addr_equal(&a->source.addr, &b->source.addr) && a->source.port == b->source.port);
	require(addr_equal(&a->destination.addr, &b->destination.addr));
	require(a->destination.port == b->destination.port);
	require(strcmp(a->endpoint, b->endpoint) == 0);
}

static void check_accepted(const struct proxy_header *h, size_t length)
{
	require(h->used > 0 && h->used <= length && h->used <= PROXY_HEADER_MAX);
	require(!addr_is_unusable(&h->source.addr));
	for (size_t i = 0; h->endpoint[i] != '\0'; i++)
		require(i < PROXY_ENDPOINT_MAX && h->endpoint[i] > ' ' && h->endpoint[i] < 0x7f);

	for (unsigned version = 1; version <= 2; version++) {
		uint8_t out[PROXY_HEADER_WRITE_MAX];
		struct proxy_header again;
		size_t written = proxy_header_write(out, version, &h->source, &h->destination);
		require(written <= sizeof(out));
		require(proxy_header_read(out, written, &again) == PROXY_ACCEPT);
		struct proxy_header expected = *h;
		expected.version = version;
		expected.used = written;
		expected.endpoint[0] = '\0';
		require_same(&again, &expected);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct proxy_header whole, part;
	enum proxy_verdict verdict = proxy_header_read(bytes, length, &whole);
	require((verdict == PROXY_REJECT) == (whole.fault != PROXY_FAULT_NONE));
	require(length == 0 || verdict != PROXY_MORE || proxy_header_is_prefix(bytes, length));
	for (size_t i = 0; i < length; i++) {
		enum proxy_verdict early = proxy_header_read(bytes, i, &part);
		if (early == PROXY_MORE)
			continue;
		require(early == verdict);
		require_same(&part, &whole);
		if (i > PROXY_HEADER_MAX)
			break; /* nothing that long is undecided */
	}
	require(verdict != PROXY_MORE || length < PROXY_HEADER_MAX);
	if (verdict == PROXY_LOCAL)
		require(whole.used > 0 && whole.used <= length && whole.used <= PROXY_HEADER_MAX);
	if (verdict == PROXY_ACCEPT)
		check_accepted(&whole, length);
	return 0;
}
