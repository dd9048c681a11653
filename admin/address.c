/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/address.h"

#include <stdio.h>
#include <string.h>

static bool begins_with_endpoint(const char *text)
{
	return !strncmp(text, "vpce-", 5);
}

bool address_parse(struct address *a, const char *text)
{
	memset(a, 0, sizeof(*a));
	if (begins_with_endpoint(text)) {
		const char *slash = strchr(text, '/');
		size_t length = slash ? (size_t)(slash - text) : 0;
		if (!length || length >= sizeof(a->endpoint))
			return false;
		memcpy(a->endpoint, text, length);
		text = slash + 1;
	}
	a->is_network = strchr(text, '/') != NULL;
	return network_parse(&a->network, text);
}

void address_format(const struct network *network, const char *endpoint, char out[ADDRESS_TEXT_MAX])
{
	char text[NETWORK_TEXT_MAX];
	ban_network_format(network, text);
	snprintf(out, ADDRESS_TEXT_MAX, "%s%s%s", endpoint, *endpoint ? "/" : "", text);
}
