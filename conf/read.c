/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * read.c - one reader per type. What is stored has passed every check that needs no other option.
 */
#include "conf/read.h"
#include "conf/conf.h"
#include "conf/host.h"
#include "conf/value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool fail(const struct conf_reader *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Always false. Adds what was expected to what is wrong. */
static bool fail(const struct conf_reader *r, const char *format, ...)
{
	const char *expected = r->expected;
	char text[CONF_EXPECTED_MAX], *what;
	va_list args;

	if (!expected)
		expected = conf_option_expected(r->option, text);
	va_start(args, format);
	if (vasprintf(&what, format, args) < 0)
		what = NULL;
	va_end(args);
	conf_errors_add(r->errors, &r->node->place, r->path, "%s, expected %s",
		what ? what : "wrong", expected);
	free(what);
	return false;
}

static bool fail_memory(const struct conf_reader *r)
{
	conf_errors_add(r->errors, &r->node->place, r->path, "out of memory");
	return false;
}

static bool fail_type(const struct conf_reader *r)
{
	char text[CONF_VALUE_TEXT_MAX];

	switch (r->node->type) {
	case CONF_TREE_STRING:
		return fail(
			r, "\"%s\" is a string in quotes", conf_value_quote(text, r->node->text));
	case CONF_TREE_INTEGER:
		return fail(r, "%" PRId64 " is a bare number", r->node->integer);
	case CONF_TREE_UNFIT:
		return fail(r, "%s is a bare number", conf_value_quote(text, r->node->text));
	case CONF_TREE_BOOL:
		return fail(r, "%s is a truth value", r->node->flag ? "true" : "false");
	default:
		return fail(r, "it is %s", conf_tree_type_name(r->node->type));
	}
}

static bool fail_text(const struct conf_reader *r, const char *what)
{
	char text[CONF_VALUE_TEXT_MAX];

	return fail(r, "\"%s\" %s", conf_value_quote(text, r->node->text), what);
}

/* True for a string that may be looked at further. */
static bool want_text(const struct conf_reader *r)
{
	const char *fault;

	if (r->node->type != CONF_TREE_STRING)
		return fail_type(r);
	fault = conf_value_text_fault(r->node->text);
	return !fault || fail(r, "%s", fault);
}

static bool in_range(const struct conf_option *o, uint64_t value)
{
	return value >= o->min && value <= o->max;
}

static bool read_bool(const struct conf_reader *r, bool *field)
{
	if (r->node->type != CONF_TREE_BOOL)
		return fail_type(r);
	*field = r->node->flag;
	return true;
}

static bool read_uint(const struct conf_reader *r, uint32_t *field)
{
	char text[CONF_VALUE_TEXT_MAX];
	int64_t value = r->node->integer;

	if (r->node->type == CONF_TREE_UNFIT)
		return fail(r, "%s is out of range", conf_value_quote(text, r->node->text));
	if (r->node->type != CONF_TREE_INTEGER)
		return fail_type(r);
	if (value < 0 || !in_range(r->option, (uint64_t)value))
		return fail(r, "%" PRId64 " is out of range", value);
	*field = (uint32_t)value;
	return true;
}

/* Durations, sizes and multipliers: one number with a unit. */
static bool read_number(const struct conf_reader *r,
	bool (*parse)(const char *text, uint64_t *value), uint64_t *field)
{
	const struct conf_option *o = r->option;
	const char *zero = o->type == CONF_TYPE_SIZE_ZERO ? "0" : "off";
	uint64_t value = 0;

	if (!want_text(r))
		return false;
	if (conf_option_has_zero(o) && strcmp(r->node->text, zero) == 0) {
		*field = 0;
		return true;
	}
	if (!parse(r->node->text, &value))
		return fail_text(r, "cannot be read");
	if (!in_range(o, value))
		return fail_text(r, "is out of range");
	if (o->unit == CONF_UNIT_S && value % 1000 != 0)
		return fail_text(r, "has a fraction of a second");
	*field = value;
	return true;
}

static bool read_number_32(const struct conf_reader *r,
	bool (*parse)(const char *text, uint64_t *value), uint32_t *field)
{
	uint64_t value = 0;

	if (!read_number(r, parse, &value))
		return false;
	assert(value <= UINT32_MAX);
	*field = (uint32_t)value;
	return true;
}

static bool read_rate(const struct conf_reader *r, struct conf_rate *field)
{
	static const uint32_t period_max_ms = 24 * 3600 * 1000;
	struct conf_rate rate;

	if (!want_text(r))
		return false;
	if (strcmp(r->node->text, "off") == 0) {
		*field = (struct conf_rate){0, 0, 0};
		return true;
	}
	if (!conf_value_rate(r->node->text, &rate))
		return fail_text(r, "cannot be read");
	if (!in_range(r->option, rate.count) || !in_range(r->option, rate.burst) ||
		rate.period_ms == 0 || rate.period_ms > period_max_ms)
		return fail_text(r, "is out of range");
	*field = rate;
	return true;
}

static bool read_enum(const struct conf_reader *r, void *field)
{
	size_t count;
	const char *const *words = conf_option_words(r->option->unit, &count);

	_Static_assert(sizeof(enum conf_log_level) == sizeof(unsigned), "an enum is an unsigned");
	if (!want_text(r))
		return false;
	for (unsigned i = 0; i < count; i++) {
		if (strcmp(r->node->text, words[i]) == 0) {
			memcpy(field, &i, sizeof(i));
			return true;
		}
	}
	return fail_text(r, "is not known");
}

static bool is_target(const char *text)
{
	return strcmp(text, "stderr") == 0 || strcmp(text, "syslog") == 0 || text[0] == '/';
}

static bool read_string(const struct conf_reader *r, const char **field)
{
	const char *text = r->node->text;
	char *copy;

	if (!want_text(r))
		return false;
	if (!in_range(r->option, strlen(text)))
		return fail(r, "it is %zu bytes long", strlen(text));
	if (r->option->type == CONF_TYPE_TARGET && !is_target(text))
		return fail_text(r, "is none of them");
	if (r->option->type == CONF_TYPE_PATH && *text && text[0] != '/')
		return fail_text(r, "is no absolute path");
	if (r->option->type == CONF_TYPE_NAME && !conf_value_is_name(text))
		return fail_text(r, "is no name");
	copy = conf_arena_copy(r->arena, text, strlen(text));
	if (!copy)
		return fail_memory(r);
	*field = copy;
	return true;
}

static bool read_address(const struct conf_reader *r, struct addr_port *field)
{
	struct addr_port address;

	if (!want_text(r))
		return false;
	if (!addr_port_parse(&address, r->node->text))
		return fail_text(r, "cannot be read");
	if (!in_range(r->option, address.port))
		return fail_text(r, "is out of range");
	*field = address;
	return true;
}

static bool read_host(const struct conf_reader *r, struct addr_port *field, const char **name)
{
	struct addr_port address;
	struct conf_host host;

	*name = NULL;
	if (!want_text(r))
		return false;
	if (addr_port_parse(&address, r->node->text) || !conf_host_parse(&host, r->node->text))
		return read_address(r, field);
	if (!host.is_service && !in_range(r->option, host.port))
		return fail_text(r, "is out of range");
	*name = conf_arena_copy(r->arena, r->node->text, strlen(r->node->text));
	return *name || fail_memory(r);
}

/* An optional address: none or one. */
static bool read_address_or_none(
	const struct conf_reader *r, struct addr_port *field, size_t *count)
{
	if (r->node->type == CONF_TREE_STRING && !*r->node->text) {
		*count = 0;
		return true;
	}
	if (!read_address(r, field))
		return false;
	*count = 1;
	return true;
}

static bool want_list(const struct conf_reader *r)
{
	const struct conf_tree *n = r->node;

	if (n->type != CONF_TREE_ARRAY && n->type != CONF_TREE_LIST)
		return fail_type(r);
	if (!in_range(r->option, n->child_count))
		return fail(r, "it has %zu elements", n->child_count);
	return true;
}

/* The reader of one element; `path` is the room for its name. */
static struct conf_reader element_reader(const struct conf_reader *r, size_t i, char path[320])
{
	struct conf_reader element = *r;
	bool is_network = r->option->type == CONF_TYPE_NETWORKS;

	snprintf(path, 320, "%s[%zu]", r->path, i);
	element.node = &r->node->children[i];
	element.path = path;
	element.expected = is_network ? "an address, or a network such as \"192.0.2.0/24\" without "
					"bits behind its prefix"
				      : "a string in quotes";
	return element;
}

static bool read_network(const struct conf_reader *r, struct network *field)
{
	if (!want_text(r))
		return false;
	return network_parse(field, r->node->text) || fail_text(r, "is no network");
}

static bool read_networks(const struct conf_reader *r, struct network **field, size_t *count)
{
	struct network *networks;
	char path[320];
	bool ok = true;

	if (!want_list(r))
		return false;
	networks = conf_arena_alloc(r->arena, r->node->child_count, sizeof(*networks));
	if (!networks)
		return fail_memory(r);
	for (size_t i = 0; i < r->node->child_count; i++) {
		struct conf_reader element = element_reader(r, i, path);

		ok = read_network(&element, &networks[i]) && ok;
	}
	if (!ok)
		return false;
	*count = r->node->child_count;
	*field = *count ? networks : NULL;
	return true;
}

/* The words of a default. */
static bool read_default_words(const struct conf_reader *r, char ***field, size_t *count)
{
	const char *text = r->option->default_text;
	size_t words = *text ? 1 : 0, at = 0;
	for (const char *c = text; *c; c++)
		words += *c == ' ';
	char **strings = conf_arena_alloc(r->arena, words + 1, sizeof(*strings));
	for (; strings && *text; at++) {
		size_t length = strcspn(text, " ");
		strings[at] = conf_arena_copy(r->arena, text, length);
		if (!strings[at])
			return fail_memory(r);
		text += length + (text[length] == ' ');
	}
	*count = words;
	*field = strings;
	return strings || fail_memory(r);
}

static bool read_strings(const struct conf_reader *r, char ***field, size_t *count)
{
	char **strings;
	char path[320];
	bool ok = true;

	if (r->node->place.is_default)
		return read_default_words(r, field, count);
	if (!want_list(r))
		return false;
	strings = conf_arena_alloc(r->arena, r->node->child_count + 1, sizeof(*strings));
	if (!strings)
		return fail_memory(r);
	for (size_t i = 0; i < r->node->child_count; i++) {
		struct conf_reader element = element_reader(r, i, path);

		if (!want_text(&element)) {
			ok = false;
			continue;
		}
		strings[i] =
			conf_arena_copy(r->arena, element.node->text, strlen(element.node->text));
		if (!strings[i])
			ok = fail_memory(&element);
	}
	if (!ok)
		return false;
	*count = r->node->child_count;
	*field = strings;
	return true;
}

bool conf_read_option(const struct conf_reader *r, void *field, size_t *count)
{
	switch (r->option->type) {
	case CONF_TYPE_BOOL:
		return read_bool(r, field);
	case CONF_TYPE_UINT:
		return read_uint(r, field);
	case CONF_TYPE_DURATION:
	case CONF_TYPE_DURATION_OFF:
		return read_number_32(r, conf_value_duration, field);
	case CONF_TYPE_SIZE:
	case CONF_TYPE_SIZE_ZERO:
		return read_number_32(r, conf_value_size, field);
	case CONF_TYPE_SIZE_64:
		return read_number(r, conf_value_size, field);
	case CONF_TYPE_RATE_OFF:
		return read_rate(r, field);
	case CONF_TYPE_MULTIPLIER_OFF:
		return read_number_32(r, conf_value_multiplier, field);
	case CONF_TYPE_ENUM:
		return read_enum(r, field);
	case CONF_TYPE_STRING:
	case CONF_TYPE_TARGET:
	case CONF_TYPE_PATH:
	case CONF_TYPE_NAME:
		return read_string(r, field);
	case CONF_TYPE_ADDRESS:
		return read_address(r, field);
	case CONF_TYPE_HOST:
		return read_host(r, field, (const char **)(void *)count);
	case CONF_TYPE_ADDRESS_NONE:
		return read_address_or_none(r, field, count);
	case CONF_TYPE_NETWORKS:
		return read_networks(r, field, count);
	case CONF_TYPE_STRINGS:
		break;
	}
	return read_strings(r, field, count);
}

struct conf_tree conf_read_default(const struct conf_option *o)
{
	struct conf_tree node = {.type = CONF_TREE_STRING, .text = o->default_text};

	if (o->type == CONF_TYPE_BOOL) {
		node.type = CONF_TREE_BOOL;
		node.flag = strcmp(o->default_text, "true") == 0;
	} else if (o->type == CONF_TYPE_UINT) {
		node.type = CONF_TREE_INTEGER;
		node.integer = strtoll(o->default_text, NULL, 10);
	} else if (conf_option_is_list(o)) {
		node.type = CONF_TREE_ARRAY;
	}
	return node;
}
