/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/worker.h"
#include "proxy/core/check.h"
#include "proxy/io/listen.h"
#include "proxy/io/worker_host.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	CLOSES_PER_TURN = 256,
	SAMPLE_MS = 1000, /* between two looks at the queues of listening sockets */
	LAST_LINES_MS =
		1000, /* for the log to take what was counted; a log that nobody reads keeps nobody */
};

static uint64_t monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- mail --- */

static void take_mail(struct worker *w, const struct mail *mail)
{
	switch (mail->kind) {
	case MAIL_TURNS:
		w->turns_asked += !w->turns_left[mail->from];
		w->turns_left[mail->from] =
			WORKER_TURNS_ASKED +
			1; /* this turn, which has begun already, does not count */
		break;
	case MAIL_TURNS_END:
		w->turns_due--;
		break;
	case MAIL_PLAN:
		w->next_plan = mail->plan;
		break;
	case MAIL_LEAVE:
		w->is_leaving = true;
		w->leave_over_ms = mail->over_ms;
		break;
	}
}

static void on_mail(evutil_socket_t fd, short what, void *argument)
{
	struct worker *w = argument;
	struct mail mail;
	(void)fd;
	(void)what;
	core_clock(&w->core, monotonic_ms());
	mailbox_clear(&w->mailbox);
	while (mailbox_take(&w->mailbox, &mail))
		take_mail(w, &mail);
}

static void answer_turns(struct worker *w)
{
	struct mail mail = {.kind = MAIL_TURNS_END, .from = w->core.index};
	for (unsigned i = 0; w->turns_asked && i < w->core.shared->workers; i++) {
		if (!w->turns_left[i] || --w->turns_left[i])
			continue;
		w->turns_asked--;
		mailbox_post(&w->workers[i].mailbox, mail);
	}
}

/* --- turns --- */

static void on_event(struct tcp *t)
{
	struct worker *w = LIST_OBJECT(t, struct worker, tcp);
	core_clock(&w->core, monotonic_ms());
}

static struct acceptor *own_acceptor(const struct worker *w, size_t index)
{
	return &w->plan->sockets[index]->acceptors[w->core.index];
}

/* The worker looks, because the sockets are its own: nobody else may use one that it may be closing. */
static void sample_queues(struct worker *w)
{
	if (w->core.now_ms < w->sampled_ms + SAMPLE_MS)
		return;
	w->sampled_ms = w->core.now_ms;
	for (size_t i = 0; i < w->plan->socket_count; i++) {
		const struct acceptor *a = own_acceptor(w, i);
		struct listener_counters *c = &a->listener->counters[w->core.index];
		uint32_t length, limit;
		if (!listen_queue(a->fd, &length, &limit))
			continue;
		counter_set(&c->queue, length);
		counter_set(&c->queue_limit, limit);
	}
}

/* Makes the loop turn at least so often; the turn's end does the work. */
static void on_tick(evutil_socket_t fd, short what, void *argument)
{
	struct worker *w = argument;
	(void)fd;
	(void)what;
	log_lane_settle(w->lane);
	sample_queues(w);
}

/* Whoever waits for turns has its answer when all the others and this worker itself have had theirs. */
static void count_own_turn(struct worker *w)
{
	if (w->own_turns_left)
		w->own_turns_left--;
	if (w->is_asking && !w->own_turns_left && !w->turns_due) {
		w->is_asking = false;
		core_turns_done(&w->core);
	}
}

/* --- plans --- */

static void tell_main(const struct worker *w)
{
	uint64_t one = 1;
	if (write(w->answers, &one, sizeof(one)) < 0)
		return; /* it is readable as it is */
}

static void open_acceptors(struct worker *w)
{
	for (size_t i = 0; i < w->plan->socket_count; i++) {
		struct listener *l = settings_listener(w->plan->settings, i)->listener;
		if (acceptor_open(own_acceptor(w, i), &w->core, &w->tcp, l))
			continue;
		struct record r;
		record_init(&r, RECORD_FAILED);
		r.listener = l->name;
		snprintf(r.message, sizeof(r.message),
			"worker %u cannot watch this listener: the host has no memory for it",
			w->core.index + 1);
		w->host.report(&w->host, &r);
	}
}

/* Who waits in the queue of a socket that goes is accepted under the settings that it has come for. */
static void take_plan(struct worker *w)
{
	const struct plan *next = w->next_plan;
	for (size_t i = 0; w->plan && i < w->plan->socket_count; i++)
		if (!plan_has(next, w->plan->sockets[i]))
			acceptor_close(own_acceptor(w, i));
	core_adopt(&w->core, next->settings);
	w->plan = next;
	w->next_plan = NULL;
	open_acceptors(w);
	atomic_store(&w->generation, next->settings->generation);
	tell_main(w);
}

static void turn(struct worker *w)
{
	bool is_hurried = w->turns_asked || w->own_turns_left || w->is_hurried ||
			  core_has_work(&w->core) || tls_has_ready(&w->tls);
	event_base_loop(w->base, is_hurried ? EVLOOP_ONCE | EVLOOP_NONBLOCK : EVLOOP_ONCE);
	core_clock(&w->core, monotonic_ms());
	tls_run_ready(&w->tls);
	core_tend(&w->core);
	count_own_turn(w);
	core_end_turn(&w->core);
	answer_turns(w);
	if (w->next_plan)
		take_plan(w);
	log_call(w->log, w->lane);
	atomic_store_explicit(&w->turned_ms, w->core.now_ms, memory_order_relaxed);
}

static void stop_accepting(struct worker *w)
{
	for (size_t i = 0; i < w->plan->socket_count; i++)
		acceptor_close(own_acceptor(w, i));
}

static void close_everything(struct worker *w)
{
	w->is_hurried = !w->leave_over_ms;
	if (w->leave_over_ms)
		drain_begin(&w->core, w->leave_over_ms);
	while (w->is_hurried ? core_sweep(&w->core, REASON_SHUTDOWN, CLOSES_PER_TURN)
			     : w->core.sessions.taken > 0)
		turn(w);
	core_end_turn(&w->core);
	/* While there still is something that closes their streams. */
	check_end_all(&w->core);
}

static void *run(void *argument)
{
	struct worker *w = argument;
	take_plan(w);
	while (!w->is_leaving)
		turn(w);
	stop_accepting(w);
	close_everything(w);
	for (unsigned ms = 0; !log_lane_settle(w->lane) && ms < LAST_LINES_MS; ms++) {
		log_call(w->log, w->lane);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	log_call(w->log, w->lane);
	atomic_store(&w->has_ended, true);
	tell_main(w);
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

static bool init_events(struct worker *w)
{
	struct timeval tick = {.tv_usec = WHEEL_TICK_MS * 1000};
	event_assign(&w->mail, w->base, w->mailbox.fd, EV_READ | EV_PERSIST, on_mail, w);
	event_assign(&w->tick, w->base, -1, EV_PERSIST, on_tick, w);
	return event_add(&w->mail, NULL) == 0 && event_add(&w->tick, &tick) == 0;
}

bool worker_init(struct worker *w, const struct worker_setup *setup, unsigned index,
	struct conf_errors *errors)
{
	struct shared *sh = setup->shared;
	memset(w, 0, sizeof(*w));
	w->workers = setup->workers;
	w->log = setup->log;
	w->lane = log_lane(setup->log, index);
	w->answers = setup->answers;
	worker_host_init(w);
	atomic_init(&w->turned_ms, monotonic_ms());

	bool has_core = core_init(&w->core, sh, &w->host, index, monotonic_ms());
	bool has_mailbox = mailbox_init(&w->mailbox);
	w->base = new_base();
	bool has_tcp =
		w->base && tcp_init(&w->tcp, w->base, 2 * w->core.sessions.capacity, on_event);
	bool has_tls = has_core && tls_init(&w->tls, 2 * w->core.sessions.capacity);
	w->turns_left = calloc(sh->workers, sizeof(*w->turns_left));
	if (has_core && has_mailbox && has_tcp && has_tls && w->turns_left && init_events(w))
		return true;

	conf_errors_add(errors, &sh->settings->conf->at.workers, "workers",
		"the host has no memory or descriptors for worker %u; expected a smaller number",
		index + 1);
	free(w->turns_left);
	if (has_tls)
		tls_fini(&w->tls);
	if (has_tcp)
		tcp_fini(&w->tcp);
	if (w->base)
		event_base_free(w->base);
	if (has_mailbox)
		mailbox_fini(&w->mailbox);
	if (has_core)
		core_fini(&w->core);
	return false;
}

bool worker_start(struct worker *w, const struct plan *first)
{
	w->next_plan = first;
	return pthread_create(&w->thread, NULL, run, w) == 0;
}

void worker_give_plan(struct worker *w, const struct plan *p)
{
	mailbox_post(&w->mailbox, (struct mail){.kind = MAIL_PLAN, .plan = p});
}

uint64_t worker_generation(const struct worker *w)
{
	return atomic_load(&w->generation);
}

uint64_t worker_still_ms(const struct worker *w)
{
	uint64_t turned_ms = atomic_load_explicit(&w->turned_ms, memory_order_relaxed);
	uint64_t now_ms = monotonic_ms();
	return now_ms > turned_ms ? now_ms - turned_ms : 0;
}

void worker_leave(struct worker *w, uint64_t over_ms)
{
	mailbox_post(&w->mailbox, (struct mail){.kind = MAIL_LEAVE, .over_ms = over_ms});
}

bool worker_has_ended(const struct worker *w)
{
	return atomic_load(&w->has_ended);
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
}

void worker_fini(struct worker *w)
{
	event_del(&w->mail);
	event_del(&w->tick);
	event_base_free(w->base);
	tls_fini(&w->tls);
	tcp_fini(&w->tcp);
	mailbox_fini(&w->mailbox);
	free(w->turns_left);
	core_fini(&w->core);
}
