/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * control_socket.h - the unix socket of `admin.control`, mode 0600: made, told from those of other processes, and removed.
 */
#ifndef SIPWEIR_ADMIN_CONTROL_SOCKET_H
#define SIPWEIR_ADMIN_CONTROL_SOCKET_H

#include "conf/conf.h"

#include <stdbool.h>

struct control_socket;

enum control_socket_verdict {
	CONTROL_SOCKET_OPEN,
	CONTROL_SOCKET_SPARED, /* it is only the default, and its folder is not there for us: a warning says so */
	CONTROL_SOCKET_FAILED, /* said in `errors` */
};

/*
 * Bind and listen at conf->control, which is not "". What a dead process has left there is replaced; a socket that somebody
 * listens at, and what is no socket, stays. *s is set when it is OPEN, and ends with control_socket_close().
 */
enum control_socket_verdict control_socket_open(
	struct control_socket **s, const struct conf_admin *conf, struct conf_errors *errors);

/* Non-blocking, and closed when another program is executed. */
int control_socket_fd(const struct control_socket *s);
const char *control_socket_path(const struct control_socket *s);

/* True while its file is the one that was made: nobody has removed or replaced it. */
bool control_socket_is_there(const struct control_socket *s);

/* Close it, and remove its file if that is still its own. NULL is fine. */
void control_socket_close(struct control_socket *s);

#endif
