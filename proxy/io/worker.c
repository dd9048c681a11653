/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/worker.h"
#include "proxy/io/listen.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	CLOSES_PER_TURN = 256,
	SAMPLE_MS = 1000, /* between two looks at the queues of listening sockets */
	LAST_LINES_MS =
		1000, /* for the log to take what was counted; a log that nobody reads keeps nobody */
	TURNS_ASKED = 2, /* a FIN may come behind data: read in one turn, seen in the next */
};

static uint64_t monotonic_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- what the core asks of the world --- */

static struct worker *worker_of(struct host *h)
{
	return LIST_OBJECT(h, struct worker, host);
}

static struct stream *host_connect(
	struct host *h, const struct connection_plan *plan, int *failure)
{
	struct worker *w = worker_of(h);
	return tcp_connect(&w->tcp, plan->to, &w->core.conf->timeouts, failure);
}

static bool host_local_address(struct host *h, const struct stream *s, struct addr_port *local)
{
	(void)h;
	return tcp_local_address(s, local);
}

static void host_report(struct host *h, const struct record *r)
{
	struct worker *w = worker_of(h);
	if (r->level <= w->core.conf->log.level)
		log_lane_put(w->lane, r);
}

/* One's own turns need no mail: this is asked at the end of one. */
static void host_ask_turns(struct host *h)
{
	struct worker *w = worker_of(h);
	struct mail mail = {.kind = MAIL_TURNS, .from = w->core.index};
	w->is_asking = true;
	w->own_turns_left = TURNS_ASKED;
	for (unsigned i = 0; i < w->core.shared->workers; i++)
		if (i != w->core.index)
			w->turns_due += mailbox_post(&w->workers[i].mailbox, mail);
}

static void host_wake(struct host *h, unsigned worker)
{
	mailbox_wake(&worker_of(h)->workers[worker].mailbox);
}

/* --- mail --- */

static void take_mail(struct worker *w, const struct mail *mail)
{
	switch (mail->kind) {
	case MAIL_TURNS:
		w->turns_asked += !w->turns_left[mail->from];
		w->turns_left[mail->from] =
			TURNS_ASKED + 1; /* this turn, which has begun already, does not count */
		break;
	case MAIL_TURNS_END:
		w->turns_due--;
		break;
	case MAIL_STOP:
		w->is_stopping = true;
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

/* The worker looks, because the sockets are its own: nobody else may use one that it may be closing. */
static void sample_queues(struct worker *w)
{
	if (w->core.now_ms < w->sampled_ms + SAMPLE_MS)
		return;
	w->sampled_ms = w->core.now_ms;
	for (size_t i = 0; i < w->core.conf->listener_count; i++) {
		struct listener_counters *c = &w->acceptors[i].listener->counters[w->core.index];
		uint32_t length, limit;
		if (!listen_queue(w->acceptors[i].fd, &length, &limit))
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

static void turn(struct worker *w)
{
	bool is_hurried = w->turns_asked || w->own_turns_left || w->is_stopping;
	event_base_loop(w->base, is_hurried ? EVLOOP_ONCE | EVLOOP_NONBLOCK : EVLOOP_ONCE);
	core_clock(&w->core, monotonic_ms());
	core_tend(&w->core);
	count_own_turn(w);
	core_end_turn(&w->core);
	answer_turns(w);
	log_call(w->log, w->lane);
	atomic_store_explicit(&w->turned_ms, w->core.now_ms, memory_order_relaxed);
}

static void stop_accepting(struct worker *w)
{
	for (size_t i = 0; i < w->core.conf->listener_count; i++)
		acceptor_close(&w->acceptors[i]);
}

static void *run(void *argument)
{
	struct worker *w = argument;
	while (!w->is_stopping)
		turn(w);
	stop_accepting(w);
	while (core_sweep(&w->core, REASON_SHUTDOWN, CLOSES_PER_TURN))
		turn(w);
	core_end_turn(&w->core);
	for (unsigned ms = 0; !log_lane_settle(w->lane) && ms < LAST_LINES_MS; ms++) {
		log_call(w->log, w->lane);
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	log_call(w->log, w->lane);
	return NULL;
}

/* --- beginning and end --- */

static void init_host(struct worker *w)
{
	w->host = (struct host){
		.connect = host_connect,
		.local_address = host_local_address,
		.report = host_report,
		.ask_turns = host_ask_turns,
		.wake = host_wake,
	};
}

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

static bool init_events(struct worker *w, struct shared *sh, const int *fds)
{
	struct timeval tick = {.tv_usec = WHEEL_TICK_MS * 1000};
	event_assign(&w->mail, w->base, w->mailbox.fd, EV_READ | EV_PERSIST, on_mail, w);
	event_assign(&w->tick, w->base, -1, EV_PERSIST, on_tick, w);
	bool is_added = event_add(&w->mail, NULL) == 0 && event_add(&w->tick, &tick) == 0;
	for (size_t i = 0; i < sh->conf->listener_count; i++)
		is_added &= acceptor_open(
			&w->acceptors[i], &w->core, &w->tcp, &sh->listeners[i], fds[i]);
	return is_added;
}

bool worker_init(struct worker *w, struct shared *sh, struct worker *workers, unsigned index,
	const int *fds, struct log *log, struct conf_errors *errors)
{
	memset(w, 0, sizeof(*w));
	w->workers = workers;
	w->log = log;
	w->lane = log_lane(log, index);
	init_host(w);
	atomic_init(&w->turned_ms, monotonic_ms());

	bool has_core = core_init(&w->core, sh, &w->host, index, monotonic_ms());
	bool has_mailbox = mailbox_init(&w->mailbox);
	w->base = new_base();
	bool has_tcp =
		w->base && tcp_init(&w->tcp, w->base, 2 * w->core.sessions.capacity, on_event);
	w->acceptors = calloc(sh->conf->listener_count, sizeof(*w->acceptors));
	w->turns_left = calloc(sh->workers, sizeof(*w->turns_left));
	if (has_core && has_mailbox && has_tcp && w->acceptors && w->turns_left &&
		init_events(w, sh, fds))
		return true;

	conf_errors_add(errors, &sh->conf->at.workers, "workers",
		"the host has no memory or descriptors for worker %u; expected a smaller number",
		index + 1);
	free(w->acceptors);
	free(w->turns_left);
	if (has_tcp)
		tcp_fini(&w->tcp);
	if (w->base)
		event_base_free(w->base);
	if (has_mailbox)
		mailbox_fini(&w->mailbox);
	if (has_core)
		core_fini(&w->core);
	for (size_t i = 0; i < sh->conf->listener_count; i++)
		close(fds[i]);
	return false;
}

bool worker_start(struct worker *w)
{
	return pthread_create(&w->thread, NULL, run, w) == 0;
}

uint64_t worker_still_ms(const struct worker *w)
{
	uint64_t turned_ms = atomic_load_explicit(&w->turned_ms, memory_order_relaxed);
	uint64_t now_ms = monotonic_ms();
	return now_ms > turned_ms ? now_ms - turned_ms : 0;
}

void worker_stop(struct worker *w)
{
	mailbox_post(&w->mailbox, (struct mail){.kind = MAIL_STOP});
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
}

void worker_fini(struct worker *w)
{
	for (size_t i = 0; i < w->core.conf->listener_count; i++)
		if (w->acceptors[i].fd >= 0)
			close(w->acceptors[i].fd);
	event_del(&w->mail);
	event_del(&w->tick);
	event_base_free(w->base);
	tcp_fini(&w->tcp);
	mailbox_fini(&w->mailbox);
	free(w->acceptors);
	free(w->turns_left);
	core_fini(&w->core);
}
