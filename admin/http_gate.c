/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/http_gate.h"
#include "proxy/core/proxy_header.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BACKLOG = 128,
	HEADERS_MAX = 8 * 1024,
	/* Read and not looked at yet: evhttp has no bound of its own while it writes, or once it has let go. */
	INPUT_MAX = 2 * HEADERS_MAX,
	/* Those that were told to go and have not gone yet count too, but a little more room is left for them. */
	VISITS_MAX = 2 * GATE_CONNECTIONS,
	TICK_MS = 100,
};

/*
 * A connection that evhttp serves. It does not tell when it is done with one, unless there has been a request; so a
 * reference is held on its bufferevent, whose callbacks are gone when evhttp has let go of it.
 */
struct visit {
	struct http_gate *gate;
	struct bufferevent *stream;
	struct evbuffer *held; /* the beginning of a PROXY header, until it is whole */
	time_t began_s;
	bool is_ending;
	bool is_named; /* a PROXY header has been read, or none is looked for */
};

struct http_gate {
	struct gate_use use;
	struct addr_port wanted, bound;
	struct evhttp *http;
	struct evconnlistener *listener; /* of http */
	struct event tick;
	struct visit *visits[VISITS_MAX]; /* the oldest first */
	size_t count, ending;
	bool is_paused;
};

static time_t now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec;
}

/* --- one connection --- */

/* evhttp reads the end of it, or fails to write, and lets go. */
static void visit_end(struct visit *v)
{
	if (v->is_ending)
		return;
	v->is_ending = true;
	v->gate->ending++;
	shutdown(bufferevent_getfd(v->stream), SHUT_RDWR);
}

static bool visit_is_over(const struct visit *v)
{
	bufferevent_event_cb on_event;
	bufferevent_getcb(v->stream, NULL, NULL, &on_event, NULL);
	return !on_event;
}

static bool is_trusted(const struct visit *v)
{
	const struct gate_use *use = &v->gate->use;
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	struct addr_port peer;
	if (getpeername(bufferevent_getfd(v->stream), (struct sockaddr *)&address, &length) != 0 ||
		!addr_from_sockaddr(&peer, (struct sockaddr *)&address))
		return false;
	for (size_t i = 0; i < use->trusted_count; i++)
		if (network_contains(&use->trusted[i], &peer.addr))
			return true;
	return false;
}

/* Whole or none: what is behind the header, or everything, goes on to evhttp. */
static void judge_header(struct visit *v, struct evbuffer *input)
{
	struct proxy_header header;
	size_t length = evbuffer_get_length(v->held);
	const uint8_t *bytes = evbuffer_pullup(v->held, -1);
	enum proxy_verdict verdict = proxy_header_read(bytes, length, &header);
	if (verdict == PROXY_MORE)
		return;
	bool is_absent = verdict == PROXY_REJECT && header.fault == PROXY_FAULT_SIGNATURE;
	if (verdict == PROXY_REJECT && !is_absent) {
		evbuffer_drain(v->held, length);
		visit_end(v);
		return;
	}
	v->is_named = true;
	evbuffer_drain(v->held, is_absent ? 0 : header.used);
	evbuffer_add_buffer(input, v->held);
}

/* Runs before evhttp looks: it must not take half a header for a request. */
static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *argument)
{
	struct visit *v = argument;
	if (!info->n_added || v->is_named)
		return;
	if (!v->held && !is_trusted(v)) {
		v->is_named = true; /* a header from there is no request, and evhttp says so */
		return;
	}
	if (!v->held)
		v->held = evbuffer_new();
	if (!v->held || evbuffer_add_buffer(v->held, input) != 0)
		visit_end(v);
	else
		judge_header(v, input);
}

static struct visit *visit_new(struct http_gate *g, struct bufferevent *stream)
{
	struct visit *v = g->count < VISITS_MAX ? calloc(1, sizeof(*v)) : NULL;
	if (!v)
		return NULL;
	v->gate = g;
	v->stream = stream;
	v->began_s = now_s();
	v->is_named = !g->use.trusted_count;
	if (!v->is_named && !evbuffer_add_cb(bufferevent_get_input(stream), on_input, v)) {
		free(v);
		return NULL;
	}
	bufferevent_setwatermark(stream, EV_READ, 0, INPUT_MAX);
	bufferevent_incref(stream);
	g->visits[g->count++] = v;
	return v;
}

/* Whoever was behind it in the list moves up. */
static void visit_free(struct http_gate *g, size_t index)
{
	struct visit *v = g->visits[index];
	evbuffer_remove_cb(bufferevent_get_input(v->stream), on_input, v);
	bufferevent_disable(v->stream, EV_READ | EV_WRITE);
	bufferevent_decref(v->stream);
	if (v->held)
		evbuffer_free(v->held);
	g->count--;
	for (size_t i = index; i < g->count; i++)
		g->visits[i] = g->visits[i + 1];
	g->ending -= v->is_ending;
	free(v);
}

/* --- all of them --- */

static void sweep(struct http_gate *g)
{
	time_t now = now_s();
	for (size_t i = g->count; i-- > 0;) {
		if (visit_is_over(g->visits[i]))
			visit_free(g, i);
		else if (now - g->visits[i]->began_s >= GATE_PATIENCE_S)
			visit_end(g->visits[i]);
	}
}

static void wait_for_tick(struct http_gate *g)
{
	const struct timeval tick = {.tv_usec = TICK_MS * 1000};
	if (!event_pending(&g->tick, EV_TIMEOUT, NULL))
		event_add(&g->tick, &tick);
}

static void pause_accepting(struct http_gate *g)
{
	g->is_paused = true;
	wait_for_tick(g);
	evconnlistener_disable(g->listener);
}

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
	struct http_gate *g = argument;
	(void)fd;
	(void)what;
	sweep(g);
	if (g->is_paused && g->count < VISITS_MAX) {
		g->is_paused = false;
		evconnlistener_enable(g->listener);
	}
	if (g->count || g->is_paused)
		wait_for_tick(g);
}

/* The host gives no descriptor: asking again at once would spin. */
static void on_accept_failed(struct evconnlistener *listener, void *argument)
{
	(void)listener;
	pause_accepting(argument);
}

static void make_room(struct http_gate *g)
{
	for (size_t i = 0; g->count - g->ending >= GATE_CONNECTIONS; i++)
		visit_end(g->visits[i]);
}

/* evhttp has accepted a connection and asks for the stream to serve it on. NULL: it makes one that ends by its timeout. */
static struct bufferevent *on_accepted(struct event_base *base, void *argument)
{
	struct http_gate *g = argument;
	struct bufferevent *stream = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!stream)
		return NULL;
	sweep(g);
	make_room(g);
	if (!visit_new(g, stream)) {
		bufferevent_free(stream);
		return NULL;
	}
	wait_for_tick(g);
	if (g->count >= VISITS_MAX)
		pause_accepting(g);
	return stream;
}

/* --- the socket --- */

static bool set(int fd, int name)
{
	int on = 1;
	return setsockopt(fd, SOL_SOCKET, name, &on, sizeof(on)) == 0;
}

/* -1, with errno. */
static int bind_socket(const struct addr_port *address, bool is_shared)
{
	struct sockaddr_storage to;
	socklen_t length = addr_to_sockaddr(address, &to);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (set(fd, SO_REUSEADDR) && (!is_shared || set(fd, SO_REUSEPORT)) &&
		bind(fd, (struct sockaddr *)&to, length) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

/* A reload binds what is new before it closes what is old, and the two may overlap: hence SO_REUSEPORT. */
static int open_socket(const struct addr_port *address, bool is_ours, struct addr_port *bound)
{
	struct sockaddr_storage to;
	socklen_t length = sizeof(to);
	int probe = is_ours ? -1 : bind_socket(address, false);
	if (!is_ours && probe < 0)
		return -1;
	if (probe >= 0)
		close(probe);
	int fd = bind_socket(address, true);
	if (fd < 0)
		return -1;
	if (listen(fd, BACKLOG) == 0 && getsockname(fd, (struct sockaddr *)&to, &length) == 0 &&
		addr_from_sockaddr(bound, (struct sockaddr *)&to))
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static bool start_evhttp(struct http_gate *g, struct event_base *base, int fd)
{
	const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED;
	g->http = evhttp_new(base);
	g->listener = evconnlistener_new(base, NULL, NULL, flags, 0, fd);
	if (!g->listener) {
		close(fd);
		return false;
	}
	if (!g->http || !evhttp_bind_listener(g->http, g->listener)) {
		evconnlistener_free(g->listener);
		return false;
	}
	evconnlistener_set_error_cb(g->listener, on_accept_failed);
	evhttp_set_bevcb(g->http, on_accepted, g);
	evhttp_set_allowed_methods(g->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_OPTIONS);
	evhttp_set_max_headers_size(g->http, HEADERS_MAX);
	evhttp_set_max_body_size(g->http, 0);
	evhttp_set_timeout(g->http, GATE_PATIENCE_S);
	return true;
}

struct http_gate *gate_new(struct event_base *base, const struct addr_port *address, bool is_ours)
{
	struct http_gate *g = calloc(1, sizeof(*g));
	int fd = g ? open_socket(address, is_ours, &g->bound) : -1;
	if (fd < 0) {
		free(g);
		return NULL;
	}
	g->wanted = *address;
	event_assign(&g->tick, base, -1, 0, on_tick, g);
	if (start_evhttp(g, base, fd))
		return g;
	if (g->http)
		evhttp_free(g->http);
	free(g);
	errno = ENOMEM;
	return NULL;
}

const struct addr_port *gate_wanted(const struct http_gate *g)
{
	return &g->wanted;
}

const struct addr_port *gate_bound(const struct http_gate *g)
{
	return &g->bound;
}

void gate_open(struct http_gate *g, const struct gate_use *use)
{
	free(g->use.trusted);
	g->use = *use;
	evhttp_set_gencb(g->http, use->on_request, use->owner);
	if (!g->is_paused)
		evconnlistener_enable(g->listener);
}

void gate_free(struct http_gate *g)
{
	if (!g)
		return;
	event_del(&g->tick);
	evhttp_free(g->http);
	while (g->count)
		visit_free(g, g->count - 1);
	free(g->use.trusted);
	free(g);
}
