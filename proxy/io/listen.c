/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/listen.h"
#include "proxy/io/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

static void close_all(int *fds, unsigned count)
{
	int error = errno;
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
	errno = error;
}

bool listen_open(const struct conf_listener *conf, const struct conf_timeouts *timeouts,
	unsigned count, int *fds, struct addr_port *bound, uint32_t *backlog,
	struct conf_errors *errors)
{
	unsigned opened = 0;
	*bound = conf->address;
	if (!is_free(conf))
		goto failed;
	for (; opened < count; opened++) {
		fds[opened] = bind_socket(conf, bound, true);
		if (fds[opened] < 0)
			goto failed;
		if (!set_options(fds[opened], conf, timeouts) ||
			listen(fds[opened], (int)conf->backlog) != 0 ||
			!real_address(fds[opened], bound)) {
			opened++;
			goto failed;
		}
	}
	bound->addr = conf->address.addr;
	*backlog = granted_backlog(fds[0]);
	return true;

failed:
	close_all(fds, opened);
	add_error(conf, errors);
	return false;
}
