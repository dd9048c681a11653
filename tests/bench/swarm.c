/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * swarm.c - see swarm.h
 */
#include "tests/bench/swarm.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_PER_TURN 256
#define SWEEP_NS	250000000u
#define LOCAL_BASE	0x7f010001u /* 127.1.0.1 */

struct swarm *swarm_new(const struct options *options, const struct swarm_rules *rules)
{
	struct swarm *swarm = calloc(1, sizeof(*swarm));
	uint32_t capacity = options->connections;

	if (swarm == NULL)
		return NULL;
	swarm->options = options;
	swarm->rules = rules;
	swarm->opening_max = capacity;
	swarm->is_filling = true;
	swarm->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	swarm->members = calloc(capacity, sizeof(*swarm->members));
	swarm->free_slots = calloc(capacity, sizeof(*swarm->free_slots));
	swarm->client = options->tls ? secure_client_new(&swarm->tally.tickets) : NULL;
	if (swarm->epoll_fd < 0 || swarm->members == NULL || swarm->free_slots == NULL ||
		(options->tls && swarm->client == NULL)) {
		swarm_free(swarm);
		return NULL;
	}
	while (swarm->free_count < capacity) {
		swarm->members[swarm->free_count].stream.fd = -1;
		swarm->free_slots[swarm->free_count] = swarm->free_count;
		swarm->free_count++;
	}
	tally_start(&swarm->tally);
	return swarm;
}

void swarm_free(struct swarm *swarm)
{
	if (swarm == NULL)
		return;
	for (uint32_t i = 0; swarm->members != NULL && i < swarm->options->connections; i++)
		stream_close(&swarm->members[i].stream);
	if (swarm->epoll_fd >= 0)
		close(swarm->epoll_fd);
	secure_client_free(swarm->client);
	free(swarm->free_slots);
	free(swarm->members);
	free(swarm);
}

uint32_t swarm_count_open(const struct swarm *swarm)
{
	return swarm->options->connections - swarm->free_count;
}

/*
 * Whoever closes first keeps the four-tuple for a minute (TIME_WAIT), and that is us. A local
 * address has some 28,000 ports; the option lets the kernel count them per address pair and not per
 * address.
 */
static bool bind_local(const struct swarm *swarm, int fd)
{
	uint32_t locals = swarm->options->locals;
	struct sockaddr_in local = {.sin_family = AF_INET};
	int on = 1;

	if (locals == 0)
		return true;
	local.sin_addr.s_addr = htonl(LOCAL_BASE + swarm->next_number % locals);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(fd, (struct sockaddr *)&local, sizeof(local)) == 0;
}

static int connect_socket(const struct swarm *swarm)
{
	const struct sockaddr_in *target = &swarm->options->target;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (!bind_local(swarm, fd))
		goto close_fd;
	if (connect(fd, (const struct sockaddr *)target, sizeof(*target)) < 0 &&
		errno != EINPROGRESS)
		goto close_fd;
	return fd;
close_fd:
	close(fd);
	return -1;
}

/*
 * Append requests to `out`, OPTIONS_IN_FLIGHT_MAX * MESSAGE_REQUEST_MAX bytes. Returns their
 * length.
 */
static size_t write_requests(
	struct swarm *swarm, struct swarm_member *member, uint32_t count, char *out)
{
	size_t length = 0;

	assert(member->sent + count - member->answered <= OPTIONS_IN_FLIGHT_MAX);
	member->moved_ns = tally_now_ns();
	for (uint32_t i = 0; i < count; i++) {
		member->sent_ns[member->sent % OPTIONS_IN_FLIGHT_MAX] = member->moved_ns;
		length += message_write_request(
			&swarm->options->template, out + length, member->number, member->sent);
		member->sent++;
	}
	return length;
}

void swarm_ask(struct swarm *swarm, struct swarm_member *member, uint32_t count)
{
	char out[OPTIONS_IN_FLIGHT_MAX * MESSAGE_REQUEST_MAX];
	size_t length = write_requests(swarm, member, count, out);

	stream_send(&member->stream, out, length);
}

static size_t write_header(const struct swarm *swarm, const struct swarm_member *member, char *out)
{
	const struct options *options = swarm->options;
	struct sockaddr_in source = {.sin_family = AF_INET};

	source.sin_addr.s_addr = htonl(options->source_base + member->number % options->sources);
	source.sin_port = htons((uint16_t)(1024 + member->number % 60000));
	return header_write(out, options->header, &source, &options->target);
}

/* Header and first request, or header and ClientHello, in one write, as a load balancer does. */
static void send_greeting(struct swarm *swarm, struct swarm_member *member, struct secure *secure)
{
	char out[HEADER_MAX + MESSAGE_REQUEST_MAX];
	size_t length = write_header(swarm, member, out);

	if (secure != NULL) {
		stream_secure(&member->stream, secure, out, length);
		length = 0;
	}
	length += write_requests(swarm, member, 1, out + length);
	stream_send(&member->stream, out, length);
}

static bool member_open(struct swarm *swarm)
{
	struct swarm_member *member = &swarm->members[swarm->free_slots[swarm->free_count - 1]];
	struct secure *secure = NULL;
	int fd;

	if (swarm->client != NULL && (secure = secure_new(swarm->client)) == NULL)
		return false;
	fd = connect_socket(swarm);
	if (fd < 0)
		goto free_secure;
	if (!stream_open(&member->stream, swarm->epoll_fd, fd, member))
		goto close_fd;
	swarm->free_count--;
	swarm->opening++;
	member->state = SWARM_OPEN;
	member->number = swarm->next_number++;
	member->sent = member->answered = member->owed = 0;
	send_greeting(swarm, member, secure);
	return true;
close_fd:
	close(fd);
free_secure:
	secure_free(secure);
	return false;
}

void swarm_drop(struct swarm *swarm, struct swarm_member *member)
{
	assert(member->state != SWARM_FREE);
	if (member->answered == 0)
		swarm->opening--;
	stream_close(&member->stream);
	member->state = SWARM_FREE;
	swarm->free_slots[swarm->free_count++] = (uint32_t)(member - swarm->members);
}

void swarm_finish(struct swarm *swarm, struct swarm_member *member)
{
	member->state = SWARM_CLOSING;
	member->moved_ns = swarm->now_ns;
	stream_finish(&member->stream);
}

void swarm_count_end(struct swarm *swarm, const struct swarm_member *member, enum stream_status how)
{
	if (member->stream.in.length > 0)
		tally_count_fault(&swarm->tally, TALLY_SHORT);
	else if (how == STREAM_RESET)
		tally_count_fault(&swarm->tally, TALLY_RESET);
	else
		tally_count_fault(&swarm->tally, TALLY_CLOSED);
}

static void give_up(struct swarm *swarm, struct swarm_member *member, enum tally_fault fault)
{
	tally_count_fault(&swarm->tally, fault);
	swarm_drop(swarm, member);
}

static void take_answer(struct swarm *swarm, struct swarm_member *member)
{
	uint64_t sent_ns = member->sent_ns[member->answered % OPTIONS_IN_FLIGHT_MAX];

	if (member->answered++ == 0)
		swarm->opening--;
	swarm->rules->on_answer(swarm, member, tally_now_ns() - sent_ns);
}

/* Take every whole answer out of the scratch buffer; keep the rest. */
static void take_input(struct swarm *swarm, struct swarm_member *member)
{
	const char *at = swarm->scratch.data;
	size_t left = swarm->scratch.length;
	long length = 0;

	while (left > 0 && (length = message_measure(at, left)) > 0) {
		if (member->state != SWARM_OPEN || member->answered == member->sent ||
			!message_is_answer(at, (size_t)length, member->number, member->answered)) {
			give_up(swarm, member, TALLY_WRONG);
			return;
		}
		take_answer(swarm, member);
		if (member->state == SWARM_FREE)
			return;
		at += length;
		left -= (size_t)length;
	}
	if (left > 0 && length < 0) {
		give_up(swarm, member, TALLY_WRONG);
		return;
	}
	stream_keep(&member->stream, &swarm->scratch, left);
	if (member->owed > 0 && member->state == SWARM_OPEN)
		swarm_ask(swarm, member, member->owed);
	member->owed = 0;
}

static void handle_member(struct swarm *swarm, struct swarm_member *member, unsigned events)
{
	enum stream_status status;

	if (events & EPOLLOUT)
		stream_flush(&member->stream);
	if (!(events & ~(unsigned)EPOLLOUT))
		return;
	status = stream_read(&member->stream, &swarm->scratch);
	switch (status) {
	case STREAM_OK:
		take_input(swarm, member);
		break;
	case STREAM_AGAIN:
		break;
	case STREAM_FAILED:
		give_up(swarm, member, TALLY_CONNECT);
		break;
	case STREAM_END:
	case STREAM_RESET:
		swarm->rules->on_end(swarm, member, status);
		swarm_drop(swarm, member);
		break;
	}
}

/*
 * A member is late when an answer or the peer's FIN is due; silence with nothing due is what `hold`
 * is for.
 */
static void sweep_late(struct swarm *swarm)
{
	if (swarm->now_ns < swarm->next_sweep_ns)
		return;
	swarm->next_sweep_ns = swarm->now_ns + SWEEP_NS;
	for (uint32_t i = 0; i < swarm->options->connections; i++) {
		struct swarm_member *member = &swarm->members[i];
		bool is_due = member->state == SWARM_CLOSING ||
			      (member->state == SWARM_OPEN && member->sent > member->answered);

		if (!is_due || member->moved_ns + swarm->options->timeout_ns >= swarm->now_ns)
			continue;
		if (swarm->rules->on_late == NULL) {
			give_up(swarm, member, TALLY_TIMEOUT);
		} else {
			swarm->rules->on_late(swarm, member);
			swarm_drop(swarm, member);
		}
	}
}

static void open_some(struct swarm *swarm)
{
	uint64_t count = swarm->options->count;

	while (swarm->is_filling && swarm->free_count > 0 && swarm->opening < swarm->opening_max) {
		if (count > 0 && swarm->next_number >= count)
			return;
		if (!member_open(swarm)) {
			tally_count_fault(&swarm->tally, TALLY_CONNECT);
			return;
		}
	}
}

static void handle_input(struct swarm *swarm)
{
	char ignored[256];

	if (read(STDIN_FILENO, ignored, sizeof(ignored)) <= 0) {
		swarm->has_input_ended = true;
		epoll_ctl(swarm->epoll_fd, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
	}
}

void swarm_watch_input(struct swarm *swarm)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};

	if (epoll_ctl(swarm->epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
		swarm->has_input_ended = true;
}

bool swarm_turn(struct swarm *swarm, int wait_ms)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int count;

	open_some(swarm);
	count = epoll_wait(swarm->epoll_fd, events, EVENTS_PER_TURN, wait_ms);
	swarm->now_ns = tally_now_ns();
	for (int i = 0; i < count; i++) {
		if (events[i].data.ptr == NULL)
			handle_input(swarm);
		else
			handle_member(swarm, events[i].data.ptr, events[i].events);
	}
	sweep_late(swarm);
	return tally_sum_faults(&swarm->tally) < SWARM_FAULTS_MAX;
}
