/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/notice.h"

#include <stdarg.h>
#include <stdio.h>

void notice_tell(struct server *s, const struct record *r)
{
	if (r->level > s->plan->settings->conf->log.level)
		return;
	log_lane_put(s->lane, r);
	log_call(s->log, s->lane);
}

void notice_say(struct server *s, enum record_event event, enum conf_log_level level,
	const char *format, ...)
{
	struct record r;
	va_list args;
	record_init(&r, event);
	r.level = level;
	va_start(args, format);
	/* The analyser takes the start of `args` for none. NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
	vsnprintf(r.message, sizeof(r.message), format, args);
	va_end(args);
	notice_tell(s, &r);
}

void notice_start(struct server *s)
{
	struct record r;
	const struct settings *settings = s->plan->settings;
	record_init(&r, RECORD_START);
	r.version = SIPWEIR_VERSION;
	snprintf(r.message, sizeof(r.message),
		"%u workers, at most %u connections, %u sources tracked", s->shared.workers,
		settings->max_connections, settings->conf->limits.tracked_sources);
	notice_tell(s, &r);
}

static void tell_backlog(struct server *s, const struct conf_listener *l, uint32_t granted)
{
	struct record r;
	if (granted >= l->backlog)
		return;
	record_init(&r, RECORD_KERNEL_BACKLOG);
	r.listener = shared_listener(&s->shared, l->name)->name;
	r.has |= RECORD_HAS_CURRENT;
	r.current = granted;
	r.max = l->backlog;
	snprintf(r.message, sizeof(r.message),
		"the kernel grants a backlog of %u where %u is configured; raise "
		"net.core.somaxconn or lower listeners.%s.backlog",
		granted, l->backlog, l->name);
	notice_tell(s, &r);
}

void notice_listening(struct server *s, size_t index)
{
	struct record r;
	char address[ADDR_PORT_TEXT_MAX];
	const struct conf_listener *l = &s->plan->settings->conf->listeners[index];
	const struct sockets *sockets = s->plan->sockets[index];
	record_init(&r, RECORD_LISTENING);
	r.listener = shared_listener(&s->shared, l->name)->name;
	r.address = sockets->bound;
	r.has |= RECORD_HAS_ADDRESS;
	addr_port_format(&sockets->bound, address);
	snprintf(r.message, sizeof(r.message), "accepting on %s, backlog %u", address,
		sockets->backlog);
	notice_tell(s, &r);
	tell_backlog(s, l, sockets->backlog);
}

void notice_reload_failed(struct server *s, const char *reason, const char *message)
{
	struct record r;
	record_init(&r, RECORD_RELOAD);
	r.level = CONF_LOG_ERROR;
	r.reason = reason;
	snprintf(r.message, sizeof(r.message), "nothing has changed: %s", message);
	notice_tell(s, &r);
}

void notice_lists(struct server *s)
{
	for (size_t i = 0; i < s->plan->lists.count; i++)
		if (lists_kept(&s->plan->lists, i))
			notice_say(s, RECORD_LIST_KEPT, CONF_LOG_ERROR, "%s",
				lists_kept(&s->plan->lists, i));
}

/* The count that must be zero: a slot that was not given back would lock its source out for ever. */
void notice_stop(struct server *s)
{
	struct record r;
	record_init(&r, RECORD_STOP);
	r.has |= RECORD_HAS_CURRENT;
	r.current = (uint32_t)limiter_slots(s->shared.limiter);
	r.max = s->plan->settings->max_connections;
	snprintf(r.message, sizeof(r.message), "stopped as asked; %u limit slots still held",
		r.current);
	notice_tell(s, &r);
}
