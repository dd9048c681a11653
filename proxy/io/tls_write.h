/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tls_write.h - ranges of bytes into records: several small ones into one, and what to do with one that got stuck half-way.
 */
#ifndef SIPWEIR_PROXY_IO_TLS_WRITE_H
#define SIPWEIR_PROXY_IO_TLS_WRITE_H

#include "proxy/io/tls_state.h"

/*
 * Write on a stream whose handshake is done. Returns how many bytes went out, STREAM_AGAIN for none, or STREAM_FAILED. A
 * record that went out in part counts as none of its bytes: the owner offers them again, and they are not encrypted twice.
 */
ssize_t tls_write(struct tls_stream *ts, const struct iovec *ranges, int count);

#endif
