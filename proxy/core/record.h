/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.h - one event worth telling, as plain data. Whoever notices fills in what applies; the log decides whether and
 * how it is written. Strings are constants or names that live as long as the process; nothing is owned.
 */
#ifndef SIPWEIR_PROXY_CORE_RECORD_H
#define SIPWEIR_PROXY_CORE_RECORD_H

#include "conf/conf.h"
#include "limits/addr.h"
#include "proxy/core/proxy_header.h"

#include <stdbool.h>
#include <stdint.h>

enum record_event {
#define RECORD(constant, name, level, volume) RECORD_##constant,
#include "proxy/core/record.def"
#undef RECORD
	RECORD_EVENTS
};

/* How much of an event is written; see record.def. */
enum record_volume { RECORD_ALWAYS, RECORD_BUDGETED, RECORD_REPEATED };

enum {
	RECORD_SAMPLE_MAX = 128,
	RECORD_MESSAGE_MAX = 320,
	RECORD_SNI_MAX = 64,
	RECORD_NAME_MAX = 48
};

/* Which of the optional members hold something. */
enum {
	RECORD_HAS_PEER = 1,
	RECORD_HAS_SOURCE = 2,
	RECORD_HAS_ADDRESS = 4,
	RECORD_HAS_CURRENT = 8, /* current and max */
	RECORD_HAS_TOTALS = 16, /* bytes, messages, duration */
	RECORD_HAS_OFFSET = 32,
	RECORD_HAS_STATUS = 64,
	RECORD_HAS_DURATION = 128,
	RECORD_HAS_NETWORK = 256, /* `source` is all of this network */
	RECORD_HAS_MAPPED = 512,
};

struct record {
	enum record_event event;
	enum conf_log_level level;
	unsigned has;
	uint32_t count;	  /* how many events this record stands for, at least 1 */
	uint32_t sources; /* in a summary: how many sources they came from; else 0 */
	int64_t at_ms;	  /* wall clock, set by the log */

	const char *listener, *limit, *action, *reason, *rule, *pool, *server, *method, *state,
		*version, *class;
	struct addr_port peer, source, address;
	char endpoint[PROXY_ENDPOINT_MAX + 1];
	struct addr mapped;		 /* by which servers know the source */
	char unique_id[RECORD_NAME_MAX]; /* by which they know the connection */
	uint32_t current, max;
	uint64_t bytes_in, bytes_out, messages, duration_ms;
	uint32_t offset;
	unsigned status;
	uint8_t sample
		[RECORD_SAMPLE_MAX]; /* raw bytes of the network; whoever prints them escapes */
	uint32_t sample_length;
	char sni[RECORD_SNI_MAX]; /* of the network, cut; whoever prints it escapes */
	char user[RECORD_NAME_MAX], user_agent[RECORD_NAME_MAX]; /* the same */
	uint8_t prefix; /* with RECORD_HAS_NETWORK, as struct network has it */
	char message[RECORD_MESSAGE_MAX];
};

/* Empty, of the event's own level, standing for one event. */
void record_init(struct record *r, enum record_event event);

const char *record_name(enum record_event event);

enum record_volume record_volume(enum record_event event);

#endif
