/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tcp.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROBES = 3 };

struct tcp_stream {
	struct stream stream;
	struct tcp *tcp;
	struct event event;
	int fd;
	bool is_paused;
};

static const struct stream_ops tcp_ops;

bool tcp_init(
	struct tcp *t, struct event_base *base, uint32_t capacity, void (*on_event)(struct tcp *t))
{
	t->base = base;
	t->on_event = on_event;
	return slab_init(&t->streams, sizeof(struct tcp_stream), capacity);
}

void tcp_fini(struct tcp *t)
{
	slab_fini(&t->streams);
}

static struct tcp_stream *of(struct stream *s)
{
	return (struct tcp_stream *)(void *)s;
}

struct stream *tcp_adopt(struct tcp *t, int fd)
{
	struct tcp_stream *ts = slab_take(&t->streams);
	if (!ts) {
		close(fd);
		return NULL;
	}
	ts->stream.ops = &tcp_ops;
	ts->tcp = t;
	ts->fd = fd;
	return &ts->stream;
}

static bool set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

bool tcp_set_options(int fd, const struct conf_timeouts *timeouts)
{
	return set(fd, IPPROTO_TCP, TCP_NODELAY, 1) && set(fd, SOL_SOCKET, SO_KEEPALIVE, 1) &&
	       set(fd, IPPROTO_TCP, TCP_KEEPIDLE, (int)(timeouts->keepalive_idle_ms / 1000)) &&
	       set(fd, IPPROTO_TCP, TCP_KEEPINTVL, (int)(timeouts->keepalive_interval_ms / 1000)) &&
	       set(fd, IPPROTO_TCP, TCP_KEEPCNT, (int)timeouts->keepalive_count) &&
	       set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)timeouts->unacked_ms);
}

bool tcp_has_ended(const struct stream *s)
{
	const struct tcp_stream *ts = (const struct tcp_stream *)(const void *)s;
	struct tcp_info info;
	socklen_t size = sizeof(info);
	return getsockopt(ts->fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
	       info.tcpi_state != TCP_ESTABLISHED;
}

/*
 * TCP_USER_TIMEOUT counts from the last byte that was heard, so with it a connection that has been silent for long would die
 * of the first probe that is a second late: without, the number of probes decides. Only while something is on its way, when
 * keepalive does nothing, it has to do. What waits for a client that has stopped reading is not on its way: the kernel asks
 * such a client by itself, and counts its time from when it stopped, which may be over already.
 */
void tcp_probe(const struct stream *s, const struct conf_timeouts *timeouts, bool is_urgent)
{
	const struct tcp_stream *ts = (const struct tcp_stream *)(const void *)s;
	struct tcp_info info;
	socklen_t size = sizeof(info);
	if (!is_urgent) {
		tcp_set_options(ts->fd, timeouts);
		return;
	}
	bool is_on_its_way = getsockopt(ts->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
			     info.tcpi_unacked > 0;
	set(ts->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, is_on_its_way ? PROBES * 1000 : 0);
	set(ts->fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
	set(ts->fd, IPPROTO_TCP, TCP_KEEPINTVL, 1);
	set(ts->fd, IPPROTO_TCP, TCP_KEEPIDLE, 1);
}

/* The port is chosen with the server's in view: each address is good for all ports to each server, not for all together. */
static bool bind_to(int fd, const struct addr *from)
{
	struct sockaddr_storage address;
	if (!from)
		return true;
	socklen_t length = addr_to_sockaddr(&(struct addr_port){.addr = *from}, &address);
	return set(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1) &&
	       bind(fd, (struct sockaddr *)&address, length) == 0;
}

struct stream *tcp_connect(struct tcp *t, const struct addr_port *to, const struct addr *from,
	const struct conf_timeouts *timeouts, int *failure)
{
	struct sockaddr_storage address;
	socklen_t length = addr_to_sockaddr(to, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		*failure = errno;
		return NULL;
	}
	if (!tcp_set_options(fd, timeouts) || !bind_to(fd, from) ||
		(connect(fd, (struct sockaddr *)&address, length) != 0 && errno != EINPROGRESS)) {
		*failure = errno;
		close(fd);
		return NULL;
	}
	*failure = ENOMEM;
	return tcp_adopt(t, fd);
}

bool tcp_local_address(const struct stream *s, struct addr_port *local)
{
	const struct tcp_stream *ts = (const struct tcp_stream *)(const void *)s;
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	return getsockname(ts->fd, (struct sockaddr *)&address, &length) == 0 &&
	       addr_from_sockaddr(local, (struct sockaddr *)&address);
}

/* --- the stream's operations --- */

static bool is_again(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static ssize_t tcp_read(struct stream *s, void *to, size_t size)
{
	ssize_t got = recv(of(s)->fd, to, size, 0);
	if (got >= 0)
		return got;
	if (is_again(errno))
		return STREAM_AGAIN;
	s->failure = errno;
	return STREAM_FAILED;
}

/* One range is the rule, and send() spares the kernel the reading of two structures. */
static ssize_t send_ranges(int fd, const struct iovec *ranges, int count)
{
	if (count == 1)
		return send(fd, ranges->iov_base, ranges->iov_len, MSG_NOSIGNAL);
	struct msghdr message = {
		.msg_iov = (struct iovec *)(uintptr_t)ranges, .msg_iovlen = (size_t)count};
	return sendmsg(fd, &message, MSG_NOSIGNAL);
}

static ssize_t tcp_writev(struct stream *s, const struct iovec *ranges, int count)
{
	ssize_t wrote = send_ranges(of(s)->fd, ranges, count);
	if (wrote > 0)
		return wrote;
	if (wrote == 0 || is_again(errno))
		return STREAM_AGAIN;
	s->failure = errno;
	return STREAM_FAILED;
}

/* A paused stream is only watched for its end, edge-triggered: level would spin on what we do not read, and EV_CLOSED
 * misses a RST. A FIN is left for later; only an error means that nothing can come any more. */
static bool has_failed(struct tcp_stream *ts)
{
	int error = 0;
	socklen_t length = sizeof(error);
	if (getsockopt(ts->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		error = errno;
	ts->stream.failure = error;
	return error != 0;
}

static void on_event(evutil_socket_t fd, short what, void *argument)
{
	struct tcp_stream *ts = argument;
	unsigned readiness = what & EV_WRITE ? STREAM_WRITABLE : 0;
	(void)fd;
	if (what & EV_READ && !ts->is_paused)
		readiness |= STREAM_READABLE;
	else if (what & EV_READ && !(what & EV_WRITE) && has_failed(ts))
		readiness |= STREAM_GONE;
	if (!readiness)
		return;
	ts->tcp->on_event(ts->tcp);
	ts->stream.on_ready(&ts->stream, readiness);
}

static void tcp_want(struct stream *s, unsigned readiness)
{
	struct tcp_stream *ts = of(s);
	short events = EV_PERSIST | EV_READ;
	ts->is_paused = !(readiness & STREAM_READABLE);
	if (ts->is_paused)
		events |= EV_ET;
	if (readiness & STREAM_WRITABLE)
		events |= EV_WRITE;
	if (event_initialized(&ts->event))
		event_del(&ts->event);
	event_assign(&ts->event, ts->tcp->base, ts->fd, events, on_event, ts);
	if (event_add(&ts->event, NULL) != 0)
		shutdown(ts->fd,
			SHUT_RDWR); /* the owner hears of the end at its deadline at the latest */
}

static void tcp_shutdown(struct stream *s)
{
	shutdown(of(s)->fd, SHUT_WR);
}

static void tcp_close(struct stream *s, enum stream_close how)
{
	struct tcp_stream *ts = of(s);
	if (how == STREAM_CLOSE_RST) {
		struct linger reset = {.l_onoff = 1, .l_linger = 0};
		setsockopt(ts->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	}
	if (event_initialized(&ts->event))
		event_del(&ts->event);
	close(ts->fd);
	slab_give(&ts->tcp->streams, ts);
}

static const struct stream_ops tcp_ops = {
	.read = tcp_read,
	.writev = tcp_writev,
	.want = tcp_want,
	.shutdown = tcp_shutdown,
	.close = tcp_close,
};
