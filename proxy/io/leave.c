/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/leave.h"
#include "conf/value.h"
#include "proxy/io/notice.h"

#include <stdio.h>

enum { SENTENCE_MAX = 160 };

static void tell_workers(struct server *s)
{
	s->leaving = LEAVING_NOW;
	server_tell_state(s, SERVER_LEAVING);
	atomic_store(&s->inspector.leave_ends_ms, server_now_ms() + s->leave_over_ms);
	for (unsigned i = 0; i < s->worker_count; i++)
		worker_leave(&s->workers[i], s->leave_over_ms);
}

/* Whoever stops a service drains it first and has the service manager stop it then: that signal is no second one. */
static void tell_again(struct server *s, const struct server_order *order)
{
	if (!order)
		notice_say(s, RECORD_DRAIN, CONF_LOG_NOTICE,
			"told again by a signal; it is draining already, and one more ends it at "
			"once");
	orders_answer(order, false, "it is draining already\n");
}

/* What becomes of those who are connected. */
static void describe_closing(char out[SENTENCE_MAX], unsigned open, uint64_t over_ms)
{
	char over[CONF_VALUE_TEXT_MAX];
	conf_value_write_duration(over, over_ms);
	if (open == 0)
		snprintf(out, SENTENCE_MAX, "no connection is open now");
	else if (open == 1)
		snprintf(out, SENTENCE_MAX, "1 open connection is closed %s%s",
			over_ms ? "within " : "at once", over_ms ? over : "");
	else
		snprintf(out, SENTENCE_MAX, "%u open connections are closed %s%s", open,
			over_ms ? "over " : "at once", over_ms ? over : "");
}

static void tell_drain(struct server *s, uint64_t delay_ms)
{
	char delay[CONF_VALUE_TEXT_MAX], closing[SENTENCE_MAX];
	unsigned open = atomic_load(&s->shared.open);
	describe_closing(closing, open, s->leave_over_ms);
	if (delay_ms)
		notice_say(s, RECORD_DRAIN, CONF_LOG_NOTICE,
			"accepting for %s more, while /readyz says no; %s%s",
			conf_value_write_duration(delay, delay_ms), open ? "then " : "", closing);
	else
		notice_say(s, RECORD_DRAIN, CONF_LOG_NOTICE, "accepting no more; %s", closing);
}

void leave_begin(struct server *s, const struct server_order *order)
{
	const struct conf_timeouts *t = &s->plan->settings->conf->timeouts;
	s->is_leaving_signalled |= !order;
	if (s->leaving != LEAVING_NOT) {
		tell_again(s, order);
		return;
	}
	s->leaving = LEAVING_SAID;
	s->leave_over_ms = order && order->over_ms ? order->over_ms : t->drain_ms;
	s->leave_at_ms = server_now_ms() + t->drain_delay_ms;
	atomic_store(&s->inspector.is_serving, false);
	atomic_store(&s->inspector.accept_ends_ms, s->leave_at_ms);
	atomic_store(&s->inspector.leave_ends_ms, s->leave_at_ms + s->leave_over_ms);
	tell_drain(s, t->drain_delay_ms);
	server_tell_state(s, SERVER_DRAINING);
	orders_answer(order, true, "draining\n");
}

void leave_take_back(struct server *s, const struct server_order *order)
{
	if (s->leaving != LEAVING_SAID) {
		orders_answer(order, false,
			s->leaving == LEAVING_NOT
				? "it is not draining\n"
				: "its listening sockets are closed already: restart it\n");
		return;
	}
	s->leaving = LEAVING_NOT;
	s->is_leaving_signalled = false;
	atomic_store(&s->inspector.leave_ends_ms, 0);
	atomic_store(&s->inspector.is_serving, true);
	notice_say(s, RECORD_DRAIN, CONF_LOG_NOTICE, "taken back: it goes on as before");
	server_tell_state(s, SERVER_READY);
	orders_answer(order, true, "serving\n");
}

int leave_go_on(struct server *s)
{
	uint64_t now_ms = server_now_ms();
	if (s->leaving != LEAVING_SAID)
		return -1;
	if (now_ms < s->leave_at_ms)
		return (int)(s->leave_at_ms - now_ms);
	tell_workers(s);
	return -1;
}

bool leave_is_over(const struct server *s)
{
	for (unsigned i = 0; i < s->worker_count; i++)
		if (!worker_has_ended(&s->workers[i]))
			return false;
	return true;
}
