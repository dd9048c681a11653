/* SPDX-License-Identifier: BSD-2-Clause */
/* call.h - a command that is being run, for the files that hold the commands (command.c, command_backends.c). */
#ifndef SIPWEIR_ADMIN_CALL_H
#define SIPWEIR_ADMIN_CALL_H

#include "admin/command.h"
#include "admin/page.h"

enum { CALL_OPTIONS_MAX = 3 };

/* An option of a command that was given, and its value. */
struct given {
	const char *option, *value;
};

/* What a command is run with. */
struct call {
	struct reply *reply;
	const struct request *request;
	const char *subject, *verb; /* the words that are no option; NULL: not given */
	struct given given[CALL_OPTIONS_MAX];
	const struct inspector *inspector;
};

/* What came behind this option; NULL: not given. */
const char *call_value(const struct call *c, const char *option);

/* The value of --over; 0: not given. False: it is none, which is said. */
bool call_over(const struct call *c, uint32_t *over_ms);

/* The answer is this page, or is to come from the main thread. */
void call_page(const struct call *c, page_write *text, page_write *json, const void *subject);
void call_order(const struct call *c, enum server_action action, uint32_t over_ms);

/* Commands about servers. */
void run_backends(const struct call *c);
void run_backend(const struct call *c);

#endif
