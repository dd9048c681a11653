/* SPDX-License-Identifier: BSD-2-Clause */
#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum { STEP = 65536, PATIENCE_MS = 2000 };

/* A pipe that nobody has opened for writing yet would read as empty, so it is waited for first. */
static ssize_t read_some(int fd, char *to, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (;;) {
		int ready = poll(&p, 1, PATIENCE_MS);
		ssize_t got = ready > 0 ? read(fd, to, size) : -1;

		if (got >= 0)
			return got;
		if (ready == 0)
			errno = ENODATA;
		if (errno != EINTR && errno != EAGAIN)
			return -1;
	}
}

static char *read_all(int fd, size_t most, size_t *length)
{
	size_t size = 0;
	char *text = NULL;
	ssize_t got;

	*length = 0;
	do {
		if (*length == size) {
			char *more = size < most ? realloc(text, size + STEP) : NULL;

			if (!more) {
				errno = size < most ? ENOMEM : EFBIG;
				free(text);
				return NULL;
			}
			text = more;
			size += STEP;
		}
		got = read_some(fd, text + *length, size - *length);
		*length += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	if (got == 0)
		return text;
	free(text);
	return NULL;
}

char *conf_file_read(const char *path, size_t most, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text;
	int error;

	if (fd < 0)
		return NULL;
	text = read_all(fd, most, length);
	error = errno;
	close(fd);
	errno = error;
	return text;
}
