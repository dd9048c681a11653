/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_verdict.h - what OpenSSL's answer means: wait, the end, or a failure with a name.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_VERDICT_H
#define SIPWEIR_PROXY_IO_TLS_VERDICT_H

#include "proxy/io/tls_state.h"

/*
 * An SSL_ function, before which the error queue was cleared, has not done what it should. STREAM_AGAIN, with whether it
 * waits to write rather than to read; STREAM_END; or STREAM_FAILED, and the stream says why.
 */
ssize_t tls_verdict(struct tls_stream *ts, int result, bool *wants_write);

/* STREAM_FAILED, for `fault`. */
ssize_t tls_verdict_fail(struct tls_stream *ts, enum tls_fault fault);

/* STREAM_FAILED, because the stream below has: no matter of TLS. */
ssize_t tls_verdict_fail_raw(struct tls_stream *ts);

/* STREAM_FAILED once more, as the failure of an earlier call was told. */
ssize_t tls_verdict_again(struct tls_stream *ts);

/* OpenSSL's message callback, with the stream as its argument: counts records that bring nothing. */
void tls_verdict_on_record(int is_write, int version, int type, const void *bytes, size_t length,
	SSL *ssl, void *stream);

#endif
