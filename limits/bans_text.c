/* SPDX-License-Identifier: BSD-2-Clause */
/* bans_text.c - bans as lines of text: for the file that outlives the process, and for people. */
#include "limits/bans.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 5, WORD_MAX = 160 };

size_t ban_network_format(const struct network *n, char out[NETWORK_TEXT_MAX])
{
	return n->prefix == 128 ? addr_format(&n->addr, out) : network_format(n, out);
}

size_t bans_write_line(const struct ban *ban, char out[BAN_LINE_MAX])
{
	char network[NETWORK_TEXT_MAX], until[24] = "forever";
	ban_network_format(&ban->network, network);
	if (ban->until_s != BAN_FOREVER)
		snprintf(until, sizeof(until), "%" PRId64, ban->until_s);
	int length = snprintf(out, BAN_LINE_MAX, "%s %s %s %" PRIu32 " %s %s\n", network,
		*ban->endpoint ? ban->endpoint : "-", until, ban->times,
		ban->is_by_hand ? "hand" : "auto", ban->reason);
	return (size_t)length;
}

/* The next word of [*at, end), cut off with a NUL. False: there is none, or it is too long. */
static bool take_word(const char **at, const char *end, char word[WORD_MAX])
{
	size_t length = 0;
	while (*at < end && **at == ' ')
		++*at;
	while (*at < end && **at != ' ' && length < WORD_MAX - 1)
		word[length++] = *(*at)++;
	word[length] = '\0';
	return length && (*at == end || **at == ' ') && strlen(word) == length;
}

static bool read_number(const char *word, int64_t max, int64_t *value)
{
	size_t length = strlen(word);
	if (!length || length > 18 || strspn(word, "0123456789") != length)
		return false;
	*value = strtoll(word, NULL, 10);
	return *value <= max;
}

static bool is_printable(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isprint((unsigned char)text[i]))
			return false;
	return true;
}

static bool read_endpoint(struct ban *ban, const char *word)
{
	if (!strcmp(word, "-"))
		return true;
	if (strlen(word) >= sizeof(ban->endpoint) || !is_printable(word, strlen(word)))
		return false;
	memcpy(ban->endpoint, word, strlen(word) + 1);
	return true;
}

static bool read_numbers(struct ban *ban, const char *until, const char *times, const char *who)
{
	int64_t number;
	if (!strcmp(until, "forever"))
		ban->until_s = BAN_FOREVER;
	else if (!read_number(until, INT64_MAX, &ban->until_s))
		return false;
	if (!read_number(times, UINT32_MAX, &number))
		return false;
	ban->times = (uint32_t)number;
	ban->is_by_hand = !strcmp(who, "hand");
	return ban->is_by_hand || !strcmp(who, "auto");
}

bool bans_read_line(struct ban *ban, const char *line, size_t length)
{
	char words[FIELDS][WORD_MAX];
	const char *at = line, *end = line + length;
	memset(ban, 0, sizeof(*ban));
	for (unsigned i = 0; i < FIELDS; i++)
		if (!take_word(&at, end, words[i]))
			return false;
	if (at < end)
		at++;
	size_t rest = (size_t)(end - at);
	if (rest >= sizeof(ban->reason) || !is_printable(at, rest) ||
		!network_parse(&ban->network, words[0]) || !read_endpoint(ban, words[1]) ||
		!read_numbers(ban, words[2], words[3], words[4]))
		return false;
	if (rest)
		memcpy(ban->reason, at, rest);
	return true;
}
