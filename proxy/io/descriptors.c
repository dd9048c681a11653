/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/descriptors.h"

#include <sys/resource.h>

enum {
	PER_CONNECTION = 2, /* the client's and the server's */
	PER_WORKER = 8,	    /* event base, mailbox, and what a library may open */
	PER_ADMIN = 140, /* a socket of admin/ and who may be connected to it: admin/http_gate.h */
	RESERVE = 64,	 /* log, signals, control; never given to connections */
};

static uint64_t overhead(const struct conf *conf, unsigned workers)
{
	size_t admin = conf->admin.http_count + conf->admin.health_count;
	return RESERVE + PER_ADMIN * admin +
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

uint32_t descriptors_provide(const struct conf *conf, unsigned workers, struct conf_errors *errors)
{
	uint64_t fixed = overhead(conf, workers);
	uint64_t wanted = conf->max_connections
				  ? fixed + (uint64_t)PER_CONNECTION * conf->max_connections
				  : RLIM_INFINITY;
	rlim_t granted = raise_limit(wanted);
	uint64_t fit = granted > fixed ? (granted - fixed) / PER_CONNECTION : 0;
	if (fit > 10000000)
		fit = 10000000; /* the most that max_connections can ask for */
	if (fit > 0 && fit >= conf->max_connections)
		return conf->max_connections ? conf->max_connections : (uint32_t)fit;

	uint64_t needed = fixed + (uint64_t)PER_CONNECTION * conf->max_connections;
	conf_errors_add(errors, &conf->at.max_connections, "max_connections",
		"%u connections need %llu descriptors and the limit is %llu; expected at most "
		"%llu, or a higher "
		"limit (LimitNOFILE= in the unit, ulimit -n)",
		conf->max_connections, (unsigned long long)needed, (unsigned long long)granted,
		(unsigned long long)fit);
	return 0;
}
