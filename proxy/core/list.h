/* SPDX-License-Identifier: BSD-2-Clause */
/* list.h - doubly linked lists inside the objects they hold. A zeroed node is in no list. */
#ifndef SIPWEIR_PROXY_CORE_LIST_H
#define SIPWEIR_PROXY_CORE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
	struct list_node *next, *previous;
};

struct list {
	struct list_node head; /* a ring: the first is head.next, the last head.previous */
};

/* The object that holds `node` as its `member`. */
#define LIST_OBJECT(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void list_init(struct list *l)
{
	l->head.next = l->head.previous = &l->head;
}

static inline bool list_is_empty(const struct list *l)
{
	return l->head.next == &l->head;
}

static inline bool list_has(const struct list_node *n)
{
	return n->next != NULL;
}

static inline void list_append(struct list *l, struct list_node *n)
{
	n->previous = l->head.previous;
	n->next = &l->head;
	n->previous->next = n;
	l->head.previous = n;
}

/* Nothing happens to a node that is in no list. */
static inline void list_remove(struct list_node *n)
{
	if (!n->next)
		return;
	n->previous->next = n->next;
	n->next->previous = n->previous;
	n->next = n->previous = NULL;
}

static inline struct list_node *list_first(const struct list *l)
{
	return list_is_empty(l) ? NULL : l->head.next;
}

static inline struct list_node *list_last(const struct list *l)
{
	return list_is_empty(l) ? NULL : l->head.previous;
}

/* The one behind `n`, which is in `l`. */
static inline struct list_node *list_next(const struct list *l, const struct list_node *n)
{
	return n->next == &l->head ? NULL : n->next;
}

static inline struct list_node *list_pop(struct list *l)
{
	struct list_node *n = list_first(l);
	if (n)
		list_remove(n);
	return n;
}

/* Move everything from `from` to the end of `to`. */
static inline void list_splice(struct list *to, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->head.next->previous = to->head.previous;
	to->head.previous->next = from->head.next;
	from->head.previous->next = &to->head;
	to->head.previous = from->head.previous;
	list_init(from);
}

#endif
