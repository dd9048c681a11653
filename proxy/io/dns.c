/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/dns.h"

#include "proxy/core/dns_message.h"
#include "proxy/core/list.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum {
	TRY_MS = 1000, /* for one resolver to answer, the first time */
	TRIES = 2,
	TARGETS_MAX = 64, /* hosts of one service that are looked at */
	SERVERS_TEXT = 512,
};

struct dns {
	ares_channel channel;
	struct list questions;
	bool is_ending;
};

struct question;

/* A host whose addresses are asked for: of a service, or the only one. */
struct target {
	struct question *question;
	uint16_t port, priority, weight;
	char name[CONF_HOST_MAX];
};

struct question {
	struct list_node node;
	struct dns *dns;
	dns_on_answer *on_answer;
	void *owner;
	unsigned open; /* what has to be answered yet */
	const char *
		absence; /* that there is nothing, told of a part; counts where there is nothing at all */
	struct dns_answer answer;
	struct target targets[TARGETS_MAX];
	size_t target_count;
};

/* --- beginning and end --- */

/* As c-ares wants them: addresses of version 6 in brackets, with a port. */
static void write_servers(const char *const *resolvers, char out[SERVERS_TEXT])
{
	size_t length = 0;
	out[0] = '\0';
	for (; *resolvers; resolvers++) {
		struct addr_port a = {.port = 53};
		char text[ADDR_PORT_TEXT_MAX];
		if (!addr_parse(&a.addr, *resolvers) && !addr_port_parse(&a, *resolvers))
			continue; /* conf has refused it */
		addr_port_format(&a, text);
		length += (size_t)snprintf(
			out + length, SERVERS_TEXT - length, "%s%s", length ? "," : "", text);
	}
}

struct dns *dns_new(const char *const *resolvers)
{
	struct ares_options options = {.timeout = TRY_MS, .tries = TRIES};
	char servers[SERVERS_TEXT] = "";
	struct dns *d = calloc(1, sizeof(*d));
	if (!d || ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
		free(d);
		return NULL;
	}
	list_init(&d->questions);
	if (resolvers)
		write_servers(resolvers, servers);
	int done = ares_init_options(&d->channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
	if (done == ARES_SUCCESS &&
		(!*servers || ares_set_servers_ports_csv(d->channel, servers) == ARES_SUCCESS))
		return d;
	if (done == ARES_SUCCESS)
		ares_destroy(d->channel);
	ares_library_cleanup();
	free(d);
	return NULL;
}

void dns_free(struct dns *d)
{
	if (!d)
		return;
	d->is_ending = true;
	ares_destroy(d->channel);
	ares_library_cleanup();
	free(d);
}

/* --- answers --- */

static const char *fault_name(int status)
{
	switch (status) {
	case ARES_ENOTFOUND:
		return "not_found";
	case ARES_ENODATA:
		return "no_data";
	case ARES_ESERVFAIL:
		return "server_failure";
	case ARES_EREFUSED:
		return "refused";
	case ARES_ETIMEOUT:
		return "timeout";
	case ARES_ECONNREFUSED:
		return "unreachable";
	case ARES_EBADRESP:
	case ARES_EFORMERR:
		return "bad_answer";
	case ARES_ENOMEM:
		return "no_memory";
	default:
		return "failed";
	}
}

/* That there is nothing is an answer too; that nobody has answered is none. */
static bool is_no(int status)
{
	return status == ARES_ENOTFOUND || status == ARES_ENODATA;
}

static void note_fault(struct question *q, int status)
{
	if (is_no(status))
		q->absence = fault_name(status);
	else
		q->answer.fault = fault_name(status);
}

static void finish(struct question *q)
{
	if (--q->open)
		return;
	list_remove(&q->node);
	if (!q->answer.fault && !q->answer.count)
		q->answer.fault = q->absence ? q->absence : "no_data";
	if (!q->dns->is_ending)
		q->on_answer(q->owner, &q->answer);
	free(q);
}

static void note_ttl(struct question *q, uint32_t ttl_s)
{
	if (ttl_s < q->answer.ttl_s)
		q->answer.ttl_s = ttl_s;
}

static void take_node(const struct target *t, const struct ares_addrinfo_node *node)
{
	struct dns_answer *a = &t->question->answer;
	struct addr_port address;
	if (a->count == NAME_ANSWERS_MAX || !node->ai_addr ||
		!addr_from_sockaddr(&address, node->ai_addr) || addr_is_unusable(&address.addr))
		return;
	address.port = t->port;
	a->answers[a->count++] = (struct name_answer){
		.address = address, .priority = t->priority, .weight = t->weight};
	note_ttl(t->question, node->ai_ttl > 0 ? (uint32_t)node->ai_ttl : 0);
}

static void on_addresses(void *owner, int status, int timeouts, struct ares_addrinfo *info)
{
	const struct target *t = owner;
	struct question *q = t->question;
	(void)timeouts;
	if (status == ARES_SUCCESS)
		for (const struct ares_addrinfo_node *n = info->nodes; n; n = n->ai_next)
			take_node(t, n);
	if (status != ARES_SUCCESS)
		note_fault(q, status);
	if (info)
		ares_freeaddrinfo(info);
	finish(q);
}

static void ask_family(struct target *t, int family)
{
	/* Without ARES_AI_NOSORT it would connect a socket to each. */
	const struct ares_addrinfo_hints hints = {.ai_family = family, .ai_flags = ARES_AI_NOSORT};
	t->question->open++;
	ares_getaddrinfo(t->question->dns->channel, t->name, NULL, &hints, on_addresses, t);
}

/* Asked for together, one family that nobody answers for would look like one that there is not. */
static void ask_target(struct target *t)
{
	ask_family(t, AF_INET);
	ask_family(t, AF_INET6);
}

/* --- services --- */

static void add_target(struct question *q, const struct ares_srv_reply *srv)
{
	size_t length = strlen(srv->host);
	/* "." says that there is no such service. */
	if (q->target_count == TARGETS_MAX || !length || !strcmp(srv->host, ".") ||
		length >= CONF_HOST_MAX || !srv->port)
		return;
	struct target *t = &q->targets[q->target_count++];
	t->question = q;
	t->port = srv->port;
	t->priority = srv->priority;
	t->weight = srv->weight;
	memcpy(t->name, srv->host, length + 1);
}

static void on_service(void *owner, int status, int timeouts, unsigned char *message, int length)
{
	struct question *q = owner;
	struct ares_srv_reply *all = NULL;
	uint32_t ttl_s = UINT32_MAX;
	(void)timeouts;
	/* c-ares reads the records, but not how long they hold. */
	if (status == ARES_SUCCESS && !dns_message_ttl(message, (size_t)length, &ttl_s))
		status = ARES_EBADRESP;
	if (status == ARES_SUCCESS)
		status = ares_parse_srv_reply(message, length, &all);
	if (status == ARES_SUCCESS) {
		for (const struct ares_srv_reply *one = all; one; one = one->next)
			add_target(q, one);
		note_ttl(q, ttl_s);
		ares_free_data(all);
		if (!q->target_count)
			q->answer.fault = "no_service";
	} else {
		note_fault(q, status);
	}
	for (size_t i = 0; i < q->target_count && !q->dns->is_ending; i++)
		ask_target(&q->targets[i]);
	finish(q);
}

/* --- questions --- */

bool dns_ask(struct dns *d, const struct conf_host *host, dns_on_answer *on_answer, void *owner)
{
	struct question *q = calloc(1, sizeof(*q));
	if (!q)
		return false;
	q->dns = d;
	q->on_answer = on_answer;
	q->owner = owner;
	q->answer.ttl_s = UINT32_MAX;
	q->open = 1;
	list_append(&d->questions, &q->node);
	if (host->is_service) {
		ares_query(d->channel, host->name, ns_c_in, ns_t_srv, on_service, q);
		return true;
	}
	struct target *t = &q->targets[q->target_count++];
	t->question = q;
	t->port = host->port;
	t->weight = 1;
	memcpy(t->name, host->name, sizeof(t->name));
	ask_target(t);
	finish(q);
	return true;
}

size_t dns_poll(struct dns *d, struct pollfd fds[DNS_FDS_MAX], int *most_ms)
{
	ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
	unsigned wanted = (unsigned)ares_getsock(d->channel, sockets, ARES_GETSOCK_MAXNUM);
	size_t count = 0;
	for (int i = 0; i < ARES_GETSOCK_MAXNUM && count < DNS_FDS_MAX; i++) {
		short events = 0;
		if (wanted & 1u << i) /* as ARES_GETSOCK_READABLE, which shifts into a sign */
			events |= POLLIN;
		if (wanted & 1u << (i + ARES_GETSOCK_MAXNUM))
			events |= POLLOUT;
		if (events)
			fds[count++] = (struct pollfd){.fd = sockets[i], .events = events};
	}
	struct timeval most = {.tv_sec = *most_ms / 1000, .tv_usec = *most_ms % 1000 * 1000}, left;
	const struct timeval *t = ares_timeout(d->channel, &most, &left);
	/* Rounded up, so as not to come too early again and again. */
	*most_ms = (int)(t->tv_sec * 1000 + (t->tv_usec + 999) / 1000);
	return count;
}

void dns_go_on(struct dns *d, const struct pollfd *fds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool may_read = fds[i].revents & (POLLIN | POLLERR | POLLHUP);
		bool may_write = fds[i].revents & POLLOUT;
		if (may_read || may_write)
			ares_process_fd(d->channel, may_read ? fds[i].fd : ARES_SOCKET_BAD,
				may_write ? fds[i].fd : ARES_SOCKET_BAD);
	}
	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* what is late */
}
