/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/control_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 64 };

struct control_socket {
	int fd;
	struct sockaddr_un address;
	dev_t device; /* of its file */
	ino_t inode;
};

/* Who has the path already. */
enum holder {
	HOLDER_NONE, /* gone meanwhile */
	HOLDER_DEAD,
	HOLDER_ALIVE,
	HOLDER_NO_SOCKET,
	HOLDER_UNKNOWN, /* errno says why */
};

static enum holder find_holder(const struct sockaddr_un *address)
{
	struct stat status;
	if (lstat(address->sun_path, &status) != 0)
		return errno == ENOENT ? HOLDER_NONE : HOLDER_UNKNOWN;
	if (!S_ISSOCK(status.st_mode))
		return HOLDER_NO_SOCKET;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return HOLDER_UNKNOWN;
	int error = connect(fd, (const struct sockaddr *)address, sizeof(*address)) ? errno : 0;
	close(fd);
	errno = error;
	switch (error) {
	case 0:
	case EAGAIN: /* its queue is full */
		return HOLDER_ALIVE;
	case ECONNREFUSED:
		return HOLDER_DEAD;
	case ENOENT:
		return HOLDER_NONE;
	default:
		return HOLDER_UNKNOWN;
	}
}

static bool bind_socket(const struct control_socket *s)
{
	return bind(s->fd, (const struct sockaddr *)&s->address, sizeof(s->address)) == 0;
}

/* /run is empty after each start of the host, and not everybody has a service manager that makes folders there. */
static bool make_folder(const struct control_socket *s)
{
	char folder[sizeof(s->address.sun_path)];
	memcpy(folder, s->address.sun_path, sizeof(folder));
	char *slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		return false;
	*slash = '\0';
	return mkdir(folder, 0755) == 0;
}

/* False, with why nobody else may have it in *holder. */
static bool take_path(const struct control_socket *s, enum holder *holder)
{
	*holder = HOLDER_UNKNOWN;
	if (bind_socket(s) || (errno == ENOENT && make_folder(s) && bind_socket(s)))
		return true;
	if (errno != EADDRINUSE)
		return false;
	*holder = find_holder(&s->address);
	if (*holder == HOLDER_DEAD && unlink(s->address.sun_path) != 0) {
		*holder = HOLDER_UNKNOWN;
		return false;
	}
	return (*holder == HOLDER_DEAD || *holder == HOLDER_NONE) && bind_socket(s);
}

static bool remember_file(struct control_socket *s)
{
	struct stat status;
	if (lstat(s->address.sun_path, &status) != 0)
		return false;
	s->device = status.st_dev;
	s->inode = status.st_ino;
	return true;
}

static bool is_folder_at_fault(int error)
{
	return error == ENOENT || error == ENOTDIR || error == EACCES || error == EPERM ||
	       error == EROFS;
}

/* A path that nobody has asked for must not keep the service from starting. */
static enum control_socket_verdict report(
	const struct conf_admin *conf, enum holder holder, int error, struct conf_errors *errors)
{
	static const char option[] = "admin.control";
	const struct conf_place *at = &conf->at.control;
	const char *path = conf->control;
	if (holder == HOLDER_ALIVE)
		conf_errors_add(errors, at, option,
			"another process listens at %s, perhaps another sipweir; expected a path "
			"of its own, or \"\" for none",
			path);
	else if (holder == HOLDER_NO_SOCKET)
		conf_errors_add(errors, at, option,
			"%s is there and no socket, expected a path that is free", path);
	else if (is_folder_at_fault(error) && at->is_default) {
		conf_errors_warn(errors, at, option,
			"no socket for sipweirctl: cannot make %s: %s; make its folder writable "
			"for this user, or say where else, or \"\" for none",
			path, strerror(error));
		return CONTROL_SOCKET_SPARED;
	} else if (is_folder_at_fault(error))
		conf_errors_add(errors, at, option,
			"cannot make %s: %s; expected a path in a folder that is there and that "
			"this user may write to",
			path, strerror(error));
	else
		conf_errors_add(
			errors, at, option, "cannot listen at %s: %s", path, strerror(error));
	return CONTROL_SOCKET_FAILED;
}

static struct control_socket *allocate(const char *path)
{
	struct control_socket *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->address.sun_family = AF_UNIX;
	/* the option's length is bounded by the table */
	snprintf(s->address.sun_path, sizeof(s->address.sun_path), "%s", path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd >= 0)
		return s;
	free(s);
	return NULL;
}

enum control_socket_verdict control_socket_open(
	struct control_socket **to, const struct conf_admin *conf, struct conf_errors *errors)
{
	enum holder holder = HOLDER_UNKNOWN;
	struct control_socket *s = allocate(conf->control);
	if (!s)
		return report(conf, holder, errno, errors);
	/* The file gets the mode of the socket: there is no moment at which others could open it. */
	bool has_path = fchmod(s->fd, 0600) == 0 && take_path(s, &holder);
	if (has_path && remember_file(s) && listen(s->fd, BACKLOG) == 0) {
		*to = s;
		return CONTROL_SOCKET_OPEN;
	}
	int error = errno;
	if (has_path)
		unlink(s->address.sun_path);
	close(s->fd);
	free(s);
	return report(conf, holder, error, errors);
}

int control_socket_fd(const struct control_socket *s)
{
	return s->fd;
}

const char *control_socket_path(const struct control_socket *s)
{
	return s->address.sun_path;
}

bool control_socket_is_there(const struct control_socket *s)
{
	struct stat status;
	return lstat(s->address.sun_path, &status) == 0 && status.st_dev == s->device &&
	       status.st_ino == s->inode;
}

void control_socket_close(struct control_socket *s)
{
	if (!s)
		return;
	if (control_socket_is_there(s))
		unlink(s->address.sun_path);
	close(s->fd);
	free(s);
}
