/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/http.h"
#include "admin/http_gate.h"
#include "admin/metrics.h"
#include "admin/page.h"
#include "proxy/inspect.h"
#include "proxy/server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who asks at which socket sees how much. */
enum { DOOR_OPERATORS, DOOR_BALANCERS, DOORS };

static const char *const options[DOORS] = {"admin.http", "admin.health"};

struct door {
	struct http *http;
	bool is_for_operators;
	struct http_gate *gate; /* NULL: not configured */
	struct http_gate *next; /* prepared; may be the one in force, here or at the other door */
	bool is_new;		/* since the last commit */
};

struct http {
	const struct inspector *inspector;
	struct event_base *base;
	struct door doors[DOORS];
	struct network *trusted; /* prepared */
	size_t trusted_count;
	atomic_bool is_stopping; /* known at once to all requests of a turn, which may be many */
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

static bool is_head(const struct evhttp_request *r)
{
	return evhttp_request_get_command(r) == EVHTTP_REQ_HEAD;
}

static void answer_text(struct evhttp_request *r, int status, const char *text)
{
	static const char type[] = "text/plain; charset=utf-8";
	char length[24];
	if (is_head(r)) { /* evhttp would send a body, and not say how long it is */
		snprintf(length, sizeof(length), "%zu", strlen(text));
		evhttp_add_header(evhttp_request_get_output_headers(r), "Content-Length", length);
		answer(r, status, type, NULL);
		return;
	}
	struct evbuffer *body = evbuffer_new();
	if (body)
		evbuffer_add(body, text, strlen(text));
	answer(r, status, type, body);
	if (body)
		evbuffer_free(body);
}

static void free_page(const void *page, size_t length, void *argument)
{
	(void)page;
	(void)length;
	free(argument);
}

static void answer_metrics(struct http *h, struct evhttp_request *r)
{
	size_t length = 0;
	struct kernel kernel = {0};
	struct inspection *all = inspect_take(h->inspector);
	const struct metrics metrics = {.all = all, .kernel = &kernel};
	kernel_look(&kernel);
	char *page = all ? page_make(metrics_write, &metrics, &length) : NULL;
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

static void answer_health(const struct http *h, struct evhttp_request *r)
{
	if (inspect_is_healthy(h->inspector))
		answer_text(r, HTTP_OK, "ok\n");
	else
		answer_text(r, HTTP_SERVUNAVAIL, "a worker is stuck\n");
}

static void answer_readiness(const struct http *h, struct evhttp_request *r)
{
	if (inspect_is_ready(h->inspector))
		answer_text(r, HTTP_OK, "ready\n");
	else
		answer_text(r, HTTP_SERVUNAVAIL,
			inspect_is_draining(h->inspector) ? "draining\n" : "not ready\n");
}

/* Load balancers ask with GET, HEAD, and HAProxy unless told otherwise with OPTIONS. */
static void answer_path(struct door *d, struct evhttp_request *r, const char *path)
{
	struct http *h = d->http;
	if (!strcmp(path, "/healthz"))
		answer_health(h, r);
	else if (!strcmp(path, "/readyz"))
		answer_readiness(h, r);
	else if (!d->is_for_operators)
		answer_text(r, HTTP_NOTFOUND, "try /healthz or /readyz\n");
	else if (strcmp(path, "/metrics") != 0)
		answer_text(r, HTTP_NOTFOUND, "try /metrics, /healthz or /readyz\n");
	else if (evhttp_request_get_command(r) == EVHTTP_REQ_OPTIONS)
		answer_text(r, HTTP_BADMETHOD, "try GET\n");
	else if (is_head(r))
		answer(r, HTTP_OK, METRICS_CONTENT_TYPE, NULL);
	else
		answer_metrics(h, r);
}

static void on_request(struct evhttp_request *r, void *owner)
{
	struct door *d = owner;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	if (!path)
		answer_text(r, HTTP_BADREQUEST, "no path\n");
	else if (atomic_load(&d->http->is_stopping))
		answer_text(r, HTTP_SERVUNAVAIL, "stopping\n");
	else
		answer_path(d, r, path);
}

/* --- the doors --- */

static bool is_same(const struct addr_port *a, const struct addr_port *b)
{
	return a->port == b->port && addr_equal(&a->addr, &b->addr);
}

/* A gate may move to the other door with its address; of free ports each has its own. */
static struct http_gate *find_gate(
	const struct http *h, unsigned door, const struct addr_port *address)
{
	for (unsigned d = 0; d < DOORS; d++) {
		struct http_gate *g = h->doors[d].gate;
		if (g && is_same(gate_wanted(g), address) && (address->port || d == door))
			return g;
	}
	return NULL;
}

static bool is_port_ours(const struct http *h, uint16_t port)
{
	for (unsigned d = 0; d < DOORS; d++)
		if (h->doors[d].gate && gate_bound(h->doors[d].gate)->port == port)
			return true;
	return false;
}

static bool is_wanted(const struct http *h, const struct http_gate *g)
{
	for (unsigned d = 0; d < DOORS; d++)
		if (h->doors[d].next == g)
			return true;
	return false;
}

static bool is_in_force(const struct http *h, const struct http_gate *g)
{
	for (unsigned d = 0; d < DOORS; d++)
		if (h->doors[d].gate == g)
			return true;
	return false;
}

/* Where a door is, in the configuration. */
struct place {
	const struct addr_port *address;
	size_t count;
	const struct conf_place *at;
};

static void add_error(unsigned door, const struct place *p, struct conf_errors *errors)
{
	int error = errno;
	char text[ADDR_PORT_TEXT_MAX];
	addr_port_format(p->address, text);
	if (error == EADDRINUSE)
		conf_errors_add(errors, p->at, options[door],
			"%s is in use; \"ss -ltnp\" shows by whom", text);
	else
		conf_errors_add(errors, p->at, options[door], "cannot listen on %s: %s", text,
			strerror(error));
}

static bool prepare_door(
	struct http *h, unsigned door, const struct place *p, struct conf_errors *errors)
{
	struct door *d = &h->doors[door];
	d->next = NULL;
	if (!p->count)
		return true;
	d->next = find_gate(h, door, p->address);
	if (!d->next)
		d->next = gate_new(h->base, p->address, is_port_ours(h, p->address->port));
	if (!d->next)
		add_error(door, p, errors);
	return d->next;
}

static bool prepare_trust(struct http *h, const struct conf_admin *conf, struct conf_errors *errors)
{
	size_t size = conf->trusted_count * sizeof(*conf->trusted);
	h->trusted = NULL;
	h->trusted_count = conf->trusted_count;
	if (!size)
		return true;
	h->trusted = malloc(size);
	if (h->trusted)
		memcpy(h->trusted, conf->trusted, size);
	else
		conf_errors_add(errors, &conf->at.trusted, "admin.trusted",
			"the host has no memory for it");
	return h->trusted;
}

bool http_prepare(struct http *h, const struct conf_admin *conf, struct conf_errors *errors)
{
	const struct place places[DOORS] = {
		[DOOR_OPERATORS] = {&conf->http, conf->http_count, &conf->at.http},
		[DOOR_BALANCERS] = {&conf->health, conf->health_count, &conf->at.health},
	};
	bool is_fine = prepare_trust(h, conf, errors);
	for (unsigned d = 0; d < DOORS; d++)
		is_fine &= prepare_door(h, d, &places[d], errors);
	return is_fine;
}

static void abandon(struct http *h)
{
	for (unsigned d = 0; d < DOORS; d++) {
		if (h->doors[d].next && !is_in_force(h, h->doors[d].next))
			gate_free(h->doors[d].next);
		h->doors[d].next = NULL;
	}
	free(h->trusted);
	h->trusted = NULL;
}

static void open_door(struct http *h, struct door *d)
{
	struct gate_use use = {.on_request = on_request, .owner = d};
	if (!d->is_for_operators) {
		use.trusted = h->trusted;
		use.trusted_count = h->trusted_count;
		h->trusted = NULL;
	}
	gate_open(d->next, &use);
}

void http_commit(struct http *h, bool is_taken)
{
	if (!is_taken) {
		abandon(h);
		return;
	}
	for (unsigned d = 0; d < DOORS; d++) {
		struct door *door = &h->doors[d];
		door->is_new = door->next && !is_in_force(h, door->next);
		if (door->next)
			open_door(h, door);
	}
	for (unsigned d = 0; d < DOORS; d++)
		if (!is_wanted(h, h->doors[d].gate))
			gate_free(h->doors[d].gate);
	for (unsigned d = 0; d < DOORS; d++)
		h->doors[d].gate = h->doors[d].next;
	free(h->trusted); /* of a door that is not configured */
	h->trusted = NULL;
}

void http_announce(const struct http *h, struct server *server)
{
	for (unsigned d = 0; d < DOORS; d++)
		if (h->doors[d].is_new)
			server_announce(server, options[d], gate_bound(h->doors[d].gate));
}

/* --- beginning and end --- */

struct http *http_new(struct event_base *base, const struct server *server)
{
	struct http *h = calloc(1, sizeof(*h));
	if (!h)
		return NULL;
	h->inspector = server_inspector(server);
	h->base = base;
	for (unsigned d = 0; d < DOORS; d++)
		h->doors[d] = (struct door){.http = h, .is_for_operators = d == DOOR_OPERATORS};
	return h;
}

void http_stop(struct http *h)
{
	atomic_store(&h->is_stopping, true);
}

void http_free(struct http *h)
{
	if (!h)
		return;
	for (unsigned d = 0; d < DOORS; d++)
		gate_free(h->doors[d].gate);
	free(h);
}
