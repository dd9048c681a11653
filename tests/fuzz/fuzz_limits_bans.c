/* SPDX-License-Identifier: BSD-2-Clause */
/* fuzz_limits_bans.c - a line that is read as a ban is written as one that reads the same. */
#include "limits/bans.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool rule)
{
	if (!rule)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct ban ban, again;
	char line[BAN_LINE_MAX];
	if (!bans_read_line(&ban, (const char *)bytes, length))
		return 0;
	size_t written = bans_write_line(&ban, line);
	require(written < sizeof(line) && line[written - 1] == '\n');
	require(bans_read_line(&again, line, written - 1));
	require(again.until_s == ban.until_s && again.times == ban.times &&
		again.is_by_hand == ban.is_by_hand && !strcmp(again.endpoint, ban.endpoint) &&
		!strcmp(again.reason, ban.reason) && again.network.prefix == ban.network.prefix &&
		addr_equal(&again.network.addr, &ban.network.addr));
	return 0;
}
