/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.h - the command line of sipweir-load.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "tests/bench/header.h"
#include "tests/bench/message.h"

#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_IN_FLIGHT_MAX 64

struct options {
	const char *command;
	struct sockaddr_in target; /* whom to connect to; respond: where to listen */
	enum header_kind header;   /* what to send first; respond: anything but NONE is expected */
	struct message_template template; /* the requests */
	uint32_t source_base;		  /* first address that a header names, host byte order */
	uint32_t sources;		  /* how many of them, used in turn; at least 1 */
	uint32_t locals;  /* local addresses to connect from, from 127.1.0.1 on; 0: let the kernel
			     choose */
	uint32_t listens; /* respond: addresses to listen on, from target on */
	uint32_t connections; /* at once; at least 1 */
	uint32_t in_flight;   /* requests per connection, 1..OPTIONS_IN_FLIGHT_MAX */
	uint64_t count;	      /* short connections: stop after so many; 0: after duration_ns */
	uint64_t duration_ns;
	uint64_t timeout_ns; /* an operation that takes longer is a fault */
	bool tls;	     /* speak TLS behind the header */
	bool gate;	     /* request: wait for a line on standard input, then hold to its end */
};

/* Read the command line. On any error: say so on standard error and return false. */
bool options_parse(struct options *options, int argc, char **argv);

/* Print the usage to standard output. */
void options_print_usage(void);

#endif
