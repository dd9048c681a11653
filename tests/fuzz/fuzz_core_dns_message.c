/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_core_dns_message.c - what is a whole message stays one whatever comes behind it. */
#include "proxy/core/dns_message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	uint32_t ttl_s = 0, again_s = 1;
	if (!dns_message_ttl(bytes, length, &ttl_s))
		return 0;
	if (ttl_s > INT32_MAX && ttl_s != UINT32_MAX)
		abort();
	uint8_t *longer = malloc(length + 1);
	if (!longer)
		return 0;
	memcpy(longer, bytes, length);
	longer[length] = 0xc0;
	if (!dns_message_ttl(longer, length + 1, &again_s) || again_s != ttl_s)
		abort();
	free(longer);
	return 0;
}
