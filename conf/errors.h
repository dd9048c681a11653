/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * errors.h - everything that is wrong with a configuration, in one go, in the order of file and
 * line.
 *
 * The lists are made of text alone: they outlive the configuration they speak of. Later steps
 * (certificates, descriptors) append to the same ones. One thread at a time.
 */
#ifndef SIPWEIR_CONF_ERRORS_H
#define SIPWEIR_CONF_ERRORS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Messages kept of each kind: those that come first in the file. The others are counted. */
#define CONF_MESSAGES_MAX 100

/* Where something was written. `file` belongs to the configuration; line 0 is the whole file. */
struct conf_place {
	const char *file;
	unsigned line;
	bool is_default; /* of an option: it was not written, and this is its group */
};

/* False for an option that was reported as wrong, and for a group that is none: nothing may be read from it. */
bool conf_place_is_set(const struct conf_place *place);

struct conf_message {
	char *file;
	unsigned line;
	char *text; /* "FILE:LINE: OPTION: what is wrong, what was expected", no line end */
};

struct conf_messages {
	struct conf_message kept[CONF_MESSAGES_MAX];
	size_t kept_count;
	size_t count; /* of all, kept or not */
};

/* Begins zeroed (`struct conf_errors e = {0};`) and ends with conf_errors_fini(). */
struct conf_errors {
	char *first_file;
	struct conf_messages errors;
	struct conf_messages warnings;
};

/* Free what the lists hold and empty them. A zeroed structure is fine. */
void conf_errors_fini(struct conf_errors *e);

/* Messages about `file` are listed before those about others. Without memory they are not. */
void conf_errors_begin(struct conf_errors *e, const char *file);

/*
 * Add an error, or a warning. `option` is the full name ("listeners.nlb-sip.backlog"), or "" for
 * the file as a whole; the format makes one line. Never fails: when memory is short the message is
 * counted and not kept.
 */
void conf_errors_add(struct conf_errors *e, const struct conf_place *place, const char *option,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
void conf_errors_vadd(struct conf_errors *e, const struct conf_place *place, const char *option,
	const char *format, va_list args) __attribute__((format(printf, 4, 0)));
void conf_errors_warn(struct conf_errors *e, const struct conf_place *place, const char *option,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* True when there is an error; warnings alone are none. */
bool conf_errors_any(const struct conf_errors *e);

/* Write one list, a line each behind `prefix` ("warning: " or ""), and "and N more" for the rest. */
void conf_errors_print(const struct conf_messages *messages, const char *prefix, FILE *out);

#endif
