/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * letters.h - what has become of orders, on the way from the main thread to the thread of those who gave them. Posting takes a
 * lock that is never held across a syscall.
 */
#ifndef SIPWEIR_ADMIN_LETTERS_H
#define SIPWEIR_ADMIN_LETTERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct letter {
	struct letter *next;
	struct letters *box;
	uint64_t to; /* whom it is for: the receiver's number */
	bool is_done;
	char *text; /* NULL: memory is short */
};

struct letters {
	int fd; /* readable when there are some */
	pthread_mutex_t lock;
	struct letter *first;
};

/* False, holding nothing, when descriptors are short. */
bool letters_init(struct letters *box);

/* Nobody posts any more; what was not taken is freed. */
void letters_fini(struct letters *box);

/* An empty one, to be the owner of an order. Until it is posted it is the caller's. NULL: memory is short. */
struct letter *letter_new(struct letters *box, uint64_t to);
void letter_free(struct letter *l);

/* Fill it in and put it into its box: an order's on_done. Any thread. */
void letter_post(void *letter, bool is_done, const char *text);

/* All that are there, as a list, the caller's to free one by one. */
struct letter *letters_take(struct letters *box);

#endif
