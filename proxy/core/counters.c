/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/counters.h"

#include <stdlib.h>
#include <string.h>

static void *new_sets(size_t count, size_t size)
{
	void *sets = aligned_alloc(64, count * size);
	if (sets)
		memset(sets, 0, count * size);
	return sets;
}

struct listener_counters *counters_new_listener(size_t sets)
{
	return new_sets(sets, sizeof(struct listener_counters));
}

struct class_counters *counters_new_class(size_t sets)
{
	return new_sets(sets, sizeof(struct class_counters));
}

struct server_counters *counters_new_server(size_t sets)
{
	return new_sets(sets, sizeof(struct server_counters));
}

static void add_sets(void *to, const void *from, size_t size)
{
	struct counter *sums = to;
	const struct counter *counters = from;
	for (size_t i = 0; i < size / sizeof(*sums); i++)
		counter_add(&sums[i], counter_read(&counters[i]));
}

void counters_add_listener(struct listener_counters *to, const struct listener_counters *from)
{
	add_sets(to, from, sizeof(*to));
}

void counters_add_class(struct class_counters *to, const struct class_counters *from)
{
	add_sets(to, from, sizeof(*to));
}

void counters_add_server(struct server_counters *to, const struct server_counters *from)
{
	add_sets(to, from, sizeof(*to));
}

/* Behind the classes: what tells a wrong password, an attack or a lost server apart. */
static const struct {
	unsigned status;
	const char *name;
} exact[STATUS_SLOTS - STATUS_CLASSES] = {
	{401, "401"},
	{403, "403"},
	{404, "404"},
	{407, "407"},
	{408, "408"},
	{503, "503"},
};

unsigned counters_status_slot(unsigned status)
{
	/* Most responses are 1xx and 2xx: they are not looked up. */
	for (unsigned i = 0; status >= 400 && i < STATUS_SLOTS - STATUS_CLASSES; i++)
		if (exact[i].status == status)
			return STATUS_CLASSES + i;
	return status / 100 - 1;
}

const char *counters_status_name(unsigned slot)
{
	static const char *const classes[STATUS_CLASSES] = {
		"1xx", "2xx", "3xx", "4xx", "5xx", "6xx"};
	return slot < STATUS_CLASSES ? classes[slot] : exact[slot - STATUS_CLASSES].name;
}

static const char *const tls_versions[TLS_VERSIONS] = {"unknown", "1.0", "1.1", "1.2", "1.3"};

unsigned counters_tls_version(const char *name)
{
	for (unsigned v = 1; name && v < TLS_VERSIONS; v++)
		if (!strcmp(tls_versions[v], name))
			return v;
	return 0;
}

const char *counters_tls_version_name(unsigned version)
{
	return tls_versions[version];
}

const char *counters_tls_outcome_name(enum tls_outcome outcome)
{
	static const char *const names[TLS_OUTCOMES] = {
		[TLS_OK] = "ok",
		[TLS_FAILED] = "failed",
		[TLS_TIMEOUT] = "timeout",
		[TLS_CLIENT_CLOSED] = "client_closed",
		[TLS_ENDED] = "ended",
	};
	return names[outcome];
}

const char *counters_header_name(unsigned outcome)
{
	static const char *const names[HEADER_FAULTY] = {
		[HEADER_ACCEPTED] = "accepted",
		[HEADER_LOCAL] = "local",
		[HEADER_OMITTED] = "omitted",
		[HEADER_TIMEOUT] = "header_timeout",
		[HEADER_UNTRUSTED] = "untrusted_peer",
	};
	if (outcome < HEADER_FAULTY)
		return names[outcome];
	enum proxy_fault fault = outcome - HEADER_FAULTY;
	return fault == PROXY_FAULT_NONE ? NULL : proxy_fault_name(fault);
}
