/* SPDX-License-Identifier: MIT */
/* Priority-inheriting futexes: locks whose word holds the owner's number. All threads
 * have one priority here, so there is nothing to inherit. The kernel still hands the lock
 * from its owner to the next in line. */
#include "futex.h"

#include <arch/cpu.h>
#include <nub/errno.h>
#include <nub/mm.h>
#include <nub/process.h>
#include <nub/sched.h>
#include <nub/uaccess.h>

#include <linux/futex.h>

static struct list waiting = LIST_INIT(waiting); /* all PI sleepers, by `all` */

struct pi_sleeper {
	struct futex_sleeper s;
	struct list all;
};

/* The first that waits for this lock; -EINVAL when one waits there in another way. */
static int first_waiter(const struct futex_key *k, struct futex_sleeper **first)
{
	struct futex_sleeper *s;

	*first = NULL;
	list_for_each(s, futex_bucket(k), link) {
		if (!futex_key_equal(&s->key, k))
			continue;
		if (!s->pi)
			return -EINVAL;
		if (!*first)
			*first = s;
	}
	return 0;
}

/* The lock is `s`'s now, whose word has been written. */
static void hand_over(struct futex_sleeper *s)
{
	struct futex_sleeper *o;
	struct futex_key key = s->key;

	list_del(&container_of(s, struct pi_sleeper, s)->all);
	futex_wake_sleeper(s);
	list_for_each(o, futex_bucket(&key), link) {
		if (futex_key_equal(&o->key, &key))
			o->owner = s->thread->tid;
	}
}

static long wait_for(u32 __user *addr, const struct futex_key *k, int owner, u64 deadline)
{
	struct pi_sleeper p = {
		.s = {.key = *k,
		      .thread = current,
		      .pi = true,
		      .word = addr,
		      .owner = owner},
	};
	int err;

	list_add_tail(futex_bucket(k), &p.s.link);
	list_add_tail(&waiting, &p.all);
	for (;;) {
		err = thread_sleep(deadline, true);
		if (p.s.woken)
			return 0;
		if (err)
			break;
	}
	list_del(&p.s.link);
	list_del(&p.all);
	/* glibc takes any other answer for the lock. */
	return err == -ERESTARTSYS ? -ERESTARTNOINTR : err;
}

long futex_lock_pi(u32 __user *addr, u64 deadline, bool shared, bool try_only)
{
	u32 self = (u32)current->tid, v, old;
	struct futex_sleeper *first;
	struct futex_key k;
	int err;

	err = futex_key_make((u64)addr, shared, &k);
	if (!err)
		err = get_user32(&v, addr);
	if (!err)
		err = first_waiter(&k, &first);
	if (err)
		return err;
	if ((v & FUTEX_TID_MASK) == self)
		return -EDEADLK;
	/* One vCPU and no preemption in the kernel: the value that was read is still
	 * there. */
	if (!(v & FUTEX_TID_MASK))
		return user_cmpxchg32(addr, v,
				      self | (v & FUTEX_OWNER_DIED) |
					      (first ? FUTEX_WAITERS : 0),
				      &old);
	if (!thread_find((int)(v & FUTEX_TID_MASK)))
		return -ESRCH;
	if (try_only)
		return -EAGAIN;
	err = user_cmpxchg32(addr, v, v | FUTEX_WAITERS, &old);
	if (err)
		return err;
	return wait_for(addr, &k, (int)(v & FUTEX_TID_MASK), deadline);
}

long futex_unlock_pi(u32 __user *addr, bool shared)
{
	struct futex_sleeper *first;
	struct futex_key k;
	u32 v;
	int err;

	err = get_user32(&v, addr);
	if (err)
		return err;
	if ((v & FUTEX_TID_MASK) != (u32)current->tid)
		return -EPERM;
	err = futex_key_make((u64)addr, shared, &k);
	if (!err)
		err = first_waiter(&k, &first);
	if (!err)
		err = put_user32(first ? FUTEX_WAITERS | (u32)first->thread->tid : 0,
				 addr);
	if (!err && first)
		hand_over(first);
	return err;
}

/*
 * In the sleeper's memory, which need not be ours; a fault on the way looks there,
 * too.
 */
static void write_word(const struct futex_sleeper *s, u32 v)
{
	struct process *self = current->proc;
	struct mm *own = self->mm;

	self->mm = s->thread->proc->mm;
	mm_activate(self->mm);
	put_user32(v, s->word);
	self->mm = own;
	mm_activate(own);
}

void futex_exit_pi(struct thread *t)
{
	struct pi_sleeper *p, *next;
	bool again;

	do {
		again = false;
		list_for_each_safe(p, next, &waiting, all) {
			if (p->s.owner != t->tid)
				continue;
			write_word(&p->s, FUTEX_WAITERS | FUTEX_OWNER_DIED |
						  (u32)p->s.thread->tid);
			/* Changes other sleepers' owner: begin anew. */
			hand_over(&p->s);
			again = true;
			break;
		}
	} while (again);
}
