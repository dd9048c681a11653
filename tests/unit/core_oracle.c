/* SPDX-License-Identifier: BSD-2-Clause */
/* core_oracle.c - see core_oracle.h. */
#include "tests/unit/core_oracle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static unsigned mixed(char side, unsigned number)
{
	return (number * 2654435761u) ^ (unsigned)side * 40503u;
}

bool oracle_is_large(char side, unsigned number)
{
	return side == 'c' && mixed(side, number) % 17 == 3;
}

/* An eighth are responses, another eighth ACKs. */
bool oracle_is_request(char side, unsigned number)
{
	return (mixed(side, number) >> 8) % 8 > 1;
}

static const char *method_of(char side, unsigned number)
{
	static const char *const methods[] = {
		"ACK", "INVITE", "OPTIONS", "REGISTER", "BYE", "MESSAGE", "INFO"};
	unsigned kind = (mixed(side, number) >> 8) % 8;
	return methods[kind ? kind - 1 : 2];
}

static size_t body_of(char *out, char side, unsigned number)
{
	static const char tricky[] = "\r\n\r\nSIP/2.0 200 OK\r\nX-Id: c9.9\r\n";
	size_t length = oracle_is_large(side, number) ? 1200
			: mixed(side, number) % 5     ? 0
						      : mixed(side, number) % 90;
	for (size_t i = 0; i < length; i++)
		out[i] = tricky[i % (sizeof(tricky) - 1)];
	return length;
}

size_t oracle_message(char out[ORACLE_MESSAGE_MAX], char side, unsigned sender, unsigned number)
{
	char body[2048], start[128];
	size_t length = body_of(body, side, number);
	const char *method = method_of(side, number);
	static const char *const statuses[] = {"100 Trying", "200 OK", "486 Busy Here"};
	if ((mixed(side, number) >> 8) % 8 == 0)
		snprintf(start, sizeof(start), "SIP/2.0 %s", statuses[mixed(side, number) % 3]);
	else
		snprintf(start, sizeof(start), "%s sip:b@example.com SIP/2.0", method);
	int head = snprintf(out, ORACLE_MESSAGE_MAX,
		"%s\r\nX-Id: %c%u.%u\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK%u\r\n"
		"From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: %u\r\n"
		"CSeq: %u %s\r\nContent-Length: %zu\r\n\r\n",
		start, side, sender, number, number, sender, number, method, length);
	memcpy(out + head, body, length);
	return (size_t)head + length;
}

/* Could more have been written to it? Then nothing may be torn. */
static bool is_writable(const struct fake_stream *s)
{
	return !s->is_closed && s->room && !s->is_failing && !s->is_pending;
}

/* The answer made here at `at`; returns its length, 0 when it is torn. */
static size_t check_answer(const char *at, struct oracle_tally *tally)
{
	const char *end = strstr(at, "\r\n\r\n");
	if (!end)
		return 0;
	assert_memory_equal(at, "SIP/2.0 ", 8);
	assert_memory_equal(end - 17, "Content-Length: 0", 17);
	unsigned long status = strtoul(at + 8, NULL, 10);
	if (status == 503 || status == 513) {
		const char *cseq = strstr(at, "\r\nCSeq: ");
		unsigned long number = cseq ? strtoul(cseq + 8, NULL, 10) : 0;
		tally->answers++;
		assert_in_range(number, 1, ORACLE_NUMBERS - 1);
		assert_false(tally->answered[number]); /* one answer to each */
		tally->answered[number] = true;
	} else {
		tally->refusals++;
	}
	return (size_t)(end + 4 - at);
}

/* A client that has lost its server hears another one, and that one never again. */
static bool is_next_server(const struct oracle_tally *tally, char side, unsigned sender)
{
	return side == 's' && sender > tally->sender;
}

static void note(struct oracle_tally *tally, char side, unsigned sender, unsigned number)
{
	if (tally->has_any && !is_next_server(tally, side, sender)) {
		assert_int_equal(sender, tally->sender);
		assert_true(number > tally->last);
	}
	tally->has_any = true;
	tally->sender = sender;
	tally->last = number;
	tally->messages += oracle_is_request(side, number) && !oracle_is_large(side, number);
}

/* Within one stream no message is left out but large ones. */
static void check_gap(char side, unsigned from, unsigned to)
{
	while (++from < to)
		assert_true(oracle_is_large(side, from));
}

/* The message at `at`; returns its length, 0 when it is torn. */
static size_t check_message(const char *at, char side, bool is_first, struct oracle_tally *tally)
{
	char expected[ORACLE_MESSAGE_MAX], found = 0;
	unsigned sender, number;
	const char *id = strstr(at, "\r\nX-Id: ");
	const char *id_end = id ? strstr(id + 2, "\r\n") : NULL;
	if (!id_end)
		return 0;
	assert_int_equal(sscanf(id + 8, "%c%u.%u", &found, &sender, &number), 3);
	assert_int_equal(found, side);
	size_t length = oracle_message(expected, side, sender, number), there = strlen(at);
	assert_memory_equal(at, expected, there < length ? there : length);
	if (!is_first && !is_next_server(tally, side, sender))
		check_gap(side, tally->last, number);
	note(tally, side, sender, number);
	return there < length ? 0 : length;
}

static bool is_answer_made_here(const char *at)
{
	const char *end = strstr(at, "\r\n\r\n"), *id = strstr(at, "\r\nX-Id: ");
	return !strncmp(at, "SIP/2.0 ", 8) && end && (!id || id > end);
}

void oracle_check(const struct fake_stream *s, char side, struct oracle_tally *tally)
{
	const char *at = s->written ? s->written : "";
	bool is_first = true;
	if (!strncmp(at, "PROXY ", 6)) {
		const char *end = strstr(at, "\r\n");
		at = end ? end + 2 : "";
	}
	while (*at) {
		size_t length;
		if (*at == '\r' || *at == '\n') {
			at++;
			continue;
		}
		if (side == 's' && is_answer_made_here(at)) {
			length = check_answer(at, tally);
		} else {
			length = check_message(at, side, is_first, tally);
			is_first = false;
		}
		if (!length) {
			assert_false(is_writable(s));
			return;
		}
		at += length;
	}
}
