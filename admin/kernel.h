/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel.h - what the kernel says about TCP in this network namespace, whoever the sockets belong to: where connections go that
 * sipweir has never seen. What it does not say, or not in the form that is known, is left out. Any thread.
 */
#ifndef SIPWEIR_ADMIN_KERNEL_H
#define SIPWEIR_ADMIN_KERNEL_H

#include "proxy/inspect.h"

enum kernel_count {
	KERNEL_LISTEN_OVERFLOWS,
	KERNEL_LISTEN_DROPS,
	KERNEL_MEM_PAGES,
	KERNEL_INUSE, /* these four: sockets by state */
	KERNEL_ORPHAN,
	KERNEL_TW,
	KERNEL_ALLOC,
	KERNEL_COUNTS
};

/* Lists of one count without a label, or none; and the sockets by state. They point into it: not to be copied. */
struct kernel {
	struct inspect_list listen_overflows, listen_drops, mem_pages, sockets;
	struct inspect_count counts[KERNEL_COUNTS];
};

/* Read /proc/net now. */
void kernel_look(struct kernel *k);

/* The same from the texts of netstat, sockstat and sockstat6 there; "" for one that is missing. */
void kernel_read(
	struct kernel *k, const char *netstat, const char *sockstat, const char *sockstat6);

#endif
