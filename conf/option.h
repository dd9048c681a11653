/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * option.h - options.def as data, for whoever walks over it: the loader, the reference, the tests.
 *
 * Constant; any thread.
 */
#ifndef SIPWEIR_CONF_OPTION_H
#define SIPWEIR_CONF_OPTION_H

#include "conf/choice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The columns of the table; options.def says what each means. */
enum conf_type {
	CONF_TYPE_BOOL,
	CONF_TYPE_UINT,
	CONF_TYPE_DURATION,
	CONF_TYPE_DURATION_OFF,
	CONF_TYPE_SIZE,
	CONF_TYPE_SIZE_ZERO,
	CONF_TYPE_SIZE_64,
	CONF_TYPE_RATE_OFF,
	CONF_TYPE_MULTIPLIER_OFF,
	CONF_TYPE_ENUM,
	CONF_TYPE_STRING,
	CONF_TYPE_TARGET,
	CONF_TYPE_PATH,
	CONF_TYPE_NAME,
	CONF_TYPE_ADDRESS,
	CONF_TYPE_HOST,
	CONF_TYPE_ADDRESS_NONE,
	CONF_TYPE_NETWORKS,
	CONF_TYPE_STRINGS,
};

enum conf_unit {
	CONF_UNIT_NONE,
	CONF_UNIT_MS,
	CONF_UNIT_S,
	CONF_UNIT_BYTES,
	CONF_UNIT_COUNT,
	CONF_UNIT_BITS,
#define CONF_UNIT_OF_CHOICE(name, words) CONF_UNIT_##name,
	CONF_CHOICES(CONF_UNIT_OF_CHOICE)
#undef CONF_UNIT_OF_CHOICE
};

enum conf_effect { CONF_EFFECT_LIVE, CONF_EFFECT_RESTART };
enum conf_kind { CONF_KIND_GROUP, CONF_KIND_GROUPS, CONF_KIND_GROUP_OPTIONAL };

enum conf_scope_id {
	CONF_SCOPE_GLOBAL,
	CONF_SCOPE_LOG,
	CONF_SCOPE_LISTENER,
	CONF_SCOPE_LISTENER_TLS,
	CONF_SCOPE_CERTIFICATE,
	CONF_SCOPE_LIMITS,
	CONF_SCOPE_SUBNET,
	CONF_SCOPE_PENALTY,
	CONF_SCOPE_CLASS,
	CONF_SCOPE_CLASS_FILE,
	CONF_SCOPE_CLASS_SUBNET,
	CONF_SCOPE_CLASS_TIMEOUTS,
	CONF_SCOPE_SIP,
	CONF_SCOPE_TIMEOUTS,
	CONF_SCOPE_MEMORY,
	CONF_SCOPE_POOL,
	CONF_SCOPE_POOL_TLS,
	CONF_SCOPE_SERVER,
	CONF_SCOPE_HEALTH,
	CONF_SCOPE_RESPOND,
	CONF_SCOPE_ROUTE,
	CONF_SCOPE_ADMIN,
	CONF_SCOPE_COUNT,
};

struct conf_option {
	enum conf_type type;
	enum conf_unit unit;
	enum conf_effect effect;
	const char *name;
	uint64_t min;
	uint64_t max;
	const char *default_text; /* NULL: the option must be given */
	const char *example;	  /* instead of a default */
	bool is_inherited; /* of a class: left out it is as in limits or timeouts, with its default */
	const char *help;
	size_t field; /* offsets in the structure of the scope */
	size_t count; /* of a list's count, of an optional address's, and of the name of a HOST */
	size_t at;
};

struct conf_section {
	enum conf_kind kind;
	enum conf_scope_id scope;
	const char *name;
	size_t min;
	size_t max;
	const char *help;
	size_t field;
	size_t count; /* of GROUPS */
};

struct conf_scope {
	const char *name; /* of one such group, for people */
	size_t size;	  /* of its structure */
	size_t place;	  /* offset of its struct conf_place */
	const struct conf_option *options;
	size_t option_count;
	const struct conf_section *sections;
	size_t section_count;
};

const struct conf_scope *conf_scope_get(enum conf_scope_id id);

/* The words of a set, in the order of their constants; *count is how many. None for other units. */
const char *const *conf_option_words(enum conf_unit unit, size_t *count);

/* True for NETWORKS and STRINGS. */
bool conf_option_is_list(const struct conf_option *o);

/* True when the field is a `const char *`. */
bool conf_option_is_text(const struct conf_option *o);

/* True when 0 stands for "off", or for 0 whatever the minimum. */
bool conf_option_has_zero(const struct conf_option *o);

/* Bytes of a field that its bytes say all about: no text, no list, no address. */
size_t conf_option_size(const struct conf_option *o);

enum { CONF_EXPECTED_MAX = 256 };

/* What the option accepts, for messages and the reference: `a whole number 1..65535`. */
const char *conf_option_expected(const struct conf_option *o, char out[CONF_EXPECTED_MAX]);

#endif
