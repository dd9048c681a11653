/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/log.h"
#include "proxy/core/log_line.h"
#include "proxy/core/log_volume.h"
#include "proxy/io/syslog_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
	OUTPUT_SIZE = 64 * 1024,
	TICK_MS = 50,
	IDLE_MS = 1000,
	END_MS = 2000, /* for the last lines, when nobody reads them */
};

/* Where lines go, and how. */
struct output {
	struct conf_log conf;
	int target; /* -1: the syslog, and nobody listened there */
	bool owns_target;
	bool is_syslog;
};

struct log {
	struct output output;	/* the thread's */
	struct output prepared; /* the main thread's */
	pthread_mutex_t lock;	/* of the next two */
	struct output next;	/* committed, and not taken yet */
	bool has_next;
	int wakeup;
	atomic_bool is_asleep, is_ending;
	pthread_t thread;
	unsigned lane_count;
	struct log_lane *lanes;
	uint64_t *told_drops; /* one per lane */
	struct log_volume *volume;
	uint64_t
		end_ms; /* when the last lines for `output` are given up; 0 until one had to wait */
	atomic_uint_fast64_t lost; /* lines that were */
	uint64_t told_lost;
	size_t length; /* of what is written with the next flush */
	char lines[OUTPUT_SIZE];
};

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- writing --- */

/* To the same descriptor it goes on when somebody reads again. */
static bool is_going_elsewhere(struct log *l)
{
	pthread_mutex_lock(&l->lock);
	bool is_going = l->has_next && (l->next.owns_target || l->next.target != l->output.target);
	pthread_mutex_unlock(&l->lock);
	return is_going;
}

static bool is_given_up(const struct log *l)
{
	return l->end_ms && now_ms() >= l->end_ms;
}

/* False when nobody reads and it is time to end or to go elsewhere: a log must not keep the process or its operator. */
static bool wait_until_writable(struct log *l)
{
	struct pollfd p = {.fd = l->output.target, .events = POLLOUT};
	while (poll(&p, 1, is_given_up(l) ? 0 : TICK_MS) == 0) {
		if (!atomic_load(&l->is_ending) && !is_going_elsewhere(l))
			continue;
		if (!l->end_ms)
			l->end_ms = now_ms() + END_MS;
		if (is_given_up(l))
			return false;
	}
	return true;
}

static void lose(struct log *l, const char *bytes, size_t length)
{
	uint64_t lines = 0;
	for (size_t i = 0; i < length; i++)
		lines += bytes[i] == '\n';
	atomic_fetch_add_explicit(&l->lost, lines, memory_order_relaxed);
}

/* In pieces that a pipe takes without blocking once poll() says that it is writable. */
static void flush_output(struct log *l)
{
	const char *bytes = l->lines;
	size_t length = l->length;
	l->length = 0;
	while (length && wait_until_writable(l)) {
		ssize_t wrote =
			write(l->output.target, bytes, length < PIPE_BUF ? length : PIPE_BUF);
		if (wrote < 0 && errno != EINTR && errno != EAGAIN)
			return; /* a full disk or a closed pipe: there is nobody to tell */
		bytes += wrote > 0 ? wrote : 0;
		length -= wrote > 0 ? (size_t)wrote : 0;
	}
	lose(l, bytes, length);
}

static void close_output(struct output *o)
{
	if (o->owns_target)
		close(o->target);
	o->owns_target = false;
}

static void open_syslog(struct output *o)
{
	close_output(o);
	o->target = syslog_socket_open();
	o->owns_target = o->target >= 0;
}

/* A daemon that was started anew has another socket under the same name; without one nobody is told. */
static void send_line(struct log *l, enum conf_log_level level, const struct text *line)
{
	for (int tries = 0; tries < 2; tries++) {
		if (l->output.target < 0)
			open_syslog(&l->output);
		while (l->output.target >= 0) {
			if (!wait_until_writable(l)) {
				lose(l, "\n", 1);
				return;
			}
			if (syslog_socket_send(
				    l->output.target, level, line->bytes, line->length - 1) >= 0)
				return;
			if (errno != EAGAIN && errno != EINTR)
				break;
		}
		close_output(&l->output);
		l->output.target = -1;
	}
}

static void emit(void *to, const struct record *r)
{
	struct log *l = to;
	struct text line;
	if (OUTPUT_SIZE - l->length < LOG_LINE_MAX)
		flush_output(l);
	text_init(&line, l->lines + l->length, OUTPUT_SIZE - l->length);
	log_line_write(&line, r, l->output.conf.format);
	if (l->output.is_syslog)
		send_line(l, r->level, &line);
	else
		l->length += line.length;
}

/* --- the thread --- */

static void tell_drops(
	struct log *l, const atomic_uint_fast64_t *dropped, uint64_t *told, const char *why)
{
	uint64_t count = atomic_load_explicit(dropped, memory_order_relaxed);
	if (count == *told)
		return;
	struct record r;
	struct timespec now;
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	record_init(&r, RECORD_LOG_DROPPED);
	r.at_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	r.count = (uint32_t)(count - *told);
	snprintf(r.message, sizeof(r.message), "%s", why);
	*told = count;
	emit(l, &r);
}

static void tell_all_drops(struct log *l)
{
	for (unsigned i = 0; i < l->lane_count; i++)
		tell_drops(l, &l->lanes[i].dropped, &l->told_drops[i],
			"events came faster than they could be written");
	tell_drops(l, &l->lost, &l->told_lost,
		"nobody read them where log.target was before, and a reload has changed it");
}

/* What is still in the lanes when an output is given up is for the next one. */
static bool awaits_next(const struct log *l)
{
	return is_given_up(l) && !atomic_load(&l->is_ending);
}

static void empty_lane(struct log *l, struct log_lane *lane, unsigned most)
{
	const struct record *r;
	for (; most && !awaits_next(l) && (r = log_lane_peek(lane)); most--) {
		log_volume_take(l->volume, r, now_ms());
		log_lane_pop(lane);
	}
}

/*
 * The main thread's lane is the last, and what it tells ("stop") may follow what the others told before: so it is looked
 * at first and emptied last.
 */
static bool empty_lanes(struct log *l)
{
	struct log_lane *last = &l->lanes[l->lane_count - 1];
	unsigned waiting = log_lane_waiting(last);
	bool had_any = waiting > 0;
	for (struct log_lane *lane = l->lanes; lane < last; lane++) {
		had_any |= log_lane_waiting(lane) > 0;
		empty_lane(l, lane, LANE_RING);
	}
	empty_lane(l, last, waiting);
	return had_any;
}

static void sleep_until_called(struct log *l)
{
	struct pollfd p = {.fd = l->wakeup, .events = POLLIN};
	uint64_t count;
	atomic_store(&l->is_asleep, true);
	if (!atomic_load(&l->is_ending) && !empty_lanes(l))
		poll(&p, 1, log_volume_is_open(l->volume) ? TICK_MS : IDLE_MS);
	atomic_store(&l->is_asleep, false);
	if (read(l->wakeup, &count, sizeof(count)) < 0)
		return; /* nobody called; the tick has come */
}

static bool take_next(struct log *l, struct output *next)
{
	pthread_mutex_lock(&l->lock);
	bool has_next = l->has_next;
	if (has_next)
		*next = l->next;
	l->has_next = false;
	pthread_mutex_unlock(&l->lock);
	return has_next;
}

/* What was told before goes where it was told to go. */
static void take_output(struct log *l)
{
	struct output next;
	flush_output(l);
	if (!take_next(l, &next))
		return;
	close_output(&l->output);
	l->output = next;
	l->end_ms = 0;
	log_volume_change(l->volume, &l->output.conf);
}

static void *run(void *argument)
{
	struct log *l = argument;
	while (!atomic_load(&l->is_ending)) {
		take_output(l);
		empty_lanes(l);
		if (!awaits_next(l)) {
			log_volume_tick(l->volume, now_ms());
			tell_all_drops(l);
		}
		flush_output(l);
		sleep_until_called(l);
	}
	take_output(l);
	while (empty_lanes(l))
		;
	log_volume_flush(l->volume, now_ms());
	flush_output(l);
	return NULL;
}

/* --- beginning and end --- */

static void tell_unopened(const struct conf_log *conf, struct conf_errors *errors)
{
	if (errno == ENXIO)
		conf_errors_add(errors, &conf->at.target, "log.target",
			"%s is a pipe that nobody reads, expected its reader to be there first",
			conf->target);
	else
		conf_errors_add(errors, &conf->at.target, "log.target",
			"cannot open %s: %s; its folder must exist and be writable", conf->target,
			strerror(errno));
}

static bool open_output(struct output *o, const struct conf_log *conf, struct conf_errors *errors)
{
	const char *target = conf->target;
	*o = (struct output){.conf = *conf, .target = -1};
	if (!strcmp(target, "stderr")) {
		o->target = STDERR_FILENO;
	} else if (!strcmp(target, "syslog")) {
		o->is_syslog = true;
		open_syslog(o);
	} else {
		/* a FIFO that nobody reads must not stop us */
		o->target = open(target,
			O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
		o->owns_target = o->target >= 0;
		if (o->target < 0) {
			tell_unopened(conf, errors);
			return false;
		}
	}
	return true;
}

bool log_check(const struct conf_log *conf, struct conf_errors *errors)
{
	char folder[PATH_MAX];
	if (conf->target[0] != '/')
		return true;
	const char *slash = strrchr(conf->target, '/');
	int length = slash == conf->target ? 1 : (int)(slash - conf->target);
	snprintf(folder, sizeof(folder), "%.*s", length, conf->target);
	bool is_there = access(conf->target, F_OK) == 0;
	if (access(is_there ? conf->target : folder, W_OK) == 0)
		return true;
	conf_errors_add(errors, &conf->at.target, "log.target",
		"cannot open %s: %s; its folder must exist and be writable", conf->target,
		strerror(errno));
	return false;
}

static bool init_lanes(struct log *l, unsigned lanes)
{
	l->lanes = aligned_alloc(_Alignof(struct log_lane), lanes * sizeof(*l->lanes));
	l->told_drops = calloc(lanes, sizeof(*l->told_drops));
	if (!l->lanes || !l->told_drops)
		return false;
	for (; l->lane_count < lanes; l->lane_count++)
		if (!log_lane_init(&l->lanes[l->lane_count]))
			return false;
	return true;
}

static void release(struct log *l)
{
	for (unsigned i = 0; i < l->lane_count; i++)
		log_lane_fini(&l->lanes[i]);
	free(l->lanes);
	free(l->told_drops);
	log_volume_free(l->volume);
	if (l->wakeup >= 0)
		close(l->wakeup);
	close_output(&l->output);
	if (l->has_next)
		close_output(&l->next);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

struct log *log_new(const struct conf_log *conf, unsigned lanes, struct conf_errors *errors)
{
	struct log *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	pthread_mutex_init(&l->lock, NULL);
	l->wakeup = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	l->volume = log_volume_new(conf, emit, l);
	if (!open_output(&l->output, conf, errors)) {
		release(l);
		return NULL;
	}
	if (l->wakeup < 0 || !l->volume || !init_lanes(l, lanes) ||
		pthread_create(&l->thread, NULL, run, l) != 0) {
		conf_errors_add(
			errors, &conf->place, "log", "the host has no memory or descriptor for it");
		release(l);
		return NULL;
	}
	return l;
}

static void wake(struct log *l)
{
	uint64_t one = 1;
	if (write(l->wakeup, &one, sizeof(one)) < 0)
		return; /* it is readable as it is */
}

bool log_prepare(struct log *l, const struct conf_log *conf, struct conf_errors *errors)
{
	return open_output(&l->prepared, conf, errors);
}

/* The one before may not be taken yet, when nobody reads what the thread writes. */
void log_commit(struct log *l)
{
	struct output late = {0};
	pthread_mutex_lock(&l->lock);
	if (l->has_next)
		late = l->next;
	l->next = l->prepared;
	l->has_next = true;
	pthread_mutex_unlock(&l->lock);
	close_output(&late);
	wake(l);
}

void log_abandon(struct log *l)
{
	close_output(&l->prepared);
}

void log_free(struct log *l)
{
	if (!l)
		return;
	atomic_store(&l->is_ending, true);
	wake(l);
	pthread_join(l->thread, NULL);
	release(l);
}

struct log_lane *log_lane(struct log *l, unsigned index)
{
	return &l->lanes[index];
}

uint64_t log_dropped(const struct log *l)
{
	uint64_t dropped = atomic_load_explicit(&l->lost, memory_order_relaxed);
	for (unsigned i = 0; i < l->lane_count; i++)
		dropped += atomic_load_explicit(&l->lanes[i].dropped, memory_order_relaxed);
	return dropped;
}

void log_call(struct log *l, struct log_lane *lane)
{
	if (!lane->has_news)
		return;
	lane->has_news = false;
	if (atomic_load(&l->is_asleep) && atomic_exchange(&l->is_asleep, false))
		wake(l);
}
