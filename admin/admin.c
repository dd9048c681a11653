/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/admin.h"
#include "admin/control.h"
#include "admin/http.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum errand_kind { ERRAND_PREPARE, ERRAND_COMMIT, ERRAND_STOP };

/* What the main thread has the other one do, and waits for: sockets and events are touched there alone. */
struct errand {
	enum errand_kind kind;
	const struct conf_admin *conf;
	struct conf_errors *errors;
	bool is_taken;
	bool is_fine; /* the result */
};

struct admin {
	struct server *server;
	struct event_base *base;
	struct http *http;
	struct control *control;
	int bell; /* readable when there is an errand */
	struct event rung;
	struct errand *errand;
	sem_t done;
	pthread_t thread;
	bool is_running;
};

/* --- the thread --- */

static void do_errand(struct admin *a, struct errand *e)
{
	switch (e->kind) {
	case ERRAND_PREPARE:
		e->is_fine = http_prepare(a->http, e->conf, e->errors);
		e->is_fine &= control_prepare(a->control, e->conf, e->errors);
		break;
	case ERRAND_COMMIT:
		http_commit(a->http, e->is_taken);
		control_commit(a->control, e->is_taken);
		break;
	case ERRAND_STOP:
		event_base_loopbreak(a->base);
		break;
	}
}

static void on_bell(evutil_socket_t fd, short what, void *argument)
{
	struct admin *a = argument;
	uint64_t count;
	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	do_errand(a, a->errand);
	sem_post(&a->done);
}

static void *run(void *argument)
{
	struct admin *a = argument;
	event_base_dispatch(a->base);
	return NULL;
}

/* --- the main thread --- */

static void have_done(struct admin *a, struct errand *e)
{
	uint64_t one = 1;
	if (!a->is_running) {
		do_errand(a, e);
		return;
	}
	a->errand = e;
	while (write(a->bell, &one, sizeof(one)) < 0 && errno == EINTR)
		continue;
	while (sem_wait(&a->done) != 0 && errno == EINTR)
		continue;
}

bool admin_prepare(struct admin *a, const struct conf_admin *next, struct conf_errors *errors)
{
	struct errand prepare = {.kind = ERRAND_PREPARE, .conf = next, .errors = errors};
	struct errand drop = {.kind = ERRAND_COMMIT};
	have_done(a, &prepare);
	if (!prepare.is_fine)
		have_done(a, &drop);
	return prepare.is_fine;
}

void admin_commit(struct admin *a, bool is_taken)
{
	struct errand e = {.kind = ERRAND_COMMIT, .is_taken = is_taken};
	have_done(a, &e);
	if (!is_taken)
		return;
	http_announce(a->http, a->server);
	control_announce(a->control, a->server);
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

/* What could be made is there afterwards, for admin_free(). */
static bool init(struct admin *a, struct server *server)
{
	a->server = server;
	sem_init(&a->done, 0, 0);
	a->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	a->base = new_base();
	if (a->bell < 0 || !a->base)
		return false;
	a->http = http_new(a->base, server);
	a->control = control_new(a->base, server);
	event_assign(&a->rung, a->base, a->bell, EV_READ | EV_PERSIST, on_bell, a);
	return a->http && a->control && event_add(&a->rung, NULL) == 0;
}

static bool start(struct admin *a)
{
	a->is_running = pthread_create(&a->thread, NULL, run, a) == 0;
	return a->is_running;
}

struct admin *admin_new(
	const struct conf_admin *conf, struct server *server, struct conf_errors *errors)
{
	struct admin *a = calloc(1, sizeof(*a));
	bool has_parts = a && init(a, server);
	if (has_parts && !admin_prepare(a, conf, errors)) {
		admin_stop(a);
		admin_free(a);
		return NULL;
	}
	if (has_parts) {
		admin_commit(a, true);
		if (start(a))
			return a;
	}
	conf_errors_add(errors, &conf->place, "admin",
		"the host has no memory, descriptor or thread for it");
	admin_stop(a);
	admin_free(a);
	return NULL;
}

void admin_stop(struct admin *a)
{
	struct errand e = {.kind = ERRAND_STOP};
	if (!a || !a->base)
		return;
	if (a->is_running) {
		http_stop(a->http);
		have_done(a, &e);
		pthread_join(a->thread, NULL);
		a->is_running = false;
	}
	if (a->control)
		control_close(a->control);
	http_free(a->http);
	a->http = NULL;
	event_base_free(a->base);
	a->base = NULL;
}

void admin_free(struct admin *a)
{
	if (!a)
		return;
	control_free(a->control);
	if (a->bell >= 0)
		close(a->bell);
	sem_destroy(&a->done);
	free(a);
}
