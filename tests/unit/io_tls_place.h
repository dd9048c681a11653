/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * io_tls_place.h - a folder with files that options name, and setups made from options. In texts "@" stands for the folder.
 */
#ifndef SIPWEIR_TESTS_UNIT_IO_TLS_PLACE_H
#define SIPWEIR_TESTS_UNIT_IO_TLS_PLACE_H

#include "conf/conf.h"
#include "proxy/io/tls_setup.h"
#include "tests/unit/io_tls_peer.h"

enum { IO_PLACE_WORKERS = 2, IO_PLACE_CONFS = 64 };

struct io_place {
	char folder[64];
	struct tls_world *world;
	struct conf_errors errors;	    /* of the last setup that was tried */
	struct conf *confs[IO_PLACE_CONFS]; /* of all: setups may not need them, tests may look */
	unsigned conf_count;
};

void io_place_begin(struct io_place *p);
void io_place_end(struct io_place *p);

/* Files. An identity is written with its certificate, then those of `chain` (ends with NULL), then its key. */
enum { IO_WITH_CERTIFICATE = 1, IO_WITH_KEY = 2 };
void io_place_text(const struct io_place *p, const char *name, const char *text);
void io_place_identity(const struct io_place *p, const char *name, const struct io_identity *i,
	unsigned what, const struct io_identity *const *chain);
void io_place_remove(const struct io_place *p, const char *name);

/* A list that revokes these serial numbers (ends with 0), good until so many seconds from now. */
void io_place_crl(const struct io_place *p, const char *name, const struct io_identity *issuer,
	const long *serials, long until_s);

/* The setup of a listener, or of a pool, whose tls group holds this text. */
struct tls_setup *io_place_listener(
	struct io_place *p, const char *options, struct tls_setup *previous);
struct tls_setup *io_place_pool(
	struct io_place *p, const char *options, struct tls_setup *previous);

/* Whether one of the messages about that option holds the text. */
void io_place_assert_error(const struct io_place *p, const char *option, const char *text);
void io_place_assert_warning(const struct io_place *p, const char *option, const char *text);
void io_place_assert_silent(const struct io_place *p);

#endif
