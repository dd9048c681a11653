/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lists.h - the networks that files of classes hold, read as whoever the process has become. What was read well is kept: in
 * memory, and in state_dir for the next start. Main thread.
 */
#ifndef SIPWEIR_PROXY_IO_LISTS_H
#define SIPWEIR_PROXY_IO_LISTS_H

#include "conf/conf.h"
#include "limits/netlist.h"
#include "proxy/core/settings.h"

enum { LIST_BYTES_MAX = 512 << 20 };

struct list_copy;

/* Of one configuration: a copy for each file, in its order. Zeroed: none. */
struct lists {
	struct list_copy **copies;
	size_t count;
};

/*
 * Read all files and give them to `settings`. A file that cannot be read with on_error = "keep" is replaced by its last good
 * copy, that of `previous` (which may be NULL) or of state_dir. False: said in `errors`.
 */
bool lists_load(struct lists *l, struct settings *settings, const struct lists *previous,
	struct conf_errors *errors);

/* The same files as they were read for `previous`, for settings of the same configuration. False: memory is short. */
bool lists_again(struct lists *l, struct settings *settings, const struct lists *previous);

void lists_free(struct lists *l);

/* How many files hold other networks than before, or are new. */
size_t lists_changed(const struct lists *l, const struct lists *before);

/* Why the n-th copy is an old one, with file and line; NULL: it is not, or there is no n-th. */
const char *lists_kept(const struct lists *l, size_t index);

#endif
