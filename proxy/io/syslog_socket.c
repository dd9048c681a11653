/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/syslog_socket.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 64, TIME_MAX = 16 };

int syslog_socket_open(void)
{
	static const struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = _PATH_LOG};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int priority_of(enum conf_log_level level)
{
	static const int priorities[] = {
		[CONF_LOG_ERROR] = LOG_ERR,
		[CONF_LOG_WARNING] = LOG_WARNING,
		[CONF_LOG_NOTICE] = LOG_NOTICE,
		[CONF_LOG_INFO] = LOG_INFO,
		[CONF_LOG_DEBUG] = LOG_DEBUG,
	};
	return LOG_DAEMON | priorities[level];
}

/* As the C library writes it, which every daemon understands. */
static size_t write_head(char head[HEAD_MAX], enum conf_log_level level)
{
	char at[TIME_MAX] = "";
	struct tm local;
	time_t now = time(NULL);
	if (localtime_r(&now, &local))
		strftime(at, sizeof(at), "%b %e %T", &local);
	return (size_t)snprintf(
		head, HEAD_MAX, "<%d>%s sipweir[%d]: ", priority_of(level), at, (int)getpid());
}

ssize_t syslog_socket_send(int fd, enum conf_log_level level, const char *line, size_t length)
{
	char head[HEAD_MAX];
	struct iovec parts[] = {
		{.iov_base = head, .iov_len = write_head(head, level)},
		{.iov_base = (void *)(uintptr_t)line, .iov_len = length},
	};
	const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}
