/* SPDX-License-Identifier: BSD-2-Clause */
/* log_line.h - a record as one line, JSON or key=value, with the same fields. */
#ifndef SIPWEIR_PROXY_CORE_LOG_LINE_H
#define SIPWEIR_PROXY_CORE_LOG_LINE_H

#include "proxy/core/record.h"
#include "proxy/core/text.h"

/* Longer than any line: every member at its bound, each byte escaped to six. */
enum {
	LOG_LINE_MAX = 6 * (RECORD_SAMPLE_MAX + RECORD_SNI_MAX + 2 * RECORD_NAME_MAX +
				   RECORD_MESSAGE_MAX) +
		       2048
};

/* Append the line and its LF. Nothing that came from the network is printed unescaped; credentials in a sample are masked. */
void log_line_write(struct text *t, const struct record *r, enum conf_log_format format);

#endif
