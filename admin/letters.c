/* SPDX-License-Identifier: BSD-2-Clause */
#include "admin/letters.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

bool letters_init(struct letters *box)
{
	box->first = NULL;
	box->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (box->fd < 0)
		return false;
	pthread_mutex_init(&box->lock, NULL);
	return true;
}

void letters_fini(struct letters *box)
{
	struct letter *next;
	for (struct letter *l = box->first; l; l = next) {
		next = l->next;
		letter_free(l);
	}
	close(box->fd);
	pthread_mutex_destroy(&box->lock);
}

struct letter *letter_new(struct letters *box, uint64_t to)
{
	struct letter *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->box = box;
	l->to = to;
	return l;
}

void letter_free(struct letter *l)
{
	free(l->text);
	free(l);
}

void letter_post(void *letter, bool is_done, const char *text)
{
	struct letter *l = letter;
	struct letters *box = l->box;
	uint64_t one = 1;
	l->is_done = is_done;
	l->text = strdup(text);
	pthread_mutex_lock(&box->lock);
	l->next = box->first;
	box->first = l;
	pthread_mutex_unlock(&box->lock);
	if (write(box->fd, &one, sizeof(one)) < 0)
		return; /* EAGAIN: it is readable as it is */
}

struct letter *letters_take(struct letters *box)
{
	uint64_t count;
	if (read(box->fd, &count, sizeof(count)) < 0)
		count = 0; /* there may be some all the same */
	pthread_mutex_lock(&box->lock);
	struct letter *all = box->first;
	box->first = NULL;
	pthread_mutex_unlock(&box->lock);
	return all;
}
