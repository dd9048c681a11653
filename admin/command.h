/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * command.h - what operators may ask over the control socket: the commands, what each takes, and what it answers. In the thread
 * of admin.h.
 */
#ifndef SIPWEIR_ADMIN_COMMAND_H
#define SIPWEIR_ADMIN_COMMAND_H

#include "admin/request.h"
#include "proxy/inspect.h"
#include "proxy/server.h"

#include <stdbool.h>
#include <stddef.h>

enum reply_status {
	REPLY_OK,
	REPLY_REFUSED, /* the text is the reason */
	REPLY_USAGE,   /* the text says what can be asked */
	REPLY_LATER,   /* `order` is to be given: what becomes of it is the answer */
};

struct reply {
	enum reply_status status;
	char *text; /* from malloc(), the caller's; NULL with LATER, and when memory is short */
	size_t length;
	struct server_order order; /* without on_done and owner */
};

void command_run(struct reply *reply, const struct request *r, const struct inspector *inspector);

/* What became of an order (SERVER_ORDER's on_done), as a reply. */
void command_answer(struct reply *reply, bool is_json, bool is_done, const char *text);

/* A reply that is no more than a sentence. */
void command_say(struct reply *reply, enum reply_status status, const char *text);

#endif
