/* SPDX-License-Identifier: MIT */
/* Common code of plain and priority-inheriting futexes: keys and the queues of
 * sleepers. */
#ifndef NUB_SCHED_FUTEX_H
#define NUB_SCHED_FUTEX_H

#include <nub/list.h>
#include <nub/types.h>

struct thread;

struct futex_key {
	const void *owner; /* struct mm or struct inode */
	u64 addr;
};

struct futex_sleeper {
	struct list link;
	struct futex_key key;
	struct thread *thread;
	u32 bitset;
	bool woken;
	bool pi;
	/*
	 * pi: the address of the word in the sleeper's own process, and the owner of its
	 * lock
	 */
	u32 __user *word;
	int owner;
};

static inline bool futex_key_equal(const struct futex_key *a, const struct futex_key *b)
{
	return a->owner == b->owner && a->addr == b->addr;
}
/* 0, -EINVAL (not aligned) or -EFAULT. */
int futex_key_make(u64 addr, bool shared, struct futex_key *k);
/* The queue that sleepers with this key are in, among others. */
struct list *futex_bucket(const struct futex_key *k);
void futex_wake_sleeper(struct futex_sleeper *s);

long futex_lock_pi(u32 __user *addr, u64 deadline, bool shared, bool try_only);
long futex_unlock_pi(u32 __user *addr, bool shared);
/* The locks that a dying thread holds and others wait for go to the first of those. */
void futex_exit_pi(struct thread *t);

#endif
