/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_limits_addr.c - what is read as an address, with a port or a prefix, reads the same again
 * when it is written.
 */
#include "limits/addr.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool rule)
{
	if (!rule)
		abort();
}

static void check_addr(const struct addr *a)
{
	char text[ADDR_TEXT_MAX];
	struct addr again;
	require(addr_format(a, text) == strlen(text) && strlen(text) < sizeof(text));
	require(addr_parse(&again, text));
	require(addr_equal(a, &again));

	struct network one = {.addr = *a, .prefix = 128}, parsed;
	require(network_parse(&parsed, text));
	require(addr_equal(&parsed.addr, &one.addr) && parsed.prefix == one.prefix);
	require(network_contains(&parsed, a));
}

static void check_addr_port(const struct addr_port *ap)
{
	char text[ADDR_PORT_TEXT_MAX];
	struct addr_port again;
	struct sockaddr_storage storage;
	require(addr_port_format(ap, text) == strlen(text) && strlen(text) < sizeof(text));
	require(addr_port_parse(&again, text));
	require(addr_equal(&ap->addr, &again.addr) && ap->port == again.port);

	addr_to_sockaddr(ap, &storage);
	require(addr_from_sockaddr(&again, (const struct sockaddr *)&storage));
	require(addr_equal(&ap->addr, &again.addr) && ap->port == again.port);
}

static void check_network(const struct network *n)
{
	bool ipv4 = addr_is_ipv4(&n->addr);
	struct addr cut = n->addr;
	require(n->prefix <= 128 && (!ipv4 || n->prefix >= 96));
	require(network_contains(n, &n->addr));
	addr_cut(&cut, n->prefix - (ipv4 ? 96u : 0u), n->prefix);
	require(addr_equal(&cut, &n->addr));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = malloc(length + 1);
	struct addr a;
	struct addr_port ap;
	struct network n;
	require(text != NULL);
	memcpy(text, bytes, length);
	text[length] = '\0';
	if (addr_parse(&a, text))
		check_addr(&a);
	if (addr_port_parse(&ap, text))
		check_addr_port(&ap);
	if (network_parse(&n, text))
		check_network(&n);
	free(text);

	if (length >= sizeof(a.bytes)) { /* any 16 bytes are an address */
		memcpy(a.bytes, bytes, sizeof(a.bytes));
		check_addr(&a);
	}
	return 0;
}
