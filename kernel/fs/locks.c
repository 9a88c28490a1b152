/* SPDX-License-Identifier: MIT */
/* Advisory locks: fcntl(2)'s of a descriptor table or an open file, and flock(2)'s. */
#include <nub/errno.h>
#include <nub/locks.h>
#include <nub/process.h>
#include <nub/slab.h>
#include <nub/vfs.h>

/* Of one file: locks are kernel memory. */
#define LOCKS_MAX 4096

struct lock_entry {
	struct list link;
	struct lock lock;
};

struct lockset {
	struct list entries; /* struct lock_entry */
	unsigned count;
	struct waitq wq; /* somebody has let go */
};

static struct lockset *lockset_of(struct inode *ino)
{
	struct lockset *s = ino->locks;

	if (s)
		return s;
	s = kzalloc(sizeof(*s));
	if (!s)
		return NULL;
	list_init(&s->entries);
	waitq_init(&s->wq);
	ino->locks = s;
	return s;
}

static bool overlaps(const struct lock *a, const struct lock *b)
{
	return a->whole == b->whole && a->start <= b->end && b->start <= a->end;
}

const struct lock *lock_conflict(const struct inode *ino, const struct lock *l)
{
	const struct lock_entry *e;
	const struct lock *first = NULL;

	if (!ino->locks)
		return NULL;
	list_for_each(e, &ino->locks->entries, link)
		if (e->lock.owner != l->owner && overlaps(&e->lock, l) &&
		    (e->lock.write || l->write) &&
		    (!first || e->lock.start < first->start))
			first = &e->lock;
	return first;
}

static void entry_add(struct lockset *s, struct lock_entry *e, const struct lock *l)
{
	e->lock = *l;
	list_add_tail(&s->entries, &e->link);
	s->count++;
}

static void entry_drop(struct lockset *s, struct lock_entry *e)
{
	list_del(&e->link);
	s->count--;
	kfree(e);
}

/* The owner's locks in the range go.  At most one entry is cut in two; *spare is for
 * that. */
static void clear_range(struct lockset *s, const struct lock *l,
			struct lock_entry **spare)
{
	struct lock_entry *e, *next;

	list_for_each_safe(e, next, &s->entries, link) {
		if (e->lock.owner != l->owner || !overlaps(&e->lock, l))
			continue;
		if (e->lock.start < l->start && e->lock.end > l->end) {
			struct lock right = e->lock;

			right.start = l->end + 1;
			e->lock.end = l->start - 1;
			entry_add(s, *spare, &right);
			*spare = NULL;
		} else if (e->lock.start < l->start) {
			e->lock.end = l->start - 1;
		} else if (e->lock.end > l->end) {
			e->lock.start = l->end + 1;
		} else {
			entry_drop(s, e);
		}
	}
	waitq_wake(&s->wq, 0);
}

void lock_release(struct inode *ino, const struct lock *l)
{
	struct lock_entry *spare;

	if (!ino->locks)
		return;
	spare = kmalloc(sizeof(*spare));
	if (spare)
		clear_range(ino->locks, l, &spare);
	kfree(spare);
}

void locks_owner_gone(struct inode *ino, const void *owner)
{
	struct lockset *s = ino->locks;
	struct lock_entry *e, *next;

	list_for_each_safe(e, next, &s->entries, link)
		if (e->lock.owner == owner)
			entry_drop(s, e);
	waitq_wake(&s->wq, 0);
}

int lock_take(struct inode *ino, const struct lock *l, bool wait)
{
	struct lockset *s = lockset_of(ino);
	struct lock_entry *new, *spare;
	int err = 0;

	if (!s)
		return -ENOMEM;
	while (!err && lock_conflict(ino, l))
		err = wait ? waitq_sleep(&s->wq, NEVER) : -EAGAIN;
	if (!err && s->count + 2 > LOCKS_MAX)
		err = -ENOLCK;
	if (err)
		return err;
	new = kmalloc(sizeof(*new));
	spare = kmalloc(sizeof(*spare));
	if (new && spare) {
		clear_range(s, l, &spare);
		entry_add(s, new, l);
		new = NULL;
	} else {
		err = -ENOLCK;
	}
	kfree(new);
	kfree(spare);
	return err;
}
