/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * change.h - what differs between two configurations, option by option.
 *
 * Walks the table: an option that is added there is compared. Values are compared, not texts: what was
 * left out and is given now as it was by default has not changed. Groups of a list belong together when
 * they have the same name; those that have none (certificates), when they stand at the same place. What a class
 * inherits has changed in limits or timeouts, not in the class.
 *
 * Both configurations have been loaded without an error. Nothing is allocated, and any thread may ask.
 */
#ifndef SIPWEIR_CONF_CHANGE_H
#define SIPWEIR_CONF_CHANGE_H

#include "conf/conf.h"
#include "conf/option.h"

#include <stdbool.h>
#include <stddef.h>

enum conf_change_kind {
	CONF_CHANGE_VALUE, /* of an option */
	CONF_CHANGE_ADDED, /* a group; what is in it is not told again */
	CONF_CHANGE_REMOVED,
};

/* `path` is valid during the visit alone, `at` as long as the newer configuration. */
struct conf_change {
	enum conf_change_kind kind;
	enum conf_effect effect;     /* LIVE for groups */
	const char *path;	     /* "limits.connections", "pools.kamailio.servers.k1" */
	const struct conf_place *at; /* where the newer says so; of a REMOVED group, what held it */
};

typedef void conf_change_visit(void *context, const struct conf_change *change);

/* Call `visit` for each difference, in the order of the table; groups that went after those that stay. */
void conf_change_each(
	const struct conf *from, const struct conf *to, conf_change_visit *visit, void *context);

/*
 * Write as many as fit into `size` bytes, at least 1: "limits.connections, workers (after a restart),
 * pools.k added, and 3 more"; "" for none. Returns how many there are.
 */
size_t conf_change_list(const struct conf *from, const struct conf *to, char *out, size_t size);

/*
 * Before `to` is used: each option in it that only a restart changes gets the value of `from`, and a
 * warning where that is another one. So the next reload warns again, and nobody takes up a number that the
 * rest does not follow. False, with an error added, when memory is short.
 */
bool conf_change_keep(const struct conf *from, struct conf *to, struct conf_errors *errors);

#endif
