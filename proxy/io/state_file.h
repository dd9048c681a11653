/* SPDX-License-Identifier: BSD-2-Clause */
/* state_file.h - files in state_dir: written whole or not at all. Main thread. */
#ifndef SIPWEIR_PROXY_IO_STATE_FILE_H
#define SIPWEIR_PROXY_IO_STATE_FILE_H

#include <stdbool.h>
#include <stdio.h>

/*
 * Let `write` write the file anew, under another name first: whoever reads it finds the old one or the new one. False with errno
 * set: the old one is as it was.
 */
bool state_file_write(const char *folder, const char *name,
	void (*write)(FILE *out, const void *context), const void *context);

#endif
