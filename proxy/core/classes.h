/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * classes.h - whose numbers apply: the classes of limits.classes, and from a source to its class.
 *
 * A class in the settings is what should be (struct class_settings, immutable); the runtime object of the same name counts
 * what is. A connection remembers the slot of its class for its whole life: a reload changes the numbers of the class, not
 * who is in it. A class that a reload has removed goes on with the numbers of those who are in none.
 */
#ifndef SIPWEIR_PROXY_CORE_CLASSES_H
#define SIPWEIR_PROXY_CORE_CLASSES_H

#include "conf/conf.h"
#include "limits/limiter.h"
#include "limits/netlist.h"
#include "limits/netmap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CLASS_NONE = 0,	   /* the slot of those who are in no class */
	CLASSES_MAX = 256, /* slots: names that one process can tell apart over all its reloads */
	CLASS_NAME_MAX = 64,
};

/* What metrics call CLASS_NONE; logs leave it out. */
#define CLASS_NONE_NAME "default"

/* The runtime side: as long as the process. */
struct source_class {
	char name[CLASS_NAME_MAX];
	struct limit_total total; /* connections of all its sources */
};

struct class_settings {
	struct source_class *object;
	const char *name;	  /* for logs; NULL for CLASS_NONE */
	struct limit_rules rules; /* of an admission */
	struct gcra_rate message_rate, connection_message_rate;
	struct conf_rate connection_rate_conf, subnet_rate_conf, message_rate_conf,
		connection_message_rate_conf; /* as written, for people */
	uint32_t unregistered;
	uint32_t reserved; /* places of max_connections that nobody else gets */
	uint32_t first_message_ms, idle_ms, tarpit_ms, retry_after_ms;
	unsigned refuse_status;
	enum conf_over over;
	enum conf_action action;
	bool is_denied, is_observing, is_exempt_from_ban, keeps_headers;
};

/* The networks of the files, read before: of all classes, in the order of the configuration. */
struct class_lists {
	const struct netlist **lists;
	size_t count;
};

/* From a source to its slot, for listeners to which the same classes apply. Immutable. */
struct class_map;

/* Fill in what the configuration says of a class; NULL: of those who are in none. */
void class_settings_set(struct class_settings *to, const struct conf *conf,
	const struct conf_class *c, struct source_class *object);

/*
 * The map of a listener. `slots` are those of the classes, as conf->limits.classes. NULL: memory is short. Main thread.
 * class_map_free() takes NULL.
 */
struct class_map *class_map_new(const struct conf *conf, const struct class_lists *lists,
	const uint16_t *slots, const char *listener);
void class_map_free(struct class_map *m);

/* Do the same classes apply to these two listeners? Then they share a map. */
bool class_map_is_shared(const struct conf *conf, const char *one, const char *other);

/*
 * The slot of a source: by its VPC endpoint if it has one, else by the longest network; if none names it, by the class that
 * takes all of the listener. CLASS_NONE otherwise. Any thread.
 */
uint16_t class_map_find(const struct class_map *m, const struct addr *source, const char *endpoint);

/* The slot of a verified client certificate of this name; CLASS_NONE: no class names it. */
uint16_t class_map_find_certificate(const struct class_map *m, const char *name);

#endif
