/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * settings.h - what should be, as one immutable structure: a configuration, tied to the runtime objects that it speaks of.
 *
 * The main thread makes them, publishes them, and frees the ones before once every worker has taken the new ones between two
 * turns. What a reload has removed and somebody still uses (a listener whose connections live on, the pool that they have
 * chosen) keeps its place and its last configuration in the settings that follow, until nobody is left.
 */
#ifndef SIPWEIR_PROXY_CORE_SETTINGS_H
#define SIPWEIR_PROXY_CORE_SETTINGS_H

#include "conf/conf.h"
#include "proxy/core/classes.h"
#include "proxy/core/introduce.h"
#include "proxy/core/route.h"
#include "proxy/core/shared.h"
#include "sip/frame.h"

struct tls_setup;

/* A configuration and how many settings speak of it. The main thread's. */
struct conf_share {
	struct conf *conf;
	unsigned holders;
};

/* `share` of these two: who keeps `conf` alive; NULL: it was removed, and nobody uses it any more. */
struct listener_settings {
	struct listener *listener;
	const struct conf_listener *conf;
	struct conf_share *share;
	struct pool *pool;		 /* where its connections go */
	const struct class_map *classes; /* who is in which class there */
	struct tls_setup
		*tls; /* NULL: plain TCP. Whoever set it releases it, see settings_free() */
	struct addr_port address; /* bound: the port is real */
	bool is_retired;	  /* no longer configured */
};

/* A server that may be connected to. */
struct server_settings {
	struct backend *backend;
	const struct conf_server *conf;
	struct addr_port address;
	uint32_t weight; /* at least 1 */
	uint32_t tier;	 /* used while none of a lower one is up: 0, for backups more */
	uint64_t hash;	 /* for source-hash: the same in every process */
	const char *
		identity; /* whom its certificate names; NULL: its address. Lives as long as the process */
};

struct server_place {
	struct backend *backend;
	const struct server_settings *settings; /* NULL: no longer configured */
};

struct pool_settings {
	struct pool *pool;
	const struct conf_pool *conf;
	struct conf_share *share;
	struct server_settings *servers; /* in the order of the configuration */
	size_t server_count;
	struct server_place *places; /* by slot: all servers that have ever been */
	size_t place_count;
	struct introduce_names names; /* of the lines that tell who is calling */
	struct tls_setup *tls;	      /* for its servers that speak TLS; as above */
	bool is_retired;
};

struct settings {
	const struct conf *conf;
	struct conf_share *share;
	uint64_t generation; /* 1 for the first */
	uint64_t reload;     /* of the configuration: the same with other addresses of its names */
	bool is_reload;	     /* the configuration is another one than that of the settings before */
	uint32_t max_connections;
	struct frame_limits client_limits, server_limits; /* what they may send */
	struct listener_settings *listeners;		  /* by slot: all that have ever been */
	size_t listener_count;
	struct pool_settings *pools; /* the same */
	size_t pool_count;
	struct class_settings *classes; /* by slot: all that have ever been */
	size_t class_count;
	struct route_settings *routes; /* in the order of the configuration */
	size_t route_count;
	uint32_t reserved;	 /* places of max_connections, of all classes */
	struct class_map **maps; /* of the listeners; some share one */
	size_t map_count;
};

/*
 * Settings for `conf`, which they own from now on; on failure (NULL: memory is short) it stays the caller's. `previous` are
 * the ones in force, or NULL. Objects that are new are made. tls members are NULL, those of retired places included, and
 * addresses are those of the configuration: both are the caller's to fill in before anybody else sees them. Files of
 * classes are empty until settings_list(). Main thread.
 */
struct settings *settings_new(
	struct shared *sh, struct conf *conf, const struct settings *previous);

/* The same configuration, where names stand for other addresses now. NULL: memory is short. Main thread. */
struct settings *settings_again(struct shared *sh, const struct settings *previous);

/* What the files of the classes hold, in the order of the configuration; needed during the call alone. False: memory is short. */
bool settings_list(struct settings *s, const struct class_lists *lists);

/* Before they are freed unused: the configuration is the caller's again. */
void settings_keep_conf(struct settings *s);

/* Every worker has newer ones. The tls members are the caller's to release before. NULL is fine. Main thread. */
void settings_free(struct settings *s);

/* From now on these are in force for those who look from outside. The workers are told one by one. Main thread. */
void settings_publish(struct shared *sh, const struct settings *s);

/* What is configured for this server; NULL: nothing any more. */
const struct server_settings *settings_server(
	const struct pool_settings *p, const struct backend *b);

/* The n-th of the pool's source addresses that can reach this one, in turn; NULL: there is none. */
const struct addr *settings_source(
	const struct pool_settings *p, const struct addr_port *to, unsigned long n);

/* The place of the n-th listener of the configuration. */
struct listener_settings *settings_listener(const struct settings *s, size_t index);
struct pool_settings *settings_pool(const struct settings *s, size_t index);

/* True when `peer` may send a PROXY header to this listener. */
bool settings_trust(const struct listener_settings *l, const struct addr *peer);

#endif
