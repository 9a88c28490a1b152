/* SPDX-License-Identifier: MIT */
/* Intrusive doubly linked lists. */
#ifndef NUB_LIST_H
#define NUB_LIST_H

#include <nub/types.h>

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name) {&(name), &(name)}

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}
static inline void list_insert(struct list *e, struct list *prev, struct list *next)
{
	e->prev = prev;
	e->next = next;
	prev->next = e;
	next->prev = e;
}
static inline void list_add(struct list *head, struct list *e)
{
	list_insert(e, head, head->next);
}
static inline void list_add_tail(struct list *head, struct list *e)
{
	list_insert(e, head->prev, head);
}
/* The entry is left pointing at itself, so removing it twice is harmless. */
static inline void list_del(struct list *e)
{
	e->prev->next = e->next;
	e->next->prev = e->prev;
	list_init(e);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)
#define list_for_each(e, head, member)                                                   \
	for (e = list_entry((head)->next, __typeof__(*e), member); &e->member != (head); \
	     e = list_entry(e->member.next, __typeof__(*e), member))
#define list_for_each_safe(e, n, head, member)                                           \
	for (e = list_entry((head)->next, __typeof__(*e), member),                       \
	    n = list_entry(e->member.next, __typeof__(*e), member);                      \
	     &e->member != (head);                                                       \
	     e = n, n = list_entry(n->member.next, __typeof__(*e), member))

#endif
