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

#define RECORDS_BYTES 16384 /* encrypted, per system call */

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

/* How much was read into `to`, by one recv(); 0 with the reason in `status`. */
static size_t receive(struct stream *stream, char *to, size_t size, enum stream_status *status)
{
	ssize_t got = recv(stream->fd, to, size, 0);

	*status = STREAM_OK;
	if (got > 0)
		return (size_t)got;
	if (got == 0)
		*status = stream->send_errno ? status_of(stream->send_errno) : STREAM_END;
	else
		*status = status_of(errno);
	return 0;
}

static void send_encrypted(struct stream *stream);

/* Everything that can be decrypted must be: epoll does not see what OpenSSL holds. */
static size_t decrypt(struct stream *stream, char *to, size_t size, enum stream_status *status)
{
	enum secure_status secured = SECURE_OK;
	size_t length = 0, got;

	while (length < size) {
		secured = secure_read(stream->secure, to + length, size - length, &got);
		if (secured != SECURE_OK)
			break;
		length += got;
	}
	send_encrypted(stream);
	*status = STREAM_OK;
	if (length > 0 && length < size)
		return length;
	if (secured == SECURE_AGAIN)
		*status = STREAM_AGAIN;
	else
		*status = secured == SECURE_END ? STREAM_END : STREAM_FAILED;
	return 0;
}

static size_t receive_encrypted(
	struct stream *stream, char *to, size_t size, enum stream_status *status)
{
	char received[RECORDS_BYTES];
	size_t got = receive(stream, received, sizeof(received), status);

	if (*status != STREAM_OK)
		return 0;
	secure_put(stream->secure, received, got);
	return decrypt(stream, to, size, status);
}

enum stream_status stream_read(struct stream *stream, struct stream_scratch *scratch)
{
	size_t kept = stream->in.length, got;
	enum stream_status status;

	scratch->length = 0;
	if (kept >= sizeof(scratch->data))
		return STREAM_FAILED;
	got = (stream->secure ? receive_encrypted : receive)(
		stream, scratch->data + kept, sizeof(scratch->data) - kept, &status);
	if (status != STREAM_OK)
		return status;
	if (kept > 0)
		memcpy(scratch->data, stream->in.data, kept);
	bytes_set(&stream->in, NULL, 0);
	scratch->length = kept + got;
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

static void send_raw(struct stream *stream, const char *data, size_t length)
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

static void send_encrypted(struct stream *stream)
{
	char out[RECORDS_BYTES];
	size_t length;

	while ((length = secure_take(stream->secure, out, sizeof(out))) > 0)
		send_raw(stream, out, length);
}

void stream_send(struct stream *stream, const char *data, size_t length)
{
	if (stream->secure == NULL) {
		send_raw(stream, data, length);
		return;
	}
	secure_write(stream->secure, data, length);
	send_encrypted(stream);
}

void stream_secure(struct stream *stream, struct secure *secure, const char *first, size_t length)
{
	char out[RECORDS_BYTES];

	memcpy(out, first, length);
	length += secure_take(secure, out + length, sizeof(out) - length);
	stream->secure = secure;
	send_raw(stream, out, length);
}

void stream_finish(struct stream *stream)
{
	if (stream->secure != NULL) {
		secure_finish(stream->secure);
		send_encrypted(stream);
	}
	shutdown(stream->fd, SHUT_WR);
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
	secure_free(stream->secure);
	stream->secure = NULL;
	bytes_set(&stream->in, NULL, 0);
	bytes_set(&stream->out, NULL, 0);
}
