/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load.c - sipweir-load: SIP clients and a SIP server for measuring what stands between them.
 */
#include "tests/bench/commands.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static const struct {
	const char *name;
	int (*run)(const struct options *options);
} commands[] = {
	{"respond", respond_run},
	{"connect", connect_run},
	{"request", request_run},
	{"hold", hold_run},
	{"refuse", refuse_run},
	{"storm", storm_run},
};

static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	struct options options;

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		options_print_usage();
		return 0;
	}
	if (!options_parse(&options, argc, argv))
		return 2;
	raise_descriptor_limit();
	for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(options.command, commands[i].name) == 0)
			return commands[i].run(&options);
	}
	fputs("sipweir-load: which command? See sipweir-load --help\n", stderr);
	return 2;
}
