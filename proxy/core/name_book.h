/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * name_book.h - what the names of servers stand for, as far as it has been found out. What is asked, and when, is somebody
 * else's matter (io/names.h); here it is decided which server objects answers become.
 *
 * An entry lives as long as the process, because settings and connections refer to it. Main thread.
 */
#ifndef SIPWEIR_PROXY_CORE_NAME_BOOK_H
#define SIPWEIR_PROXY_CORE_NAME_BOOK_H

#include "conf/conf.h"
#include "conf/host.h"
#include "limits/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NAME_ANSWERS_MAX = 64,
	NAME_NUMBERS_MAX = 2 * NAME_ANSWERS_MAX, /* those that are still being left included */
};

/* One address that a name stands for; of a service with its priority and weight (RFC 2782), else 0 and 1. */
struct name_answer {
	struct addr_port address;
	uint16_t priority;
	uint16_t weight;
};

/* One server that it stands for. */
struct name_server {
	struct addr_port address;
	uint32_t weight; /* at least 1 */
	uint32_t tier;	 /* 0 for the best priority that there is, 1 for the next */
	uint16_t number; /* of its object, "k1/NUMBER"; 0: the only one, "k1" */
};

struct name_entry {
	struct name_entry *next;
	char *pool, *server, *text; /* the names of both, and the address as configured */
	enum conf_resolve resolve;
	struct conf_host host;
	struct name_server servers[NAME_ANSWERS_MAX]; /* in the order of their numbers */
	size_t count;				      /* 0: nobody has answered yet */
	struct addr_port last[NAME_NUMBERS_MAX]; /* by number - 1: who had it; zeroed: nobody */
};

/* Zeroed: empty. */
struct name_book {
	struct name_entry *entries;
};

/* The entry of a server whose address is a name; made when there is none. NULL: memory is short. */
struct name_entry *name_book_entry(
	struct name_book *book, const struct conf_pool *pool, const struct conf_server *server);

/* The same without making one; NULL: there is none. */
const struct name_entry *name_book_find(const struct name_book *book, const struct conf_pool *pool,
	const struct conf_server *server);

void name_book_fini(struct name_book *book);

/*
 * An answer has come, with at least one address. An address that stays keeps its object, one that comes back finds its own
 * where no other has got it, and one that is new gets the lowest number that is free: of no other address, with nobody
 * connected and without an order, which `is_busy` tells. What finds no number is left out.
 * True: the servers are other ones now.
 */
bool name_entry_take(struct name_entry *e, const struct name_answer *answers, size_t count,
	bool (*is_busy)(void *context, const struct name_entry *e, uint16_t number), void *context);

/* Whether all that it stands for is among these. */
bool name_entry_is_within(
	const struct name_entry *e, const struct name_answer *answers, size_t count);

/* The name of the object, in `out`, and its length is bounded by it. */
enum { NAME_OBJECT_MAX = 72 };
void name_entry_object(
	const struct name_entry *e, const struct name_server *s, char out[NAME_OBJECT_MAX]);

/* The name that its certificate is for: that of the host, or the domain whose service it is (RFC 5922). */
const char *name_entry_identity(const struct name_entry *e);

#endif
