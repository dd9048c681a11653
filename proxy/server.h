/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * server.h - the whole proxy as its programs see it: prepare it from settings, run it, give it orders, and be told how it
 * ended.
 */
#ifndef SIPWEIR_PROXY_SERVER_H
#define SIPWEIR_PROXY_SERVER_H

#include "conf/conf.h"
#include "limits/bans.h"

#include <stdbool.h>
#include <stdint.h>

struct server;
struct inspector;

/*
 * Prepare everything that can fail: descriptors, limiter, log, workers. With `is_check` nothing is bound and no thread
 * started: what can be checked without that is. NULL: the causes are in `errors`. The configuration is the server's from
 * then on, and freed with it, or when a reload has replaced it; on failure it stays the caller's. Main thread, before any
 * other is started.
 */
struct server *server_new(struct conf *conf, bool is_check, struct conf_errors *errors);

/* How a running proxy is, for service managers. */
enum server_state {
	SERVER_READY, /* every listener accepts; again after each reload and when a drain was taken back */
	SERVER_RELOADING, /* READY follows, however it ends */
	SERVER_DRAINING,  /* it has been told to end, and accepts for some time more */
	SERVER_LEAVING,	  /* it closes what is open; that cannot be taken back */
};

/* What a program does for its proxy while that runs. Everything is called in the main thread; all but `owner` may be NULL. */
struct server_program {
	void *owner;

	/* Every listener accepts; once for each: `address` is where the n-th really listens. */
	void (*on_ready)(void *owner, size_t listener, const char *address);

	/* It is in this state now; DRAINING and LEAVING: and will have ended in `left_ms`. */
	void (*on_state)(void *owner, enum server_state state, uint64_t left_ms);

	/* A reload: read the configuration again. NULL: the causes are in `errors`. The server owns what is returned. */
	struct conf *(*load)(void *owner, struct conf_errors *errors);

	/* A reload: prepare what the program itself has to change and what can fail. False: the causes are in `errors`. */
	bool (*prepare)(void *owner, const struct conf *next, struct conf_errors *errors);

	/* ... then take it, or drop it, because something else has failed. Not called when prepare() has failed. */
	void (*commit)(void *owner, bool is_taken);
};

/*
 * Serve until SIGTERM or SIGINT has drained it; then close what is left, each connection with a reason, and return. A second
 * signal ends the process at once. SIGHUP reloads. True: stopped as asked. False: failed while running; said in the log.
 */
bool server_run(struct server *s, const struct server_program *program);

enum server_action {
	SERVER_RELOAD,	/* as SIGHUP */
	SERVER_DRAIN,	/* as SIGTERM */
	SERVER_UNDRAIN, /* end a drain, as long as accepting goes on */
	SERVER_BAN,	/* `ban`, by hand */
	SERVER_UNBAN,	/* lift what is banned in the network of `ban`, points of its address too */
	SERVER_FORGET,	/* points, rates and refusals of its address */
	SERVER_BACKEND, /* what a server of a pool shall do */
};

enum { SERVER_ORDERS = 16, SERVER_NAME_MAX = 72 };

struct server_order {
	enum server_action action;
	uint32_t
		over_ms; /* DRAIN, BACKEND: in place of timeouts.drain, pools.drain_over, unless 0 */
	struct ban ban;
	struct {
		char pool[SERVER_NAME_MAX], server[SERVER_NAME_MAX];
		enum conf_server_state state;
	} backend;

	/* Called once, in the main thread: done, or why not. `text` has a line for each thing to say and is good during the call. */
	void (*on_done)(void *owner, bool is_done, const char *text);
	void *owner;
};

/*
 * Give the running proxy an order. Any thread, from server_new() to server_free(); an order that is not carried out before
 * the end is answered then. False: SERVER_ORDERS wait already; on_done is not called.
 */
bool server_give_order(struct server *s, const struct server_order *order);

/* For those who show it: proxy/inspect.h. Valid until server_free(); NULL after a check alone. */
const struct inspector *server_inspector(const struct server *s);

/* Say in the log that something beside the listeners (`what`: "admin.http") accepts there. Main thread. */
void server_announce(struct server *s, const char *what, const struct addr_port *address);
void server_announce_path(struct server *s, const char *what, const char *path);

void server_free(struct server *s);

/*
 * Write a new key (P-256) and a certificate for localhost and 127.0.0.1, signed by itself and good for 30 days, to the
 * descriptor, in PEM format: what the option `certificate` takes. False: the host has no memory, or cannot write there; a part
 * may have been written. Any thread.
 */
bool server_make_certificate(int fd);

#endif
