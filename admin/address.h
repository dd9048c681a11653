/* SPDX-License-Identifier: BSD-2-Clause */
/* address.h - a source or network as people write it on the command line: "192.0.2.1", "192.0.2.0/24", "vpce-0a1b/192.0.2.1". */
#ifndef SIPWEIR_ADMIN_ADDRESS_H
#define SIPWEIR_ADMIN_ADDRESS_H

#include "limits/bans.h"

#include <stdbool.h>

struct address {
	struct network network;
	bool is_network;		 /* it was written with a prefix */
	char endpoint[BAN_ENDPOINT_MAX]; /* "": none */
};

/* False when the text is none of these. */
bool address_parse(struct address *a, const char *text);

/* The text of it, endpoint included, and a NUL. */
enum { ADDRESS_TEXT_MAX = BAN_ENDPOINT_MAX + NETWORK_TEXT_MAX + 1 };
void address_format(
	const struct network *network, const char *endpoint, char out[ADDRESS_TEXT_MAX]);

#endif
