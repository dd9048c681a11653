/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_LENGTH_MAX = 4096, MODE = 0600 };

static bool fill(int fd, void (*write)(FILE *out, const void *context), const void *context)
{
	FILE *out = fdopen(fd, "w");
	if (!out) {
		close(fd);
		return false;
	}
	write(out, context);
	bool is_written = fflush(out) == 0 && fsync(fd) == 0 && !ferror(out);
	int error = errno;
	is_written &= fclose(out) == 0;
	errno = error;
	return is_written;
}

bool state_file_write(const char *folder, const char *name,
	void (*write)(FILE *out, const void *context), const void *context)
{
	char path[PATH_LENGTH_MAX], next[PATH_LENGTH_MAX + 8];
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	snprintf(next, sizeof(next), "%s.new", path);
	int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, MODE);
	if (fd >= 0 && fill(fd, write, context) && rename(next, path) == 0)
		return true;
	int error = errno;
	if (fd >= 0)
		unlink(next);
	errno = error;
	return false;
}
