/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/log_line.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* A line being written: what separates the fields depends on the format. */
struct line {
	struct text *text;
	bool is_json;
	bool has_fields;
};

static void put_key(struct line *l, const char *key)
{
	if (l->has_fields)
		text_put_char(l->text, l->is_json ? ',' : ' ');
	l->has_fields = true;
	if (l->is_json)
		text_put_char(l->text, '"');
	text_put(l->text, key);
	text_put(l->text, l->is_json ? "\":" : "=");
}

static void put_uint(struct line *l, const char *key, uint64_t value)
{
	put_key(l, key);
	text_put_uint(l->text, value);
}

/* key=value goes without quotes where nobody could be misled. */
static bool is_plain(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] <= ' ' || bytes[i] > '~' || strchr("\"\\=", bytes[i]))
			return false;
	return length > 0;
}

static void put_bytes(struct line *l, const char *key, const void *bytes, size_t length)
{
	bool has_quotes = l->is_json || !is_plain(bytes, length);
	put_key(l, key);
	if (has_quotes)
		text_put_char(l->text, '"');
	text_put_escaped(l->text, bytes, length);
	if (has_quotes)
		text_put_char(l->text, '"');
}

static void put_string(struct line *l, const char *key, const char *value)
{
	if (value && *value)
		put_bytes(l, key, value, strlen(value));
}

static void put_time(struct line *l, int64_t at_ms)
{
	time_t seconds = (time_t)(at_ms / 1000);
	struct tm utc;
	char day[32], full[48];
	gmtime_r(&seconds, &utc);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(full, sizeof(full), "%s.%03dZ", day, (int)(at_ms % 1000));
	put_string(l, "ts", full);
}

static void put_address(struct line *l, const char *key, const struct addr_port *address)
{
	char text[ADDR_PORT_TEXT_MAX];
	addr_port_format(address, text);
	put_string(l, key, text);
}

/* All of a source's addresses, or more. */
static void put_network(struct line *l, const char *address, const struct record *r)
{
	char text[ADDR_TEXT_MAX + 8];
	unsigned bits = addr_is_ipv4(&r->source.addr) ? r->prefix - 96u : r->prefix;
	unsigned whole = addr_is_ipv4(&r->source.addr) ? 32 : 128;
	if (bits == whole)
		snprintf(text, sizeof(text), "%s", address);
	else
		snprintf(text, sizeof(text), "%s/%u", address, bits);
	put_string(l, "source", text);
}

static void put_source(struct line *l, const struct record *r)
{
	char text[ADDR_TEXT_MAX];
	addr_format(&r->source.addr, text);
	if (r->has & RECORD_HAS_NETWORK)
		put_network(l, text, r);
	else
		put_string(l, "source", text);
	if (r->source.port)
		put_uint(l, "source_port", r->source.port);
}

/* Behind the colon that follows sample[at..), white space and folds before it (RFC 3261 section 7.3.1); 0: none follows. */
static size_t skip_colon(const struct record *r, size_t at)
{
	while (at < r->sample_length && memchr(" \t\r\n", r->sample[at], 4))
		at++;
	return at < r->sample_length && r->sample[at] == ':' ? at + 1 : 0;
}

/* Where the value of a header with credentials begins in the sample, or its length. */
static size_t find_credentials(const struct record *r)
{
	static const char name[] = "authorization"; /* Proxy-Authorization ends in the same */
	const size_t length = sizeof(name) - 1;
	for (size_t i = 0; i + length <= r->sample_length; i++) {
		bool is_name = !strncasecmp((const char *)r->sample + i, name, length);
		size_t value = is_name ? skip_colon(r, i + length) : 0;
		if (value)
			return value;
	}
	return r->sample_length;
}

static void put_sample(struct line *l, const struct record *r)
{
	char masked[RECORD_SAMPLE_MAX + 4];
	size_t length = find_credentials(r);
	memcpy(masked, r->sample, length);
	if (length < r->sample_length) {
		memcpy(masked + length, " ***", 4);
		length += 4;
	}
	put_bytes(l, "sample", masked, length);
}

static const char *level_name(enum conf_log_level level)
{
#define NAME(constant, word) [constant] = word,
	static const char *const names[] = {CONF_LOG_LEVELS(NAME)};
#undef NAME
	return names[level];
}

static void put_connection(struct line *l, const struct record *r)
{
	put_string(l, "listener", r->listener);
	if (r->has & RECORD_HAS_ADDRESS)
		put_address(l, "address", &r->address);
	if (r->has & RECORD_HAS_PEER)
		put_address(l, "peer", &r->peer);
	if (r->has & RECORD_HAS_SOURCE)
		put_source(l, r);
	put_string(l, "endpoint", r->endpoint);
	if (r->has & RECORD_HAS_MAPPED) {
		char text[ADDR_TEXT_MAX];
		addr_format(&r->mapped, text);
		put_string(l, "mapped", text);
	}
	put_string(l, "unique_id", r->unique_id);
	put_string(l, "class", r->class);
	put_string(l, "state", r->state);
}

static void put_decision(struct line *l, const struct record *r)
{
	put_string(l, "limit", r->limit);
	if (r->has & RECORD_HAS_CURRENT) {
		put_uint(l, "current", r->current);
		put_uint(l, "max", r->max);
	}
	put_string(l, "action", r->action);
	put_string(l, "reason", r->reason);
	put_string(l, "pool", r->pool);
	put_string(l, "server", r->server);
	put_string(l, "method", r->method);
	put_string(l, "user", r->user);
	put_string(l, "user_agent", r->user_agent);
	put_string(l, "rule", r->rule);
	if (r->has & RECORD_HAS_OFFSET)
		put_uint(l, "offset", r->offset);
	if (r->sample_length)
		put_sample(l, r);
	if (r->count > 1)
		put_uint(l, "suppressed", r->count - 1);
	if (r->sources)
		put_uint(l, "sources", r->sources);
}

static void put_totals(struct line *l, const struct record *r)
{
	if (r->has & RECORD_HAS_DURATION)
		put_uint(l, "duration_ms", r->duration_ms);
	if (!(r->has & RECORD_HAS_TOTALS))
		return;
	put_uint(l, "bytes_in", r->bytes_in);
	put_uint(l, "bytes_out", r->bytes_out);
	put_uint(l, "messages", r->messages);
	put_uint(l, "duration_ms", r->duration_ms);
}

void log_line_write(struct text *t, const struct record *r, enum conf_log_format format)
{
	struct line l = {.text = t, .is_json = format == CONF_FORMAT_JSON};
	if (l.is_json)
		text_put_char(t, '{');
	put_time(&l, r->at_ms);
	put_string(&l, "level", level_name(r->level));
	put_string(&l, "event", record_name(r->event));
	put_connection(&l, r);
	put_decision(&l, r);
	put_totals(&l, r);
	put_string(&l, "version", r->version);
	put_string(&l, "sni", r->sni);
	put_string(&l, "message", r->message);
	text_put(t, l.is_json ? "}\n" : "\n");
}
