/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * option.c - the tables that options.def and choice.h make.
 */
#include "conf/option.h"
#include "conf/conf.h"
#include "conf/value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MSECS(n)   (n)
#define SECONDS(n) ((n)*1000)
#define MINUTES(n) ((n)*60 * 1000)
#define HOURS(n)   ((n)*3600 * 1000)
#define DAYS(n)	   ((n) * (uint64_t)(24 * 3600 * 1000))
#define KIB(n)	   ((uint64_t)(n) << 10)
#define MIB(n)	   ((uint64_t)(n) << 20)
#define GIB(n)	   ((uint64_t)(n) << 30)

/* Two arguments of ROW each. */
#define DEFAULT(text)	.default_text = text, .is_inherited = false
#define EXAMPLE(text)	.example = text, .is_inherited = false
#define INHERITED(text) .default_text = text, .is_inherited = true

/* Where a list keeps its count; 0 for what is no list. */
#define COUNT_OF_BOOL(type, field)	     0
#define COUNT_OF_UINT(type, field)	     0
#define COUNT_OF_DURATION(type, field)	     0
#define COUNT_OF_DURATION_OFF(type, field)   0
#define COUNT_OF_SIZE(type, field)	     0
#define COUNT_OF_SIZE_ZERO(type, field)	     0
#define COUNT_OF_SIZE_64(type, field)	     0
#define COUNT_OF_RATE_OFF(type, field)	     0
#define COUNT_OF_MULTIPLIER_OFF(type, field) 0
#define COUNT_OF_ENUM(type, field)	     0
#define COUNT_OF_STRING(type, field)	     0
#define COUNT_OF_TARGET(type, field)	     0
#define COUNT_OF_PATH(type, field)	     0
#define COUNT_OF_NAME(type, field)	     0
#define COUNT_OF_ADDRESS(type, field)	     0
#define COUNT_OF_HOST(type, field)	     offsetof(struct type, field##_name)
#define COUNT_OF_ADDRESS_NONE(type, field)   offsetof(struct type, field##_count)
#define COUNT_OF_NETWORKS(type, field)	     offsetof(struct type, field##_count)
#define COUNT_OF_STRINGS(type, field)	     offsetof(struct type, field##_count)

#define ROW(owner, type_, name_, field_, unit_, min_, max_, default_, inherited_, effect_, help_) \
	{.type = CONF_TYPE_##type_,                                                               \
		.name = #name_,                                                                   \
		.unit = CONF_UNIT_##unit_,                                                        \
		.min = min_,                                                                      \
		.max = max_,                                                                      \
		default_,                                                                         \
		inherited_,                                                                       \
		.effect = CONF_EFFECT_##effect_,                                                  \
		.help = help_,                                                                    \
		.field = offsetof(struct owner, field_),                                          \
		.count = COUNT_OF_##type_(owner, field_),                                         \
		.at = offsetof(struct owner, at.field_)},

#define SECTION_COUNT_GROUP(owner, count)	   0
#define SECTION_COUNT_GROUPS(owner, count)	   offsetof(struct owner, count)
#define SECTION_COUNT_GROUP_OPTIONAL(owner, count) 0

#define SECTION(owner, kind_, name_, field_, count_, scope_, type_, min_, max_, help_) \
	{.kind = CONF_KIND_##kind_,                                                    \
		.name = #name_,                                                        \
		.scope = CONF_SCOPE_##scope_,                                          \
		.min = min_,                                                           \
		.max = max_,                                                           \
		.help = help_,                                                         \
		.field = offsetof(struct owner, field_),                               \
		.count = SECTION_COUNT_##kind_(owner, count_)},

static const struct conf_option global_options[] = {
#define OPT_GLOBAL(...) ROW(conf, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_section global_sections[] = {
#define SECTION_GLOBAL(...) SECTION(conf, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option log_options[] = {
#define OPT_LOG(...) ROW(conf_log, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option listener_options[] = {
#define OPT_LISTENER(...) ROW(conf_listener, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_section listener_sections[] = {
#define SECTION_LISTENER(...) SECTION(conf_listener, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option listener_tls_options[] = {
#define OPT_LISTENER_TLS(...) ROW(conf_listener_tls, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_section listener_tls_sections[] = {
#define SECTION_LISTENER_TLS(...) SECTION(conf_listener_tls, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option certificate_options[] = {
#define OPT_CERTIFICATE(...) ROW(conf_certificate, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option limits_options[] = {
#define OPT_LIMITS(...) ROW(conf_limits, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option subnet_options[] = {
#define OPT_SUBNET(...) ROW(conf_subnet, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option penalty_options[] = {
#define OPT_PENALTY(...) ROW(conf_penalty, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option class_options[] = {
#define OPT_CLASS(...) ROW(conf_class, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option class_file_options[] = {
#define OPT_CLASS_FILE(...) ROW(conf_class_file, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option class_subnet_options[] = {
#define OPT_CLASS_SUBNET(...) ROW(conf_class_subnet, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option class_timeouts_options[] = {
#define OPT_CLASS_TIMEOUTS(...) ROW(conf_class_timeouts, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_section limits_sections[] = {
#define SECTION_LIMITS(...) SECTION(conf_limits, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_section class_sections[] = {
#define SECTION_CLASS(...) SECTION(conf_class, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option sip_options[] = {
#define OPT_SIP(...) ROW(conf_sip, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option timeouts_options[] = {
#define OPT_TIMEOUTS(...) ROW(conf_timeouts, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option memory_options[] = {
#define OPT_MEMORY(...) ROW(conf_memory, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option pool_options[] = {
#define OPT_POOL(...) ROW(conf_pool, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_section pool_sections[] = {
#define SECTION_POOL(...) SECTION(conf_pool, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option pool_tls_options[] = {
#define OPT_POOL_TLS(...) ROW(conf_pool_tls, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option server_options[] = {
#define OPT_SERVER(...) ROW(conf_server, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option health_options[] = {
#define OPT_HEALTH(...) ROW(conf_health, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option respond_options[] = {
#define OPT_RESPOND(...) ROW(conf_respond, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option route_options[] = {
#define OPT_ROUTE(...) ROW(conf_route, __VA_ARGS__)
#include "conf/options.def"
};
static const struct conf_option admin_options[] = {
#define OPT_ADMIN(...) ROW(conf_admin, __VA_ARGS__)
#include "conf/options.def"
};

#define SCOPE(type, name_, rows)                                                           \
	.name = name_, .size = sizeof(struct type), .place = offsetof(struct type, place), \
	.options = rows, .option_count = COUNT(rows)

static const struct conf_scope scopes[CONF_SCOPE_COUNT] = {
	[CONF_SCOPE_GLOBAL] = {SCOPE(conf, "file", global_options), .sections = global_sections,
		.section_count = COUNT(global_sections)},
	[CONF_SCOPE_LOG] = {SCOPE(conf_log, "log", log_options)},
	[CONF_SCOPE_LISTENER] = {SCOPE(conf_listener, "listener", listener_options),
		.sections = listener_sections, .section_count = COUNT(listener_sections)},
	[CONF_SCOPE_LISTENER_TLS] = {SCOPE(conf_listener_tls, "tls of a listener",
					     listener_tls_options),
		.sections = listener_tls_sections, .section_count = COUNT(listener_tls_sections)},
	[CONF_SCOPE_CERTIFICATE] = {SCOPE(conf_certificate, "certificate", certificate_options)},
	[CONF_SCOPE_LIMITS] = {SCOPE(conf_limits, "limits", limits_options),
		.sections = limits_sections, .section_count = COUNT(limits_sections)},
	[CONF_SCOPE_SUBNET] = {SCOPE(conf_subnet, "subnet of limits", subnet_options)},
	[CONF_SCOPE_PENALTY] = {SCOPE(conf_penalty, "penalty", penalty_options)},
	[CONF_SCOPE_CLASS] = {SCOPE(conf_class, "class", class_options), .sections = class_sections,
		.section_count = COUNT(class_sections)},
	[CONF_SCOPE_CLASS_FILE] = {SCOPE(conf_class_file, "file of a class", class_file_options)},
	[CONF_SCOPE_CLASS_SUBNET] = {SCOPE(
		conf_class_subnet, "subnet of a class", class_subnet_options)},
	[CONF_SCOPE_CLASS_TIMEOUTS] = {SCOPE(
		conf_class_timeouts, "timeouts of a class", class_timeouts_options)},
	[CONF_SCOPE_SIP] = {SCOPE(conf_sip, "sip", sip_options)},
	[CONF_SCOPE_TIMEOUTS] = {SCOPE(conf_timeouts, "timeouts", timeouts_options)},
	[CONF_SCOPE_MEMORY] = {SCOPE(conf_memory, "memory", memory_options)},
	[CONF_SCOPE_POOL] = {SCOPE(conf_pool, "pool", pool_options), .sections = pool_sections,
		.section_count = COUNT(pool_sections)},
	[CONF_SCOPE_POOL_TLS] = {SCOPE(conf_pool_tls, "tls of a pool", pool_tls_options)},
	[CONF_SCOPE_SERVER] = {SCOPE(conf_server, "server", server_options)},
	[CONF_SCOPE_HEALTH] = {SCOPE(conf_health, "health of a pool", health_options)},
	[CONF_SCOPE_RESPOND] = {SCOPE(conf_respond, "respond", respond_options)},
	[CONF_SCOPE_ROUTE] = {SCOPE(conf_route, "route", route_options)},
	[CONF_SCOPE_ADMIN] = {SCOPE(conf_admin, "admin", admin_options)},
};

const struct conf_scope *conf_scope_get(enum conf_scope_id id)
{
	assert(id < CONF_SCOPE_COUNT);
	return &scopes[id];
}

/* The words stand at the place of their constant. */
#define WORD(constant, word)   [constant] = word,
#define WORDS(name, set)       static const char *const name##_words[] = {set(WORD)};
#define WORDS_ROW(name, words) [CONF_UNIT_##name] = {name##_words, COUNT(name##_words)},

CONF_CHOICES(WORDS)

static const struct {
	const char *const *words;
	size_t count;
} sets[] = {CONF_CHOICES(WORDS_ROW)};

const char *const *conf_option_words(enum conf_unit unit, size_t *count)
{
	assert(unit < COUNT(sets));
	*count = sets[unit].count;
	return sets[unit].words;
}

bool conf_option_is_list(const struct conf_option *o)
{
	return o->type == CONF_TYPE_NETWORKS || o->type == CONF_TYPE_STRINGS;
}

size_t conf_option_size(const struct conf_option *o)
{
	_Static_assert(sizeof(struct conf_rate) == 3 * sizeof(uint32_t), "no padding");
	assert(!conf_option_is_text(o) && !o->count && o->type != CONF_TYPE_ADDRESS);
	if (o->type == CONF_TYPE_BOOL)
		return sizeof(bool);
	if (o->type == CONF_TYPE_RATE_OFF)
		return sizeof(struct conf_rate);
	return o->type == CONF_TYPE_SIZE_64 ? sizeof(uint64_t) : sizeof(uint32_t);
}

bool conf_option_is_text(const struct conf_option *o)
{
	return o->type == CONF_TYPE_STRING || o->type == CONF_TYPE_TARGET ||
	       o->type == CONF_TYPE_PATH || o->type == CONF_TYPE_NAME;
}

bool conf_option_has_zero(const struct conf_option *o)
{
	return o->type == CONF_TYPE_DURATION_OFF || o->type == CONF_TYPE_RATE_OFF ||
	       o->type == CONF_TYPE_MULTIPLIER_OFF || o->type == CONF_TYPE_SIZE_ZERO;
}

static void expect_range(const struct conf_option *o, char out[CONF_EXPECTED_MAX])
{
	char min[CONF_VALUE_TEXT_MAX], max[CONF_VALUE_TEXT_MAX];
	bool is_size = o->unit == CONF_UNIT_BYTES;

	if (is_size) {
		conf_value_write_size(min, o->min);
		conf_value_write_size(max, o->max);
	} else {
		conf_value_write_duration(min, o->min);
		conf_value_write_duration(max, o->max);
	}
	snprintf(out, CONF_EXPECTED_MAX, "%s \"%s\"..\"%s\"%s%s", is_size ? "a size" : "a duration",
		min, max, o->unit == CONF_UNIT_S ? " in whole seconds" : "",
		!conf_option_has_zero(o) ? ""
		: is_size		 ? " or \"0\""
					 : " or \"off\"");
}

static void expect_words(const struct conf_option *o, char out[CONF_EXPECTED_MAX])
{
	size_t count, length = 0;
	const char *const *words = conf_option_words(o->unit, &count);

	for (size_t i = 0; i < count && length < CONF_EXPECTED_MAX; i++) {
		const char *joint = i == 0 ? "" : i + 1 < count ? ", " : " or ";

		length += (size_t)snprintf(
			out + length, CONF_EXPECTED_MAX - length, "%s\"%s\"", joint, words[i]);
	}
}

static void expect_numbers(const struct conf_option *o, char out[CONF_EXPECTED_MAX],
	const char *before, const char *after)
{
	snprintf(out, CONF_EXPECTED_MAX, "%s%" PRIu64 "..%" PRIu64 "%s", before, o->min, o->max,
		after);
}

const char *conf_option_expected(const struct conf_option *o, char out[CONF_EXPECTED_MAX])
{
	switch (o->type) {
	case CONF_TYPE_BOOL:
		snprintf(out, CONF_EXPECTED_MAX, "true or false");
		break;
	case CONF_TYPE_UINT:
		expect_numbers(o, out, "a whole number ", "");
		break;
	case CONF_TYPE_DURATION:
	case CONF_TYPE_DURATION_OFF:
	case CONF_TYPE_SIZE:
	case CONF_TYPE_SIZE_ZERO:
	case CONF_TYPE_SIZE_64:
		expect_range(o, out);
		break;
	case CONF_TYPE_RATE_OFF:
		expect_numbers(o, out, "a rate such as \"20/s\" or \"600/10m burst 60\", of ",
			" in up to a day, or \"off\"");
		break;
	case CONF_TYPE_MULTIPLIER_OFF:
		snprintf(out, CONF_EXPECTED_MAX, "\"%" PRIu64 "x\"..\"%" PRIu64 "x\" or \"off\"",
			o->min, o->max);
		break;
	case CONF_TYPE_ENUM:
		expect_words(o, out);
		break;
	case CONF_TYPE_STRING:
		expect_numbers(o, out, "a string of ", " bytes");
		break;
	case CONF_TYPE_TARGET:
		snprintf(out, CONF_EXPECTED_MAX,
			"\"stderr\", \"syslog\" or the absolute path of a file");
		break;
	case CONF_TYPE_PATH:
		snprintf(out, CONF_EXPECTED_MAX, "an absolute path of up to %" PRIu64 " bytes%s",
			o->max, o->min ? "" : ", or \"\"");
		break;
	case CONF_TYPE_NAME:
		expect_numbers(o, out, "a name of ", " letters, digits, \".\", \"_\" and \"-\"");
		break;
	case CONF_TYPE_ADDRESS:
		expect_numbers(o, out, "\"ADDRESS:PORT\", an IPv6 address in [ ], PORT ", "");
		break;
	case CONF_TYPE_HOST:
		expect_numbers(o, out,
			"\"ADDRESS:PORT\", an IPv6 address in [ ], or \"NAME:PORT\", PORT ", "");
		break;
	case CONF_TYPE_ADDRESS_NONE:
		expect_numbers(o, out,
			"\"\" for none, or \"ADDRESS:PORT\", an IPv6 address in [ ], PORT ", "");
		break;
	case CONF_TYPE_NETWORKS:
		expect_numbers(o, out, "a list of ",
			" networks, as in [ \"192.0.2.0/24\", \"2001:db8::/32\" ]");
		break;
	case CONF_TYPE_STRINGS:
		expect_numbers(o, out, "a list of ", " strings, as in [ \"a\", \"b\" ]");
		break;
	}
	return out;
}
