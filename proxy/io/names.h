/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * names.h - keeps the servers that are known by a name where their names point: asks when an answer has grown old, and lets the
 * workers have other addresses as a reload lets them have other options. An answer that does not come changes nothing. Main
 * thread.
 */
#ifndef SIPWEIR_PROXY_IO_NAMES_H
#define SIPWEIR_PROXY_IO_NAMES_H

#include "proxy/io/server.h"

#include <poll.h>

/* Before the workers start, with a plan in force: ask for all names, and wait for the first answers, but not for long. */
void names_begin(struct server *s);

/*
 * A reload has loaded this, and nothing of it is in force: ask for the names that are new in it, beside the others. True: there
 * are none. What is answered is not published before names_adopt(), which is also due when nothing comes of the reload.
 */
bool names_expect(struct server *s, const struct conf *conf);

/* Each name that is asked for was answered, or it was told why not. */
bool names_are_tried(const struct server *s);

/* Add a warning for each server of this configuration that stands for nobody yet. */
void names_warn(struct server *s, const struct conf *conf, struct conf_errors *errors);

/* Another plan is in force: its names are asked for, those that are gone are not. */
void names_adopt(struct server *s);

/* Do what its time has come for; in how many milliseconds there is more of that. */
int names_go_on(struct server *s);

/* For the main loop: what is to be polled for besides, and for how long at most; and what came of it. */
size_t names_poll(struct server *s, struct pollfd fds[], int *most_ms);
void names_take(struct server *s, const struct pollfd *fds, size_t count);

void names_fini(struct server *s);

#endif
