/* SPDX-License-Identifier: BSD-2-Clause */
/* sources.h - who uses the limits, as people and programs read it: a list, one source, and the bans. */
#ifndef SIPWEIR_ADMIN_SOURCES_H
#define SIPWEIR_ADMIN_SOURCES_H

#include "admin/page.h"
#include "proxy/inspect.h"

/* The subjects of the pages below. */
struct source_limits {
	const struct inspect_source *sources; /* one for each listener */
	size_t count;
	const char *address; /* that was asked about */
};

struct ban_list {
	const struct ban *bans;
	size_t count;
	int64_t now_s;
};

/* Of a struct inspect_sources. */
page_write sources_write_text, sources_write_json;

/* Of a struct source_limits. */
page_write source_limits_write_text, source_limits_write_json;

/* Of a struct ban_list. */
page_write bans_write_text, bans_write_json;

#endif
