/* SPDX-License-Identifier: BSD-2-Clause */
/* sipweirctl.c - the control tool: one request over the unix socket, one answer (request.h), an exit status. */
#include "admin/request.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/sipweir/control.sock"

/* A reload is answered within a minute, whatever has become of it until then. */
enum { PATIENCE_S = 70, PATIENCE_MAX_S = 86400, HEAD_MAX = 32 };

enum exit_status { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_NO_SOCKET = 3 };

struct arguments {
	const char *socket;
	bool is_json;
	unsigned patience_s;
	char **words;
};

static void print_command(FILE *out, const char *name, const char *words, const char *help)
{
	enum { HELP_COLUMN = 27 };
	int done = fprintf(out, "  %s%s%s", name, words ? " " : "", words ? words : "");
	if (done >= HELP_COLUMN) {
		fputc('\n', out);
		done = 0;
	}
	fprintf(out, "%*s%s\n", HELP_COLUMN - done, "", help);
}

static void print_usage(FILE *out)
{
	fputs("usage: sipweirctl [--socket PATH] [--json] [--timeout SECONDS] COMMAND\n"
	      "       sipweirctl --version | --help\n"
	      "\n"
	      "  -s, --socket PATH      where sipweir listens (admin.control); "
	      "default " DEFAULT_SOCKET "\n"
	      "      --json             the answer for programs\n"
	      "      --timeout SECONDS  to wait for the answer; default 70\n"
	      "      --version\n"
	      "      --help\n"
	      "\n"
	      "Commands:\n",
		out);
#define COMMAND(name, words, help) print_command(out, #name, words, help);
#include "admin/command.def"
#undef COMMAND
	fputs("\nExit status: 0 done, 1 refused or no answer, 2 the command line is wrong, 3 "
	      "nobody "
	      "listens at the socket.\n",
		out);
}

/* --- time --- */

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* False, with errno, when the time is up. */
static bool wait_for(int fd, short events, int64_t ends_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	for (;;) {
		int64_t left_ms = ends_ms - now_ms();
		int ready = left_ms > 0 ? poll(&p, 1, (int)left_ms) : 0;
		if (ready > 0)
			return true;
		if (ready == 0)
			errno = ETIMEDOUT;
		if (ready == 0 || errno != EINTR)
			return false;
	}
}

/* --- the request --- */

static bool put(char *to, size_t *length, const char *bytes, size_t count)
{
	if (*length + count > REQUEST_MAX)
		return false;
	memcpy(to + *length, bytes, count);
	*length += count;
	return true;
}

static bool put_word(char *to, size_t *length, const char *word)
{
	bool has_room = put(to, length, " ", 1);
	for (const char *c = word; *c && has_room; c++) {
		char escape[4];
		bool is_plain = *c > ' ' && *c <= '~' && *c != '%';
		snprintf(escape, sizeof(escape), "%%%02x", (unsigned char)*c);
		has_room = put(to, length, is_plain ? c : escape, is_plain ? 1 : 3);
	}
	return has_room;
}

/* 0: it is too long, or a word is empty. */
static size_t write_request(char to[REQUEST_MAX], const struct arguments *a)
{
	size_t length = 0;
	bool has_room = put(to, &length, a->is_json ? "json" : "text", 4);
	for (char **word = a->words; *word && has_room; word++)
		has_room = **word && put_word(to, &length, *word);
	return has_room && put(to, &length, "\n", 1) ? length : 0;
}

/* --- the conversation --- */

/* -1, with errno. */
static int dial(const struct arguments *a)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval patience = {.tv_sec = a->patience_s};
	size_t length = strlen(a->socket);
	if (length >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, a->socket, length);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static bool send_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
		if (sent < 0 && errno != EINTR)
			return false;
		bytes += sent > 0 ? sent : 0;
		length -= sent > 0 ? (size_t)sent : 0;
	}
	return true;
}

/* All of it until the end, with a NUL behind; NULL, with errno. */
static char *receive(int fd, int64_t ends_ms, size_t *length)
{
	size_t size = 64 * 1024;
	char *bytes = malloc(size);
	*length = 0;
	while (bytes && wait_for(fd, POLLIN, ends_ms)) {
		ssize_t got = recv(fd, bytes + *length, size - *length - 1, 0);
		if (got < 0 && errno != EINTR)
			break;
		*length += got > 0 ? (size_t)got : 0;
		bytes[*length] = '\0';
		if (got == 0)
			return bytes;
		if (size - *length > 1)
			continue;
		char *more = realloc(bytes, size *= 2);
		if (!more)
			break;
		bytes = more;
	}
	free(bytes);
	return NULL;
}

/* --- the answer --- */

static int print_answer(const char *status, const char *body, size_t length)
{
	static const struct {
		const char *word;
		enum exit_status status;
	} all[] = {{"ok", EXIT_DONE}, {"refused", EXIT_REFUSED}, {"usage", EXIT_USAGE}};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strcmp(status, all[i].word) != 0)
			continue;
		FILE *out = all[i].status == EXIT_DONE ? stdout : stderr;
		bool is_out = fwrite(body, 1, length, out) == length && fflush(out) == 0;
		return is_out ? (int)all[i].status : EXIT_REFUSED;
	}
	fputs("sipweirctl: that was no answer of sipweir's\n", stderr);
	return EXIT_REFUSED;
}

static int take_answer(const char *answer, size_t length)
{
	char status[HEAD_MAX];
	size_t wanted;
	const char *body = strchr(answer, '\n');
	if (!length) {
		fputs("sipweirctl: no answer: sipweir has ended, or has no room for more who ask\n",
			stderr);
		return EXIT_REFUSED;
	}
	if (!body || sscanf(answer, "%31[a-z] %zu", status, &wanted) != 2)
		return print_answer("", "", 0);
	length -= (size_t)(++body - answer);
	if (length == wanted)
		return print_answer(status, body, length);
	fputs("sipweirctl: the answer was cut\n", stderr);
	return EXIT_REFUSED;
}

static int converse(int fd, const struct arguments *a, const char *request, size_t length)
{
	size_t answer_length = 0;
	int64_t ends_ms = now_ms() + (int64_t)a->patience_s * 1000;
	/* Whoever is turned away gets what was said to him all the same. */
	bool is_sent = send_all(fd, request, length) || errno == EPIPE;
	char *answer = is_sent ? receive(fd, ends_ms, &answer_length) : NULL;
	if (!answer) {
		fprintf(stderr, "sipweirctl: no answer from %s: %s\n", a->socket, strerror(errno));
		return EXIT_REFUSED;
	}
	int status = take_answer(answer, answer_length);
	free(answer);
	return status;
}

static int ask(const struct arguments *a)
{
	char request[REQUEST_MAX];
	size_t length = write_request(request, a);
	if (!length) {
		fputs("sipweirctl: a word is empty, or all of them are too long\n", stderr);
		return EXIT_USAGE;
	}
	int fd = dial(a);
	if (fd < 0) {
		bool is_absent = errno == ENOENT || errno == ECONNREFUSED;
		fprintf(stderr, "sipweirctl: %s: %s%s\n", a->socket, strerror(errno),
			is_absent ? "; is sipweir running, with this as admin.control?" : "");
		return EXIT_NO_SOCKET;
	}
	int status = converse(fd, a, request, length);
	close(fd);
	return status;
}

static bool read_patience(struct arguments *a, const char *text)
{
	char *end;
	unsigned long seconds = strtoul(text, &end, 10);
	a->patience_s = (unsigned)seconds;
	return *text >= '0' && *text <= '9' && !*end && seconds >= 1 && seconds <= PATIENCE_MAX_S;
}

int main(int argc, char **argv)
{
	enum { JSON = 256, TIMEOUT, VERSION, HELP };
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},
		{"json", no_argument, NULL, JSON},
		{"timeout", required_argument, NULL, TIMEOUT},
		{"version", no_argument, NULL, VERSION},
		{"help", no_argument, NULL, HELP},
		{0},
	};
	struct arguments a = {.socket = DEFAULT_SOCKET, .patience_s = PATIENCE_S};
	int option;
	/* "+": what follows the command is the command's. */
	while ((option = getopt_long(argc, argv, "+s:", options, NULL)) != -1) {
		switch (option) {
		case 's':
			a.socket = optarg;
			break;
		case JSON:
			a.is_json = true;
			break;
		case TIMEOUT:
			if (read_patience(&a, optarg))
				break;
			fputs("sipweirctl: --timeout expects whole seconds, 1 to 86400\n", stderr);
			return EXIT_USAGE;
		case VERSION:
			puts("sipweirctl " SIPWEIR_VERSION);
			return EXIT_DONE;
		case HELP:
			print_usage(stdout);
			return EXIT_DONE;
		default:
			print_usage(stderr);
			return EXIT_USAGE;
		}
	}
	a.words = argv + optind;
	if (*a.words)
		return ask(&a);
	print_usage(stderr);
	return EXIT_USAGE;
}
