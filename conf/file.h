/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file.h - one file, whole.
 */
#ifndef SIPWEIR_CONF_FILE_H
#define SIPWEIR_CONF_FILE_H

#include <stddef.h>

/*
 * Read a file of less than `most` bytes into memory that the caller frees. A pipe will do, such as <(...) of a shell, but is
 * waited for in silence for two seconds only: a reload is read by the thread that has everything else to do. NULL with errno set:
 * EFBIG when it is larger, ENODATA when nothing came.
 */
char *conf_file_read(const char *path, size_t most, size_t *length);

#endif
