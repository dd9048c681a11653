/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/server.h"
#include "proxy/io/descriptors.h"
#include "proxy/io/inspect.h"
#include "proxy/io/listen.h"
#include "proxy/io/worker.h"
#include "sip/message.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct server {
	const struct conf *conf;
	struct shared shared;
	struct log *log;
	struct log_lane *lane; /* of the main thread */
	struct worker *workers;
	unsigned worker_count; /* that are initialized */
	uint32_t *backlogs;    /* granted, one per listener */
	int signals;
	struct inspector inspector;
};

static unsigned wanted_workers(const struct conf *conf)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (conf->workers)
		return conf->workers;
	return cores > 0 && cores < 256 ? (unsigned)cores : 1;
}

/* --- telling --- */

static void tell(struct server *s, const struct record *r)
{
	if (r->level > s->conf->log.level)
		return;
	log_lane_put(s->lane, r);
	log_call(s->log, s->lane);
}

static void tell_start(struct server *s)
{
	struct record r;
	record_init(&r, RECORD_START);
	r.version = SIPWEIR_VERSION;
	snprintf(r.message, sizeof(r.message),
		"%u workers, at most %u connections, %u sources tracked", s->shared.workers,
		s->shared.max_connections, s->conf->limits.tracked_sources);
	tell(s, &r);
}

static void tell_backlog(struct server *s, const struct listener *l, uint32_t granted)
{
	struct record r;
	if (granted >= l->conf->backlog)
		return;
	record_init(&r, RECORD_KERNEL_BACKLOG);
	r.listener = l->conf->name;
	r.has |= RECORD_HAS_CURRENT;
	r.current = granted;
	r.max = l->conf->backlog;
	snprintf(r.message, sizeof(r.message),
		"the kernel grants a backlog of %u where %u is configured; raise "
		"net.core.somaxconn or lower "
		"listeners.%s.backlog",
		granted, l->conf->backlog, l->conf->name);
	tell(s, &r);
}

static void tell_listening(struct server *s, size_t index, server_on_ready *on_ready)
{
	struct record r;
	char address[ADDR_PORT_TEXT_MAX];
	struct listener *l = &s->shared.listeners[index];
	record_init(&r, RECORD_LISTENING);
	r.listener = l->conf->name;
	r.address = l->address;
	r.has |= RECORD_HAS_ADDRESS;
	addr_port_format(&l->address, address);
	snprintf(r.message, sizeof(r.message), "accepting on %s, backlog %u", address,
		s->backlogs[index]);
	tell(s, &r);
	tell_backlog(s, l, s->backlogs[index]);
	if (on_ready)
		on_ready(index, address);
}

/* The count that must be zero: a slot that was not given back would lock its source out for ever. */
static void tell_stop(struct server *s)
{
	struct record r;
	record_init(&r, RECORD_STOP);
	r.has |= RECORD_HAS_CURRENT;
	r.current = (uint32_t)limiter_slots(s->shared.limiter);
	r.max = s->shared.max_connections;
	snprintf(r.message, sizeof(r.message), "stopped as asked; %u limit slots still held",
		r.current);
	tell(s, &r);
}

/* --- preparing --- */

/* Sockets of all workers for one listener: fds[worker * listeners + listener]. */
static bool open_listener(struct server *s, size_t index, int *fds, struct conf_errors *errors)
{
	int mine[256];
	struct listener *l = &s->shared.listeners[index];
	if (!listen_open(l->conf, &s->conf->timeouts, s->shared.workers, mine, &l->address,
		    &s->backlogs[index], errors))
		return false;
	for (unsigned w = 0; w < s->shared.workers; w++)
		fds[w * s->conf->listener_count + index] = mine[w];
	return true;
}

static void close_fds(const int *fds, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static bool init_workers(struct server *s, int *fds, struct conf_errors *errors)
{
	size_t listeners = s->conf->listener_count;
	bool is_open = true;
	for (size_t i = 0; i < listeners; i++)
		is_open &= open_listener(s, i, fds, errors);
	while (is_open && s->worker_count < s->shared.workers) {
		unsigned w = s->worker_count;
		is_open = worker_init(&s->workers[w], &s->shared, s->workers, w,
			fds + w * listeners, s->log, errors);
		for (size_t i = 0; i < listeners; i++)
			fds[w * listeners + i] = -1;
		s->worker_count += is_open;
	}
	if (!is_open)
		close_fds(fds, s->shared.workers * listeners);
	return is_open;
}

/* Blocked before any thread starts, so that all inherit it and the main thread alone reads them. */
static bool take_signals(struct server *s)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return false;
	s->signals = signalfd(-1, &set, SFD_CLOEXEC);
	return s->signals >= 0;
}

static bool open_everything(struct server *s, struct conf_errors *errors)
{
	size_t sockets = s->shared.workers * s->conf->listener_count;
	int *fds = malloc(sockets * sizeof(*fds));
	s->backlogs = calloc(s->conf->listener_count, sizeof(*s->backlogs));
	s->workers =
		aligned_alloc(_Alignof(struct worker), s->shared.workers * sizeof(*s->workers));
	bool is_open = fds && s->backlogs && s->workers;
	if (is_open && !take_signals(s)) {
		conf_errors_add(
			errors, &s->conf->place, "", "the host has no descriptor for signals");
		is_open = false;
	}
	s->log = is_open ? log_new(&s->conf->log, s->shared.workers + 1, errors) : NULL;
	is_open = s->log != NULL;
	if (is_open) {
		for (size_t i = 0; i < sockets; i++)
			fds[i] = -1;
		s->lane = log_lane(s->log, s->shared.workers);
		is_open = init_workers(s, fds, errors);
	}
	free(fds);
	s->inspector.shared = &s->shared;
	s->inspector.workers = s->workers;
	s->inspector.log = s->log;
	return is_open;
}

struct server *server_new(const struct conf *conf, bool is_check, struct conf_errors *errors)
{
	unsigned workers = wanted_workers(conf);
	uint32_t max_connections = descriptors_provide(conf, workers, errors);
	struct server *s = calloc(1, sizeof(*s));
	if (!s || !max_connections) {
		free(s);
		return NULL;
	}
	s->conf = conf;
	s->signals = -1;
	message_init();
	if (!shared_init(&s->shared, conf, max_connections, workers)) {
		conf_errors_add(errors, &conf->limits.at.tracked_sources, "limits.tracked_sources",
			"the host has no memory for %u sources; expected a smaller number",
			conf->limits.tracked_sources);
		free(s);
		return NULL;
	}
	if (is_check ? !log_check(&conf->log, errors) : !open_everything(s, errors)) {
		server_free(s);
		return NULL;
	}
	return s;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->worker_count; i++)
		worker_fini(&s->workers[i]);
	log_free(s->log);
	free(s->workers);
	free(s->backlogs);
	shared_fini(&s->shared);
	if (s->signals >= 0)
		close(s->signals);
	free(s);
}

const struct inspector *server_inspector(const struct server *s)
{
	return s->log ? &s->inspector : NULL;
}

void server_announce(struct server *s, const char *what, const struct addr_port *address)
{
	struct record r;
	char text[ADDR_PORT_TEXT_MAX];
	record_init(&r, RECORD_LISTENING);
	r.listener = what;
	r.address = *address;
	r.has |= RECORD_HAS_ADDRESS;
	addr_port_format(address, text);
	snprintf(r.message, sizeof(r.message), "accepting on %s", text);
	tell(s, &r);
}

/* --- running --- */

/* By itself HUP ends a process: whoever expects a reload must not lose every connection for it. */
static void tell_no_reload(struct server *s)
{
	struct record r;
	record_init(&r, RECORD_RELOAD);
	snprintf(r.message, sizeof(r.message),
		"this version cannot reload: nothing has changed; restart it to read the "
		"configuration again");
	tell(s, &r);
}

static void wait_for_signal(struct server *s)
{
	struct signalfd_siginfo info;
	for (;;) {
		ssize_t got = read(s->signals, &info, sizeof(info));
		if (got == sizeof(info) && info.ssi_signo == SIGHUP)
			tell_no_reload(s);
		else if (got >= 0 || errno != EINTR)
			return;
	}
}

/* While the workers close what is open a second signal ends the process the way it always would. */
static void let_signals_end_us(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static unsigned start_workers(struct server *s)
{
	unsigned started = 0;
	while (started < s->worker_count && worker_start(&s->workers[started]))
		started++;
	return started;
}

static void tell_failed(struct server *s, const char *what)
{
	struct record r;
	record_init(&r, RECORD_FAILED);
	snprintf(r.message, sizeof(r.message), "%s", what);
	tell(s, &r);
}

bool server_run(struct server *s, server_on_ready *on_ready)
{
	unsigned started = start_workers(s);
	bool is_whole = started == s->worker_count;
	if (is_whole) {
		atomic_store(&s->inspector.is_serving, true);
		tell_start(s);
		for (size_t i = 0; i < s->conf->listener_count; i++)
			tell_listening(s, i, on_ready);
		wait_for_signal(s);
		atomic_store(&s->inspector.is_serving, false);
	} else {
		tell_failed(s, "the host starts no more threads; lower `workers` or raise its "
			       "limit of tasks");
	}
	let_signals_end_us();
	for (unsigned i = 0; i < started; i++)
		worker_stop(&s->workers[i]);
	for (unsigned i = 0; i < started; i++)
		worker_join(&s->workers[i]);
	if (is_whole)
		tell_stop(s);
	return is_whole;
}
