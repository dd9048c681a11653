/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stream.c - see stream.h
 */
#include "tests/bench/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static void bytes_set(struct stream_bytes *bytes, const char *data, size_t length)
{
	char *copy = NULL;

	if (length > 0) {
		copy = malloc(length);
		if (copy == NULL) {
			perror("sipweir-load: malloc");
			abort();
		}
		memcpy(copy, data, length);
	}
	free(bytes->data);
	bytes->data = copy;
	bytes->length = length;
}

static void bytes_append(struct stream_bytes *bytes, const char *data, size_t length)
{
	char *grown = realloc(bytes->data, bytes->length + length);

	if (grown == NULL) {
		perror("sipweir-load: realloc");
		abort();
	}
	memcpy(grown + bytes->length, data, length);
	bytes->data = grown;
	bytes->length += length;
}

static void stream_arm(struct stream *stream, unsigned events)
{
	struct epoll_event event = {.events = events, .data.ptr = stream->owner};

	epoll_ctl(stream->epoll_fd, EPOLL_CTL_MOD, stream->fd, &event);
}

bool stream_open(struct stream *stream, int epoll_fd, int fd, void *owner)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = owner};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return false;
	*stream = (struct stream){.fd = fd, .epoll_fd = epoll_fd, .owner = owner};
	return true;
}

static enum stream_status status_of(int error)
{
	if (error == EAGAIN || error == EINTR)
		return STREAM_AGAIN;
	return error == ECONNRESET || error == EPIPE ? STREAM_RESET : STREAM_FAILED;
}

enum stream_status stream_read(struct stream *stream, struct stream_scratch *scratch)
{
	size_t kept = stream->in.length;
	ssize_t got;

	scratch->length = 0;
	if (kept >= sizeof(scratch->data))
		return STREAM_FAILED;
	got = recv(stream->fd, scratch->data + kept, sizeof(scratch->data) - kept, 0);
	if (got == 0)
		return stream->send_errno ? status_of(stream->send_errno) : STREAM_END;
	if (got < 0)
		return status_of(errno);
	if (kept > 0)
		memcpy(scratch->data, stream->in.data, kept);
	bytes_set(&stream->in, NULL, 0);
	scratch->length = kept + (size_t)got;
	return STREAM_OK;
}

void stream_keep(struct stream *stream, const struct stream_scratch *scratch, size_t length)
{
	bytes_set(&stream->in, scratch->data + scratch->length - length, length);
}

/* How much went out; a hard error counts as all, for there is no use in sending more. */
static size_t send_some(struct stream *stream, const char *data, size_t length)
{
	ssize_t sent = send(stream->fd, data, length, MSG_NOSIGNAL);

	if (sent >= 0)
		return (size_t)sent;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	stream->send_errno = errno;
	return length;
}

void stream_send(struct stream *stream, const char *data, size_t length)
{
	size_t sent = 0;

	if (stream->out.length == 0) {
		sent = send_some(stream, data, length);
		if (sent == length)
			return;
		stream_arm(stream, EPOLLIN | EPOLLOUT);
	}
	bytes_append(&stream->out, data + sent, length - sent);
}

void stream_flush(struct stream *stream)
{
	struct stream_bytes *out = &stream->out;
	size_t sent;

	if (out->length == 0)
		return;
	sent = send_some(stream, out->data, out->length);
	bytes_set(out, out->data + sent, out->length - sent);
	if (out->length == 0)
		stream_arm(stream, EPOLLIN);
}

void stream_close(struct stream *stream)
{
	if (stream->fd < 0)
		return;
	close(stream->fd);
	stream->fd = -1;
	bytes_set(&stream->in, NULL, 0);
	bytes_set(&stream->out, NULL, 0);
}
