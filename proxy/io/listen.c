/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/listen.h"
#include "proxy/io/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool set(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

/* A socket bound to the address, or -1 with errno. */
static int bind_socket(
	const struct conf_listener *conf, const struct addr_port *address, bool is_shared)
{
	struct sockaddr_storage to;
	socklen_t length = addr_to_sockaddr(address, &to);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	bool is_set =
		set(fd, SOL_SOCKET, SO_REUSEADDR, 1) &&
		(!is_shared || set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) &&
		(to.ss_family != AF_INET6 || set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !conf->dual_stack));
	if (is_set && bind(fd, (struct sockaddr *)&to, length) == 0)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

static bool is_free(const struct conf_listener *conf)
{
	int fd = bind_socket(conf, &conf->address, false);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

static bool set_options(
	int fd, const struct conf_listener *conf, const struct conf_timeouts *timeouts)
{
	if (conf->defer_accept_ms &&
		!set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, (int)(conf->defer_accept_ms / 1000)))
		return false;
	return tcp_set_options(fd, timeouts);
}

bool listen_queue(int fd, uint32_t *length, uint32_t *limit)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
		info.tcpi_state != TCP_LISTEN)
		return false;
	/* Of a listening socket these two mean something else than of a connection. */
	*length = info.tcpi_unacked;
	*limit = info.tcpi_sacked;
	return true;
}

static uint32_t granted_backlog(int fd)
{
	uint32_t length, limit;
	return listen_queue(fd, &length, &limit) ? limit : 0;
}

static bool real_address(int fd, struct addr_port *bound)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	return getsockname(fd, (struct sockaddr *)&address, &length) == 0 &&
	       addr_from_sockaddr(bound, (struct sockaddr *)&address);
}

static void add_error(const struct conf_listener *conf, struct conf_errors *errors)
{
	char address[ADDR_PORT_TEXT_MAX], option[96];
	int error = errno;
	addr_port_format(&conf->address, address);
	snprintf(option, sizeof(option), "listeners.%s.address", conf->name);
	if (error == EADDRINUSE)
		conf_errors_add(errors, &conf->at.address, option,
			"%s is in use, by another sipweir or another program; \"ss -ltnp\" shows "
			"which",
			address);
	else if (error == EADDRNOTAVAIL)
		conf_errors_add(errors, &conf->at.address, option,
			"%s is no address of this host; \"ip address\" lists them, 0.0.0.0 means "
			"all",
			address);
	else if (error == EACCES)
		conf_errors_add(errors, &conf->at.address, option,
			"%s: ports below net.ipv4.ip_unprivileged_port_start need root or "
			"CAP_NET_BIND_SERVICE",
			address);
	else
		conf_errors_add(errors, &conf->at.address, option, "cannot listen on %s: %s",
			address, strerror(error));
}

static bool open_one(struct sockets *s, unsigned index, const struct conf_listener *conf,
	const struct conf_timeouts *timeouts)
{
	int fd = s->acceptors[index].fd = bind_socket(conf, &s->bound, true);
	return fd >= 0 && set_options(fd, conf, timeouts) && listen(fd, (int)conf->backlog) == 0 &&
	       real_address(fd, &s->bound);
}

struct sockets *listen_open(const struct conf_listener *conf, const struct conf_timeouts *timeouts,
	unsigned count, bool is_ours, struct conf_errors *errors)
{
	struct sockets *s = calloc(1, sizeof(*s) + count * sizeof(s->acceptors[0]));
	bool is_open = s && (is_ours || is_free(conf));
	if (s) {
		s->wanted = s->bound = conf->address;
		s->is_dual_stack = conf->dual_stack;
		s->count = count;
		for (unsigned i = 0; i < count; i++)
			s->acceptors[i].fd = -1;
	}
	for (unsigned i = 0; is_open && i < count; i++)
		is_open = open_one(s, i, conf, timeouts);
	if (is_open) {
		s->bound.addr = conf->address.addr;
		s->backlog = granted_backlog(s->acceptors[0].fd);
		return s;
	}
	add_error(conf, errors);
	listen_free(s);
	return NULL;
}

void listen_configure(
	struct sockets *s, const struct conf_listener *conf, const struct conf_timeouts *timeouts)
{
	for (unsigned i = 0; i < s->count; i++) {
		int fd = s->acceptors[i].fd;
		set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, (int)(conf->defer_accept_ms / 1000));
		tcp_set_options(fd, timeouts);
		listen(fd, (int)conf->backlog);
	}
	s->backlog = granted_backlog(s->acceptors[0].fd);
}

bool listen_fits(const struct sockets *s, const struct conf_listener *conf)
{
	return s->wanted.port == conf->address.port &&
	       addr_equal(&s->wanted.addr, &conf->address.addr) &&
	       s->is_dual_stack == conf->dual_stack;
}

void listen_free(struct sockets *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->count; i++)
		if (s->acceptors[i].fd >= 0)
			close(s->acceptors[i].fd);
	free(s);
}
