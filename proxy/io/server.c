/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/server.h"
#include "proxy/io/ban_keeper.h"
#include "proxy/io/descriptors.h"
#include "proxy/io/expiry.h"
#include "proxy/io/dns.h"
#include "proxy/io/leave.h"
#include "proxy/io/names.h"
#include "proxy/io/notice.h"
#include "proxy/io/privileges.h"
#include "proxy/io/reload.h"
#include "proxy/io/server_order.h"
#include "sip/message.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

uint64_t server_now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int64_t server_wall_s(void)
{
	return (int64_t)time(NULL);
}

static unsigned wanted_workers(const struct conf *conf)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (conf->workers)
		return conf->workers;
	return cores > 0 && cores < 256 ? (unsigned)cores : 1;
}

/* --- preparing --- */

/* Blocked before any thread starts, so that all inherit it and the main thread alone reads them. */
static bool take_signals(struct server *s)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	signal(SIGPIPE, SIG_IGN);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return false;
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->answers = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return s->signals >= 0 && s->answers >= 0;
}

static bool init_workers(struct server *s, struct conf_errors *errors)
{
	const struct worker_setup setup = {
		.shared = &s->shared,
		.workers = s->workers,
		.log = s->log,
		.answers = s->answers,
	};
	while (s->worker_count < s->shared.workers) {
		if (!worker_init(&s->workers[s->worker_count], &setup, s->worker_count, errors))
			return false;
		s->worker_count++;
	}
	return true;
}

/* What has been found out before anybody uses the plan. */
static bool take_names(struct server *s, struct conf_errors *errors)
{
	const struct conf *conf = s->plan->settings->conf;
	if (!s->shared.names.entries)
		return true;
	struct plan *next = plan_again(&s->world, s->plan);
	if (!next) {
		conf_errors_add(errors, &conf->place, "", "the host has no memory for its servers");
		return false;
	}
	settings_publish(&s->shared, next->settings);
	plan_free(s->plan, next);
	s->plan = next;
	return true;
}

static bool open_everything(struct server *s, struct conf *conf, struct conf_errors *errors)
{
	s->workers =
		aligned_alloc(_Alignof(struct worker), s->shared.workers * sizeof(*s->workers));
	if (!s->workers || !take_signals(s)) {
		conf_errors_add(errors, &conf->place, "",
			"the host has no memory or descriptor for its signals");
		return false;
	}
	s->plan = plan_new(&s->world, conf, NULL, errors);
	if (!s->plan || !privileges_drop(conf, errors) || !plan_secure(s->plan, NULL, errors))
		return false;
	ban_keeper_load(s, errors);
	settings_publish(&s->shared, s->plan->settings);
	s->log = log_new(&conf->log, s->shared.workers + 1, errors);
	if (!s->log)
		return false;
	s->lane = log_lane(s->log, s->shared.workers);
	s->inspector.shared = &s->shared;
	s->inspector.workers = s->workers;
	s->inspector.log = s->log;
	s->inspector.started_ms = server_now_ms();
	names_begin(s);
	if (!take_names(s, errors))
		return false;
	return init_workers(s, errors);
}

/* What can be looked at without taking anything. */
static bool check_everything(struct server *s, struct conf *conf, struct conf_errors *errors)
{
	bool is_user_known = privileges_check(conf, errors);
	s->plan = plan_check(&s->world, conf, errors);
	return log_check(&conf->log, errors) && s->plan && is_user_known;
}

static bool init_shared(struct server *s, const struct conf *conf, struct conf_errors *errors)
{
	struct shared_setup setup = {
		.limits = &conf->limits,
		.workers = wanted_workers(conf),
	};
	setup.capacity = descriptors_provide(conf, setup.workers, errors);
	if (!setup.capacity)
		return false;
	if (shared_init(&s->shared, &setup)) {
		s->shared.ports = descriptors_ports();
		s->world.shared = &s->shared;
		s->world.tls = tls_world_new(setup.workers);
		if (s->world.tls)
			return true;
		shared_fini(&s->shared);
	}
	conf_errors_add(errors, &conf->limits.at.tracked_sources, "limits.tracked_sources",
		"the host has no memory for %u sources; expected a smaller number",
		conf->limits.tracked_sources);
	return false;
}

struct server *server_new(struct conf *conf, bool is_check, struct conf_errors *errors)
{
	struct server *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->signals = s->answers = -1;
	message_init();
	if (!orders_init(&s->orders)) {
		free(s);
		return NULL;
	}
	if (!init_shared(s, conf, errors)) {
		orders_fini(&s->orders);
		free(s);
		return NULL;
	}
	if (is_check ? check_everything(s, conf, errors) : open_everything(s, conf, errors))
		return s;
	if (s->plan)
		settings_keep_conf(s->plan->settings);
	server_free(s);
	return NULL;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->worker_count; i++)
		worker_fini(&s->workers[i]);
	log_free(s->log);
	free(s->workers);
	names_fini(s);
	reload_fini(s);
	plan_free(s->plan, NULL);
	tls_world_free(s->world.tls);
	shared_fini(&s->shared);
	orders_fini(&s->orders);
	if (s->signals >= 0)
		close(s->signals);
	if (s->answers >= 0)
		close(s->answers);
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
	notice_tell(s, &r);
}

void server_announce_path(struct server *s, const char *what, const char *path)
{
	struct record r;
	record_init(&r, RECORD_LISTENING);
	r.listener = what;
	snprintf(r.message, sizeof(r.message), "accepting on %s", path);
	notice_tell(s, &r);
}

bool server_give_order(struct server *s, const struct server_order *order)
{
	return orders_give(&s->orders, order);
}

/* --- running --- */

/* A second signal ends the process the way it always would. */
static void let_signals_end_us(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void take_signal(struct server *s, uint32_t signal)
{
	switch (signal) {
	case SIGHUP:
		reload_begin(s, NULL);
		break;
	case SIGUSR1:
		reload_log(s);
		break;
	default:
		if (s->is_leaving_signalled) {
			let_signals_end_us();
			raise((int)signal);
		}
		leave_begin(s, NULL);
		break;
	}
}

static void take_order(struct server *s, const struct server_order *order)
{
	switch (order->action) {
	case SERVER_RELOAD:
		reload_begin(s, order);
		break;
	case SERVER_DRAIN:
		leave_begin(s, order);
		break;
	case SERVER_BAN:
	case SERVER_UNBAN:
	case SERVER_FORGET:
		ban_keeper_order(s, order);
		break;
	case SERVER_BACKEND:
		server_order_carry_out(s, order);
		break;
	case SERVER_UNDRAIN:
		leave_take_back(s, order);
		break;
	}
}

/* One reload after the other: orders wait until all workers have taken the last. */
static void take_orders(struct server *s)
{
	struct server_order order;
	orders_clear(&s->orders);
	while (!reload_is_pending(s) && orders_take(&s->orders, &order))
		take_order(s, &order);
}

static void take_answers(struct server *s)
{
	uint64_t count;
	if (read(s->answers, &count, sizeof(count)) < 0)
		return;
	reload_go_on(s);
	take_orders(s);
}

static void take_signal_queue(struct server *s)
{
	struct signalfd_siginfo info;
	while (read(s->signals, &info, sizeof(info)) == sizeof(info))
		take_signal(s, info.ssi_signo);
}

/* A reload may wait for names, and others for it; in how many milliseconds it stops doing so, -1: none does. */
static int keep_reload_time(struct server *s)
{
	if (reload_wait_ms(s) == 0) {
		reload_go_on(s);
		take_orders(s);
	}
	return reload_wait_ms(s);
}

/* Do what its time has come for; in how many milliseconds there is more of that. */
static int keep_time(struct server *s)
{
	int leave_ms = leave_go_on(s), expiry_ms = expiry_go_on(s), bans_ms = ban_keeper_go_on(s);
	int soonest_ms = bans_ms < expiry_ms ? bans_ms : expiry_ms, names_ms = names_go_on(s);
	int reload_ms = keep_reload_time(s);
	if (names_ms < soonest_ms)
		soonest_ms = names_ms;
	if (reload_ms >= 0 && reload_ms < soonest_ms)
		soonest_ms = reload_ms;
	return leave_ms >= 0 && leave_ms < soonest_ms ? leave_ms : soonest_ms;
}

static void serve(struct server *s)
{
	enum { OWN = 3 };
	struct pollfd fds[OWN + DNS_FDS_MAX] = {
		{.fd = s->signals, .events = POLLIN},
		{.fd = s->orders.fd, .events = POLLIN},
		{.fd = s->answers, .events = POLLIN},
	};
	while (!leave_is_over(s)) {
		int most_ms = keep_time(s);
		size_t asked = names_poll(s, fds + OWN, &most_ms);
		int ready = poll(fds, OWN + asked, most_ms);
		names_take(s, fds + OWN, ready > 0 ? asked : 0);
		if (ready <= 0)
			continue;
		if (fds[0].revents)
			take_signal_queue(s);
		if (fds[1].revents)
			take_orders(s);
		if (fds[2].revents)
			take_answers(s);
	}
}

static unsigned start_workers(struct server *s)
{
	unsigned started = 0;
	while (started < s->worker_count && worker_start(&s->workers[started], s->plan))
		started++;
	return started;
}

void server_tell_state(struct server *s, enum server_state state)
{
	const struct server_program *program = s->program;
	uint64_t now_ms = server_now_ms();
	uint64_t delay_ms =
		state == SERVER_DRAINING && s->leave_at_ms > now_ms ? s->leave_at_ms - now_ms : 0;
	if (!program->on_state || (state == SERVER_READY && s->leaving == LEAVING_NOW))
		return;
	program->on_state(program->owner, state, delay_ms + s->leave_over_ms);
	if (state == SERVER_READY && s->leaving == LEAVING_SAID)
		server_tell_state(s, SERVER_DRAINING);
}

static void tell_ready(struct server *s)
{
	const struct server_program *program = s->program;
	notice_start(s);
	for (size_t i = 0; i < s->plan->socket_count; i++) {
		char address[ADDR_PORT_TEXT_MAX];
		addr_port_format(&s->plan->sockets[i]->bound, address);
		notice_listening(s, i);
		if (program->on_ready)
			program->on_ready(program->owner, i, address);
	}
	notice_lists(s);
	expiry_tell(s);
	server_tell_state(s, SERVER_READY);
}

bool server_run(struct server *s, const struct server_program *program)
{
	s->program = program;
	unsigned started = start_workers(s);
	bool is_whole = started == s->worker_count;
	if (is_whole) {
		atomic_store(&s->inspector.is_serving, true);
		tell_ready(s);
		serve(s);
	} else {
		notice_say(s, RECORD_FAILED, CONF_LOG_ERROR,
			"the host starts no more threads; lower `workers` or raise its limit of "
			"tasks");
		for (unsigned i = 0; i < started; i++)
			worker_leave(&s->workers[i], 0);
	}
	let_signals_end_us();
	for (unsigned i = 0; i < started; i++)
		worker_join(&s->workers[i]);
	ban_keeper_save(s);
	if (is_whole)
		notice_stop(s);
	return is_whole;
}
