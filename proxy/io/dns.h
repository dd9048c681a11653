/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dns.h - names asked for without waiting, over c-ares: /etc/hosts and /etc/resolv.conf, or the resolvers that are configured.
 * Everything that comes back is bounded before it is handed on. One thread, the main one; no call blocks.
 */
#ifndef SIPWEIR_PROXY_IO_DNS_H
#define SIPWEIR_PROXY_IO_DNS_H

#include "conf/host.h"
#include "proxy/core/name_book.h"

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DNS_FDS_MAX = 16 };

struct dns_answer {
	const char *
		fault; /* a constant: why there is no address, or why some may be missing; NULL: that is all of it */
	struct name_answer answers[NAME_ANSWERS_MAX];
	size_t count;
	uint32_t ttl_s; /* of what holds the shortest */
};

/* Called once for each question, from dns_go_on() or from within dns_ask(). */
typedef void dns_on_answer(void *owner, const struct dns_answer *answer);

struct dns;

/* `resolvers`: addresses with or without a port; NULL or empty: the system's. NULL when memory is short. */
struct dns *dns_new(const char *const *resolvers);

/* Nobody is answered any more. NULL is fine. */
void dns_free(struct dns *d);

/* The addresses of a host, or of all hosts of a service. False when memory is short. */
bool dns_ask(struct dns *d, const struct conf_host *host, dns_on_answer *on_answer, void *owner);

/* What is to be polled for, and for how long at most, `most_ms` included. Returns how many. */
size_t dns_poll(struct dns *d, struct pollfd fds[DNS_FDS_MAX], int *most_ms);

/* What poll() has said of those. */
void dns_go_on(struct dns *d, const struct pollfd *fds, size_t count);

#endif
