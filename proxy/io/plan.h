/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plan.h - all that a configuration asks of the workers, prepared so that taking it cannot fail: the settings, and a set of
 * listening sockets for each listener. A reload makes the next plan while the workers go on with the one before.
 */
#ifndef SIPWEIR_PROXY_IO_PLAN_H
#define SIPWEIR_PROXY_IO_PLAN_H

#include "proxy/core/settings.h"
#include "proxy/io/listen.h"
#include "proxy/io/lists.h"
#include "proxy/io/tls_world.h"

struct plan {
	struct settings *settings;
	struct sockets **sockets; /* as settings->conf->listeners */
	size_t socket_count;
	struct tls_world *tls;
	struct lists lists; /* that the files of classes hold */
};

/* Of the process. */
struct plan_world {
	struct shared *shared;
	struct tls_world *tls;
};

/*
 * Prepare what can fail: objects, and sockets that are not there yet. Nothing that the workers see changes. The
 * configuration is the plan's; on failure (NULL, said in `errors`) it stays the caller's, and what was bound is closed. Main
 * thread.
 */
struct plan *plan_new(const struct plan_world *world, struct conf *conf,
	const struct plan *previous, struct conf_errors *errors);

/*
 * Prepare certificates and keys, and read the lists of classes; those in which nothing has changed are taken from `previous`. A step of its own, because at
 * the start root is given up in between: keys that can be read then can be read at a reload. False: said in `errors`.
 */
bool plan_secure(struct plan *p, const struct plan *previous, struct conf_errors *errors);

/* The same configuration, where names stand for other addresses now. NULL: memory is short. Main thread. */
struct plan *plan_again(const struct plan_world *world, const struct plan *previous);

/* Both for a look at it alone: nothing is bound, and there are no sockets. */
struct plan *plan_check(
	const struct plan_world *world, struct conf *conf, struct conf_errors *errors);

/* Drop what was prepared: the configuration is the caller's again. */
void plan_abandon(struct plan *p, const struct plan *previous);

/* The sockets that stay get their new options. Before the workers are told. */
void plan_commit(const struct plan *p, const struct plan *previous);

/* True when these sockets are part of it. */
bool plan_has(const struct plan *p, const struct sockets *sockets);

/* Free it with the sockets that are not part of `other`, which may be NULL. No worker uses it. NULL is fine. */
void plan_free(struct plan *p, const struct plan *other);

#endif
