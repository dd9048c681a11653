/* SPDX-License-Identifier: BSD-2-Clause */
/* sipweir.c - the program: arguments, configuration, run, exit status. */
#include "admin/admin.h"
#include "admin/demo.h"
#include "admin/notify.h"
#include "conf/conf.h"
#include "proxy/server.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_CONFIG "/etc/sipweir/sipweir.conf"

enum exit_status { EXIT_STOPPED = 0, EXIT_FAILED = 1, EXIT_WRONG = 2 };

struct arguments {
	const char *config;
	bool is_demo;  /* the embedded configuration in place of the file */
	bool is_check; /* load it and stop there */
};

/* What runs: a reload comes back to it. */
struct program {
	const struct arguments *arguments;
	struct admin *admin;
};

static void print_usage(FILE *out)
{
	fputs("usage: sipweir [--config FILE] [--check]\n"
	      "       sipweir --demo | --print-config | --version | --help\n"
	      "\n"
	      "  -c, --config FILE   configuration; default " DEFAULT_CONFIG "\n"
	      "      --check         load and check it without binding anything; exit 0 or 2\n"
	      "      --demo          run with nothing but itself on 127.0.0.1:5060 and, with TLS, "
	      "5061;\n"
	      "                      print what to try\n"
	      "      --print-config  a commented sample with every option\n"
	      "      --version\n"
	      "      --help\n"
	      "\n"
	      "TERM or INT ends it: every connection is closed with a reason in the log. A second "
	      "one ends it at once.\n"
	      "Exit status: 0 stopped as asked, 1 failed while running, 2 the command line or the "
	      "configuration is wrong.\n",
		out);
}

static int print_config(void)
{
	conf_print(stdout);
	return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_STOPPED : EXIT_FAILED;
}

/* A reload reads the file again that was read at the start. */
static struct conf *load(void *owner, struct conf_errors *errors)
{
	const struct program *p = owner;
	return conf_load(p->arguments->config, errors);
}

static bool prepare(void *owner, const struct conf *next, struct conf_errors *errors)
{
	const struct program *p = owner;
	return admin_prepare(p->admin, &next->admin, errors);
}

static void commit(void *owner, bool is_taken)
{
	const struct program *p = owner;
	admin_commit(p->admin, is_taken);
}

static void tell_state(void *owner, enum server_state state, uint64_t left_ms)
{
	(void)owner;
	notify_state(state, left_ms);
}

static bool serve(struct server *server, struct program *p)
{
	const struct server_program program = {
		.owner = p,
		.on_ready = p->arguments->is_demo ? demo_print_what_to_try : NULL,
		.on_state = tell_state,
		.load = p->arguments->is_demo ? NULL : load,
		.prepare = prepare,
		.commit = commit,
	};
	return server_run(server, &program);
}

/* The configuration goes to the server; what could not be started is freed here. */
static int run(struct conf *conf, const struct arguments *a, struct conf_errors *errors)
{
	struct program program = {.arguments = a};
	struct server *server = server_new(conf, a->is_check, errors);
	if (!server)
		conf_free(conf);
	if (server && !a->is_check)
		program.admin = admin_new(&conf->admin, server, errors);
	if (server && a->is_check && !conf_errors_any(errors))
		conf_advise(conf, errors); /* once nothing else is to be mended */
	conf_errors_print(&errors->warnings, "warning: ", stderr);
	conf_errors_print(&errors->errors, "", stderr);
	bool is_started = server && !conf_errors_any(errors);
	bool is_fine = !is_started || a->is_check || serve(server, &program);
	admin_stop(program.admin);
	server_free(server);
	admin_free(program.admin);
	if (!is_started)
		return EXIT_WRONG;
	return is_fine ? EXIT_STOPPED : EXIT_FAILED;
}

/* Whoever has no file yet is at the very beginning. */
static void print_hint(const struct arguments *a)
{
	if (access(a->config, F_OK) != 0)
		fputs("sipweir --print-config prints a file to start from; sipweir --demo needs "
		      "none\n",
			stderr);
}

static int load_and_run(struct arguments *a)
{
	static struct conf_errors errors;
	int status = EXIT_WRONG;
	int certificate = -1;
	struct conf *conf =
		a->is_demo ? demo_load(&certificate, &errors) : conf_load(a->config, &errors);
	if (conf) {
		status = run(conf, a, &errors);
	} else {
		conf_errors_print(&errors.warnings, "warning: ", stderr);
		conf_errors_print(&errors.errors, "", stderr);
		if (!a->is_demo)
			print_hint(a);
	}
	if (certificate >= 0)
		close(certificate);
	conf_errors_fini(&errors);
	return status;
}

/* A descriptor that was closed at start would be given to a socket, and the log would write into it. */
static bool fill_standard_descriptors(void)
{
	int fd;
	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int main(int argc, char **argv)
{
	enum { CHECK = 256, DEMO, PRINT_CONFIG, VERSION, HELP };
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", no_argument, NULL, CHECK},
		{"demo", no_argument, NULL, DEMO},
		{"print-config", no_argument, NULL, PRINT_CONFIG},
		{"version", no_argument, NULL, VERSION},
		{"help", no_argument, NULL, HELP},
		{0},
	};
	struct arguments a = {.config = DEFAULT_CONFIG};
	int option;
	if (!fill_standard_descriptors())
		return EXIT_FAILED;
	while ((option = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			a.config = optarg;
			break;
		case CHECK:
			a.is_check = true;
			break;
		case DEMO:
			a.is_demo = true;
			break;
		case PRINT_CONFIG:
			return print_config();
		case VERSION:
			puts("sipweir " SIPWEIR_VERSION);
			return EXIT_STOPPED;
		case HELP:
			print_usage(stdout);
			return EXIT_STOPPED;
		default:
			print_usage(stderr);
			return EXIT_WRONG;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "sipweir: unexpected argument \"%s\"\n", argv[optind]);
		print_usage(stderr);
		return EXIT_WRONG;
	}
	return load_and_run(&a);
}
