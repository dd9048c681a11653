/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/reason.h"

static const struct {
	const char *name, *meaning;
	enum reason_report report;
} reasons[] = {
#define REASON(constant, name, report, meaning) \
	[REASON_##constant] = {name, meaning, REPORT_##report},
#include "proxy/core/reason.def"
#undef REASON
};

const char *reason_name(enum reason r)
{
	return reasons[r].name;
}

const char *reason_meaning(enum reason r)
{
	return reasons[r].meaning;
}

enum reason_report reason_report(enum reason r)
{
	return reasons[r].report;
}

enum reason reason_of_limit(enum limit_verdict v)
{
	static const enum reason map[] = {
		[LIMIT_OK] = REASON_NONE,
		[LIMIT_CONNECTIONS] = REASON_LIMIT_CONNECTIONS,
		[LIMIT_CONNECTION_RATE] = REASON_LIMIT_CONNECTION_RATE,
		[LIMIT_UNPROVEN] = REASON_LIMIT_UNPROVEN,
		[LIMIT_SUBNET_CONNECTIONS] = REASON_LIMIT_SUBNET_CONNECTIONS,
		[LIMIT_SUBNET_CONNECTION_RATE] = REASON_LIMIT_SUBNET_CONNECTION_RATE,
		[LIMIT_TOTAL_CONNECTIONS] = REASON_LIMIT_TOTAL_CONNECTIONS,
		[LIMIT_TRACKED_SOURCES] = REASON_LIMIT_TRACKED_SOURCES,
		[LIMIT_UNREGISTERED] = REASON_LIMIT_UNREGISTERED,
	};
	return map[v];
}
