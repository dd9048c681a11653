/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/http.h"
#include "admin/http_gate.h"
#include "admin/metrics.h"
#include "proxy/inspect.h"
#include "proxy/server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PAGE_SIZE_FIRST = 64 * 1024, PAGE_SIZE_MAX = 64 * 1024 * 1024 };

/* Who asks at which socket sees how much. */
struct door {
	struct http *http;
	struct http_gate *gate; /* NULL: not configured */
	bool is_for_operators;
};

struct http {
	const struct inspector *inspector;
	struct event_base *base;
	struct door operators, balancers;
	int stop; /* readable when the thread has to end */
	struct event stopping;
	atomic_bool is_stopping; /* known at once to all requests of a turn, which may be many */
	pthread_t thread;
};

/* --- answers --- */

/* One request per connection: who wants another has to come through the gate again. */
static void answer(struct evhttp_request *r, int status, const char *type, struct evbuffer *body)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(r);
	struct evhttp_connection *connection = evhttp_request_get_connection(r);
	evhttp_add_header(headers, "Content-Type", type);
	evhttp_add_header(headers, "Cache-Control", "no-store");
	evhttp_add_header(headers, "Connection", "close");
	evhttp_send_reply(r, status, NULL, body);
	/* While it writes, evhttp would hold all that still comes, and take a half-close for a loss. */
	bufferevent_disable(evhttp_connection_get_bufferevent(connection), EV_READ);
}

static void answer_text(struct evhttp_request *r, int status, const char *text)
{
	struct evbuffer *body = evbuffer_new();
	if (body)
		evbuffer_add(body, text, strlen(text));
	answer(r, status, "text/plain; charset=utf-8", body);
	if (body)
		evbuffer_free(body);
}

static void free_page(const void *page, size_t length, void *argument)
{
	(void)page;
	(void)length;
	free(argument);
}

/* The whole page in memory of its own, which the caller frees; NULL when there is none. */
static char *make_page(const struct inspection *all, size_t *length)
{
	for (size_t size = PAGE_SIZE_FIRST; size <= PAGE_SIZE_MAX; size *= 2) {
		struct text page;
		char *bytes = malloc(size);
		if (!bytes)
			return NULL;
		text_init(&page, bytes, size);
		if (metrics_write(&page, all)) {
			*length = page.length;
			return bytes;
		}
		free(bytes);
	}
	return NULL;
}

static void answer_metrics(struct http *h, struct evhttp_request *r)
{
	size_t length = 0;
	struct inspection *all = inspect_take(h->inspector);
	char *page = all ? make_page(all, &length) : NULL;
	struct evbuffer *body = page ? evbuffer_new() : NULL;
	inspect_free(all);
	if (body && evbuffer_add_reference(body, page, length, free_page, page) == 0) {
		answer(r, HTTP_OK, METRICS_CONTENT_TYPE, body);
	} else {
		free(page);
		answer_text(r, HTTP_INTERNAL, "the host has no memory for this page\n");
	}
	if (body)
		evbuffer_free(body);
}

static void on_request(struct evhttp_request *r, void *owner)
{
	const struct door *d = owner;
	struct http *h = d->http;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	if (!path)
		answer_text(r, HTTP_BADREQUEST, "no path\n");
	else if (atomic_load(&h->is_stopping))
		answer_text(r, HTTP_SERVUNAVAIL, "stopping\n");
	else if (d->is_for_operators && !strcmp(path, "/metrics"))
		answer_metrics(h, r);
	else if (!strcmp(path, "/healthz") && inspect_is_healthy(h->inspector))
		answer_text(r, HTTP_OK, "ok\n");
	else if (!strcmp(path, "/healthz"))
		answer_text(r, HTTP_SERVUNAVAIL, "a worker is stuck\n");
	else if (!strcmp(path, "/readyz") && inspect_is_ready(h->inspector))
		answer_text(r, HTTP_OK, "ready\n");
	else if (!strcmp(path, "/readyz"))
		answer_text(r, HTTP_SERVUNAVAIL, "not ready\n");
	else
		answer_text(r, HTTP_NOTFOUND,
			d->is_for_operators ? "try /metrics, /healthz or /readyz\n"
					    : "try /healthz or /readyz\n");
}

/* --- the thread --- */

static void on_stopping(evutil_socket_t fd, short what, void *argument)
{
	struct http *h = argument;
	(void)fd;
	(void)what;
	event_base_loopbreak(h->base);
}

static void *run(void *argument)
{
	struct http *h = argument;
	event_base_dispatch(h->base);
	return NULL;
}

/* --- beginning and end --- */

static struct event_base *new_base(void)
{
	struct event_config *config = event_config_new();
	if (!config)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	struct event_base *base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

/* Where a door is, in the configuration and in what is said of it. */
struct place {
	const char *option;
	const struct conf_place *at;
	struct server *server;
};

static bool open_door(struct door *d, const struct gate_setup *setup, const struct place *place,
	struct conf_errors *errors)
{
	struct addr_port bound;
	char text[ADDR_PORT_TEXT_MAX];
	d->gate = gate_new(d->http->base, setup, &bound);
	if (d->gate) {
		server_announce(place->server, place->option, &bound);
		return true;
	}
	int error = errno;
	addr_port_format(&setup->address, text);
	if (error == EADDRINUSE)
		conf_errors_add(errors, place->at, place->option,
			"%s is in use; \"ss -ltnp\" shows by whom", text);
	else
		conf_errors_add(errors, place->at, place->option, "cannot listen on %s: %s", text,
			strerror(error));
	return false;
}

static bool open_doors(struct http *h, const struct conf_admin *conf, struct server *server,
	struct conf_errors *errors)
{
	bool is_open = true;
	struct gate_setup setup = {.on_request = on_request};
	struct place place = {.server = server};
	if (conf->http_count) {
		h->operators = (struct door){.http = h, .is_for_operators = true};
		setup.address = conf->http;
		setup.owner = &h->operators;
		place.option = "admin.http";
		place.at = &conf->at.http;
		is_open &= open_door(&h->operators, &setup, &place, errors);
	}
	if (conf->health_count) {
		h->balancers = (struct door){.http = h};
		setup.address = conf->health;
		setup.owner = &h->balancers;
		setup.trusted = conf->trusted;
		setup.trusted_count = conf->trusted_count;
		place.option = "admin.health";
		place.at = &conf->at.health;
		is_open &= open_door(&h->balancers, &setup, &place, errors);
	}
	return is_open;
}

static void release(struct http *h)
{
	gate_close(h->operators.gate);
	gate_close(h->balancers.gate);
	if (h->base)
		event_base_free(h->base);
	gate_free(h->operators.gate);
	gate_free(h->balancers.gate);
	if (h->stop >= 0)
		close(h->stop);
	free(h);
}

static bool start(struct http *h)
{
	if (h->stop < 0)
		return false;
	event_assign(&h->stopping, h->base, h->stop, EV_READ, on_stopping, h);
	return event_add(&h->stopping, NULL) == 0 && pthread_create(&h->thread, NULL, run, h) == 0;
}

struct http *http_new(
	const struct conf_admin *conf, struct server *server, struct conf_errors *errors)
{
	if (!conf->http_count && !conf->health_count)
		return NULL;
	struct http *h = calloc(1, sizeof(*h));
	bool is_open = false;
	if (h) {
		h->inspector = server_inspector(server);
		h->stop = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		h->base = new_base();
		is_open = h->base && open_doors(h, conf, server, errors);
		if (is_open && start(h))
			return h;
	}
	if (!h || is_open || !h->base)
		conf_errors_add(errors, &conf->place, "admin",
			"the host has no memory, descriptor or thread for it");
	if (h)
		release(h);
	return NULL;
}

void http_free(struct http *h)
{
	uint64_t one = 1;
	if (!h)
		return;
	atomic_store(&h->is_stopping, true);
	if (write(h->stop, &one, sizeof(one)) == sizeof(one))
		pthread_join(h->thread, NULL);
	release(h);
}
