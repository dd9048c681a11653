/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/json.h"

#include <string.h>

static void begin(struct json *j, const char *key)
{
	if (j->needs_comma)
		text_put_char(j->text, ',');
	j->needs_comma = true;
	if (!key)
		return;
	text_put_char(j->text, '"');
	text_put_escaped(j->text, key, strlen(key));
	text_put(j->text, "\":");
}

static void open(struct json *j, const char *key, char bracket)
{
	begin(j, key);
	text_put_char(j->text, bracket);
	j->needs_comma = false;
}

static void close(struct json *j, char bracket)
{
	text_put_char(j->text, bracket);
	j->needs_comma = true;
}

void json_open_object(struct json *j, const char *key)
{
	open(j, key, '{');
}

void json_close_object(struct json *j)
{
	close(j, '}');
}

void json_open_array(struct json *j, const char *key)
{
	open(j, key, '[');
}

void json_close_array(struct json *j)
{
	close(j, ']');
}

void json_put_uint(struct json *j, const char *key, uint64_t value)
{
	begin(j, key);
	text_put_uint(j->text, value);
}

void json_put_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	text_put(j->text, value ? "true" : "false");
}

void json_put_string(struct json *j, const char *key, const char *value)
{
	json_put_bytes(j, key, value, strlen(value));
}

void json_put_bytes(struct json *j, const char *key, const char *bytes, size_t length)
{
	begin(j, key);
	text_put_char(j->text, '"');
	text_put_escaped(j->text, bytes, length);
	text_put_char(j->text, '"');
}
