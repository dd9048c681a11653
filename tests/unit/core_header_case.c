/* SPDX-License-Identifier: BSD-2-Clause */
/* core_header_case.c - the splits of a case, and what is compared. */
#include "tests/unit/core_header_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void bytes_append(struct bytes *b, const void *bytes, size_t length)
{
	assert_true(length <= sizeof(b->at) - b->length);
	memcpy(b->at + b->length, bytes, length);
	b->length += length;
}

void bytes_append_hex(struct bytes *b, const char *hex)
{
	for (; *hex != '\0'; hex += *hex == ' ' ? 1 : 2) {
		unsigned value;
		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &value), 1);
		bytes_append(b, &(uint8_t){(uint8_t)value}, 1);
	}
}

static void assert_header(const char *name, const struct proxy_header *h,
	enum proxy_verdict verdict, const struct expected *e)
{
	if (verdict != e->verdict || h->fault != e->fault)
		fail_msg("%s: verdict %d (%s)", name, (int)verdict, proxy_fault_name(h->fault));
	if (verdict == PROXY_ACCEPT || verdict == PROXY_LOCAL)
		if (h->used != e->used)
			fail_msg("%s: used %zu", name, h->used);
	if (verdict != PROXY_ACCEPT)
		return;
	const char *texts[] = {e->source, e->destination};
	const struct addr_port *read[] = {&h->source, &h->destination};
	for (int i = 0; i < 2; i++) {
		struct addr_port ap;
		if (!addr_port_parse(&ap, texts[i]))
			fail_msg("%s: bad case", name);
		if (!addr_equal(&ap.addr, &read[i]->addr) || ap.port != read[i]->port)
			fail_msg("%s: not %s", name, texts[i]);
	}
	assert_string_equal(h->endpoint, e->endpoint ? e->endpoint : "");
}

enum proxy_verdict case_judge(const struct bytes *b, size_t length, struct proxy_header *h)
{
	uint8_t *exact = malloc(length ? length : 1);
	assert_non_null(exact);
	memcpy(exact, b->at, length);
	enum proxy_verdict verdict = proxy_header_read(exact, length, h);
	free(exact);
	return verdict;
}

void case_check(const char *name, const struct bytes *b, const struct expected *e)
{
	struct proxy_header h;
	enum proxy_verdict verdict = case_judge(b, b->length, &h);
	assert_header(name, &h, verdict, e);
	bool decided = false;
	for (size_t length = 0; length <= b->length; length++) {
		verdict = case_judge(b, length, &h);
		if (verdict == PROXY_MORE && decided)
			fail_msg("%s: took its verdict back at %zu bytes", name, length);
		decided = verdict != PROXY_MORE;
		if (decided)
			assert_header(name, &h, verdict, e);
		if (decided && e->used != 0)
			assert_true(length >= e->used);
	}
}
