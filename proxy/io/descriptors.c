/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/descriptors.h"

#include <stdio.h>
#include <sys/resource.h>

enum {
	PER_CONNECTION = 2, /* the client's and the server's */
	PER_WORKER = 8,	    /* event base, mailbox, and what a library may open */
	PER_ADMIN = 140, /* a socket of admin/ and who may be connected to it: admin/http_gate.h */
	CAPACITY_USUAL = 1000000,
	RESERVE = 64, /* log, signals, control; never given to connections */
};

/* Each may be checked while all connections are open. */
static size_t count_servers(const struct conf *conf)
{
	size_t count = 0;
	for (size_t i = 0; i < conf->pool_count; i++)
		count += conf->pools[i].server_count;
	return count;
}

static uint64_t overhead(const struct conf *conf, unsigned workers)
{
	size_t admin = conf->admin.http_count + conf->admin.health_count;
	return RESERVE + PER_ADMIN * admin + count_servers(conf) +
	       (uint64_t)workers * (PER_WORKER + conf->listener_count);
}

static rlim_t raise_limit(rlim_t wanted)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 0;
	if (limit.rlim_cur < wanted && limit.rlim_cur < limit.rlim_max) {
		struct rlimit raised = limit;
		raised.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
			return raised.rlim_cur;
	}
	return limit.rlim_cur;
}

/* Room that is not used costs address space alone, so there is some for a reload that asks for more. */
static uint32_t capacity(const struct conf *conf, uint32_t fit)
{
	uint32_t room = fit < CAPACITY_USUAL ? fit : CAPACITY_USUAL;
	return room > conf->max_connections ? room : conf->max_connections;
}

bool descriptors_suffice(
	const struct conf *conf, const struct shared *sh, struct conf_errors *errors)
{
	if (conf->max_connections <= sh->capacity)
		return true;
	conf_errors_add(errors, &conf->at.max_connections, "max_connections",
		"this process has room for %u, expected no more, or a restart", sh->capacity);
	return false;
}

uint32_t descriptors_provide(const struct conf *conf, unsigned workers, struct conf_errors *errors)
{
	uint64_t fixed = overhead(conf, workers);
	rlim_t granted = raise_limit(RLIM_INFINITY);
	uint64_t fit = granted > fixed ? (granted - fixed) / PER_CONNECTION : 0;
	if (fit > 10000000)
		fit = 10000000; /* the most that max_connections can ask for */
	if (fit > 0 && fit >= conf->max_connections)
		return capacity(conf, (uint32_t)fit);

	uint64_t needed = fixed + (uint64_t)PER_CONNECTION * conf->max_connections;
	conf_errors_add(errors, &conf->at.max_connections, "max_connections",
		"%u connections need %llu descriptors and the limit is %llu; expected at most "
		"%llu, or a higher "
		"limit (LimitNOFILE= in the unit, ulimit -n)",
		conf->max_connections, (unsigned long long)needed, (unsigned long long)granted,
		(unsigned long long)fit);
	return 0;
}

uint32_t descriptors_ports(void)
{
	unsigned first, last;
	FILE *range = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	if (!range)
		return 0;
	bool is_known = fscanf(range, "%u %u", &first, &last) == 2 && last >= first;
	fclose(range);
	return is_known ? last - first + 1 : 0;
}
