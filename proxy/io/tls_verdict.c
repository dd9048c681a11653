/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/tls_verdict.h"
#include "proxy/io/tls_fault.h"

#include <openssl/err.h>
#include <stdio.h>

enum {
	IDLE_RECORDS =
		64, /* in a row without a byte of payload: tickets and key updates are a few */
	HANDSHAKE_RECORDS = 256, /* a chain of 100 KB in small records; more is no handshake */
};

/* The detail is in tls->detail already. */
static ssize_t fail_as_told(struct tls_stream *ts, enum tls_fault fault)
{
	ts->tls->failed = ts;
	ts->has_failed = true;
	ts->has_more = false;
	ts->fault = (uint8_t)fault;
	ts->stream.failure = 0;
	ts->stream.fault = tls_fault_name(fault);
	ts->stream.is_alert = tls_fault_is_alert(fault);
	ts->stream.detail = ts->tls->detail;
	return STREAM_FAILED;
}

ssize_t tls_verdict_fail(struct tls_stream *ts, enum tls_fault fault)
{
	snprintf(ts->tls->detail, sizeof(ts->tls->detail), "%s",
		tls_fault_meaning(fault, tls_state_has_server(ts)));
	return fail_as_told(ts, fault);
}

ssize_t tls_verdict_fail_raw(struct tls_stream *ts)
{
	ts->has_failed = true;
	ts->has_more = false;
	ts->stream.failure = ts->wire.raw->failure;
	return STREAM_FAILED;
}

ssize_t tls_verdict_again(struct tls_stream *ts)
{
	/* another stream's detail may stand where its own was */
	if (ts->fault && ts->tls->failed != ts)
		ts->stream.detail =
			tls_fault_meaning((enum tls_fault)ts->fault, tls_state_has_server(ts));
	return STREAM_FAILED;
}

static ssize_t fail_protocol(struct tls_stream *ts, enum tls_fault fault, unsigned long error)
{
	const char *reason = ERR_reason_error_string(error);
	snprintf(ts->tls->detail, sizeof(ts->tls->detail), "%s (%s)",
		tls_fault_meaning(fault, tls_state_has_server(ts)), reason ? reason : "unknown");
	return fail_as_told(ts, fault);
}

/* Of what OpenSSL has put down, the first that it says itself: other libraries' errors are behind it. */
static unsigned long first_error(void)
{
	unsigned long first = ERR_peek_error(), error;
	while ((error = ERR_get_error()))
		if (ERR_GET_LIB(error) == ERR_LIB_SSL)
			return error;
	return first;
}

/* With TLS 1.3 a server says so only after the handshake, where the client thinks that all is well. */
static bool is_about_certificate(enum tls_fault fault)
{
	return fault == TLS_FAULT_ALERT_116 || fault == TLS_FAULT_ALERT_40 ||
	       fault == TLS_FAULT_ALERT_41 || fault == TLS_FAULT_ALERT_42;
}

static ssize_t fail_error(struct tls_stream *ts, unsigned long error)
{
	enum tls_fault fault = tls_fault_of_error(error);
	enum tls_fault beginning = tls_fault_of_beginning(ts->wire.first, ts->wire.first_length);
	if (ts->refused)
		return fail_as_told(ts, (enum tls_fault)ts->refused);
	if (!ts->is_up && beginning != TLS_FAULT_NONE && fault != TLS_FAULT_INTERNAL)
		return tls_verdict_fail(ts, beginning);
	if (ts->lacks_certificate && is_about_certificate(fault))
		return tls_verdict_fail(ts, TLS_FAULT_CERTIFICATE_WANTED);
	if (fault == TLS_FAULT_PROTOCOL || fault == TLS_FAULT_INTERNAL)
		return fail_protocol(ts, fault, error);
	return tls_verdict_fail(ts, fault);
}

static ssize_t fail_closed(struct tls_stream *ts)
{
	enum tls_fault beginning = tls_fault_of_beginning(ts->wire.first, ts->wire.first_length);
	return tls_verdict_fail(ts, beginning != TLS_FAULT_NONE ? beginning : TLS_FAULT_CLOSED);
}

ssize_t tls_verdict(struct tls_stream *ts, int result, bool *wants_write)
{
	int error = SSL_get_error(ts->ssl, result);
	*wants_write = error == SSL_ERROR_WANT_WRITE;
	if (ts->wire.is_cut_off)
		return tls_verdict_fail(ts, TLS_FAULT_FLOOD);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return STREAM_AGAIN;
	if (error == SSL_ERROR_SSL)
		return fail_error(ts, first_error());
	if (ts->wire.has_failed)
		return tls_verdict_fail_raw(ts);
	if (!ts->is_up)
		return fail_closed(ts);
	if (error == SSL_ERROR_ZERO_RETURN || ts->wire.has_ended)
		return STREAM_END;
	return tls_verdict_fail(ts, TLS_FAULT_INTERNAL);
}

/* OpenSSL itself bounds neither key updates nor refused renegotiations. */
void tls_verdict_on_record(int is_write, int version, int type, const void *bytes, size_t length,
	SSL *ssl, void *argument)
{
	struct tls_stream *ts = argument;
	(void)version;
	(void)bytes;
	(void)length;
	(void)ssl;
	if (is_write || type != SSL3_RT_HEADER)
		return;
	ts->records++;
	if (ts->records > (ts->is_up ? IDLE_RECORDS : HANDSHAKE_RECORDS))
		ts->wire.is_cut_off = true;
}

void tls_stream_refuse(SSL *ssl, enum tls_fault fault, const char *detail)
{
	struct tls_stream *ts = tls_state_of(ssl);
	ts->refused = (uint8_t)fault;
	snprintf(ts->tls->detail, sizeof(ts->tls->detail), "%s", detail);
}

void tls_stream_lacks_certificate(SSL *ssl)
{
	tls_state_of(ssl)->lacks_certificate = true;
}
