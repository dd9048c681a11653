/* SPDX-License-Identifier: BSD-2-Clause */
/* descriptors.h - how many connections the descriptor limit of the process carries. */
#ifndef SIPWEIR_PROXY_IO_DESCRIPTORS_H
#define SIPWEIR_PROXY_IO_DESCRIPTORS_H

#include "conf/conf.h"

#include <stdint.h>

/*
 * Raise RLIMIT_NOFILE as far as max_connections needs and the hard limit allows (0: as far as it allows), and return how
 * many client connections fit. 0: fewer than max_connections asks for; said in `errors`. Main thread.
 */
uint32_t descriptors_provide(const struct conf *conf, unsigned workers, struct conf_errors *errors);

#endif
