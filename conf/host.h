/* SPDX-License-Identifier: BSD-2-Clause */
/* host.h - names that stand for addresses: of a host with a port, or of a service (RFC 2782). No state; any thread. */
#ifndef SIPWEIR_CONF_HOST_H
#define SIPWEIR_CONF_HOST_H

#include <stdbool.h>
#include <stdint.h>

enum { CONF_HOST_MAX = 254 }; /* a name and its NUL */

struct conf_host {
	char name[CONF_HOST_MAX];
	uint16_t port;	 /* 0 for a service, which says it itself */
	bool is_service; /* "_sip._tcp.example.com" */
};

/*
 * "sip.example.com:5060", or "_sip._tcp.example.com" without a port. False for anything else: for a label of more than 63 bytes,
 * and for a name whose last label is a number, which is an address with a slip in it.
 */
bool conf_host_parse(struct conf_host *h, const char *text);

/* Whose service it is, "example.com"; of any other name the name itself. A part of `name`. */
const char *conf_host_domain(const char *name);

#endif
