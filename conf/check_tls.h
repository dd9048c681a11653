/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_tls.h - what the options of TLS demand of each other. No file that they name is opened here.
 */
#ifndef SIPWEIR_CONF_CHECK_TLS_H
#define SIPWEIR_CONF_CHECK_TLS_H

#include "conf/conf.h"

/* Add what is wrong to `errors`; `path` is the full name of the listener, or of the pool. */
void conf_check_listener_tls(
	const struct conf_listener *l, const char *path, struct conf_errors *errors);
void conf_check_pool_tls(const struct conf_pool *p, const char *path, struct conf_errors *errors);

#endif
