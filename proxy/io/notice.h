/* SPDX-License-Identifier: BSD-2-Clause */
/* notice.h - what the main thread tells the log: start, listening, reload, drain, stop. */
#ifndef SIPWEIR_PROXY_IO_NOTICE_H
#define SIPWEIR_PROXY_IO_NOTICE_H

#include "proxy/io/server.h"

/* Write a record, if the level wants it. */
void notice_tell(struct server *s, const struct record *r);

/* An event that is no more than a sentence; `level` in place of the event's own. */
void notice_say(struct server *s, enum record_event event, enum conf_log_level level,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

void notice_start(struct server *s);

/* The n-th listener of the configuration accepts; and what the kernel does not grant it. */
void notice_listening(struct server *s, size_t index);

void notice_reload_failed(struct server *s, const char *reason, const char *message);

/* Which lists of classes are old copies, and why. */
void notice_lists(struct server *s);

void notice_stop(struct server *s);

#endif
