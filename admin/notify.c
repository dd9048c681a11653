/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* How much longer than announced things may take before the service manager kills. */
enum { SLACK_MS = 30000, MESSAGE_MAX = 256 };

static void tell(const char *message)
{
	const struct timeval patience = {.tv_sec = 1};
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;
	if (!length || length >= sizeof(to.sun_path) || (*path != '/' && *path != '@'))
		return;
	memcpy(to.sun_path, path, length);
	if (*path == '@') /* of the abstract name space */
		to.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	while (sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&to,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0 &&
		errno == EINTR)
		continue;
	close(fd);
}

static uint64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void notify_state(enum server_state state, uint64_t left_ms)
{
	char message[MESSAGE_MAX];
	uint64_t extend_us = (left_ms + SLACK_MS) * 1000;
	switch (state) {
	case SERVER_READY:
		snprintf(message, sizeof(message), "READY=1\nSTATUS=serving");
		break;
	case SERVER_RELOADING:
		snprintf(message, sizeof(message),
			"RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=reloading", now_us());
		break;
	case SERVER_DRAINING:
		snprintf(message, sizeof(message),
			"STATUS=draining: it still accepts\nEXTEND_TIMEOUT_USEC=%" PRIu64,
			extend_us);
		break;
	case SERVER_LEAVING:
		snprintf(message, sizeof(message),
			"STOPPING=1\nSTATUS=draining: it closes its connections\n"
			"EXTEND_TIMEOUT_USEC=%" PRIu64,
			extend_us);
		break;
	}
	tell(message);
}
