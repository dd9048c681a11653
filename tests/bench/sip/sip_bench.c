/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sip_bench.c - what reading SIP costs by itself: framing and judging a request as phones send them, and whether the cost of framing
 * grows with anything but length, for messages made to be hard. CPU time of the thread, the best of some rounds.
 */
#include "sip/frame.h"
#include "sip/message.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	ROUNDS = 9,
	REPEATS = 20000,
	CRAFTED = 10000,
	CRAFTED_SIZE = 64 * 1024,
	TRIES = 3, /* of each crafted message: what disturbs one is not the framer's */
};

/* Of a crafted message all that the limits allow. */
static const struct frame_limits limits = {
	.max_message = 2 * CRAFTED_SIZE,
	.max_header_bytes = CRAFTED_SIZE,
	.max_headers = 256,
	.max_parameters = 1024,
};

static const char invite[] =
	"INVITE sip:bob@example.com;transport=tcp SIP/2.0\r\n"
	"Via: SIP/2.0/TCP 192.0.2.17:5060;branch=z9hG4bK-524287-1---0f5d3a1c;rport\r\n"
	"Max-Forwards: 70\r\n"
	"Contact: <sip:alice@192.0.2.17:5060;transport=tcp>\r\n"
	"To: <sip:bob@example.com>\r\n"
	"From: \"Alice\" <sip:alice@example.com>;tag=7d7f2c10\r\n"
	"Call-ID: 84b4c76e66710e5a92a8c4b1ac1f5f54@192.0.2.17\r\n"
	"CSeq: 2 INVITE\r\n"
	"Allow: INVITE, ACK, CANCEL, BYE, NOTIFY, REFER, MESSAGE, OPTIONS, INFO, SUBSCRIBE\r\n"
	"Content-Type: application/sdp\r\n"
	"Supported: replaces, timer\r\n"
	"User-Agent: Acme Phone 5.2.3\r\n"
	"Content-Length: 114\r\n"
	"\r\n"
	"v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.17\r\ns=-\r\n"
	"c=IN IP4 192.0.2.17\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0 8\r\n";

static double cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state >> 11;
}

/* --- a request --- */

static void bench_request(void)
{
	const uint8_t *bytes = (const uint8_t *)invite;
	const size_t length = sizeof(invite) - 1;
	const struct message_rules rules = {NULL};
	double framed = 1e9, judged = 1e9;
	struct frame frame;
	for (int round = 0; round < ROUNDS; round++) {
		double began = cpu_ns();
		for (int i = 0; i < REPEATS; i++) {
			struct framer f = {0};
			if (frame_next(&f, &limits, bytes, length, &frame) != FRAME_MESSAGE)
				exit(1);
		}
		double between = cpu_ns();
		for (int i = 0; i < REPEATS; i++)
			if (message_check(bytes, &frame, &rules) != MESSAGE_FAULT_NONE)
				exit(1);
		double each = (between - began) / REPEATS;
		framed = each < framed ? each : framed;
		each = (cpu_ns() - between) / REPEATS;
		judged = each < judged ? each : judged;
	}
	printf("an INVITE of %zu bytes: framed in %.0f ns, judged by libosip2 in %.0f ns\n", length,
		framed, judged);
}

/* --- crafted messages --- */

struct crafted {
	char bytes[2 * CRAFTED_SIZE];
	size_t length;
};

static void add(struct crafted *m, const char *text)
{
	size_t length = strlen(text);
	memcpy(m->bytes + m->length, text, length);
	m->length += length;
}

/* One header line of about this size, full of what has to be looked at. */
static void add_line(struct crafted *m, uint64_t *seed, size_t size)
{
	static const char *const names[] = {"Via: ", "v:", "Content-Lengt: ", "Content-Lengths: ",
		"L0: ", "CSe: ", "Call-I: ", "To0:", "X-AUTH-IQ: ", "P-Asserted-Identity\t :"};
	static const char *const parts[] = {";a=b", ",", "&", "\r\n ", "\r\n\t;", "a", "\"", "\\",
		"<sip:a@b>", " ", "content-length: 0", "\xc3\xa9"};
	const char *one = parts[next_random(seed) % 12], *other = parts[next_random(seed) % 12];
	unsigned marks = 0;
	size_t end = m->length + size;
	add(m, names[next_random(seed) % 10]);
	while (m->length < end) {
		const char *part = next_random(seed) % 4 ? one : other;
		bool is_mark =
			part[0] == ';' || part[0] == ',' || part[0] == '&' || part[0] == '\r';
		add(m, is_mark && ++marks > 1000 ? "a" : part);
		if (part[0] == '\r')
			add(m, "x"); /* a fold of nothing else is no fold */
	}
	add(m, "\r\n");
}

/* At least half of it is header section: a body costs nothing, and would make the median look good and the worst bad. */
static void craft(struct crafted *m, uint64_t *seed)
{
	char length[64];
	size_t section = CRAFTED_SIZE / 2 + next_random(seed) % (CRAFTED_SIZE / 2 - 4000);
	unsigned lines = 0, most = 1 + (unsigned)(next_random(seed) % 250);
	m->length = 0;
	add(m, "OPTIONS sip:a SIP/2.0\r\n");
	while (m->length < section && lines++ < most)
		add_line(m, seed, 1 + next_random(seed) % (2 * section / most + 2));
	size_t body = m->length + 40 < CRAFTED_SIZE ? CRAFTED_SIZE - m->length - 40 : 0;
	snprintf(length, sizeof(length), "Content-Length: %zu\r\n\r\n", body);
	add(m, length);
	memset(m->bytes + m->length, '\r', body);
	m->length += body;
}

/* Nanoseconds for a byte, fed in steps; whatever the verdict, the work up to it counts. */
static double frame_by(const struct crafted *m, size_t step)
{
	double best = 1e18;
	for (int i = 0; i < TRIES; i++) {
		struct framer f = {0};
		struct frame frame;
		enum frame_verdict verdict = FRAME_MORE;
		size_t come = 0;
		double began = cpu_ns();
		while (verdict == FRAME_MORE && come < m->length) {
			come = come + step < m->length ? come + step : m->length;
			verdict = frame_next(&f, &limits, (const uint8_t *)m->bytes, come, &frame);
		}
		double each = (cpu_ns() - began) / (double)come;
		best = each < best ? each : best;
	}
	return best;
}

static int compare(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;
	return (one > other) - (one < other);
}

static void bench_crafted(size_t step, const char *name)
{
	static double times[CRAFTED];
	static struct crafted m;
	uint64_t seed = 4711;
	for (int i = 0; i < CRAFTED; i++) {
		craft(&m, &seed);
		times[i] = frame_by(&m, step);
	}
	qsort(times, CRAFTED, sizeof(times[0]), compare);
	printf("%d crafted messages of up to 64 KB, %s: median %.2f ns a byte, worst %.2f (%.1f "
	       "times)\n",
		CRAFTED, name, times[CRAFTED / 2], times[CRAFTED - 1],
		times[CRAFTED - 1] / times[CRAFTED / 2]);
}

int main(void)
{
	message_init();
	bench_request();
	bench_crafted(CRAFTED_SIZE * 2, "whole");
	bench_crafted(1460, "1460 bytes at a time");
	bench_crafted(17, "17 bytes at a time");
	return 0;
}
