/* SPDX-License-Identifier: BSD-2-Clause */
/* demo.h - what --demo runs: a whole sipweir for whoever has no file, server or certificate yet. Main thread. */
#ifndef SIPWEIR_ADMIN_DEMO_H
#define SIPWEIR_ADMIN_DEMO_H

#include "conf/conf.h"

#include <stddef.h>

/*
 * The configuration, with a key and a certificate that are made now, in memory alone: in *certificate is a descriptor that
 * the caller closes when no server can read it any more. Both are the caller's. NULL, and -1: said in `errors`.
 */
struct conf *demo_load(int *certificate, struct conf_errors *errors);

/* On standard output: commands for the n-th listener, which accepts at `address`. As server_program.on_ready. */
void demo_print_what_to_try(void *owner, size_t listener, const char *address);

#endif
