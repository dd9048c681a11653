/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fuzz_admin_request.c - what is taken for a request is the same request again when it is put together as the control tool does.
 */
#include "admin/request.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool rule)
{
	if (!rule)
		abort();
}

static void put_word(char *to, const char *word)
{
	strcat(to, " ");
	for (const char *c = word; *c; c++) {
		char one[4] = {*c, '\0'};
		if (*c <= ' ' || *c > '~' || *c == '%')
			snprintf(one, sizeof(one), "%%%02X", (unsigned char)*c);
		strcat(to, one);
	}
}

static void check_again(const struct request *r)
{
	char line[4 + REQUEST_WORDS + 3 * REQUEST_MAX + 1];
	struct request again;
	strcpy(line, r->is_json ? "json" : "text");
	for (unsigned i = 0; i < r->count; i++)
		put_word(line, r->words[i]);
	require(!request_read(&again, line, strlen(line)));
	require(again.is_json == r->is_json && again.count == r->count);
	for (unsigned i = 0; i < r->count; i++)
		require(!strcmp(again.words[i], r->words[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct request r;
	if (length > REQUEST_MAX)
		length = REQUEST_MAX;
	char *line = malloc(length + 1);
	require(line != NULL);
	memcpy(line, bytes, length);
	const char *fault = request_read(&r, line, length);
	require(fault || (r.count > 0 && r.count < REQUEST_WORDS && !r.words[r.count]));
	if (!fault)
		check_again(&r);
	free(line);
	return 0;
}
