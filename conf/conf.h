/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * conf.h - a configuration file as one structure, checked as a whole.
 *
 * The structures are made from options.def: each row there is a field here. Durations are uint32_t
 * milliseconds and 0 is "off"; sizes are bytes. `at` holds where each option was written: its own
 * line when the file gives it, else that of the group and is_default, for messages of later steps. Strings, lists
 * and places belong to the configuration; nothing in it changes after conf_load(), so any thread may
 * read it until conf_free().
 */
#ifndef SIPWEIR_CONF_CONF_H
#define SIPWEIR_CONF_CONF_H

#include "conf/choice.h"
#include "conf/errors.h"
#include "limits/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	CONF_STATUS_WORDS = 10, /* 100 to 699, a bit each */
	CONF_SOURCES_MAX = 64,
	CONF_TLVS_MAX = 5,
};

/* At most `count` per `period_ms`, and up to `burst` at once. All three are 0 for "off". */
struct conf_rate {
	uint32_t count;
	uint32_t period_ms;
	uint32_t burst; /* where the file names none: count */
};

#define CONF_FIELD_BOOL(field, unit)	       bool field;
#define CONF_FIELD_UINT(field, unit)	       uint32_t field;
#define CONF_FIELD_DURATION(field, unit)       uint32_t field;
#define CONF_FIELD_DURATION_OFF(field, unit)   uint32_t field;
#define CONF_FIELD_SIZE(field, unit)	       uint32_t field;
#define CONF_FIELD_SIZE_ZERO(field, unit)      uint32_t field;
#define CONF_FIELD_SIZE_64(field, unit)	       uint64_t field;
#define CONF_FIELD_RATE_OFF(field, unit)       struct conf_rate field;
#define CONF_FIELD_MULTIPLIER_OFF(field, unit) uint32_t field;
#define CONF_FIELD_ENUM(field, unit)	       enum conf_##unit field;
#define CONF_FIELD_STRING(field, unit)	       const char *field;
#define CONF_FIELD_TARGET(field, unit)	       const char *field;
#define CONF_FIELD_PATH(field, unit)	       const char *field;
#define CONF_FIELD_NAME(field, unit)	       const char *field;
#define CONF_FIELD_ADDRESS(field, unit)	       struct addr_port field;
/* The name is NULL for an address; else the text, see conf_host_parse(), and the address unset. */
#define CONF_FIELD_HOST(field, unit) \
	struct addr_port field;      \
	const char *field##_name;
/* The count is 1, or 0 for no address. */
#define CONF_FIELD_ADDRESS_NONE(field, unit) \
	struct addr_port field;              \
	size_t field##_count;
/* Lists: an empty one is NULL with a count of 0 for networks, an array of one NULL for strings. */
#define CONF_FIELD_NETWORKS(field, unit) \
	struct network *field;           \
	size_t field##_count;
#define CONF_FIELD_STRINGS(field, unit)                             \
	char **field; /* the NULL behind the last is not counted */ \
	size_t field##_count;

#define CONF_FIELD(type, name, field, unit, ...) CONF_FIELD_##type(field, unit)
#define CONF_AT(type, name, field, ...)		 struct conf_place field;

#define CONF_SECTION_GROUP(field, count, type) struct type field;
#define CONF_SECTION_GROUPS(field, count, type) \
	struct type *field;                     \
	size_t count;
#define CONF_SECTION_GROUP_OPTIONAL(field, count, type) struct type *field;
#define CONF_SECTION(kind, name, field, count, scope, type, ...) \
	CONF_SECTION_##kind(field, count, type)

struct conf_log {
	struct conf_place place;
	struct {
#define OPT_LOG CONF_AT
#include "conf/options.def"
	} at;
#define OPT_LOG CONF_FIELD
#include "conf/options.def"
};

/* private_key "": it is in the file of the certificate. */
struct conf_certificate {
	struct conf_place place;
	struct {
#define OPT_CERTIFICATE CONF_AT
#include "conf/options.def"
	} at;
#define OPT_CERTIFICATE CONF_FIELD
#include "conf/options.def"
};

struct conf_listener_tls {
	struct conf_place place;
	struct {
#define OPT_LISTENER_TLS CONF_AT
#include "conf/options.def"
	} at;
#define OPT_LISTENER_TLS     CONF_FIELD
#define SECTION_LISTENER_TLS CONF_SECTION
#include "conf/options.def"
};

/* transport CONF_TLS: `tls` is set and has at least one certificate. */
struct conf_listener {
	struct conf_place place;
	struct {
#define OPT_LISTENER CONF_AT
#include "conf/options.def"
	} at;
#define OPT_LISTENER	 CONF_FIELD
#define SECTION_LISTENER CONF_SECTION
#include "conf/options.def"
	size_t pool_index; /* of `pool`, in conf.pools */
};

struct conf_subnet {
	struct conf_place place;
	struct {
#define OPT_SUBNET CONF_AT
#include "conf/options.def"
	} at;
#define OPT_SUBNET CONF_FIELD
#include "conf/options.def"
};

struct conf_penalty {
	struct conf_place place;
	struct {
#define OPT_PENALTY CONF_AT
#include "conf/options.def"
	} at;
#define OPT_PENALTY CONF_FIELD
#include "conf/options.def"
};

struct conf_class_file {
	struct conf_place place;
	struct {
#define OPT_CLASS_FILE CONF_AT
#include "conf/options.def"
	} at;
#define OPT_CLASS_FILE CONF_FIELD
#include "conf/options.def"
};

struct conf_class_subnet {
	struct conf_place place;
	struct {
#define OPT_CLASS_SUBNET CONF_AT
#include "conf/options.def"
	} at;
#define OPT_CLASS_SUBNET CONF_FIELD
#include "conf/options.def"
};

struct conf_class_timeouts {
	struct conf_place place;
	struct {
#define OPT_CLASS_TIMEOUTS CONF_AT
#include "conf/options.def"
	} at;
#define OPT_CLASS_TIMEOUTS CONF_FIELD
#include "conf/options.def"
};

/* What it does not name is filled in from limits and timeouts: every value here is the one that applies. */
struct conf_class {
	struct conf_place place;
	struct {
#define OPT_CLASS CONF_AT
#include "conf/options.def"
	} at;
#define OPT_CLASS     CONF_FIELD
#define SECTION_CLASS CONF_SECTION
#include "conf/options.def"
};

struct conf_limits {
	struct conf_place place;
	struct {
#define OPT_LIMITS CONF_AT
#include "conf/options.def"
	} at;
#define OPT_LIMITS     CONF_FIELD
#define SECTION_LIMITS CONF_SECTION
#include "conf/options.def"
};

struct conf_sip {
	struct conf_place place;
	struct {
#define OPT_SIP CONF_AT
#include "conf/options.def"
	} at;
#define OPT_SIP CONF_FIELD
#include "conf/options.def"
};

struct conf_timeouts {
	struct conf_place place;
	struct {
#define OPT_TIMEOUTS CONF_AT
#include "conf/options.def"
	} at;
#define OPT_TIMEOUTS CONF_FIELD
#include "conf/options.def"
};

struct conf_memory {
	struct conf_place place;
	struct {
#define OPT_MEMORY CONF_AT
#include "conf/options.def"
	} at;
#define OPT_MEMORY CONF_FIELD
#include "conf/options.def"
};

struct conf_admin {
	struct conf_place place;
	struct {
#define OPT_ADMIN CONF_AT
#include "conf/options.def"
	} at;
#define OPT_ADMIN CONF_FIELD
#include "conf/options.def"
};

struct conf_respond {
	struct conf_place place;
	struct {
#define OPT_RESPOND CONF_AT
#include "conf/options.def"
	} at;
#define OPT_RESPOND CONF_FIELD
#include "conf/options.def"
};

struct conf_server {
	struct conf_place place;
	struct {
#define OPT_SERVER CONF_AT
#include "conf/options.def"
	} at;
#define OPT_SERVER CONF_FIELD
#include "conf/options.def"
};

struct conf_health {
	struct conf_place place;
	struct {
#define OPT_HEALTH CONF_AT
#include "conf/options.def"
	} at;
#define OPT_HEALTH CONF_FIELD
#include "conf/options.def"
	uint64_t alive_bits[CONF_STATUS_WORDS]; /* of `alive`: conf_health_is_alive() */
};

struct conf_pool_tls {
	struct conf_place place;
	struct {
#define OPT_POOL_TLS CONF_AT
#include "conf/options.def"
	} at;
#define OPT_POOL_TLS CONF_FIELD
#include "conf/options.def"
};

/* Either server_count > 0 and respond is NULL, or respond is set and there are no servers.
 * max_message is never 0: a pool that names none has sip.max_message. */
struct conf_pool {
	struct conf_place place;
	struct {
#define OPT_POOL CONF_AT
#include "conf/options.def"
	} at;
#define OPT_POOL     CONF_FIELD
#define SECTION_POOL CONF_SECTION
#include "conf/options.def"
	struct addr
		sources[CONF_SOURCES_MAX]; /* source_addresses, source_addresses_count of them */
	enum conf_proxy_tlv tlvs[CONF_TLVS_MAX]; /* proxy_tlvs, proxy_tlvs_count of them */
};

/* What is "" fits everybody. */
struct conf_route {
	struct conf_place place;
	struct {
#define OPT_ROUTE CONF_AT
#include "conf/options.def"
	} at;
#define OPT_ROUTE CONF_FIELD
#include "conf/options.def"
	size_t pool_index;     /* of `pool`, in conf.pools */
	size_t class_index;    /* of `class`, in conf.limits.classes; with one alone */
	size_t listener_index; /* the same of `listener` */
};

struct conf {
	struct conf_place place;
	struct {
#define OPT_GLOBAL CONF_AT
#include "conf/options.def"
	} at;
#define OPT_GLOBAL     CONF_FIELD
#define SECTION_GLOBAL CONF_SECTION
#include "conf/options.def"
	struct conf_arena *arena; /* what holds the rest; conf_free() alone looks at it */
};

/*
 * Read, check and return the file, with those that it includes (`@include "FILE"`, relative to the
 * folder of the file that says so). Every mistake that can be seen is added to `errors`, not the
 * first alone; warnings too, and they do not make it fail. NULL when there is at least one error.
 * Opens nothing that the options name.
 *
 * libconfig 1.5's scanner calls exit() when its malloc fails; nothing here can prevent that.
 */
struct conf *conf_load(const char *path, struct conf_errors *errors);

/* The same from memory. `name` stands for the file in messages; the text may not include files. */
struct conf *conf_load_text(const char *text, const char *name, struct conf_errors *errors);

/* Free it with all that it holds. NULL is fine. */
void conf_free(struct conf *c);

/*
 * Add warnings about what is no mistake and still makes trouble in many farms. For whoever looks at a file before it is used:
 * in service they would be told at each reload.
 */
void conf_advise(const struct conf *c, struct conf_errors *errors);

/* Whether a server that answers a check with this status (100..699) works. */
bool conf_health_is_alive(const struct conf_health *h, unsigned status);

/* Whether a class is for those who come by this listener: all of them when it names none. */
bool conf_class_applies(const struct conf_class *c, const char *listener);

/*
 * Write a commented sample with every option: its default, range and unit, and when a change takes
 * effect. Loads as it stands. The caller looks at ferror(out).
 */
void conf_print(FILE *out);

#endif
