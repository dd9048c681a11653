/* SPDX-License-Identifier: BSD-2-Clause */
/* check_state.h - what is remembered of the checks of a server: of check.c and check_verdict.c. */
#ifndef SIPWEIR_PROXY_CORE_CHECK_STATE_H
#define SIPWEIR_PROXY_CORE_CHECK_STATE_H

#include "proxy/core/check.h"
#include "proxy/core/core.h"
#include "sip/options.h"

struct check {
	struct backend *backend;
	struct core *core;	  /* of the worker that runs it */
	struct list_node running; /* in core->checks; in no list: nobody runs it */
	const struct pool *pool;
	struct addr_port address; /* of the server that is checked */
	struct deadline deadline; /* the next check, or its timeout */
	struct stream *stream;	  /* NULL between two checks */
	struct framer framer;
	struct buffer in;  /* what has come of an answer */
	struct buffer out; /* what has to be sent yet */
	struct options_id id;
	uint64_t began_ms;
	uint64_t round;		    /* so many have been begun */
	unsigned succeeded, failed; /* in a row */
	bool is_secured;
};

static inline const struct pool_settings *check_pool(const struct check *ch)
{
	return &ch->core->settings->pools[ch->pool->slot];
}

static inline const struct conf_health *check_health(const struct check *ch)
{
	return &check_pool(ch)->conf->health;
}

/* A check has ended: the server goes up or down when so many in a row say so. `detail`: a sentence for the log, or NULL. */
void check_judge(struct check *ch, bool is_alive, const char *detail);

/* Whether it has been down for so long that it is lost. */
void check_look_for_loss(struct check *ch);

#endif
