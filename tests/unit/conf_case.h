/* SPDX-License-Identifier: BSD-2-Clause */
/* conf_case.h - what the tests of conf share: load a text, and compare all that was said about it. */
#ifndef SIPWEIR_TESTS_CONF_CASE_H
#define SIPWEIR_TESTS_CONF_CASE_H

#include "conf/conf.h"

#include <stddef.h>

/* A listener and a pool that are right, each on one line. */
#define CASE_LISTENER \
	"listeners = ( { name = \"l\"; address = \"127.0.0.1:5060\"; pool = \"p\"; } );\n"
#define CASE_POOL                                                                                  \
	"pools = ( { name = \"p\"; servers = ( { name = \"s\"; address = \"10.0.0.1:5060\"; } ); " \
	"} );\n"
#define CASE_GOOD CASE_LISTENER CASE_POOL

/* A text, and what is expected to be said about it: one line per message, "" for none. */
struct conf_case {
	const char *text;
	const char *errors;
	const char *warnings; /* NULL: not looked at */
};

/* Load each as the file "f" and compare. A case without errors must load, one with errors must not. */
void conf_case_check(const struct conf_case *cases, size_t count);

/* All messages as lines; the caller frees it. */
char *conf_case_lines(const struct conf_messages *messages);

#endif
