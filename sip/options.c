/* SPDX-License-Identifier: BSD-2-Clause */
#include "sip/options.h"
#include "sip/header.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CALL_ID_MAX = 48 };

static size_t write_call_id(const struct options_id *id, char out[CALL_ID_MAX])
{
	int length = snprintf(out, CALL_ID_MAX, "%016" PRIx64 "%016" PRIx64 "@sipweir",
		id->words[0], id->words[1]);
	return (size_t)length;
}

size_t options_write(
	const struct options_request *r, const struct options_id *id, char *out, size_t size)
{
	char call_id[CALL_ID_MAX];
	bool has_uri = *r->uri != '\0';
	write_call_id(id, call_id);
	int length = snprintf(out, size,
		"OPTIONS %s%s SIP/2.0\r\n"
		"Via: SIP/2.0/%s %s;branch=z9hG4bK%016" PRIx64 ";rport\r\n"
		"Max-Forwards: 70\r\n"
		"From: <sip:sipweir@%s>;tag=%016" PRIx64 "\r\n"
		"To: <%s%s>\r\n"
		"Call-ID: %s\r\n"
		"CSeq: 1 OPTIONS\r\n"
		"User-Agent: sipweir\r\n"
		"Accept: application/sdp\r\n"
		"Content-Length: 0\r\n\r\n",
		has_uri ? "" : "sip:", has_uri ? r->uri : r->to, r->is_tls ? "TLS" : "TCP", r->from,
		id->words[0], r->from, id->words[1],
		has_uri ? "" : "sip:", has_uri ? r->uri : r->to, call_id);
	return length > 0 && (size_t)length < size ? (size_t)length : 0;
}

static bool line_at(const uint8_t *message, const struct frame *frame, uint32_t offset,
	struct header_line *line)
{
	size_t at = offset;
	return offset && header_next(message, frame->header_length, &at, line);
}

/* A server may use other white space in a CSeq. */
static bool is_our_cseq(const struct header_line *cseq)
{
	static const char method[] = "OPTIONS";
	size_t at = 1, length = cseq->value_length;
	if (!length || cseq->value[0] != '1')
		return false;
	while (at < length && cseq->value[at] <= ' ')
		at++;
	return at > 1 && length - at == sizeof(method) - 1 &&
	       memcmp(cseq->value + at, method, sizeof(method) - 1) == 0;
}

bool options_is_answer(
	const struct options_id *id, const uint8_t *response, const struct frame *frame)
{
	char expected[CALL_ID_MAX];
	size_t length = write_call_id(id, expected);
	struct header_line call_id, cseq;
	return line_at(response, frame, frame->call_id, &call_id) &&
	       line_at(response, frame, frame->cseq, &cseq) && call_id.value_length == length &&
	       memcmp(call_id.value, expected, length) == 0 && is_our_cseq(&cseq);
}
