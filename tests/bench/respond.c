/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * respond.c - the server behind the proxy: answers every request with 200, as cheaply as it can.
 *
 * It listens on several addresses because the proxy, when it closes first, keeps each of its ports
 * for a minute (TIME_WAIT), per server address.
 */
#include "tests/bench/commands.h"
#include "tests/bench/stream.h"
#include "tests/bench/tally.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG		  4096
#define ACCEPTS_PER_EVENT 64
#define EVENTS_PER_TURN	  256
#define OUT_BYTES	  65536
#define ANSWER_MAX	  2048

struct peer {
	struct stream stream;
	bool is_listener;
	bool has_header; /* the PROXY header is behind us, or none is expected */
};

struct responder {
	const struct options *options;
	struct tally tally;
	int epoll_fd;
	struct peer *peers; /* by descriptor */
	size_t peers_max;
	size_t out_length;
	char out[OUT_BYTES];
	struct stream_scratch scratch;
};

static volatile sig_atomic_t is_stopping;

static void on_signal(int number)
{
	(void)number;
	is_stopping = 1;
}

static void send_out(struct responder *responder, struct peer *peer)
{
	if (responder->out_length > 0)
		stream_send(&peer->stream, responder->out, responder->out_length);
	responder->out_length = 0;
}

/* Bytes of `data` that were a header; 0: wait; -1: not what was expected. */
static long take_header(struct peer *peer, const char *data, size_t length)
{
	long taken = header_measure(data, length);

	peer->has_header = taken > 0;
	return taken;
}

/*
 * A double CRLF is a ping, its answer one CRLF (RFC 5626, section 4.4.1); other line ends are
 * noise.
 */
static long take_line_ends(struct responder *responder, const char *data, size_t length)
{
	if (length < 4 && memcmp(data, "\r\n\r\n", length) == 0)
		return 0;
	if (length < 4 || memcmp(data, "\r\n\r\n", 4) != 0)
		return data[0] == '\r' && length > 1 && data[1] == '\n' ? 2 : -1;
	memcpy(responder->out + responder->out_length, "\r\n", 2);
	responder->out_length += 2;
	return 4;
}

static long take_request(struct responder *responder, const char *data, size_t length)
{
	long taken = message_measure(data, length);
	size_t answer;

	if (taken <= 0)
		return taken;
	answer = message_write_answer(
		responder->out + responder->out_length, ANSWER_MAX, data, (size_t)taken);
	if (answer == 0)
		return -1;
	responder->out_length += answer;
	responder->tally.operations++;
	return taken;
}

static long take_one(
	struct responder *responder, struct peer *peer, const char *data, size_t length)
{
	if (!peer->has_header)
		return take_header(peer, data, length);
	if (data[0] == '\r')
		return take_line_ends(responder, data, length);
	return take_request(responder, data, length);
}

static void take_input(struct responder *responder, struct peer *peer)
{
	const char *at = responder->scratch.data;
	size_t left = responder->scratch.length;
	long taken = 0;

	while (left > 0 && (taken = take_one(responder, peer, at, left)) > 0) {
		at += taken;
		left -= (size_t)taken;
		if (responder->out_length + ANSWER_MAX > OUT_BYTES)
			send_out(responder, peer);
	}
	send_out(responder, peer);
	if (left > 0 && taken < 0) {
		tally_count_fault(&responder->tally, TALLY_WRONG);
		stream_close(&peer->stream);
		return;
	}
	stream_keep(&peer->stream, &responder->scratch, left);
}

static void handle_peer(struct responder *responder, struct peer *peer, unsigned events)
{
	enum stream_status status;

	if (events & EPOLLOUT)
		stream_flush(&peer->stream);
	if (!(events & ~(unsigned)EPOLLOUT))
		return;
	status = stream_read(&peer->stream, &responder->scratch);
	if (status == STREAM_OK)
		take_input(responder, peer);
	if (status == STREAM_OK || status == STREAM_AGAIN)
		return;
	if (peer->stream.in.length > 0)
		tally_count_fault(&responder->tally, TALLY_SHORT);
	if (status == STREAM_END)
		responder->tally.closes++;
	else
		responder->tally.resets++;
	stream_close(&peer->stream);
}

static struct peer *add_peer(struct responder *responder, int fd, bool is_listener)
{
	struct peer *peer;

	if ((size_t)fd >= responder->peers_max)
		return NULL;
	peer = &responder->peers[fd];
	if (!stream_open(&peer->stream, responder->epoll_fd, fd, peer))
		return NULL;
	peer->is_listener = is_listener;
	peer->has_header = responder->options->header == HEADER_NONE;
	return peer;
}

static void handle_listener(struct responder *responder, const struct peer *listener)
{
	int on = 1;

	for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
		int fd = accept4(listener->stream.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
				tally_count_fault(&responder->tally, TALLY_CONNECT);
			return;
		}
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (add_peer(responder, fd, false) == NULL) {
			tally_count_fault(&responder->tally, TALLY_CONNECT);
			close(fd);
		}
	}
}

/* Listen on `address`; port 0 becomes the port that the kernel gave. */
static bool listen_on(struct responder *responder, struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(*address);
	int on = 1;

	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)address, size) == 0 && listen(fd, BACKLOG) == 0 &&
		getsockname(fd, (struct sockaddr *)address, &size) == 0 &&
		add_peer(responder, fd, true) != NULL)
		return true;
	close(fd);
	return false;
}

static bool listen_on_all(struct responder *responder)
{
	struct sockaddr_in address = responder->options->target;

	for (uint32_t i = 0; i < responder->options->listens; i++) {
		if (!listen_on(responder, &address))
			return false;
		address.sin_addr.s_addr = htonl(ntohl(address.sin_addr.s_addr) + 1);
	}
	printf("port %u\n", (unsigned)ntohs(address.sin_port));
	fflush(stdout);
	return true;
}

static void serve(struct responder *responder)
{
	struct epoll_event events[EVENTS_PER_TURN];

	while (!is_stopping) {
		int count = epoll_wait(responder->epoll_fd, events, EVENTS_PER_TURN, 500);

		for (int i = 0; i < count; i++) {
			struct peer *peer = events[i].data.ptr;

			if (peer->is_listener)
				handle_listener(responder, peer);
			else
				handle_peer(responder, peer, events[i].events);
		}
	}
}

static struct responder *responder_new(const struct options *options)
{
	struct responder *responder = calloc(1, sizeof(*responder));
	struct rlimit limit;

	if (responder == NULL || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		goto free_responder;
	responder->options = options;
	responder->peers_max = limit.rlim_cur;
	responder->peers = calloc(responder->peers_max, sizeof(*responder->peers));
	responder->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (responder->peers == NULL || responder->epoll_fd < 0)
		goto free_peers;
	for (size_t i = 0; i < responder->peers_max; i++)
		responder->peers[i].stream.fd = -1;
	tally_start(&responder->tally);
	return responder;
free_peers:
	free(responder->peers);
free_responder:
	free(responder);
	return NULL;
}

static void responder_free(struct responder *responder)
{
	for (size_t i = 0; i < responder->peers_max; i++)
		stream_close(&responder->peers[i].stream);
	close(responder->epoll_fd);
	free(responder->peers);
	free(responder);
}

int respond_run(const struct options *options)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct responder *responder = responder_new(options);
	int status = 1;

	if (responder == NULL) {
		perror("sipweir-load");
		return 1;
	}
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	if (listen_on_all(responder)) {
		serve(responder);
		tally_print_json(&responder->tally, options->command, stdout);
		status = tally_sum_faults(&responder->tally) > 0;
	} else {
		perror("sipweir-load: listen");
	}
	responder_free(responder);
	return status;
}
