/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server.h - the parts of a running proxy, as the files of the main thread share them: server.c (beginning, loop, end),
 * reload.c, leave.c and notice.c.
 */
#ifndef SIPWEIR_PROXY_IO_SERVER_H
#define SIPWEIR_PROXY_IO_SERVER_H

#include "proxy/io/inspect.h"
#include "proxy/io/log.h"
#include "proxy/io/orders.h"
#include "proxy/io/plan.h"
#include "proxy/io/worker.h"
#include "proxy/server.h"

struct names;

/* How far the end has come. */
enum leaving {
	LEAVING_NOT,
	LEAVING_SAID, /* /readyz says no, and accepting goes on: the load balancer still sends */
	LEAVING_NOW,  /* the workers have been told to close what is open */
};

struct server {
	struct shared shared;
	struct plan_world world; /* of which `shared` is a part */
	struct log *log;
	struct log_lane *lane; /* of the main thread */
	struct worker *workers;
	unsigned worker_count; /* that are initialized */
	const struct server_program *program;
	struct orders orders;
	int signals;
	int answers; /* readable when a worker has done something */
	struct inspector inspector;

	struct plan *plan;	  /* in force */
	struct plan *old_plan;	  /* until every worker has the one in force; NULL: all have */
	bool reload_again;	  /* asked for in between */
	struct conf *reload_conf; /* loaded, and waits until its names are known; NULL: none does */
	uint64_t reload_until_ms; /* but not for longer */
	struct conf_errors reload_errors; /* and warnings, about it */
	char reload_description[RECORD_MESSAGE_MAX];
	struct server_order reload_order; /* to be answered then */
	char *reload_text;		  /* what will be said */

	struct names *names; /* what is asked for, and when */

	enum leaving leaving;
	bool is_leaving_signalled; /* by one of the two signals of which a second is an emergency */
	uint64_t leave_at_ms;	   /* LEAVING_SAID: when the workers are told, monotonic */
	uint64_t leave_over_ms;
	uint64_t bans_at_ms;   /* when bans are looked at again */
	uint64_t bans_saved;   /* bans_changes() of what is in state_dir */
	bool is_saving_failed; /* and said */
	uint64_t expiry_at_ms; /* when certificates are looked at again, monotonic */
};

uint64_t server_now_ms(void);

/* Seconds since the epoch. */
int64_t server_wall_s(void);

/* Let the program know. A READY while it drains is DRAINING at once, and none when it leaves already. */
void server_tell_state(struct server *s, enum server_state state);

#endif
