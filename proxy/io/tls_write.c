/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_write.h"
#include "proxy/io/tls_verdict.h"

#include <assert.h>
#include <string.h>

struct cursor {
	const struct iovec *ranges;
	int count;
	size_t at; /* in the first */
};

static void skip(struct cursor *c, size_t length)
{
	c->at += length;
	while (c->count && c->at >= c->ranges->iov_len) {
		c->at -= c->ranges->iov_len;
		c->ranges++;
		c->count--;
	}
}

/* What the next record holds: up to `most` bytes, straight from a range where one alone fills it. */
static const uint8_t *gather(
	const struct cursor *c, uint8_t record[TLS_RECORD_MAX], size_t most, size_t *length)
{
	const uint8_t *first = (const uint8_t *)c->ranges->iov_base + c->at;
	size_t size = c->ranges->iov_len - c->at;
	if (c->count == 1 || size >= most) {
		*length = size < most ? size : most;
		return first;
	}
	memcpy(record, first, size);
	for (int i = 1; i < c->count && size < most; i++) {
		size_t room = most - size;
		size_t more = c->ranges[i].iov_len < room ? c->ranges[i].iov_len : room;
		memcpy(record + size, c->ranges[i].iov_base, more);
		size += more;
	}
	*length = size;
	return record;
}

#ifndef NDEBUG
static uint32_t sum_of(const uint8_t *bytes, size_t length)
{
	uint32_t sum = 2166136261u;
	for (size_t i = 0; i < length; i++)
		sum = (sum ^ bytes[i]) * 16777619u;
	return sum;
}
#endif

/* What is encrypted already goes out first: an owner that offers something else now has lost it. */
static void check_retry(const struct tls_stream *ts, const uint8_t *bytes, size_t length)
{
	(void)ts;
	(void)bytes;
	(void)length;
	assert(!ts->stuck || length == ts->stuck);
	assert(!ts->stuck || sum_of(bytes, ts->stuck) == ts->stuck_sum);
}

static void remember_stuck(struct tls_stream *ts, const uint8_t *bytes, size_t length)
{
	(void)bytes;
	if (ts->stuck ||
		SSL_in_init(
			ts->ssl)) /* an answer to a key update goes first: nothing is encrypted yet */
		return;
	ts->stuck = (uint16_t)length;
#ifndef NDEBUG
	ts->stuck_sum = sum_of(bytes, length);
#endif
}

/* Bytes taken, or the verdict of the first record that was not. */
ssize_t tls_write(struct tls_stream *ts, const struct iovec *ranges, int count)
{
	struct cursor c = {ranges, count, 0};
	size_t taken = 0, wrote, length;
	skip(&c, 0);
	while (c.count) {
		/* what is encrypted already is offered again alone: a second record behind it could get stuck too */
		size_t most = ts->stuck ? ts->stuck : TLS_RECORD_MAX;
		const uint8_t *bytes = gather(&c, ts->tls->record, most, &length);
		check_retry(ts, bytes, length);
		tls_state_enter(ts);
		int result = SSL_write_ex(ts->ssl, bytes, length, &wrote);
		if (result != 1) {
			bool wants_write;
			ssize_t verdict = tls_verdict(ts, result, &wants_write);
			if (verdict == STREAM_END)
				verdict = tls_verdict_fail(ts, TLS_FAULT_INTERNAL);
			ts->write_reads = verdict == STREAM_AGAIN && !wants_write;
			remember_stuck(ts, bytes, length);
			return verdict == STREAM_AGAIN && taken ? (ssize_t)taken : verdict;
		}
		ts->stuck = 0;
		ts->write_reads = false;
		taken += wrote;
		skip(&c, wrote);
	}
	return taken ? (ssize_t)taken : STREAM_AGAIN;
}
