/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/record.h"

#include <string.h>

static const struct {
	const char *name;
	enum conf_log_level level;
	enum record_volume volume;
} events[] = {
#define RECORD(constant, name, level, volume) \
	[RECORD_##constant] = {name, CONF_LOG_##level, RECORD_##volume},
#include "proxy/core/record.def"
#undef RECORD
};

void record_init(struct record *r, enum record_event event)
{
	memset(r, 0, sizeof(*r));
	r->event = event;
	r->level = events[event].level;
	r->count = 1;
}

const char *record_name(enum record_event event)
{
	return events[event].name;
}

enum record_volume record_volume(enum record_event event)
{
	return events[event].volume;
}
