/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * options.c - see options.h
 */
#include "tests/bench/options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: sipweir-load COMMAND [OPTION ...]\n"
	"  respond   answer every request with 200; prints the port, ends at SIGTERM\n"
	"  connect   connect, one request, read the answer, close, as often as possible\n"
	"  request   long-lived connections, requests one after another\n"
	"  hold      open connections, one request each, then silence to the end of standard "
	"input\n"
	"  refuse    connections that are to be turned away; an answer is a fault\n"
	"  storm     all connections at once; who has no answer within --timeout hangs up and "
	"tries again,\n"
	"            until all are in, or for --seconds\n"
	"\n"
	"  --target ADDRESS:PORT  whom to connect to; respond: where to listen, port 0 = any "
	"(127.0.0.1:0)\n"
	"  --listens N            respond: listen on N addresses, from the target's on (1)\n"
	"  --proxy v2|v1|none     PROXY header to send; respond: v1 or v2 = expect one, of either "
	"version (v2)\n"
	"  --tls                  speak TLS behind the header, each time with a full handshake\n"
	"  --source-base ADDRESS  first source address in the headers (10.0.0.1)\n"
	"  --sources N            how many sources, used in turn (10000)\n"
	"  --locals N             connect from N addresses, 127.1.0.1 and following, so that ports "
	"do not\n"
	"                         run out; 0 = the kernel chooses (64)\n"
	"  --connections N        at once (64)\n"
	"  --in-flight N          request: unanswered requests per connection (1)\n"
	"  --method NAME          REGISTER or OPTIONS (request: REGISTER, else OPTIONS)\n"
	"  --seconds S            how long (3)\n"
	"  --count N              connect, refuse: stop after N connections instead\n"
	"  --timeout S            an operation that takes longer is a fault (10)\n"
	"  --gate                 request: print \"ready\" when all are open, start at a line on "
	"standard input,\n"
	"                         hold the connections to its end\n"
	"\n"
	"Prints one JSON line. Exit status: 0 no fault, 1 faults, 2 usage.\n";

enum {
	OPT_TARGET = 1,
	OPT_LISTENS,
	OPT_PROXY,
	OPT_TLS,
	OPT_SOURCE_BASE,
	OPT_SOURCES,
	OPT_LOCALS,
	OPT_CONNECTIONS,
	OPT_IN_FLIGHT,
	OPT_METHOD,
	OPT_SECONDS,
	OPT_COUNT,
	OPT_TIMEOUT,
	OPT_GATE
};

static const struct option known[] = {
	{"target", required_argument, NULL, OPT_TARGET},
	{"listens", required_argument, NULL, OPT_LISTENS},
	{"proxy", required_argument, NULL, OPT_PROXY},
	{"tls", no_argument, NULL, OPT_TLS},
	{"source-base", required_argument, NULL, OPT_SOURCE_BASE},
	{"sources", required_argument, NULL, OPT_SOURCES},
	{"locals", required_argument, NULL, OPT_LOCALS},
	{"connections", required_argument, NULL, OPT_CONNECTIONS},
	{"in-flight", required_argument, NULL, OPT_IN_FLIGHT},
	{"method", required_argument, NULL, OPT_METHOD},
	{"seconds", required_argument, NULL, OPT_SECONDS},
	{"count", required_argument, NULL, OPT_COUNT},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"gate", no_argument, NULL, OPT_GATE},
	{NULL, 0, NULL, 0},
};

static bool parse_number(const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
	char *end;
	unsigned long parsed = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || parsed < min || parsed > max)
		return false;
	*value = (uint32_t)parsed;
	return true;
}

static bool parse_seconds(const char *text, uint64_t *ns)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end != '\0' || !(seconds > 0 && seconds <= 86400))
		return false;
	*ns = (uint64_t)(seconds * 1e9);
	return true;
}

static bool parse_target(const char *text, struct sockaddr_in *target)
{
	char address[INET_ADDRSTRLEN];
	const char *colon = strrchr(text, ':');
	uint32_t port;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(address))
		return false;
	memcpy(address, text, (size_t)(colon - text));
	address[colon - text] = '\0';
	if (!parse_number(colon + 1, 0, 65535, &port))
		return false;
	target->sin_family = AF_INET;
	target->sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, address, &target->sin_addr) == 1;
}

static bool parse_address(const char *text, uint32_t *address)
{
	struct in_addr parsed;

	if (inet_pton(AF_INET, text, &parsed) != 1)
		return false;
	*address = ntohl(parsed.s_addr);
	return true;
}

static bool parse_header(const char *text, enum header_kind *kind)
{
	static const char *const names[] = {
		[HEADER_NONE] = "none", [HEADER_V1] = "v1", [HEADER_V2] = "v2"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*kind = (enum header_kind)i;
			return true;
		}
	}
	return false;
}

static bool parse_count(const char *text, uint64_t *count)
{
	uint32_t value;

	if (!parse_number(text, 1, UINT32_MAX, &value))
		return false;
	*count = value;
	return true;
}

static bool parse_value(struct options *options, int which, const char *text)
{
	switch (which) {
	case OPT_TARGET:
		return parse_target(text, &options->target);
	case OPT_LISTENS:
		return parse_number(text, 1, 64, &options->listens);
	case OPT_PROXY:
		return parse_header(text, &options->header);
	case OPT_SOURCE_BASE:
		return parse_address(text, &options->source_base);
	case OPT_SOURCES:
		return parse_number(text, 1, 10000000, &options->sources);
	case OPT_LOCALS:
		return parse_number(text, 0, 60000, &options->locals);
	case OPT_CONNECTIONS:
		return parse_number(text, 1, 1000000, &options->connections);
	case OPT_IN_FLIGHT:
		return parse_number(text, 1, OPTIONS_IN_FLIGHT_MAX, &options->in_flight);
	case OPT_METHOD:
		return message_prepare(&options->template, text);
	case OPT_SECONDS:
		return parse_seconds(text, &options->duration_ns);
	case OPT_COUNT:
		return parse_count(text, &options->count);
	case OPT_TIMEOUT:
		return parse_seconds(text, &options->timeout_ns);
	default:
		return false;
	}
}

static void set_defaults(struct options *options, const char *command)
{
	*options = (struct options){
		.command = command,
		.header = HEADER_V2,
		.source_base = 0x0a000001,
		.sources = 10000,
		.locals = 64,
		.listens = 1,
		.connections = 64,
		.in_flight = 1,
		.duration_ns = 3000000000u,
		.timeout_ns = 10000000000u,
	};
	parse_target("127.0.0.1:0", &options->target);
	message_prepare(
		&options->template, strcmp(command, "request") == 0 ? "REGISTER" : "OPTIONS");
}

bool options_parse(struct options *options, int argc, char **argv)
{
	int which, index = 0;

	set_defaults(options, argc > 1 ? argv[1] : "");
	optind = 2;
	while ((which = getopt_long(argc, argv, "", known, &index)) != -1) {
		if (which == '?')
			return false;
		if (which == OPT_GATE) {
			options->gate = true;
		} else if (which == OPT_TLS) {
			options->tls = true;
		} else if (!parse_value(options, which, optarg)) {
			fprintf(stderr, "sipweir-load: --%s: %s is not possible\n",
				known[index].name, optarg);
			return false;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "sipweir-load: what is %s?\n", argv[optind]);
		return false;
	}
	return true;
}

void options_print_usage(void)
{
	fputs(usage, stdout);
}
