/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * notify.h - telling the service manager how things are (sd_notify(3), a unit of Type=notify), where it has given a socket for
 * that in NOTIFY_SOCKET.
 */
#ifndef SIPWEIR_ADMIN_NOTIFY_H
#define SIPWEIR_ADMIN_NOTIFY_H

#include "proxy/server.h"

#include <stdint.h>

/* server_program's on_state. Waits up to a second for a service manager that does not listen; then that is lost. */
void notify_state(enum server_state state, uint64_t left_ms);

#endif
