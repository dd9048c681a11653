/* SPDX-License-Identifier: BSD-2-Clause */
/* worker_host.h - the world as a worker's core is given it: sockets, TLS, the log, the other workers. */
#ifndef SIPWEIR_PROXY_IO_WORKER_HOST_H
#define SIPWEIR_PROXY_IO_WORKER_HOST_H

#include "proxy/io/worker.h"

/* Fill in w->host. */
void worker_host_init(struct worker *w);

#endif
