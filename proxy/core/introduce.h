/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * introduce.h - how a client is introduced to the servers of its pool: in the PROXY header, or in header lines of its requests
 * for servers that read no such header. All of it in the session's thread.
 */
#ifndef SIPWEIR_PROXY_CORE_INTRODUCE_H
#define SIPWEIR_PROXY_CORE_INTRODUCE_H

#include "proxy/core/proxy_header.h"
#include "sip/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_pool;
struct record;
struct session;

enum {
	INTRODUCE_NAME_MAX = 48, /* of the name of such a line, its NUL included */
	/* Both lines: two names, an address, a port, and what stands between and behind them. */
	INTRODUCE_LINES_MAX = 2 * (INTRODUCE_NAME_MAX + 4) + ADDR_TEXT_MAX + 5,
	INTRODUCE_LINES = 2,
	INTRODUCE_UNIQUE_MAX = 48,
};

/* The names of the lines: of the address, as configured, and of the port: "X-AUTH-PORT" beside "X-AUTH-IP". */
struct introduce_names {
	char text[INTRODUCE_LINES][INTRODUCE_NAME_MAX];
	const char *list[INTRODUCE_LINES + 1]; /* of those; NULL behind the last, or at once */
};

/* Those of this pool, in a place that does not move. */
void introduce_name_lines(struct introduce_names *names, const struct conf_pool *conf);

/* It has chosen its pool: what is told once about it is told. */
void introduce_begin(struct session *s);

/* Who its servers are told it is: its source, or what stands for it (pools.endpoint_source). */
struct addr_port introduce_source(const struct session *s);

/* The PROXY header for a connection to a server of its pool; 0: none is sent. */
size_t introduce_preface(struct session *s, uint8_t out[PROXY_HEADER_WRITE_MAX]);

/* The lines, each with its CRLF. The pool must have names for them. Returns their length. */
size_t introduce_lines(const struct session *s, uint8_t out[INTRODUCE_LINES_MAX]);

/* Whether a message tells them itself who is calling, and comes from somebody whom they shall believe. */
bool introduce_is_done(const struct session *s, const uint8_t *message, const struct frame *frame);

/* What is the same in the log: the source that its servers know, and the id that they were told. */
void introduce_describe(const struct session *s, struct record *r);

#endif
