/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/mailbox.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool mailbox_init(struct mailbox *m)
{
	memset(m, 0, sizeof(*m));
	m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (m->fd < 0)
		return false;
	pthread_mutex_init(&m->lock, NULL);
	return true;
}

void mailbox_fini(struct mailbox *m)
{
	close(m->fd);
	pthread_mutex_destroy(&m->lock);
}

bool mailbox_post(struct mailbox *m, struct mail mail)
{
	pthread_mutex_lock(&m->lock);
	bool has_room = m->count < MAILBOX_SIZE;
	if (has_room)
		m->queue[(m->first + m->count++) % MAILBOX_SIZE] = mail;
	pthread_mutex_unlock(&m->lock);
	mailbox_wake(m);
	return has_room;
}

void mailbox_wake(struct mailbox *m)
{
	uint64_t one = 1;
	if (write(m->fd, &one, sizeof(one)) < 0)
		return; /* EAGAIN: it is readable as it is */
}

void mailbox_clear(struct mailbox *m)
{
	uint64_t count;
	if (read(m->fd, &count, sizeof(count)) < 0)
		return;
}

bool mailbox_take(struct mailbox *m, struct mail *mail)
{
	pthread_mutex_lock(&m->lock);
	bool has_mail = m->count > 0;
	if (has_mail) {
		*mail = m->queue[m->first];
		m->first = (m->first + 1) % MAILBOX_SIZE;
		m->count--;
	}
	pthread_mutex_unlock(&m->lock);
	return has_mail;
}
