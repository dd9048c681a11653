/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * json.h - JSON, written value by value; commas and quotes are seen to here. Any thread.
 *
 * `key` is the name in an object, and NULL in an array and for the outermost value.
 */
#ifndef SIPWEIR_ADMIN_JSON_H
#define SIPWEIR_ADMIN_JSON_H

#include "proxy/core/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begins with `text` alone set. */
struct json {
	struct text *text;
	bool needs_comma;
};

/* Whatever is put between the two is inside. */
void json_open_object(struct json *j, const char *key);
void json_close_object(struct json *j);
void json_open_array(struct json *j, const char *key);
void json_close_array(struct json *j);

void json_put_uint(struct json *j, const char *key, uint64_t value);
void json_put_bool(struct json *j, const char *key, bool value);
void json_put_string(struct json *j, const char *key, const char *value);
void json_put_bytes(struct json *j, const char *key, const char *bytes, size_t length);

#endif
