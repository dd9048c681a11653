/* SPDX-License-Identifier: BSD-2-Clause */
/* reason.h - why a connection ended; the list is reason.def. Constants only. */
#ifndef SIPWEIR_PROXY_CORE_REASON_H
#define SIPWEIR_PROXY_CORE_REASON_H

#include "limits/limiter.h"

enum reason {
#define REASON(constant, name, report, meaning) REASON_##constant,
#include "proxy/core/reason.def"
#undef REASON
	REASON_COUNT
};

enum reason_report { REPORT_QUIET, REPORT_PLAIN, REPORT_HEADER, REPORT_LIMIT };

const char *reason_name(enum reason r);
const char *reason_meaning(enum reason r);
enum reason_report reason_report(enum reason r);

/* REASON_NONE for LIMIT_OK. */
enum reason reason_of_limit(enum limit_verdict v);

#endif
