/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/text.h"

#include <string.h>

void text_init(struct text *t, char *bytes, size_t size)
{
	*t = (struct text){.bytes = bytes, .size = size};
}

static void put(struct text *t, const char *bytes, size_t length)
{
	if (t->is_cut || t->size - t->length <= length) {
		t->is_cut = true;
		return;
	}
	memcpy(t->bytes + t->length, bytes, length);
	t->length += length;
}

void text_put(struct text *t, const char *string)
{
	put(t, string, strlen(string));
}

void text_put_char(struct text *t, char c)
{
	put(t, &c, 1);
}

void text_put_uint(struct text *t, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);
	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put(t, digits + at, sizeof(digits) - at);
}

static void put_escape(struct text *t, uint8_t byte)
{
	static const char hex[] = "0123456789abcdef";
	switch (byte) {
	case '\r':
		put(t, "\\r", 2);
		return;
	case '\n':
		put(t, "\\n", 2);
		return;
	case '\t':
		put(t, "\\t", 2);
		return;
	case '"':
		put(t, "\\\"", 2);
		return;
	case '\\':
		put(t, "\\\\", 2);
		return;
	default: {
		const char escape[] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
		put(t, escape, sizeof(escape));
	}
	}
}

void text_put_escaped(struct text *t, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;
	for (size_t i = 0; i < length; i++) {
		if (from[i] < 0x20 || from[i] > 0x7e || from[i] == '"' || from[i] == '\\')
			put_escape(t, from[i]);
		else
			text_put_char(t, (char)from[i]);
	}
}

void text_put_label(struct text *t, const char *value)
{
	for (const char *c = value; *c; c++) {
		if (*c == '\n')
			put(t, "\\n", 2);
		else if (*c == '"' || *c == '\\')
			put(t, *c == '"' ? "\\\"" : "\\\\", 2);
		else
			text_put_char(t, *c);
	}
}

const char *text_errno(int failure)
{
	const char *name = strerrorname_np(failure);
	return name ? name : "failed";
}
