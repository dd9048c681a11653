/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/acceptor.h"
#include "proxy/core/session.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ACCEPTS_PER_TURN = 64,
	ACCEPTS_AT_ONCE = 8,
	PAUSE_MS = 200, /* until a connection may have ended and left its descriptor */
};

static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* The kernel keeps the queue meanwhile; nobody is turned away. */
static void pause_accepting(struct acceptor *a, int error)
{
	struct timeval later = {.tv_usec = PAUSE_MS * 1000};
	struct record r;
	record_init(&r, RECORD_KERNEL_DESCRIPTORS);
	r.listener = a->listener->name;
	r.reason = strerrorname_np(error);
	snprintf(r.message, sizeof(r.message),
		"accepting is paused for %d ms: the host gives no more descriptors or memory; "
		"raise LimitNOFILE or "
		"lower max_connections",
		PAUSE_MS);
	a->core->host->report(a->core->host, &r);
	if (event_add(&a->resume, &later) == 0) {
		event_del(&a->ready);
		a->is_paused = true;
	}
}

static void on_resume(evutil_socket_t fd, short what, void *argument)
{
	struct acceptor *a = argument;
	(void)fd;
	(void)what;
	a->is_paused = false;
	event_add(&a->ready, NULL);
}

/* False when there is nothing more to accept now; a connection that failed alone is none, and more may follow. */
static bool accept_one(struct acceptor *a, struct newcomer *n)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	int fd = accept4(a->fd, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
	n->client = NULL;
	if (fd < 0) {
		if (is_shortage(errno))
			pause_accepting(a, errno);
		/* anything but EAGAIN is the failure of one connection: ECONNABORTED, EPROTO, a network error */
		return errno != EAGAIN && errno != EWOULDBLOCK && !is_shortage(errno);
	}
	if (addr_from_sockaddr(&n->peer, (struct sockaddr *)&address))
		n->client = tcp_adopt(a->tcp, fd);
	else
		close(fd);
	return true;
}

/* As many as may be fetched for at once. False when there is nothing more to accept now. */
static bool accept_some(struct acceptor *a)
{
	struct newcomer newcomers[ACCEPTS_AT_ONCE];
	unsigned count = 0;
	bool is_more = true;
	for (int i = 0; is_more && i < ACCEPTS_AT_ONCE; i++) {
		is_more = accept_one(a, &newcomers[count]);
		if (newcomers[count].client)
			session_expect(a->core, a->listener, &newcomers[count++]);
	}
	for (unsigned i = 0; i < count; i++)
		session_look_ahead(a->core, a->listener, &newcomers[i]);
	for (unsigned i = 0; i < count; i++)
		session_open(a->core, a->listener, &newcomers[i]);
	return is_more;
}

static void on_ready(evutil_socket_t fd, short what, void *argument)
{
	struct acceptor *a = argument;
	(void)fd;
	(void)what;
	a->tcp->on_event(a->tcp);
	for (int i = 0; i < ACCEPTS_PER_TURN && accept_some(a); i += ACCEPTS_AT_ONCE)
		;
}

bool acceptor_open(
	struct acceptor *a, struct core *core, struct tcp *tcp, struct listener *listener)
{
	a->listener = listener;
	if (a->core)
		return true;
	a->core = core;
	a->tcp = tcp;
	event_assign(&a->ready, tcp->base, a->fd, EV_READ | EV_PERSIST, on_ready, a);
	event_assign(&a->resume, tcp->base, -1, 0, on_resume, a);
	return event_add(&a->ready, NULL) == 0;
}

void acceptor_close(struct acceptor *a)
{
	if (a->fd < 0 || !a->core)
		return;
	event_del(&a->ready);
	event_del(&a->resume);
	a->is_paused = false; /* one more try, whatever it waited for */
	while (accept_some(a) && !a->is_paused)
		;
	event_del(&a->resume);
	close(a->fd);
	a->fd = -1;
}
