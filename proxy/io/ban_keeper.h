/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ban_keeper.h - what the main thread does about bans: tells of their end, keeps them in state_dir, and carries out what
 * operators order.
 */
#ifndef SIPWEIR_PROXY_IO_BAN_KEEPER_H
#define SIPWEIR_PROXY_IO_BAN_KEEPER_H

#include "proxy/io/server.h"

/* At the start, once root is given up: those that an earlier run has kept. What cannot be read is a warning. */
void ban_keeper_load(struct server *s, struct conf_errors *errors);

/* Do what its time has come for; in how many milliseconds there is more of that. */
int ban_keeper_go_on(struct server *s);

/* At the end. */
void ban_keeper_save(struct server *s);

/* SERVER_BAN, SERVER_UNBAN, SERVER_FORGET. */
void ban_keeper_order(struct server *s, const struct server_order *order);

#endif
