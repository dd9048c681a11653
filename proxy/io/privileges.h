/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * privileges.h - root is given up (`user`, `group`) once the ports are bound, and before anything is opened that a reload opens
 * again: keys, log files, the control socket. What the user may not do then is seen at the start, not at the first reload.
 *
 * Main thread, before any other is started.
 */
#ifndef SIPWEIR_PROXY_IO_PRIVILEGES_H
#define SIPWEIR_PROXY_IO_PRIVILEGES_H

#include "conf/conf.h"

#include <stdbool.h>

/* Whether there is such a user and group, and root is not meant. False: said in `errors`. */
bool privileges_check(const struct conf *conf, struct conf_errors *errors);

/*
 * Become that user for good, with the groups that are its own; nothing to do when that is who runs it, or when none is configured.
 * False: said in `errors`, and the process must end. A warning when the configuration cannot be read again.
 */
bool privileges_drop(const struct conf *conf, struct conf_errors *errors);

#endif
