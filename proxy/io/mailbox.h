/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mailbox.h - the one way by which a thread tells a worker to do something: a bounded queue and an eventfd. Posting takes
 * a lock that is never held across a syscall.
 */
#ifndef SIPWEIR_PROXY_IO_MAILBOX_H
#define SIPWEIR_PROXY_IO_MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct plan;

enum { MAILBOX_SIZE = 1024 };

enum mail_kind {
	MAIL_TURNS,	/* `from` wants to hear when two turns have ended */
	MAIL_TURNS_END, /* the answer to that */
	MAIL_PLAN,	/* take `plan` before the next turn, then acknowledge */
	MAIL_LEAVE,	/* stop accepting, close everything over `over_ms`, then end the thread */
};

struct mail {
	enum mail_kind kind;
	unsigned from; /* TURNS: worker */
	uint64_t over_ms;
	const struct plan *plan;
};

struct mailbox {
	int fd; /* readable while there may be mail */
	pthread_mutex_t lock;
	struct mail queue[MAILBOX_SIZE];
	unsigned first, count;
};

/* False, holding nothing, when descriptors are short. */
bool mailbox_init(struct mailbox *m);
void mailbox_fini(struct mailbox *m);

/* Any thread. False when the box is full: the mail is not delivered. */
bool mailbox_post(struct mailbox *m, struct mail mail);

/* Make the owner turn, without mail. Any thread. */
void mailbox_wake(struct mailbox *m);

/* The owner: forget that the descriptor was readable. Then take until false. */
void mailbox_clear(struct mailbox *m);
bool mailbox_take(struct mailbox *m, struct mail *mail);

#endif
