/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/request.h"

#include <string.h>

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* In place: a word never grows. False for an escape that is none, or stands for a control character. */
static bool decode(char *word)
{
	char *to = word;
	for (const char *from = word; *from; to++) {
		if (*from != '%') {
			*to = *from++;
			continue;
		}
		int high = hex_value(from[1]), low = high < 0 ? -1 : hex_value(from[2]);
		int byte = high * 16 + low;
		if (low < 0 || byte < 0x20 || byte == 0x7f)
			return false;
		*to = (char)byte;
		from += 3;
	}
	*to = '\0';
	return true;
}

static bool is_printable(const char *line, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (line[i] < ' ' || line[i] > '~')
			return false;
	return true;
}

/* How many words there are, the first REQUEST_WORDS of them in `words`; 0 when one is empty. */
static unsigned split(char *line, char *words[REQUEST_WORDS])
{
	unsigned count = 0;
	for (char *next = line; next; count++) {
		char *word = next;
		next = strchr(word, ' ');
		if (next)
			*next++ = '\0';
		if (!*word)
			return 0;
		if (count < REQUEST_WORDS)
			words[count] = word;
	}
	return count;
}

const char *request_read(struct request *r, char *line, size_t length)
{
	char *words[REQUEST_WORDS];
	*r = (struct request){0};
	if (!is_printable(line, length))
		return "it is not printable ASCII";
	line[length] = '\0';
	unsigned count = split(line, words);
	if (!count)
		return "words are separated by one space";
	if (count > REQUEST_WORDS)
		return "it has too many words";
	r->is_json = !strcmp(words[0], "json");
	if (!r->is_json && strcmp(words[0], "text") != 0)
		return "it begins with text or json";
	if (count == 1)
		return "there is no command";
	for (unsigned i = 1; i < count; i++) {
		if (!decode(words[i]))
			return "it has an escape that is none";
		r->words[r->count++] = words[i];
	}
	return NULL;
}
