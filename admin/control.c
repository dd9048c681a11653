/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/control.h"
#include "admin/command.h"
#include "admin/control_socket.h"
#include "admin/letters.h"
#include "admin/request.h"
#include "proxy/server.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAUSE_MS = 100, HEAD_MAX = 32 };

enum client_state {
	CLIENT_NONE,
	CLIENT_ASKING,
	CLIENT_WAITING, /* for the main thread */
	CLIENT_TAKING,	/* what is left of its answer */
};

struct client {
	struct control *control;
	enum client_state state;
	int fd;
	uint64_t
		number; /* of all that have come: who is told by an answer to an order is still the one who gave it */
	uint64_t ends_ms;
	struct event event;
	bool is_json;
	char request[REQUEST_MAX + 1];
	size_t length;
	char *answer;
	size_t answer_length, sent;
};

struct control {
	struct server *server;
	struct event_base *base;
	struct control_socket *socket, *next;
	bool is_new;
	bool is_accepting; /* `accepting` watches a socket, or waits for a descriptor */
	struct event accepting;
	struct client clients[CONTROL_CLIENTS];
	uint64_t visits;
	struct letters letters;
	struct event mailed;
};

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- one client --- */

static void on_client(evutil_socket_t fd, short what, void *argument);

static void leave(struct client *c)
{
	event_del(&c->event);
	close(c->fd);
	free(c->answer);
	*c = (struct client){.control = c->control};
}

/* Its event is a new one each time, with what is left of its time. `what` 0: for the deadline alone. */
static void wait_for(struct client *c, short what)
{
	uint64_t now = now_ms(), left_ms = c->ends_ms > now ? c->ends_ms - now : 0;
	const struct timeval left = {.tv_sec = (time_t)(left_ms / 1000),
		.tv_usec = (suseconds_t)(left_ms % 1000 * 1000)};
	event_del(&c->event);
	event_assign(&c->event, c->control->base, what ? c->fd : -1, what, on_client, c);
	event_add(&c->event, &left);
}

static void begin(struct client *c, enum client_state state, unsigned patience_s)
{
	c->state = state;
	c->ends_ms = now_ms() + patience_s * 1000;
}

static void send_rest(struct client *c)
{
	while (c->sent < c->answer_length) {
		ssize_t sent = send(c->fd, c->answer + c->sent, c->answer_length - c->sent,
			MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno == EAGAIN) {
			wait_for(c, EV_WRITE);
			return;
		}
		if (sent < 0 && errno != EINTR) {
			leave(c);
			return;
		}
		c->sent += sent > 0 ? (size_t)sent : 0;
	}
	leave(c);
}

/* Takes over what the reply holds. */
static void answer(struct client *c, struct reply *reply)
{
	static const char *const words[] = {
		[REPLY_OK] = "ok", [REPLY_REFUSED] = "refused", [REPLY_USAGE] = "usage"};
	char head[HEAD_MAX];
	assert(reply->status != REPLY_LATER);
	if (!reply->text)
		command_say(reply, REPLY_REFUSED, "the host has no memory for the answer\n");
	size_t length = reply->text ? reply->length : 0;
	int head_length = snprintf(head, sizeof(head), "%s %zu\n", words[reply->status], length);
	c->answer = malloc((size_t)head_length + length + 1);
	if (c->answer) {
		c->answer_length = (size_t)head_length + length;
		memcpy(c->answer, head, (size_t)head_length);
		if (length)
			memcpy(c->answer + head_length, reply->text, length);
	}
	free(reply->text);
	begin(c, CLIENT_TAKING, CONTROL_PATIENCE_S);
	send_rest(c);
}

static void say(struct client *c, enum reply_status status, const char *text)
{
	struct reply reply;
	command_say(&reply, status, text);
	answer(c, &reply);
}

/* --- orders --- */

static unsigned count_waiting(const struct control *c)
{
	unsigned count = 0;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		count += c->clients[i].state == CLIENT_WAITING;
	return count;
}

static void give_order(struct client *c, struct server_order *order)
{
	if (count_waiting(c->control) == CONTROL_ORDERS) {
		say(c, REPLY_REFUSED, "too many orders wait already\n");
		return;
	}
	struct letter *l = letter_new(&c->control->letters, c->number);
	if (!l) {
		say(c, REPLY_REFUSED, "the host has no memory for it\n");
		return;
	}
	order->on_done = letter_post;
	order->owner = l;
	begin(c, CLIENT_WAITING, CONTROL_ORDER_PATIENCE_S);
	wait_for(c, 0);
	if (server_give_order(c->control->server, order))
		return;
	letter_free(l);
	say(c, REPLY_REFUSED, "too many orders wait already\n");
}

static void deliver(struct control *c, const struct letter *l)
{
	struct reply reply;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *to = &c->clients[i];
		if (to->state != CLIENT_WAITING || to->number != l->to)
			continue;
		command_answer(&reply, to->is_json, l->is_done,
			l->text ? l->text : "the host has no memory to say what\n");
		answer(to, &reply);
	}
}

static void take_letters(struct control *c)
{
	struct letter *next;
	for (struct letter *l = letters_take(&c->letters); l; l = next) {
		next = l->next;
		deliver(c, l);
		letter_free(l);
	}
}

static void on_mail(evutil_socket_t fd, short what, void *argument)
{
	(void)fd;
	(void)what;
	take_letters(argument);
}

/* --- requests --- */

static void take_request(struct client *c, size_t length)
{
	struct request request;
	struct reply reply;
	char sentence[128];
	const char *fault = request_read(&request, c->request, length);
	if (fault) {
		snprintf(sentence, sizeof(sentence), "this is no request: %s\n", fault);
		say(c, REPLY_USAGE, sentence);
		return;
	}
	c->is_json = request.is_json;
	command_run(&reply, &request, server_inspector(c->control->server));
	if (reply.status == REPLY_LATER)
		give_order(c, &reply.order);
	else
		answer(c, &reply);
}

static void read_request(struct client *c)
{
	ssize_t length = recv(c->fd, c->request + c->length, REQUEST_MAX - c->length, MSG_DONTWAIT);
	if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR)) {
		leave(c);
		return;
	}
	char *end = length > 0 ? memchr(c->request + c->length, '\n', (size_t)length) : NULL;
	c->length += length > 0 ? (size_t)length : 0;
	if (end)
		take_request(c, (size_t)(end - c->request));
	else if (c->length == REQUEST_MAX)
		say(c, REPLY_USAGE, "this is no request: it is too long\n");
	else
		wait_for(c, EV_READ);
}

static void on_client(evutil_socket_t fd, short what, void *argument)
{
	struct client *c = argument;
	(void)fd;
	if (what & EV_TIMEOUT && c->state == CLIENT_WAITING)
		say(c, REPLY_REFUSED,
			"it has been told, and is not done yet; the log will say what becomes of "
			"it\n");
	else if (what & EV_TIMEOUT)
		leave(c);
	else if (c->state == CLIENT_ASKING)
		read_request(c);
	else
		send_rest(c);
}

/* --- coming in --- */

/* A place, made free by whoever has been there longest if there is none. Those who wait for the main thread stay. */
static struct client *find_place(struct control *c)
{
	_Static_assert(CONTROL_ORDERS < CONTROL_CLIENTS, "not all of them wait for it");
	struct client *oldest = NULL;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *one = &c->clients[i];
		if (one->state == CLIENT_NONE)
			return one;
		if (one->state != CLIENT_WAITING && (!oldest || one->number < oldest->number))
			oldest = one;
	}
	leave(oldest);
	return oldest;
}

static void enter(struct control *c, int fd)
{
	struct client *place = find_place(c);
	place->fd = fd;
	place->number = ++c->visits;
	begin(place, CLIENT_ASKING, CONTROL_PATIENCE_S);
	event_assign(&place->event, c->base, -1, 0, on_client, place);
	wait_for(place, EV_READ);
}

static void on_accepting(evutil_socket_t fd, short what, void *argument);

/* `is_short`: the host gives no descriptor, and asking again at once would spin. */
static void accept_later(struct control *c, bool is_short)
{
	const struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
	c->is_accepting = true;
	event_assign(&c->accepting, c->base, is_short ? -1 : control_socket_fd(c->socket),
		is_short ? 0 : EV_READ, on_accepting, c);
	event_add(&c->accepting, is_short ? &pause : NULL);
}

static void on_accepting(evutil_socket_t fd, short what, void *argument)
{
	struct control *c = argument;
	(void)fd;
	(void)what;
	int client =
		accept4(control_socket_fd(c->socket), NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	bool is_short = client < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED;
	if (client >= 0)
		enter(c, client);
	accept_later(c, is_short);
}

/* --- reloads --- */

bool control_prepare(struct control *c, const struct conf_admin *conf, struct conf_errors *errors)
{
	c->next = NULL;
	if (!*conf->control)
		return true;
	bool is_same = c->socket && !strcmp(control_socket_path(c->socket), conf->control);
	if (is_same && control_socket_is_there(c->socket)) {
		c->next = c->socket;
		return true;
	}
	return control_socket_open(&c->next, conf, errors) != CONTROL_SOCKET_FAILED;
}

void control_commit(struct control *c, bool is_taken)
{
	struct control_socket *gone = is_taken ? c->socket : c->next;
	if (c->next != c->socket) {
		if (is_taken && c->is_accepting)
			event_del(&c->accepting);
		control_socket_close(gone);
	}
	c->is_new = is_taken && c->next && c->next != c->socket;
	if (is_taken)
		c->socket = c->next;
	c->next = NULL;
	if (c->is_new)
		accept_later(c, false);
	else if (!c->socket)
		c->is_accepting = false;
}

void control_announce(const struct control *c, struct server *server)
{
	if (c->is_new)
		server_announce_path(server, "admin.control", control_socket_path(c->socket));
}

/* --- beginning and end --- */

struct control *control_new(struct event_base *base, struct server *server)
{
	struct control *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->base = base;
	c->server = server;
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
		c->clients[i].control = c;
	if (!letters_init(&c->letters)) {
		free(c);
		return NULL;
	}
	event_assign(&c->mailed, base, c->letters.fd, EV_READ | EV_PERSIST, on_mail, c);
	event_add(&c->mailed, NULL);
	return c;
}

/* What fits into its socket's buffer is sent to each; nobody is waited for. */
void control_close(struct control *c)
{
	take_letters(c);
	for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
		struct client *one = &c->clients[i];
		if (one->state == CLIENT_WAITING)
			say(one, REPLY_REFUSED, "sipweir is stopping\n");
		if (one->state != CLIENT_NONE)
			leave(one);
	}
	if (c->is_accepting)
		event_del(&c->accepting);
	event_del(&c->mailed);
	control_socket_close(c->socket);
	c->socket = NULL;
	c->is_accepting = false;
}

void control_free(struct control *c)
{
	if (!c)
		return;
	letters_fini(&c->letters);
	free(c);
}
