/* SPDX-License-Identifier: MIT */
/* Advisory locks of files. */
#ifndef NUB_LOCKS_H
#define NUB_LOCKS_H

#include <nub/types.h>

struct inode;

struct lock {
	const void *owner; /* the descriptor table, or the open file */
	u64 start, end;	   /* bytes, both included */
	int pid;	   /* who took it, -1: an open file */
	bool write;
	bool whole; /* flock(2)'s: apart from those of fcntl(2) */
};

/* The first lock of another owner that stands in the way, or NULL. */
const struct lock *lock_conflict(const struct inode *ino, const struct lock *l);
/* Takes it in place of the owner's locks in the range.  0, -EAGAIN, with `wait`
 * -ERESTARTSYS, -ENOLCK (too many of this file, or no memory). */
int lock_take(struct inode *ino, const struct lock *l, bool wait);
void lock_release(struct inode *ino, const struct lock *l);
/* A descriptor or the open file is closed: for inodes with ino->locks only. */
void locks_owner_gone(struct inode *ino, const void *owner);

#endif
